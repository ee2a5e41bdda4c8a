/* Every message type: whole, cut, too long, of another version, noise. */
#include <errno.h>

#include "wire-packets.h"

#define FIXED(T, type) { #type, type, sizeof(T), false }
#define WITH_TAIL(T, type) { #type, type, sizeof(T), true }

static const struct {
        const char *name;
        MsgType type;
        size_t size;
        bool tail;
} types[] = {
        FIXED(MsgHello, MSG_HELLO),
        FIXED(MsgResult, MSG_RESULT),
        FIXED(MsgPermit, MSG_PERMIT),
        FIXED(MsgRevoke, MSG_REVOKE),
        FIXED(MsgHold, MSG_HOLD),
        FIXED(MsgBid, MSG_BID),
        FIXED(MsgRelease, MSG_RELEASE),
        FIXED(MsgPublish, MSG_PUBLISH),
        WITH_TAIL(MsgRecord, MSG_RECORD),
        WITH_TAIL(MsgAskPeers, MSG_ASK_PEERS),
        FIXED(MsgAskFailsafe, MSG_ASK_FAILSAFE),
        FIXED(MsgReload, MSG_RELOAD),
        FIXED(MsgLease, MSG_LEASE),
        WITH_TAIL(MsgCluster, MSG_CLUSTER),
        WITH_TAIL(MsgPeers, MSG_PEERS),
        FIXED(MsgLink, MSG_LINK),
        FIXED(MsgOrder, MSG_ORDER),
        FIXED(MsgCancel, MSG_CANCEL),
        FIXED(MsgGate, MSG_GATE),
        FIXED(MsgProbe, MSG_PROBE),
        FIXED(MsgPgState, MSG_PG_STATE),
        FIXED(MsgHistory, MSG_HISTORY),
        FIXED(MsgLeaf, MSG_LEAF),
        FIXED(MsgMakeLeaf, MSG_MAKE_LEAF),
        FIXED(MsgDropLeaf, MSG_DROP_LEAF),
        WITH_TAIL(MsgSpawn, MSG_SPAWN),
        FIXED(MsgSpawned, MSG_SPAWNED),
        FIXED(MsgExited, MSG_EXITED),
        FIXED(MsgWant, MSG_WANT),
        FIXED(MsgVipPermit, MSG_VIP_PERMIT),
        FIXED(MsgFenceState, MSG_FENCE_STATE),
        FIXED(MsgArm, MSG_ARM),
        FIXED(MsgDisarm, MSG_DISARM),
        FIXED(MsgReset, MSG_RESET),
        FIXED(MsgWatchdogState, MSG_WATCHDOG_STATE),
        FIXED(MsgStatus, MSG_STATUS),
        WITH_TAIL(MsgRequest, MSG_REQUEST),
        FIXED(MsgRow, MSG_ROW),
};
_Static_assert(ELEMENTSOF(types) == MSG_TYPE_MAX - 1, "every type is tried");

static size_t whole(size_t i)
{
        return types[i].type == MSG_CLUSTER
                       ? offsetof(MsgCluster, cluster) + offsetof(Cluster, members)
                       : types[i].size;
}

static void test_whole(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                MsgHeader *h = make(types[i].type, whole(i));
                assert_int_equal(h->type, types[i].type);
                assert_int_equal(h->version, WIRE_VERSION);
                assert_int_equal(check_copy(h, whole(i)), 0);
                assert_true(types[i].size <= WIRE_PACKET_MAX);
                assert_string_equal(msg_type_to_string(types[i].type), types[i].name + 4);
                free(h);
        }
}

static void test_cut(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                size_t size = whole(i);
                MsgHeader *h = make(types[i].type, size);
                assert_int_equal(check_copy(h, size - 1), -EBADMSG);
                for (size_t n = 0; n < size; n += n < 64 ? 1 : 61) {
                        if (n >= sizeof *h)
                                h->size = (uint32_t)n;
                        assert_int_equal(check_copy(h, n), -EBADMSG);
                }
                free(h);
        }
}

