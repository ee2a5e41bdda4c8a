/* Wrong bytes inside messages of the right size: texts without end, flags, enums, counts, tails. */
#include <errno.h>

#include "wire-packets.h"

#define SIZE_OF(T, f) sizeof(((T *)0)->f)

typedef enum Wrong { UNTERMINATED, NO_FLAG, NO_ENUM } Wrong;

#define STRING(T, type, f) { type, sizeof(T), offsetof(T, f), SIZE_OF(T, f), UNTERMINATED, 0 }
#define FLAG(T, type, f) { type, sizeof(T), offsetof(T, f), 1, NO_FLAG, 2 }
#define ENUM(T, type, f, max) { type, sizeof(T), offsetof(T, f), 4, NO_ENUM, max }

static const struct {
        MsgType type;
        size_t size, offset, width;
        Wrong wrong;
        uint32_t first_bad;
} fields[] = {
        STRING(MsgHello, MSG_HELLO, cluster),
        STRING(MsgResult, MSG_RESULT, text),
        ENUM(MsgResult, MSG_RESULT, outcome, OUTCOME_MAX),
        STRING(MsgPublish, MSG_PUBLISH, member.name),
        STRING(MsgPublish, MSG_PUBLISH, member.conn_url),
        STRING(MsgPublish, MSG_PUBLISH, member.host),
        STRING(MsgPublish, MSG_PUBLISH, member.api_url),
        STRING(MsgPublish, MSG_PUBLISH, member.version),
        STRING(MsgPublish, MSG_PUBLISH, member.tags.replicatefrom),
        ENUM(MsgPublish, MSG_PUBLISH, member.state, RUN_MAX),
        ENUM(MsgPublish, MSG_PUBLISH, member.role, ROLE_MAX),
        ENUM(MsgPublish, MSG_PUBLISH, member.replication_state, REPLICATION_MAX),
        FLAG(MsgPublish, MSG_PUBLISH, member.checkpoint_pending),
        FLAG(MsgPublish, MSG_PUBLISH, member.pending_restart),
        FLAG(MsgPublish, MSG_PUBLISH, member.pause),
        FLAG(MsgPublish, MSG_PUBLISH, member.tags.nofailover),
        FLAG(MsgPublish, MSG_PUBLISH, member.tags.nosync),
        FLAG(MsgPublish, MSG_PUBLISH, member.tags.noloadbalance),
        FLAG(MsgPublish, MSG_PUBLISH, member.tags.clonefrom),
        FLAG(MsgPublish, MSG_PUBLISH, member.tags.nostream),
        ENUM(MsgLease, MSG_LEASE, kind, LEASE_MAX),
        STRING(MsgLease, MSG_LEASE, vip),
        STRING(MsgHold, MSG_HOLD, vip),
        STRING(MsgBid, MSG_BID, vip),
        STRING(MsgRelease, MSG_RELEASE, vip),
        STRING(MsgVipPermit, MSG_VIP_PERMIT, vip),
        ENUM(MsgAskPeers, MSG_ASK_PEERS, kind, ASK_MAX),
        ENUM(MsgPeers, MSG_PEERS, kind, ASK_MAX),
        ENUM(MsgLink, MSG_LINK, state, LINK_MAX),
        STRING(MsgLink, MSG_LINK, endpoint),
        STRING(MsgLink, MSG_LINK, server_version),
        STRING(MsgLink, MSG_LINK, reason),
        ENUM(MsgOrder, MSG_ORDER, what, ORDER_MAX),
        FLAG(MsgOrder, MSG_ORDER, immediate),
        FLAG(MsgOrder, MSG_ORDER, may_remake),
        STRING(MsgOrder, MSG_ORDER, leader.host),
        STRING(MsgOrder, MSG_ORDER, text),
        ENUM(MsgGate, MSG_GATE, outcome, OUTCOME_MAX),
        STRING(MsgGate, MSG_GATE, text),
        ENUM(MsgPgState, MSG_PG_STATE, pg.run, RUN_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.role, ROLE_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.in_recovery, TRI_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.datadir, DATADIR_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.control, CONTROL_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.replication_state, REPLICATION_MAX),
        ENUM(MsgPgState, MSG_PG_STATE, pg.operation, PGOP_MAX),
        FLAG(MsgPgState, MSG_PG_STATE, pg.standby_signal),
        FLAG(MsgPgState, MSG_PG_STATE, pg.fresh),
        FLAG(MsgPgState, MSG_PG_STATE, pg.held),
        FLAG(MsgPgState, MSG_PG_STATE, pg.promote_sent),
        FLAG(MsgPgState, MSG_PG_STATE, pg.accepts),
        FLAG(MsgPgState, MSG_PG_STATE, pg.checkpoint_pending),
        FLAG(MsgPgState, MSG_PG_STATE, pg.replay_paused),
        FLAG(MsgPgState, MSG_PG_STATE, pg.receiver_alive),
        FLAG(MsgPgState, MSG_PG_STATE, pg.sync_managed),
        STRING(MsgPgState, MSG_PG_STATE, pg.following),
        STRING(MsgPgState, MSG_PG_STATE, pg.sync_names),
        STRING(MsgPgState, MSG_PG_STATE, pg.detail),
        ENUM(MsgPgState, MSG_PG_STATE, pg.n_slots, CLUSTER_SLOTS_MAX + 1),
        ENUM(MsgPgState, MSG_PG_STATE, pg.n_standbys, STANDBYS_MAX + 1),
        ENUM(MsgHistory, MSG_HISTORY, history.n_lines, HISTORY_LINES_MAX + 1),
        STRING(MsgLeaf, MSG_LEAF, path),
        STRING(MsgSpawn, MSG_SPAWN, cwd),
        ENUM(MsgWant, MSG_WANT, gate_mode, FENCE_MODE_MAX),
        ENUM(MsgWant, MSG_WANT, n_vips, VIPS_MAX + 1),
        ENUM(MsgWant, MSG_WANT, n_also, ALSO_MAX + 1),
        STRING(MsgWant, MSG_WANT, leaf_path),
        ENUM(MsgFenceState, MSG_FENCE_STATE, populated, TRI_MAX),
        ENUM(MsgFenceState, MSG_FENCE_STATE, gate, GATE_MAX),
        ENUM(MsgFenceState, MSG_FENCE_STATE, n_vips, VIPS_MAX + 1),
        ENUM(MsgFenceState, MSG_FENCE_STATE, n_also, ALSO_MAX + 1),
        STRING(MsgFenceState, MSG_FENCE_STATE, gate_reason),
        ENUM(MsgArm, MSG_ARM, mode, WATCHDOG_MODE_MAX),
        STRING(MsgArm, MSG_ARM, device),
        STRING(MsgReset, MSG_RESET, reason),
        ENUM(MsgWatchdogState, MSG_WATCHDOG_STATE, armed, TRI_MAX),
        ENUM(MsgWatchdogState, MSG_WATCHDOG_STATE, mode, WATCHDOG_MODE_MAX),
        STRING(MsgWatchdogState, MSG_WATCHDOG_STATE, device),
        STRING(MsgWatchdogState, MSG_WATCHDOG_STATE, identity),
        STRING(MsgWatchdogState, MSG_WATCHDOG_STATE, boot_cause),
        STRING(MsgWatchdogState, MSG_WATCHDOG_STATE, reason),
        STRING(MsgStatus, MSG_STATUS, name),
        STRING(MsgStatus, MSG_STATUS, scope),
        FLAG(MsgStatus, MSG_STATUS, leader),
        FLAG(MsgStatus, MSG_STATUS, leaving),
        FLAG(MsgStatus, MSG_STATUS, left),
        FLAG(MsgStatus, MSG_STATUS, watchdog_failed),
        FLAG(MsgStatus, MSG_STATUS, dcs_up),
        FLAG(MsgStatus, MSG_STATUS, reinitializing),
        STRING(MsgStatus, MSG_STATUS, rule),
        STRING(MsgStatus, MSG_STATUS, reason),
        STRING(MsgStatus, MSG_STATUS, fence.gate_reason),
        STRING(MsgStatus, MSG_STATUS, watchdog.identity),
        ENUM(MsgStatus, MSG_STATUS, watchdog.armed, TRI_MAX),
        STRING(MsgStatus, MSG_STATUS, link.endpoint),
        ENUM(MsgStatus, MSG_STATUS, link.state, LINK_MAX),
        ENUM(MsgRequest, MSG_REQUEST, kind, REQUEST_MAX),
        ENUM(MsgRequest, MSG_REQUEST, restart.role, ROLE_MAX),
        STRING(MsgRequest, MSG_REQUEST, restart.version_text),
        STRING(MsgStatus, MSG_STATUS, restart.ask.version_text),
        STRING(MsgPublish, MSG_PUBLISH, restart.ask.version_text),
        STRING(MsgRequest, MSG_REQUEST, leader),
        STRING(MsgRequest, MSG_REQUEST, candidate),
        STRING(MsgRow, MSG_ROW, section),
        STRING(MsgRow, MSG_ROW, key),
        STRING(MsgRow, MSG_ROW, value),
        STRING(MsgRow, MSG_ROW, note),
};

