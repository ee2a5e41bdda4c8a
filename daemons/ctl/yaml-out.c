#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/usec.h"
#include "config/yaml.h"
#include "ctl/yaml-out.h"

/* ---- scalars ---- */

/* A plain scalar of this text would read as something else, or as no scalar at all. */
static bool needs_quotes(const char *s)
{
        static const char leading[] = "-?:,[]{}#&*!|>'\"%@`";
        Node *n = NULL;
        bool same;

        if (!*s || *s == ' ' || s[strlen(s) - 1] == ' ')
                return true;
        if (strchr(leading, *s) && !(strchr("-?:", *s) && s[1] && s[1] != ' '))
                return true;
        if (strstr(s, ": ") || strstr(s, " #") || s[strlen(s) - 1] == ':')
                return true;
        if (strpbrk(s, ",[]{}") && strpbrk(s, "[]{}") == s)
                return true;
        if (str_equal(s, "=") || str_equal(s, "<<") || str_after_prefix(s, "---") ||
            str_after_prefix(s, "..."))
                return true;
        if (yaml_parse(s, strlen(s), &n, (char[YAML_ERROR_SIZE]){ 0 }) < 0)
                return true;
        same = n->kind == NODE_STRING && str_equal(n->text, s);
        node_free(n);
        return !same;
}

/* 2026-11-22, 2026-11-22T21:46:23+00:00: timestamps to PyYAML. */
static bool reads_as_timestamp(const char *s)
{
        static const char shape[] = "dddd-dd-dd";
        usec_t ignored;

        for (size_t i = 0; shape[i]; i++)
                if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
                        return false;
        return usec_parse_iso(s, &ignored) >= 0;
}

/*
 * The character at s, if no YAML reader takes it as it stands: controls, and what is a line end or a
 * byte order mark to some. 0: it may stand. *ret_size: its bytes in UTF-8.
 */
static unsigned special_at(const char *s, size_t *ret_size)
{
        const unsigned char *u = (const unsigned char *)s;

        *ret_size = 1;
        if (u[0] < 0x20 || u[0] == 0x7f)
                return u[0];
        if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0) {
                *ret_size = 2;
                return u[1];
        }
        if ((u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9)) ||
            (u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf) ||
            (u[0] == 0xef && u[1] == 0xbf && (u[2] == 0xbe || u[2] == 0xbf))) {
                *ret_size = 3;
                return (u[0] & 0xfU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
        }
        return 0;
}

static bool has_specials(const char *s)
{
        size_t n;

        for (; *s; s++)
                if (special_at(s, &n))
                        return true;
        return false;
}

static void put_double_quoted(FILE *f, const char *s)
{
        size_t n;

        fputc('"', f);
        for (; *s; s += n) {
                unsigned special = special_at(s, &n);
                if (*s == '"' || *s == '\\')
                        fprintf(f, "\\%c", *s);
                else if (*s == '\n' || *s == '\t')
                        fputs(*s == '\n' ? "\\n" : "\\t", f);
                else if (special)
                        fprintf(f, special > 0xff ? "\\u%04X" : "\\x%02X", special);
                else
                        fputc(*s, f);
        }
        fputc('"', f);
}

static void put_text(FILE *f, const char *s, bool flow)
{
        if (has_specials(s)) {
                put_double_quoted(f, s);
        } else if (needs_quotes(s) || reads_as_timestamp(s) || (flow && strpbrk(s, ",[]{}"))) {
                fputc('\'', f);
                for (; *s; s++)
                        fprintf(f, *s == '\'' ? "''" : "%c", *s);
                fputc('\'', f);
        } else {
                fputs(s, f);
        }
}

static void put_scalar(FILE *f, const Node *n, bool flow)
{
        if (n->kind == NODE_NULL)
                fputs("null", f);
        else if (n->kind == NODE_STRING)
                put_text(f, n->text, flow);
        else
                fputs(n->text, f);
}

/* ---- structure ---- */

static int by_key(const void *a, const void *b)
{
        return strcmp((*(const Node *const *)a)->key, (*(const Node *const *)b)->key);
}

/* The children in the order they are written; NULL where there are none, or no memory. */
static const Node **children_of(const Node *n, size_t *ret_n)
{
        size_t count = node_count(n), i = 0;
        const Node **list = count > 0 ? calloc(count, sizeof *list) : NULL;

        *ret_n = list ? count : 0;
        if (!list)
                return NULL;
        NODE_FOREACH(c, n)
                list[i++] = c;
        if (n->kind == NODE_MAP)
                qsort(list, count, sizeof *list, by_key);
        return list;
}

static bool is_open(const Node *n)
{
        return n->kind >= NODE_MAP && n->children;
}

static void put_node(FILE *f, const Node *n, int indent, bool in_line);

static void put_value(FILE *f, const Node *n, int indent)
{
        if (!is_open(n)) {
                fputc(' ', f);
                put_node(f, n, indent, false);
        } else {
                fputc('\n', f);
                put_node(f, n, n->kind == NODE_LIST ? indent : indent + 2, false);
        }
}

/* in_line: behind "- ", where the first child needs no indent of its own. */
static void put_node(FILE *f, const Node *n, int indent, bool in_line)
{
        size_t count;

        if (!is_open(n)) {
                if (n->kind >= NODE_MAP)
                        fputs(n->kind == NODE_MAP ? "{}" : "[]", f);
                else
                        put_scalar(f, n, false);
                fputc('\n', f);
                return;
        }
        const Node **list = children_of(n, &count);
        for (size_t i = 0; i < count; i++) {
                fprintf(f, "%*s", in_line && i == 0 ? 0 : indent, "");
                if (n->kind == NODE_MAP) {
                        put_text(f, list[i]->key, false);
                        fputc(':', f);
                        put_value(f, list[i], indent);
                } else {
                        fputs("- ", f);
                        put_node(f, list[i], indent + 2, true);
                }
        }
        free(list);
}

void yaml_write(FILE *f, const Node *n)
{
        put_node(f, n, 0, false);
}

void yaml_write_flow(FILE *f, const Node *n)
{
        size_t count;

        if (n->kind < NODE_MAP) {
                put_scalar(f, n, true);
                return;
        }
        const Node **list = children_of(n, &count);
        fputc(n->kind == NODE_MAP ? '{' : '[', f);
        for (size_t i = 0; i < count; i++) {
                fputs(i > 0 ? ", " : "", f);
                if (n->kind == NODE_MAP) {
                        put_text(f, list[i]->key, true);
                        fputs(": ", f);
                }
                yaml_write_flow(f, list[i]);
        }
        fputc(n->kind == NODE_MAP ? '}' : ']', f);
        free(list);
}
