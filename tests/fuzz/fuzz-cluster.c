/*
 * cluster: the keys of a cluster, name and value on a line each, as anybody may have written them,
 * from the DCS to what the API says of them.
 */
#include "apid/cluster-json.h"
#include "apid/health.h"
#include "apid/metrics.h"
#include "apid/node-json.h"
#include "dcsd/decode.h"
#include "fuzz.h"

#define PREFIX "/service/batman/"

static Kv make_kv(const char *name, const char *value, uint64_t revision)
{
        Kv kv = { .value = strdup(value), .value_size = strlen(value),
                  .create_revision = revision, .mod_revision = revision, .lease = 7 };

        kv.key = malloc(sizeof PREFIX + strlen(name));
        fuzz_claim(kv.key && kv.value);
        strcpy(kv.key, PREFIX);
        strcat(kv.key, name);
        return kv;
}

/* Whatever stands there: nobody who holds no permit is the primary. */
static void show(const MsgCluster *m, const char *name)
{
        static const Query no_query = { 0 };
        MsgStatus status = WIRE_INIT(MsgStatus, MSG_STATUS);
        MsgPgState pg = WIRE_INIT(MsgPgState, MSG_PG_STATE);
        View v = { .now = 1000, .mind = true, .status = &status, .pg = &pg.pg, .cluster = m,
                   .name = name, .scope = "batman" };

        status.leader = status.dcs_up = true;
        pg.pg.run = RUN_RUNNING;
        pg.pg.role = ROLE_PRIMARY;
        pg.pg.accepts = true;
        free(cluster_json(m, "batman"));
        free(node_json(&v));
        free(metrics_text(&v, 1));
        fuzz_claim(health_check(&v, "/primary", &no_query) == 503);
        fuzz_claim(health_check(&v, "/read-write", &no_query) == 503);
        fuzz_claim(health_check(&v, "/leader", &no_query) == 503);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const DecodeContext context = { .dcs_id = 1, .raft_term = 2, .seen = 3 };
        char *text = fuzz_text(data, size), *at = text;
        Cache *cache = cache_new(PREFIX);
        MsgCluster *m = malloc(WIRE_PACKET_MAX);
        uint64_t revision = 10;

        fuzz_claim(cache && m);
        for (char *name; (name = fuzz_line(&at));) {
                char *value = fuzz_line(&at);
                Kv kv = make_kv(name, value ? value : "", revision++);
                (void)cache_put(cache, &kv);
        }
        (void)decode_cluster(cache, &context, m);
        fuzz_claim(wire_check(m, m->h.size) == 0);
        show(m, m->cluster.leader.name);
        free(m);
        cache_free(cache);
        free(text);
        return 0;
}
