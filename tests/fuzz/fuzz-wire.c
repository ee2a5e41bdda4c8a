/*
 * wire: any packet, and packets that are nearly right: a message of zeros of the right size, with
 * bytes of the input put in its places.
 *
 * What wire_check() lets through, its readers read whole.
 */
#include "apid/cluster-json.h"
#include "apid/metrics.h"
#include "apid/node-json.h"
#include "fuzz.h"
#include "pgd/slots.h"
#include "wire/wire.h"

#define TAIL_MAX 4096

static const size_t sizes[MSG_TYPE_MAX] = {
        [MSG_HELLO] = sizeof(MsgHello),
        [MSG_RESULT] = sizeof(MsgResult),
        [MSG_PERMIT] = sizeof(MsgPermit),
        [MSG_REVOKE] = sizeof(MsgRevoke),
        [MSG_HOLD] = sizeof(MsgHold),
        [MSG_BID] = sizeof(MsgBid),
        [MSG_RELEASE] = sizeof(MsgRelease),
        [MSG_PUBLISH] = sizeof(MsgPublish),
        [MSG_RECORD] = sizeof(MsgRecord),
        [MSG_ASK_PEERS] = sizeof(MsgAskPeers),
        [MSG_ASK_FAILSAFE] = sizeof(MsgAskFailsafe),
        [MSG_RELOAD] = sizeof(MsgReload),
        [MSG_LEASE] = sizeof(MsgLease),
        [MSG_CLUSTER] = sizeof(MsgCluster),
        [MSG_PEERS] = sizeof(MsgPeers),
        [MSG_LINK] = sizeof(MsgLink),
        [MSG_ORDER] = sizeof(MsgOrder),
        [MSG_CANCEL] = sizeof(MsgCancel),
        [MSG_GATE] = sizeof(MsgGate),
        [MSG_PROBE] = sizeof(MsgProbe),
        [MSG_PG_STATE] = sizeof(MsgPgState),
        [MSG_HISTORY] = sizeof(MsgHistory),
        [MSG_LEAF] = sizeof(MsgLeaf),
        [MSG_MAKE_LEAF] = sizeof(MsgMakeLeaf),
        [MSG_DROP_LEAF] = sizeof(MsgDropLeaf),
        [MSG_SPAWN] = sizeof(MsgSpawn),
        [MSG_SPAWNED] = sizeof(MsgSpawned),
        [MSG_EXITED] = sizeof(MsgExited),
        [MSG_WANT] = sizeof(MsgWant),
        [MSG_VIP_PERMIT] = sizeof(MsgVipPermit),
        [MSG_FENCE_STATE] = sizeof(MsgFenceState),
        [MSG_ARM] = sizeof(MsgArm),
        [MSG_DISARM] = sizeof(MsgDisarm),
        [MSG_RESET] = sizeof(MsgReset),
        [MSG_WATCHDOG_STATE] = sizeof(MsgWatchdogState),
        [MSG_STATUS] = sizeof(MsgStatus),
        [MSG_REQUEST] = sizeof(MsgRequest),
        [MSG_ROW] = sizeof(MsgRow),
};

/* ---- readers of what was let through ---- */

static void read_cluster(const MsgCluster *m)
{
        static SlotsSeen seen;
        View v = { .now = 1000, .cluster = m, .name = "n1", .scope = "s" };
        const Cluster *c = &m->cluster;
        MsgPgState pg = WIRE_INIT(MsgPgState, MSG_PG_STATE);

        free(cluster_json(m, "s"));
        free(node_json(&v));
        free(metrics_text(&v, 1));
        node_free(blob_node(m, c->config.raw));
        node_free(blob_node(m, c->history.raw));
        for (uint32_t i = 0; i < c->n_members; i++)
                node_free(blob_node(m, c->members[i].raw));
        seen = (SlotsSeen){ 0 };
        SlotsInput in = { .now = 1000, .cluster = c, .pg = &pg.pg, .own_name = "n1", .leads = true };
        slots_note(&seen, &in);
        (void)slots_plan(&seen, &in, 0);
        fuzz_claim(wire_cluster_fixed_size(c) <= m->h.size);
}

static void read_pg(const MsgPgState *m)
{
        MsgStatus status = WIRE_INIT(MsgStatus, MSG_STATUS);
        View v = { .now = 1000, .pg = &m->pg, .status = &status, .mind = true, .name = "n1",
                   .scope = "s" };

        free(node_json(&v));
        free(metrics_text(&v, 1));
        fuzz_claim(node_facts(&v).role != ROLE_PRIMARY); /* there is no permit */
}

static void read_status(const MsgStatus *m)
{
        View v = { .now = 1000, .status = m, .mind = true, .name = m->name, .scope = m->scope };

        free(status_json(&v));
        free(node_json(&v));
        fuzz_claim(!node_facts(&v).leads);
}

static void read_spawn(const MsgSpawn *m)
{
        size_t n = 0;

        for (uint32_t i = 0; i < m->argc + m->envc; i++) {
                const char *text = wire_spawn_string(m, i);
                fuzz_claim(text);
                n += strlen(text) + 1;
        }
        fuzz_claim(!wire_spawn_string(m, m->argc + m->envc));
        fuzz_claim(sizeof *m + n <= m->h.size);
}

static void check(const void *packet, size_t size)
{
        const MsgHeader *h = packet;

        if (wire_check(packet, size) < 0)
                return;
        fuzz_claim(h->size == size && msg_type_to_string(h->type));
        switch (h->type) {
        case MSG_CLUSTER: read_cluster(packet); break;
        case MSG_PG_STATE: read_pg(packet); break;
        case MSG_STATUS: read_status(packet); break;
        case MSG_SPAWN: read_spawn(packet); break;
        default: break;
        }
}

/* type, 16 bits of tail, then {16 bits: where, in fours; n; n bytes}… */
static void check_nearly_right(const uint8_t *data, size_t size)
{
        if (size < 3)
                return;
        MsgType type = data[0] % MSG_TYPE_MAX;
        size_t n = sizes[type] + (data[1] | (size_t)data[2] << 8) % TAIL_MAX;
        uint8_t *packet = n >= sizeof(MsgHeader) ? calloc(1, n) : NULL;

        if (!packet)
                return;
        wire_header((MsgHeader *)packet, type, n);
        for (size_t i = 3; i + 3 <= size;) {
                size_t at = 4 * (data[i] | (size_t)data[i + 1] << 8), len = data[i + 2];
                i += 3;
                for (size_t k = 0; k < len && i < size; k++, i++)
                        packet[(sizeof(MsgHeader) + at + k) % n] = data[i];
        }
        check(packet, n);
        free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *packet = fuzz_copy(data, size);

        check(packet, size);
        free(packet);
        check_nearly_right(data, size);
        return 0;
}