static void test_wrong_bytes(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                uint8_t *p = make(fields[i].type, fields[i].size), *at = p + fields[i].offset;
                uint32_t good = fields[i].first_bad - 1, bad = fields[i].first_bad;

                switch (fields[i].wrong) {
                case UNTERMINATED:
                        memset(at, 'x', fields[i].width - 1);
                        assert_int_equal(check_copy(p, fields[i].size), 0);
                        at[fields[i].width - 1] = 'x';
                        assert_int_equal(check_copy(p, fields[i].size), -EBADMSG);
                        break;
                case NO_FLAG:
                        *at = 1;
                        assert_int_equal(check_copy(p, fields[i].size), 0);
                        *at = 2;
                        assert_int_equal(check_copy(p, fields[i].size), -EBADMSG);
                        break;
                case NO_ENUM:
                        memcpy(at, &good, 4);
                        assert_int_equal(check_copy(p, fields[i].size), 0);
                        memcpy(at, &bad, 4);
                        assert_int_equal(check_copy(p, fields[i].size), -EBADMSG);
                        memset(at, 0xff, 4);
                        assert_int_equal(check_copy(p, fields[i].size), -EBADMSG);
                        break;
                }
                free(p);
        }
}

/* Rows within the count are checked, those behind it are nobody's. */
static void test_rows(void **state _unused_)
{
        MsgPgState *m = make(MSG_PG_STATE, sizeof *m);

        memset(m->pg.slots[1].name, 'x', sizeof m->pg.slots[1].name);
        memset(m->pg.standbys[2].sync_state, 'x', sizeof m->pg.standbys[2].sync_state);
        m->pg.n_slots = 1;
        m->pg.n_standbys = 2;
        assert_int_equal(wire_check(m, sizeof *m), 0);
        m->pg.n_slots = 2;
        assert_int_equal(wire_check(m, sizeof *m), -EBADMSG);
        m->pg.n_slots = 1;
        m->pg.n_standbys = 3;
        assert_int_equal(wire_check(m, sizeof *m), -EBADMSG);
        free(m);

        MsgFenceState f = WIRE_INIT(MsgFenceState, MSG_FENCE_STATE);
        f.n_vips = 1;
        assert_int_equal(wire_check(&f, sizeof f), 0);
        memset(f.vips[0].vip.interface, 'x', sizeof f.vips[0].vip.interface);
        assert_int_equal(wire_check(&f, sizeof f), -EBADMSG);
        f.n_vips = 0;
        assert_int_equal(wire_check(&f, sizeof f), 0);
}

