#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "dcsd/base64.h"
#include "dcsd/reply.h"

static uint64_t get_u64(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);
        uint64_t v;

        return text && str_to_u64(text, &v) >= 0 ? v : 0;
}

void kv_done(Kv *kv)
{
        free(kv->key);
        free(kv->value);
        *kv = (Kv){ 0 };
}

EtcdHeader reply_header(const Node *doc)
{
        const Node *h = node_get(doc, "header");

        if (!h)
                h = node_get(node_get(doc, "result"), "header");
        return (EtcdHeader){
                .cluster_id = get_u64(h, "cluster_id"),
                .revision = get_u64(h, "revision"),
                .raft_term = get_u64(h, "raft_term"),
        };
}

static int get_bytes(const Node *n, const char *key, char **ret, size_t *ret_size)
{
        const char *text = node_get_text(n, key);

        return base64_decode(text ? text : "", ret, ret_size); /* an empty value is left out */
}

int reply_kv(const Node *node, Kv *ret)
{
        Kv kv = { 0 };
        size_t key_size;

        int r = get_bytes(node, "key", &kv.key, &key_size);
        if (r >= 0)
                r = get_bytes(node, "value", &kv.value, &kv.value_size);
        if (r >= 0 && (key_size == 0 || strlen(kv.key) != key_size))
                r = -EBADMSG;
        if (r < 0) {
                kv_done(&kv);
                return r;
        }
        const char *lease = node_get_text(node, "lease");
        if (lease && str_to_i64(lease, &kv.lease) < 0)
                kv.lease = 0;
        kv.create_revision = get_u64(node, "create_revision");
        kv.mod_revision = get_u64(node, "mod_revision");
        *ret = kv;
        return 0;
}

int reply_single(const Node *range, Kv *ret)
{
        const Node *kvs = node_get(range, "kvs");

        if (!kvs || !kvs->children)
                return 0;
        int r = reply_kv(kvs->children, ret);
        return r < 0 ? r : 1;
}

int reply_lease(const Node *doc, int64_t *ret_id, uint64_t *ret_ttl_sec)
{
        const Node *body = node_get(doc, "result");
        const char *id;

        if (!body)
                body = doc;
        id = node_get_text(body, "ID");
        if (!id || str_to_i64(id, ret_id) < 0)
                return -EBADMSG;
        *ret_ttl_sec = get_u64(body, "TTL");
        return 0;
}

bool reply_txn_succeeded(const Node *doc)
{
        return node_get_bool(doc, "succeeded", false);
}

const Node *reply_txn_range(const Node *doc, size_t i)
{
        const Node *responses = node_get(doc, "responses");

        NODE_FOREACH(n, responses)
                if (i-- == 0)
                        return node_get(n, "response_range");
        return NULL;
}

unsigned reply_version_number(const char *text)
{
        unsigned parts[3] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                char digits[8];
                uint64_t v;
                size_t n = strspn(text, "0123456789");
                if (!str_copy_n(digits, sizeof digits, text, n) || str_to_u64(digits, &v) < 0)
                        return 0;
                parts[i] = (unsigned)MIN(v, (uint64_t)99);
                text += n;
                if (*text != '.')
                        break;
                text++;
        }
        return parts[0] * 10000 + parts[1] * 100 + parts[2];
}
