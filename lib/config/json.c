#include <errno.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/str.h"
#include "base/utf8.h"
#include "config/json.h"

/* ---- yajl's memory ---- */

/*
 * yajl believes that there always is some. So its allocator leaves yajl altogether where there is none:
 * read_or_leave() goes on at `out`, and gives back every block, which are a ring for that purpose.
 */
typedef struct Ring Ring;
struct Ring {
        Ring *before, *after;
};

typedef struct Block {
        Ring ring; /* first, so that a place in the ring is a block */
        max_align_t data[];
} Block;

typedef struct Pool {
        Ring ring;
        jmp_buf out;
} Pool;

static void block_link(Pool *p, Block *b)
{
        Ring *r = &b->ring;

        r->before = &p->ring;
        r->after = p->ring.after;
        r->before->after = r->after->before = r;
}

static void block_unlink(Block *block)
{
        Ring *b = &block->ring;

        b->before->after = b->after;
        b->after->before = b->before;
}

static Block *block_of(void *data)
{
        return data ? (Block *)((char *)data - offsetof(Block, data)) : NULL;
}

static void pool_free(void *ctx _unused_, void *data)
{
        Block *b = block_of(data);

        if (b)
                block_unlink(b);
        free(b);
}

static void *pool_realloc(void *ctx, void *data, size_t size)
{
        Pool *p = ctx;
        Block *b = block_of(data);

        if (b)
                block_unlink(b);
        Block *moved = realloc(b, sizeof *b + size);
        if (!moved) {
                free(b);
                longjmp(p->out, 1);
        }
        block_link(p, moved);
        return moved->data;
}

static void *pool_malloc(void *ctx, size_t size)
{
        return pool_realloc(ctx, NULL, size);
}

static void pool_done(Pool *p)
{
        while (p->ring.after != &p->ring)
                pool_free(p, ((Block *)p->ring.after)->data);
}

/* ---- reading ---- */

typedef struct Reader {
        Node *root;
        Node *stack[JSON_DEPTH_MAX];
        size_t depth;
        size_t n_nodes;
        char *key; /* read, waiting for its value */
        bool complete;
        int error;
} Reader;

static int reader_fail(Reader *r, int error)
{
        r->error = error;
        return 0; /* yajl: stop */
}

static int reader_add(Reader *r, Node *n)
{
        if (!n)
                return reader_fail(r, -ENOMEM);
        if (++r->n_nodes > JSON_NODES_MAX) {
                node_free(n);
                return reader_fail(r, -E2BIG);
        }
        if (r->depth == 0) {
                r->root = n;
                r->complete = n->kind < NODE_MAP;
                return 1;
        }

        int put = node_put(r->stack[r->depth - 1], r->key, n);
        free(TAKE_PTR(r->key));
        return put < 0 ? reader_fail(r, put) : 1;
}

static int reader_open(Reader *r, NodeKind kind)
{
        Node *n;

        if (r->depth == JSON_DEPTH_MAX)
                return reader_fail(r, -E2BIG);
        n = node_new(kind);
        if (!reader_add(r, n))
                return 0;
        r->stack[r->depth++] = n;
        return 1;
}

static int reader_close(Reader *r)
{
        r->depth--;
        r->complete = r->depth == 0;
        return 1;
}

static int on_null(void *ctx)
{
        return reader_add(ctx, node_new(NODE_NULL));
}

static int on_bool(void *ctx, int v)
{
        return reader_add(ctx, node_new_bool(v));
}

/* yajl's own integers stop at 2^63; the text is kept as it came, so that nothing is lost. */
static int on_number(void *ctx, const char *s, size_t n)
{
        Node *node = node_new(NODE_FLOAT);
        int64_t v;

        if (!node || !(node->text = strndup(s, n))) {
                node_free(node);
                return reader_fail(ctx, -ENOMEM);
        }
        int r = str_to_i64(node->text, &v);
        if (r >= 0 || (r == -ERANGE && !strpbrk(node->text, ".eE"))) {
                node->kind = NODE_INT;
                node->integer = r >= 0 ? v : *s == '-' ? INT64_MIN : INT64_MAX;
        }
        return reader_add(ctx, node);
}

/*
 * A NUL inside would cut the text silently. yajl lets more pass than is UTF-8 (surrogates, characters in
 * more bytes than they need), which nobody would read again as it was. *ret is the caller's in any case.
 */
static int take_text(const unsigned char *s, size_t n, char **ret)
{
        *ret = strndup((const char *)s, n);
        if (!*ret)
                return -ENOMEM;
        return strlen(*ret) == n && utf8_valid(*ret) ? 0 : -EBADMSG;
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
        _cleanup_(node_freep) Node *node = node_new(NODE_STRING);
        int r = node ? take_text(s, n, &node->text) : -ENOMEM;
        return r < 0 ? reader_fail(ctx, r) : reader_add(ctx, TAKE_PTR(node));
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
        Reader *r = ctx;
        int error = take_text(s, n, &r->key);
        return error < 0 ? reader_fail(r, error) : 1;
}

static int on_map(void *ctx)
{
        return reader_open(ctx, NODE_MAP);
}

static int on_list(void *ctx)
{
        return reader_open(ctx, NODE_LIST);
}

static int on_end(void *ctx)
{
        return reader_close(ctx);
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_bool,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_map,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_list,
        .yajl_end_array = on_end,
};