static void test_peers(void **state _unused_)
{
        size_t size = sizeof(MsgPeers) + 2 * sizeof(Peer);
        MsgPeers *m = make(MSG_PEERS, size);

        assert_int_equal(check_copy(m, size), -EBADMSG); /* two rows, and none counted */
        m->n_peers = 2;
        assert_int_equal(check_copy(m, size), 0);
        memset(m->peers[1].name, 'x', sizeof m->peers[1].name);
        assert_int_equal(check_copy(m, size), -EBADMSG);
        m->n_peers = 1;
        assert_int_equal(check_sized(m, size - sizeof(Peer)), 0);
        free(m);

        size = sizeof(MsgAskPeers) + (CLUSTER_MEMBERS_MAX + 1) * sizeof(PeerAddress);
        MsgAskPeers *a = make(MSG_ASK_PEERS, size);
        a->n_peers = CLUSTER_MEMBERS_MAX + 1;
        assert_int_equal(check_copy(a, size), -EBADMSG);
        a->n_peers = CLUSTER_MEMBERS_MAX;
        assert_int_equal(check_sized(a, size - sizeof(PeerAddress)), 0);
        a->n_peers = UINT32_MAX;
        assert_int_equal(check_sized(a, size - sizeof(PeerAddress)), -EBADMSG);
        free(a);
}

static void test_request(void **state _unused_)
{
        size_t size = sizeof(MsgRequest) + 10;
        MsgRequest *m = make(MSG_REQUEST, size);

        assert_int_equal(check_copy(m, size), -EBADMSG);
        m->blob_size = 10;
        assert_int_equal(check_copy(m, size), 0);
        m->blob_size = 11;
        assert_int_equal(check_copy(m, size), -EBADMSG);
        m->blob_size = UINT32_MAX;
        assert_int_equal(check_copy(m, size), -EBADMSG);
        free(m);
}

