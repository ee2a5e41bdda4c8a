/*
 * etcd: what etcd's gateway answers, one document a line, read as a range, a transaction, a lease, an
 * event of the watch, an error.
 *
 * Whatever keys stand in it, the message made of them is one that its receiver accepts.
 */
#include <errno.h>

#include "config/json.h"
#include "dcsd/base64.h"
#include "dcsd/decode.h"
#include "dcsd/endpoints.h"
#include "dcsd/errors.h"
#include "dcsd/srv.h"
#include "dcsd/wish.h"
#include "fuzz.h"

#define PREFIX "/service/batman/"

static void read_base64(const char *text)
{
        char *bytes, *again, *bytes_again;
        size_t size, size_again;

        if (base64_decode(text, &bytes, &size) < 0)
                return;
        again = base64_encode(bytes, size);
        fuzz_claim(again);
        fuzz_claim(base64_decode(again, &bytes_again, &size_again) == 0);
        fuzz_claim(size == size_again && memcmp(bytes, bytes_again, size) == 0);
        free(bytes_again);
        free(again);
        free(bytes);
}

static void read_wishes(const Node *doc)
{
        Paths paths = { 0 };
        WishFound found = { 0 };

        paths_init(&paths, PREFIX, "n1");
        if (wish_read(doc, &found) < 0)
                return;
        for (WishKind kind = WISH_BID; kind <= WISH_CLAIM; kind++) {
                Wish w = { .kind = kind, .paths = &paths, .name = "n1", .lease = 7, .epoch = 3,
                           .key = PREFIX "status", .value = "{}" };
                char text[REASON_SIZE];
                Epoch epoch = 0;
                if (kind == WISH_BID || kind == WISH_CLAIM)
                        w.epoch = 0;
                WishVerdict v = wish_judge(&w, &found, true, &epoch, text);
                fuzz_claim(kind != WISH_BID || v != WISH_DONE || epoch > 0);
        }
        wish_found_done(&found);
}

static void read_members(const Node *doc)
{
        const char *urls[64];
        size_t n = 0;
        Endpoints configured = { .n = 1 }, e;

        NODE_FOREACH(member, node_get(doc, "members"))
        NODE_FOREACH(url, node_get(member, "clientURLs"))
        if (url->text && n < ELEMENTSOF(urls))
                urls[n++] = url->text;
        strcpy(configured.rows[0].url, "http://127.0.0.1:2379");
        e = configured;
        (void)endpoints_discover(&e, &configured, urls, n, 1);
        fuzz_claim(e.n >= 1 && e.n <= ENDPOINTS_MAX && e.current < e.n);
        (void)srv_members(doc, &e); /* what GET /members answers is such a list */
        fuzz_claim(e.n <= ENDPOINTS_MAX);
}

static void read_document(Cache *cache, const char *line)
{
        const char *text = "";
        int64_t id;
        uint64_t ttl;
        Node *doc = NULL;
        Kv kv = { 0 };

        int r = json_parse(line, strlen(line), true, &doc, NULL);
        EtcdError error = etcd_error_read(doc, 200, &text);
        fuzz_claim(text && error < ETCD_ERROR_MAX);
        if (r < 0)
                return;
        EtcdHeader h = reply_header(doc);
        (void)reply_lease(doc, &id, &ttl);
        (void)reply_txn_succeeded(doc);
        const char *version = node_get_text(doc, "etcdserver");
        if (version)
                (void)reply_version_number(version);
        if (reply_single(doc, &kv) > 0)
                kv_done(&kv);
        read_wishes(doc);
        read_members(doc);
        if (node_get(doc, "kvs"))
                (void)cache_take_range(cache, doc, h.revision);
        NODE_FOREACH(event, node_find(doc, "result.events"))
        if (cache_take_event(cache, event) < 0)
                break;
        node_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const DecodeContext context = { .dcs_id = 1, .raft_term = 2, .seen = 3 };
        char *text = fuzz_text(data, size), *at = text;
        Cache *cache = cache_new(PREFIX);
        MsgCluster *m = malloc(WIRE_PACKET_MAX);

        fuzz_claim(cache && m);
        for (char *line; (line = fuzz_line(&at));) {
                read_base64(line);
                read_document(cache, line);
        }
        (void)decode_cluster(cache, &context, m);
        fuzz_claim(wire_check(m, m->h.size) == 0);
        free(m);
        cache_free(cache);
        free(text);
        return 0;
}
