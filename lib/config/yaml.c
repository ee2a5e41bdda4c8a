#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/str.h"
#include "config/json.h"
#include "config/yaml.h"

/* YAML 1.1 integers: decimal, 0x, 0b, 0 for octal, with underscores. */
static bool resolve_int(const char *s, int64_t *ret)
{
        char digits[64];
        bool negative = *s == '-';
        size_t n = 0;

        s += *s == '-' || *s == '+';
        for (; *s; s++)
                if (*s != '_') {
                        if (n == sizeof digits - 1)
                                return false;
                        digits[n++] = *s;
                }
        digits[n] = 0;
        if (digits[0] < '0' || digits[0] > '9')
                return false;

        bool binary = digits[0] == '0' && digits[1] == 'b';
        char *end;
        errno = 0;
        long long v = strtoll(digits + (binary ? 2 : 0), &end, binary ? 2 : 0);
        if (errno || *end || end == digits)
                return false;
        *ret = negative ? -v : v;
        return true;
}

static bool resolve_float(const char *s)
{
        bool dot = false, digit = false;
        const char *p = s + (*s == '-' || *s == '+');

        for (; *p; p++) {
                if (*p >= '0' && *p <= '9')
                        digit = true;
                else if (*p == '.' && !dot)
                        dot = true;
                else
                        break;
        }
        if (!dot || !digit)
                return false;
        if (*p == 0)
                return true;
        if ((*p != 'e' && *p != 'E') || (p[1] != '-' && p[1] != '+'))
                return false;
        return p[2] && strspn(p + 2, "0123456789") == strlen(p + 2);
}

static Node *resolve_plain(const char *s)
{
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
        static const char *const bools[] = {
                "yes", "Yes", "YES", "true",  "True",  "TRUE",  "on",  "On",  "ON",
                "no",  "No",  "NO",  "false", "False", "FALSE", "off", "Off", "OFF",
        };
        int64_t v;

        for (size_t i = 0; i < ELEMENTSOF(nulls); i++)
                if (str_equal(s, nulls[i]))
                        return node_new(NODE_NULL);
        for (size_t i = 0; i < ELEMENTSOF(bools); i++)
                if (str_equal(s, bools[i]))
                        return node_new_bool(i < ELEMENTSOF(bools) / 2);
        if (resolve_int(s, &v))
                return node_new_int(v);

        Node *n = node_new_string(s);
        if (n && resolve_float(s))
                n->kind = NODE_FLOAT;
        return n;
}

typedef struct Builder {
        yaml_document_t *doc;
        size_t n_nodes;
        char *error;
} Builder;

static int build(Builder *b, int index, size_t depth, Node **ret);

static int build_scalar(const yaml_node_t *y, Node **ret)
{
        const char *s = (const char *)y->data.scalar.value;

        if (memchr(s, 0, y->data.scalar.length))
                return -EBADMSG;
        *ret = y->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? resolve_plain(s)
                                                               : node_new_string(s);
        return *ret ? 0 : -ENOMEM;
}

static int build_map(Builder *b, const yaml_node_t *y, size_t depth, Node *map)
{
        for (yaml_node_pair_t *p = y->data.mapping.pairs.start; p < y->data.mapping.pairs.top; p++) {
                yaml_node_t *key = yaml_document_get_node(b->doc, p->key);
                Node *child;
                int r;

                if (key->type != YAML_SCALAR_NODE) {
                        snprintf(b->error, YAML_ERROR_SIZE, "line %zu: a key must be a plain word",
                                 key->start_mark.line + 1);
                        return -EBADMSG;
                }
                r = build(b, p->value, depth + 1, &child);
                if (r < 0)
                        return r;
                child->line = (unsigned)key->start_mark.line + 1;
                r = node_put(map, (const char *)key->data.scalar.value, child);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int build_list(Builder *b, const yaml_node_t *y, size_t depth, Node *list)
{
        for (yaml_node_item_t *i = y->data.sequence.items.start; i < y->data.sequence.items.top;
             i++) {
                Node *child;
                int r = build(b, *i, depth + 1, &child);
                if (r >= 0)
                        r = node_put(list, NULL, child);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int build(Builder *b, int index, size_t depth, Node **ret)
{
        yaml_node_t *y = yaml_document_get_node(b->doc, index);
        _cleanup_(node_freep) Node *n = NULL;
        int r;

        /* Aliases share nodes in libyaml, so a document may unfold without end: count what we make. */
        if (depth > JSON_DEPTH_MAX || ++b->n_nodes > JSON_NODES_MAX) {
                snprintf(b->error, YAML_ERROR_SIZE, "line %zu: nested too deep or too many values",
                         y->start_mark.line + 1);
                return -E2BIG;
        }
        switch (y->type) {
        case YAML_SCALAR_NODE: r = build_scalar(y, &n); break;
        case YAML_MAPPING_NODE:
                n = node_new(NODE_MAP);
                r = n ? build_map(b, y, depth, n) : -ENOMEM;
                break;
        case YAML_SEQUENCE_NODE:
                n = node_new(NODE_LIST);
                r = n ? build_list(b, y, depth, n) : -ENOMEM;
                break;
        case YAML_NO_NODE:
        default: r = -EBADMSG; break;
        }
        if (r < 0)
                return r;
        n->line = (unsigned)y->start_mark.line + 1;
        *ret = TAKE_PTR(n);
        return 0;
}

int yaml_parse(const char *text, size_t size, Node **ret, char error[YAML_ERROR_SIZE])
{
        yaml_parser_t parser;
        yaml_document_t doc;
        Builder b = { .doc = &doc, .error = error };
        int r;

        error[0] = 0;
        if (!yaml_parser_initialize(&parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);

        if (!yaml_parser_load(&parser, &doc)) {
                snprintf(error, YAML_ERROR_SIZE, "line %zu: %s%s%s", parser.problem_mark.line + 1,
                         parser.context ? parser.context : "", parser.context ? ", " : "",
                         parser.problem ? parser.problem : "not YAML");
                r = parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
                yaml_parser_delete(&parser);
                return r;
        }

        if (yaml_document_get_root_node(&doc)) {
                r = build(&b, 1, 0, ret);
        } else {
                *ret = node_new(NODE_NULL);
                r = *ret ? 0 : -ENOMEM;
        }
        if (r < 0 && !error[0])
                snprintf(error, YAML_ERROR_SIZE, "%s",
                         r == -ENOMEM ? "out of memory" : "a value holds a NUL byte");
        yaml_document_delete(&doc);
        yaml_parser_delete(&parser);
        return r;
}