static void describe(yajl_handle parser, const char *text, size_t size, char *error)
{
        unsigned char *message = yajl_get_error(parser, 0, (const unsigned char *)text, size);
        size_t at = yajl_get_bytes_consumed(parser);

        snprintf(error, JSON_ERROR_SIZE, "%s (at byte %zu)",
                 message ? (const char *)message : "not JSON", at);
        for (char *p = error; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        if (message)
                yajl_free_error(parser, message);
}

/* All that yajl is called for. Answers r->error. */
static int read_all(Reader *r, Pool *pool, const char *text, size_t size, bool first_only,
                    char *error)
{
        yajl_alloc_funcs memory = { pool_malloc, pool_realloc, pool_free, pool };
        yajl_handle parser = yajl_alloc(&callbacks, &memory, r);

        if (first_only)
                yajl_config(parser, yajl_allow_trailing_garbage, 1);
        yajl_status s = yajl_parse(parser, (const unsigned char *)text, size);
        if (s == yajl_status_ok)
                s = yajl_complete_parse(parser);
        if (s != yajl_status_ok && r->error == 0) {
                r->error = -EBADMSG;
                describe(parser, text, size, error);
        } else if (r->error == 0 && !r->complete) {
                r->error = -EBADMSG;
                snprintf(error, JSON_ERROR_SIZE, "the text ends too early");
        } else if (r->error == -E2BIG) {
                snprintf(error, JSON_ERROR_SIZE, "nested too deep or too many values");
        } else if (r->error == -EBADMSG) {
                snprintf(error, JSON_ERROR_SIZE, "a text holds a NUL byte or is not UTF-8");
        }
        yajl_free(parser);
        return r->error;
}

/* What changes between setjmp() and longjmp() is the caller's. */
static int read_or_leave(Reader *r, Pool *pool, const char *text, size_t size, bool first_only,
                         char *error)
{
        return setjmp(pool->out) == 0 ? read_all(r, pool, text, size, first_only, error) : -ENOMEM;
}

int json_parse(const char *text, size_t size, bool first_only, Node **ret,
               char error[JSON_ERROR_SIZE])
{
        char ignored[JSON_ERROR_SIZE];
        Reader r = { 0 };
        Pool pool;

        if (!error)
                error = ignored;
        error[0] = 0;
        pool.ring.before = pool.ring.after = &pool.ring;
        r.error = read_or_leave(&r, &pool, text, size, first_only, error);
        pool_done(&pool);
        free(r.key);
        if (r.error < 0) {
                node_free(r.root);
                return r.error;
        }
        *ret = r.root;
        return 0;
}

/* ---- writing ---- */

typedef struct Text {
        char *data;
        size_t size, room;
        bool failed;
} Text;

static void text_add(Text *t, const char *s, size_t n)
{
        if (t->failed)
                return;
        if (t->size + n + 1 > t->room) {
                size_t room = (t->size + n + 1) * 2;
                char *data = realloc(t->data, room);
                if (!data) {
                        t->failed = true;
                        return;
                }
                t->data = data;
                t->room = room;
        }
        memcpy(t->data + t->size, s, n);
        t->size += n;
        t->data[t->size] = 0;
}

static void text_puts(Text *t, const char *s)
{
        text_add(t, s, strlen(s));
}

static void text_code(Text *t, uint32_t code)
{
        char escape[16];

        if (code >= 0x10000) {
                code -= 0x10000;
                snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xd800 + (code >> 10),
                         0xdc00 + (code & 0x3ff));
        } else {
                snprintf(escape, sizeof escape, "\\u%04x", code);
        }
        text_puts(t, escape);
}

static void text_string(Text *t, const char *s)
{
        static const char *const escapes[] = {
                ['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\r'] = "\\r",
                ['\t'] = "\\t", ['\b'] = "\\b",  ['\f'] = "\\f",
        };

        text_puts(t, "\"");
        while (*s) {
                uint32_t code;
                size_t n = utf8_next(s, &code);
                if (code < ELEMENTSOF(escapes) && escapes[code])
                        text_puts(t, escapes[code]);
                else if (code >= 0x20 && code < 0x7f)
                        text_add(t, s, n);
                else
                        text_code(t, code);
                s += n;
        }
        text_puts(t, "\"");
}

static void text_node(Text *t, const Node *n, JsonStyle style)
{
        const char *comma = style == JSON_SPACED ? ", " : ",";
        const char *colon = style == JSON_SPACED ? ": " : ":";

        switch (n->kind) {
        case NODE_NULL: text_puts(t, "null"); break;
        case NODE_BOOL:
        case NODE_INT:
        case NODE_FLOAT: text_puts(t, n->text); break;
        case NODE_STRING: text_string(t, n->text); break;
        case NODE_MAP:
        case NODE_LIST:
                text_puts(t, n->kind == NODE_MAP ? "{" : "[");
                NODE_FOREACH(c, n) {
                        if (c != n->children)
                                text_puts(t, comma);
                        if (n->kind == NODE_MAP) {
                                text_string(t, c->key);
                                text_puts(t, colon);
                        }
                        text_node(t, c, style);
                }
                text_puts(t, n->kind == NODE_MAP ? "}" : "]");
                break;
        }
}

char *json_format(const Node *n, JsonStyle style)
{
        Text t = { 0 };

        text_node(&t, n, style);
        if (t.failed) {
                free(t.data);
                return NULL;
        }
        return t.data;
}