static void test_too_long(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                size_t size = whole(i);
                uint8_t *p = calloc(1, size + 1);
                wire_header((MsgHeader *)p, types[i].type, size);
                assert_int_equal(check_copy(p, size + 1), -EBADMSG);
                assert_int_equal(check_sized(p, size + 1), -EBADMSG);
                free(p);
        }
        uint8_t *p = make(MSG_REQUEST, WIRE_PACKET_MAX + 1);
        assert_int_equal(check_copy(p, WIRE_PACKET_MAX + 1), -EBADMSG);
        ((MsgRequest *)p)->blob_size = (uint32_t)(WIRE_PACKET_MAX - sizeof(MsgRequest));
        assert_int_equal(check_sized(p, WIRE_PACKET_MAX), 0);
        free(p);
}

static void test_header(void **state _unused_)
{
        MsgHold m = WIRE_INIT(MsgHold, MSG_HOLD);

        assert_int_equal(wire_check(&m, sizeof m), 0);
        m.h.version = WIRE_VERSION + 1;
        assert_int_equal(wire_check(&m, sizeof m), -EPROTONOSUPPORT);
        m.h.version = 0;
        assert_int_equal(wire_check(&m, sizeof m), -EPROTONOSUPPORT);
        m.h.version = WIRE_VERSION;
        m.h.type = MSG_INVALID;
        assert_int_equal(wire_check(&m, sizeof m), -EBADMSG);
        m.h.type = MSG_TYPE_MAX;
        assert_int_equal(wire_check(&m, sizeof m), -EBADMSG);
        m.h.type = UINT16_MAX;
        assert_int_equal(wire_check(&m, sizeof m), -EBADMSG);
        m.h.type = MSG_PERMIT; /* of another size */
        assert_int_equal(wire_check(&m, sizeof m), sizeof(MsgPermit) == sizeof m ? 0 : -EBADMSG);
        assert_int_equal(wire_check(&m, 0), -EBADMSG);
        assert_int_equal(wire_check(&m, sizeof m.h - 1), -EBADMSG);
}

/* Noise behind a right header: never a crash, and never a yes to a message that has strings. */
static void test_garbage(void **state _unused_)
{
        uint64_t seed = 88172645463325252ULL;

        for (unsigned round = 0; round < 40; round++)
                for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                        size_t size = whole(i) + (types[i].tail ? round * 7 : 0);
                        uint8_t *p = malloc(size);
                        for (size_t k = 0; k < size; k++) {
                                seed ^= seed << 13;
                                seed ^= seed >> 7;
                                seed ^= seed << 17;
                                p[k] = (uint8_t)(seed >> 32) | 1; /* no NUL */
                        }
                        int r = check_copy(p, size);
                        assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
                        wire_header((MsgHeader *)p, types[i].type, size);
                        r = check_copy(p, size);
                        assert_true(r == 0 || r == -EBADMSG);
                        if (types[i].type == MSG_HELLO || types[i].type == MSG_STATUS ||
                            types[i].type == MSG_PG_STATE || types[i].type == MSG_CLUSTER)
                                assert_int_equal(r, -EBADMSG);
                        free(p);
                }
}

static void test_names(void **state _unused_)
{
        assert_string_equal(outcome_to_string(OUTCOME_REFUSED), "refused");
        assert_int_equal(outcome_from_string("done"), OUTCOME_DONE);
        assert_string_equal(order_to_string(ORDER_SYNC_NAMES), "sync names");
        assert_int_equal(record_key_from_string("failover"), RECORD_FAILOVER);
        assert_string_equal(link_state_to_string(LINK_DOWN), "down");
        assert_int_equal(fence_mode_from_string("required"), FENCE_REQUIRED);
        assert_int_equal(fence_mode_from_string("no such"), FENCE_AUTOMATIC);
        assert_int_equal(watchdog_mode_from_string("off"), WATCHDOG_OFF);
        assert_string_equal(gate_state_to_string(GATE_SHUT), "shut");
        for (int i = 0; i < REQUEST_MAX; i++)
                assert_int_equal(request_from_string(request_to_string((RequestKind)i)), i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),    cmocka_unit_test(test_cut),
                cmocka_unit_test(test_too_long), cmocka_unit_test(test_header),
                cmocka_unit_test(test_garbage),  cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
