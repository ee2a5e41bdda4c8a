/* What the wire's enums are called, in logs and answers. */
#include "base/macros.h"
#include "wire/msg.h"

static const char *const msg_type_names[MSG_TYPE_MAX] = {
        [MSG_INVALID] = "INVALID",
        [MSG_HELLO] = "HELLO",
        [MSG_RESULT] = "RESULT",
        [MSG_PERMIT] = "PERMIT",
        [MSG_REVOKE] = "REVOKE",
        [MSG_HOLD] = "HOLD",
        [MSG_BID] = "BID",
        [MSG_RELEASE] = "RELEASE",
        [MSG_PUBLISH] = "PUBLISH",
        [MSG_RECORD] = "RECORD",
        [MSG_ASK_PEERS] = "ASK_PEERS",
        [MSG_ASK_FAILSAFE] = "ASK_FAILSAFE",
        [MSG_RELOAD] = "RELOAD",
        [MSG_LEASE] = "LEASE",
        [MSG_CLUSTER] = "CLUSTER",
        [MSG_PEERS] = "PEERS",
        [MSG_LINK] = "LINK",
        [MSG_ORDER] = "ORDER",
        [MSG_CANCEL] = "CANCEL",
        [MSG_GATE] = "GATE",
        [MSG_PROBE] = "PROBE",
        [MSG_PG_STATE] = "PG_STATE",
        [MSG_HISTORY] = "HISTORY",
        [MSG_LEAF] = "LEAF",
        [MSG_MAKE_LEAF] = "MAKE_LEAF",
        [MSG_DROP_LEAF] = "DROP_LEAF",
        [MSG_SPAWN] = "SPAWN",
        [MSG_SPAWNED] = "SPAWNED",
        [MSG_EXITED] = "EXITED",
        [MSG_WANT] = "WANT",
        [MSG_VIP_PERMIT] = "VIP_PERMIT",
        [MSG_FENCE_STATE] = "FENCE_STATE",
        [MSG_ARM] = "ARM",
        [MSG_DISARM] = "DISARM",
        [MSG_RESET] = "RESET",
        [MSG_WATCHDOG_STATE] = "WATCHDOG_STATE",
        [MSG_STATUS] = "STATUS",
        [MSG_REQUEST] = "REQUEST",
        [MSG_ROW] = "ROW",
};
DEFINE_NAMES(msg_type, MsgType, MSG_TYPE_MAX)

static const char *const outcome_names[OUTCOME_MAX] = { "unknown", "done", "refused" };
DEFINE_NAMES(outcome, Outcome, OUTCOME_MAX)

static const char *const record_key_names[RECORD_MAX] = {
        [RECORD_NONE] = "none",       [RECORD_INITIALIZE] = "initialize",
        [RECORD_CONFIG] = "config",   [RECORD_STATUS] = "status",
        [RECORD_HISTORY] = "history", [RECORD_SYNC] = "sync",
        [RECORD_FAILOVER] = "failover", [RECORD_FAILSAFE] = "failsafe",
        [RECORD_STANDING] = "standing", [RECORD_RESUME] = "resume",
};
DEFINE_NAMES(record_key, RecordKey, RECORD_MAX)

static const char *const link_state_names[LINK_MAX] = { "unknown", "up", "down" };
DEFINE_NAMES(link_state, LinkState, LINK_MAX)

static const char *const order_names[ORDER_MAX] = {
        [ORDER_NONE] = "none",
        [ORDER_BOOTSTRAP] = "bootstrap",
        [ORDER_FOLLOW] = "follow",
        [ORDER_PROMOTE] = "promote",
        [ORDER_START] = "start",
        [ORDER_STOP] = "stop",
        [ORDER_CHECKPOINT] = "checkpoint",
        [ORDER_SYNC_NAMES] = "sync names",
        [ORDER_LEAVE] = "leave",
        [ORDER_JOIN] = "join",
        [ORDER_RELOAD] = "reload",
};
DEFINE_NAMES(order, OrderWhat, ORDER_MAX)

static const char *const fence_mode_names[FENCE_MODE_MAX] = { "automatic", "required", "off" };
DEFINE_NAMES(fence_mode, FenceMode, FENCE_MODE_MAX)

static const char *const gate_state_names[GATE_MAX] = { "unknown", "absent", "open", "shut" };
DEFINE_NAMES(gate_state, GateState, GATE_MAX)

static const char *const watchdog_mode_names[WATCHDOG_MODE_MAX] = { "automatic", "required",
                                                                    "off" };
DEFINE_NAMES(watchdog_mode, WatchdogMode, WATCHDOG_MODE_MAX)

static const char *const request_names[REQUEST_MAX] = {
        [REQUEST_NONE] = "none",
        [REQUEST_SWITCHOVER] = "switchover",
        [REQUEST_FAILOVER] = "failover",
        [REQUEST_CANCEL_SWITCHOVER] = "cancel switchover",
        [REQUEST_CONFIG] = "config",
        [REQUEST_LEAVE] = "leave",
        [REQUEST_JOIN] = "join",
        [REQUEST_RELOAD] = "reload",
        [REQUEST_EXPLAIN] = "explain",
        [REQUEST_PROBE] = "probe",
        [REQUEST_RESUME] = "resume",
        [REQUEST_FAILSAFE] = "failsafe",
        [REQUEST_RESTART] = "restart",
        [REQUEST_CANCEL_RESTART] = "cancel restart",
        [REQUEST_REINITIALIZE] = "reinitialize",
};
DEFINE_NAMES(request, RequestKind, REQUEST_MAX)