/* What follows the question for a promise is read as a struct. */
static void test_failsafe_request(void **state _unused_)
{
        size_t size = sizeof(MsgRequest) + sizeof(StatusKey);
        MsgRequest *m = make(MSG_REQUEST, size);
        StatusKey s = { .n_slots = 1 };

        m->kind = REQUEST_FAILSAFE;
        m->blob_size = sizeof s;
        memcpy(m->blob, &s, sizeof s);
        assert_int_equal(check_copy(m, size), 0);
        s.n_slots = CLUSTER_SLOTS_MAX + 1;
        memcpy(m->blob, &s, sizeof s);
        assert_int_equal(check_copy(m, size), -EBADMSG);
        s.n_slots = 1;
        memset(s.slots[0].name, 'x', sizeof s.slots[0].name); /* without an end */
        memcpy(m->blob, &s, sizeof s);
        assert_int_equal(check_copy(m, size), -EBADMSG);
        m->blob_size = sizeof s - 1;
        wire_header(&m->h, MSG_REQUEST, size - 1);
        assert_int_equal(check_copy(m, size - 1), -EBADMSG);
        m->blob_size = 0;
        wire_header(&m->h, MSG_REQUEST, sizeof *m);
        assert_int_equal(check_copy(m, sizeof *m), 0); /* from one that says nothing of them */
        free(m);
}

static void test_spawn(void **state _unused_)
{
        static const char strings[] = "postgres\0-D\0/data\0LANG=C";
        size_t size = sizeof(MsgSpawn) + sizeof strings;
        MsgSpawn *m = make(MSG_SPAWN, size);

        memcpy(m->strings, strings, sizeof strings);
        m->argc = 3;
        m->envc = 1;
        assert_int_equal(check_copy(m, size), 0);
        assert_string_equal(wire_spawn_string(m, 0), "postgres");
        assert_string_equal(wire_spawn_string(m, 2), "/data");
        assert_string_equal(wire_spawn_string(m, 3), "LANG=C");
        assert_null(wire_spawn_string(m, 4));
        m->envc = 2;
        assert_int_equal(check_copy(m, size), -EBADMSG); /* fewer strings than counted */
        m->envc = 0;
        assert_int_equal(check_copy(m, size), -EBADMSG); /* more */
        m->argc = UINT32_MAX;
        m->envc = 5;
        assert_int_equal(check_copy(m, size), -EBADMSG); /* 4 as a uint32_t */
        m->argc = 3;
        m->envc = 1;
        ((char *)m)[size - 1] = 'x'; /* the last one is not terminated */
        assert_int_equal(check_copy(m, size), -EBADMSG);
        free(m);
}

static void check_record(RecordKey key, size_t value)
{
        size_t size = sizeof(MsgRecord) + value;
        MsgRecord *m = make(MSG_RECORD, size + 1);

        m->key = key;
        assert_int_equal(wire_record_value_size(key), value);
        assert_int_equal(check_sized(m, size), 0);
        assert_int_equal(check_sized(m, size + 1), -EBADMSG);
        if (value > 0)
                assert_int_equal(check_sized(m, size - 1), -EBADMSG);
        free(m);
}

static void test_record(void **state _unused_)
{
        check_record(RECORD_INITIALIZE, sizeof(InitializeKey));
        check_record(RECORD_STATUS, sizeof(StatusKey));
        check_record(RECORD_HISTORY, sizeof(History));
        check_record(RECORD_SYNC, sizeof(SyncKey));
        check_record(RECORD_FAILOVER, sizeof(FailoverKey));
        check_record(RECORD_FAILSAFE, 0);
        check_record(RECORD_STANDING, sizeof(StandingKey));
        check_record(RECORD_RESUME, sizeof(ResumeKey));
        check_record(RECORD_NONE, 0);
        assert_int_equal(wire_record_value_size(RECORD_CONFIG), 0);
        assert_int_equal(wire_record_value_size(RECORD_MAX), 0);

        MsgRecord *m = make(MSG_RECORD, sizeof *m + sizeof(SyncKey));
        m->key = RECORD_CONFIG; /* text of any length */
        assert_int_equal(check_sized(m, sizeof *m), 0);
        assert_int_equal(check_sized(m, sizeof *m + 7), 0);
        m->key = RECORD_MAX;
        assert_int_equal(check_sized(m, sizeof *m), -EBADMSG);
        m->key = RECORD_SYNC;
        assert_int_equal(check_sized(m, sizeof *m + sizeof(SyncKey)), 0);
        memset(m->value + offsetof(SyncKey, standbys), 'x', SYNC_LIST_SIZE);
        assert_int_equal(check_sized(m, sizeof *m + sizeof(SyncKey)), -EBADMSG);
        free(m);

        m = make(MSG_RECORD, sizeof *m + sizeof(InitializeKey));
        m->key = RECORD_INITIALIZE;
        InitializeKey k = { .state = INITIALIZE_INVALID };
        memcpy(m->value, &k, sizeof k);
        assert_int_equal(wire_check(m, m->h.size), 0);
        uint32_t bad = INITIALIZE_INVALID + 1;
        memcpy(m->value + offsetof(InitializeKey, state), &bad, sizeof bad);
        assert_int_equal(wire_check(m, m->h.size), -EBADMSG);
        free(m);
}

