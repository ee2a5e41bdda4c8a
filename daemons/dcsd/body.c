#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "config/json.h"
#include "dcsd/base64.h"
#include "dcsd/body.h"

/* A text that grows. After a failure it stays failed, and the end answers NULL. */
typedef struct Text {
        char *data;
        size_t size, room;
        bool failed;
} Text;

static void text_add(Text *t, const char *s)
{
        size_t n = strlen(s);

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
        memcpy(t->data + t->size, s, n + 1);
        t->size += n;
}

static _printf_(2, 3) void text_format(Text *t, const char *format, ...)
{
        char piece[160];
        va_list ap;

        va_start(ap, format);
        vsnprintf(piece, sizeof piece, format, ap);
        va_end(ap);
        text_add(t, piece);
}

static void text_base64(Text *t, const void *data, size_t size)
{
        char *encoded = base64_encode(data, size);

        if (encoded)
                text_add(t, encoded);
        else
                t->failed = true;
        free(encoded);
}

static char *text_end(Text *t)
{
        if (t->failed) {
                free(t->data);
                return NULL;
        }
        return t->data;
}

/* "key":"…", the first field of every object we write. */
static void add_key(Text *t, const char *key)
{
        text_add(t, "\"key\":\"");
        text_base64(t, key, strlen(key));
        text_add(t, "\"");
}

static void add_value(Text *t, const char *name, const char *value)
{
        text_format(t, ",\"%s\":\"", name);
        text_base64(t, value, strlen(value));
        text_add(t, "\"");
}

/* The first key behind everything that begins with prefix: its last byte is '/', so add one. */
static void add_range_end(Text *t, const char *prefix)
{
        size_t n = strlen(prefix);
        char *end = strdup(prefix);

        if (!end || n == 0) {
                t->failed = true;
        } else {
                end[n - 1]++;
                add_value(t, "range_end", end);
        }
        free(end);
}

/* ---- transactions ---- */

void txn_compare(Txn *t, Compare c)
{
        assert(t->n_compares < TXN_COMPARES_MAX);
        t->compares[t->n_compares++] = c;
}

void txn_then(Txn *t, Op op)
{
        assert(t->n_then < TXN_OPS_MAX);
        t->then[t->n_then++] = op;
}

void txn_otherwise(Txn *t, Op op)
{
        assert(t->n_otherwise < TXN_OPS_MAX);
        t->otherwise[t->n_otherwise++] = op;
}

static void add_compare(Text *t, const Compare *c)
{
        static const struct {
                const char *target, *field;
        } targets[] = {
                [COMPARE_CREATE] = { "CREATE", "create_revision" },
                [COMPARE_MOD] = { "MOD", "mod_revision" },
                [COMPARE_LEASE] = { "LEASE", "lease" },
                [COMPARE_VALUE] = { "VALUE", "value" },
        };

        text_add(t, "{");
        add_key(t, c->key);
        text_format(t, ",\"target\":\"%s\"", targets[c->what].target);
        if (c->what == COMPARE_VALUE)
                add_value(t, "value", c->text);
        else
                text_format(t, ",\"%s\":\"%" PRId64 "\"", targets[c->what].field, c->number);
        text_add(t, "}");
}

static void add_put(Text *t, const char *key, const char *value, int64_t lease)
{
        add_key(t, key);
        add_value(t, "value", value);
        if (lease != 0)
                text_format(t, ",\"lease\":\"%" PRId64 "\"", lease);
}

static void add_op(Text *t, const Op *op)
{
        static const char *const names[] = {
                [OP_PUT] = "request_put",
                [OP_DELETE] = "request_delete_range",
                [OP_RANGE] = "request_range",
        };

        text_format(t, "{\"%s\":{", names[op->what]);
        if (op->what == OP_PUT)
                add_put(t, op->key, op->value, op->lease);
        else
                add_key(t, op->key);
        text_add(t, "}}");
}

static void add_ops(Text *t, const char *name, const Op *ops, size_t n)
{
        text_format(t, ",\"%s\":[", name);
        for (size_t i = 0; i < n; i++) {
                text_add(t, i > 0 ? "," : "");
                add_op(t, &ops[i]);
        }
        text_add(t, "]");
}

char *body_txn(const Txn *txn)
{
        Text t = { 0 };

        text_add(&t, "{\"compare\":[");
        for (size_t i = 0; i < txn->n_compares; i++) {
                text_add(&t, i > 0 ? "," : "");
                add_compare(&t, &txn->compares[i]);
        }
        text_add(&t, "]");
        add_ops(&t, "success", txn->then, txn->n_then);
        if (txn->n_otherwise > 0)
                add_ops(&t, "failure", txn->otherwise, txn->n_otherwise);
        text_add(&t, "}");
        return text_end(&t);
}

/* ---- the rest ---- */

char *body_range(const char *key, bool prefix)
{
        Text t = { 0 };

        text_add(&t, "{");
        add_key(&t, key);
        if (prefix)
                add_range_end(&t, key);
        text_add(&t, "}");
        return text_end(&t);
}

char *body_range_newest(const char *prefix)
{
        Text t = { 0 };

        text_add(&t, "{");
        add_key(&t, prefix);
        add_range_end(&t, prefix);
        text_add(&t, ",\"limit\":\"1\",\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\","
                     "\"keys_only\":true}");
        return text_end(&t);
}

char *body_put(const char *key, const char *value, int64_t lease)
{
        Text t = { 0 };

        text_add(&t, "{");
        add_put(&t, key, value, lease);
        text_add(&t, "}");
        return text_end(&t);
}

char *body_watch(const char *prefix, uint64_t start_revision)
{
        Text t = { 0 };

        text_add(&t, "{\"create_request\":{");
        add_key(&t, prefix);
        add_range_end(&t, prefix);
        text_format(&t, ",\"start_revision\":\"%" PRIu64 "\",\"filters\":[]}}", start_revision);
        return text_end(&t);
}

char *body_grant(uint64_t ttl_sec)
{
        Text t = { 0 };

        text_format(&t, "{\"TTL\":%" PRIu64 "}", ttl_sec);
        return text_end(&t);
}

char *body_keepalive(int64_t lease)
{
        Text t = { 0 };

        text_format(&t, "{\"ID\":\"%" PRId64 "\"}", lease);
        return text_end(&t);
}

char *body_login(const char *name, const char *password)
{
        _cleanup_(node_freep) Node *map = node_new(NODE_MAP);

        if (!map || node_put(map, "name", node_new_string(name)) < 0 ||
            node_put(map, "password", node_new_string(password)) < 0)
                return NULL;
        return json_format(map, JSON_COMPACT);
}