static void test_cluster(void **state _unused_)
{
        static const char blob[] = "{\"ttl\": 30}";
        MsgCluster *m = calloc(1, sizeof *m + sizeof blob);

        m->cluster.n_members = 2;
        size_t fixed = wire_cluster_fixed_size(&m->cluster);
        assert_int_equal(fixed, offsetof(MsgCluster, cluster) + offsetof(Cluster, members) +
                                        2 * sizeof(Member));
        wire_header(&m->h, MSG_CLUSTER, fixed);
        assert_int_equal(check_copy(m, fixed), 0);
        memcpy((char *)m + fixed, blob, sizeof blob);
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG); /* not counted */
        m->blobs_size = sizeof blob;
        assert_int_equal(check_sized(m, fixed + sizeof blob), 0);

        assert_memory_equal(wire_cluster_blob(m, (BlobRef){ 0, 11 }), "{\"ttl\": 30}", 11);
        assert_memory_equal(wire_cluster_blob(m, (BlobRef){ 2, 3 }), "ttl", 3);
        assert_null(wire_cluster_blob(m, (BlobRef){ 0, 0 }));
        assert_null(wire_cluster_blob(m, (BlobRef){ 0, sizeof blob + 1 }));
        assert_null(wire_cluster_blob(m, (BlobRef){ sizeof blob, 1 }));
        assert_null(wire_cluster_blob(m, (BlobRef){ sizeof blob + 1, 1 }));
        assert_null(wire_cluster_blob(m, (BlobRef){ UINT32_MAX, 2 }));
        assert_null(wire_cluster_blob(m, (BlobRef){ 2, UINT32_MAX }));

        memset(m->cluster.members[1].name, 'x', NAME_SIZE);
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        m->cluster.members[1].name[0] = 0;
        assert_int_equal(check_sized(m, fixed + sizeof blob), 0);
        memset(m->cluster.leader.name, 'x', NAME_SIZE);
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        m->cluster.leader.name[0] = 0;
        memset(m->cluster.sync.standbys, 'x', SYNC_LIST_SIZE);
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        m->cluster.sync.standbys[0] = 0;
        m->cluster.status.n_slots = CLUSTER_SLOTS_MAX + 1;
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        m->cluster.status.n_slots = 0;
        m->cluster.n_members = 3; /* one more than there is */
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        m->cluster.n_members = UINT32_MAX;
        assert_int_equal(check_sized(m, fixed + sizeof blob), -EBADMSG);
        free(m);
}

/* The largest cluster leaves room for blobs in one packet. */
static void test_largest_cluster(void **state _unused_)
{
        MsgCluster *m = make(MSG_CLUSTER, sizeof *m);

        m->cluster.n_members = CLUSTER_MEMBERS_MAX;
        size_t fixed = wire_cluster_fixed_size(&m->cluster);
        assert_true(fixed <= sizeof *m);
        assert_true(fixed + 64 * 1024 <= WIRE_PACKET_MAX);
        assert_int_equal(check_sized(m, fixed), 0);
        m->cluster.n_members = CLUSTER_MEMBERS_MAX + 1;
        assert_int_equal(check_sized(m, fixed), -EBADMSG);
        free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_bytes), cmocka_unit_test(test_rows),
                cmocka_unit_test(test_peers),       cmocka_unit_test(test_request),
                cmocka_unit_test(test_failsafe_request),
                cmocka_unit_test(test_spawn),       cmocka_unit_test(test_record),
                cmocka_unit_test(test_cluster),     cmocka_unit_test(test_largest_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
