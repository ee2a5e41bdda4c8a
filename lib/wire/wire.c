#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "wire/wire.h"

/*
 * What a struct is made of, as far as wrong bytes could hurt: strings, flags, enums, and rows of
 * other structs with their count. Plain numbers are not listed: every value of theirs is a value.
 */
typedef enum FieldKind { FIELD_STRING, FIELD_FLAG, FIELD_ENUM, FIELD_STRUCT, FIELD_ROWS } FieldKind;

typedef struct Field Field;
struct Field {
        FieldKind kind;
        uint32_t offset;
        uint32_t size;         /* string: of the array; struct, rows: of one */
        uint32_t max;          /* enum: first value out of range; rows: most of them */
        uint32_t count_offset; /* rows: of their uint32_t count */
        const Field *fields;   /* struct, rows */
        uint32_t n_fields;
};

#define MEMBER_SIZE(T, f) sizeof(((T *)NULL)->f)
#define STRING(T, f) { FIELD_STRING, offsetof(T, f), MEMBER_SIZE(T, f), 0, 0, NULL, 0 }
#define FLAG(T, f) { FIELD_FLAG, offsetof(T, f), MEMBER_SIZE(T, f), 0, 0, NULL, 0 }
#define ENUM(T, f, limit) { FIELD_ENUM, offsetof(T, f), MEMBER_SIZE(T, f), limit, 0, NULL, 0 }
#define STRUCT(T, f, table)                                                                        \
        { FIELD_STRUCT, offsetof(T, f), MEMBER_SIZE(T, f), 0, 0, table, ELEMENTSOF(table) }
#define ROWS(T, f, n, limit, table)                                                                \
        {                                                                                          \
                FIELD_ROWS, offsetof(T, f), MEMBER_SIZE(T, f[0]), limit, offsetof(T, n), table,    \
                        ELEMENTSOF(table)                                                          \
        }

static const Field member_fields[] = {
        STRING(Member, name),
        STRING(Member, conn_url),
        STRING(Member, host),
        STRING(Member, api_url),
        STRING(Member, version),
        ENUM(Member, state, RUN_MAX),
        ENUM(Member, role, ROLE_MAX),
        ENUM(Member, replication_state, REPLICATION_MAX),
        FLAG(Member, checkpoint_pending),
        FLAG(Member, pending_restart),
        FLAG(Member, gate_pending),
        FLAG(Member, pause),
        FLAG(Member, tags.nofailover),
        FLAG(Member, tags.nosync),
        FLAG(Member, tags.noloadbalance),
        FLAG(Member, tags.clonefrom),
        FLAG(Member, tags.nostream),
        STRING(Member, tags.replicatefrom),
};

static const Field restart_ask_fields[] = {
        ENUM(RestartAsk, role, ROLE_MAX),
        STRING(RestartAsk, version_text),
};
static const Field restart_fields[] = { STRUCT(ScheduledRestart, ask, restart_ask_fields) };

static const Field pending_row_fields[] = {
        STRING(PendingRow, name),
        STRING(PendingRow, old_value),
        STRING(PendingRow, new_value),
};
static const Field pending_fields[] = {
        ROWS(Pending, rows, n, PENDING_MAX, pending_row_fields),
};

static const Field slot_fields[] = { STRING(SlotLsn, name) };

static const Field initialize_fields[] = { ENUM(InitializeKey, state, INITIALIZE_INVALID + 1) };

static const Field sync_fields[] = { STRING(SyncKey, leader), STRING(SyncKey, standbys) };

static const Field failover_fields[] = {
        FLAG(FailoverKey, requested),
        STRING(FailoverKey, leader),
        STRING(FailoverKey, candidate),
};

static const Field status_fields[] = {
        STRING(StatusKey, retain),
        ROWS(StatusKey, slots, n_slots, CLUSTER_SLOTS_MAX, slot_fields),
};

static const Field settings_fields[] = {
        ENUM(Settings, synchronous_mode, SYNC_MODE_MAX),
        FLAG(Settings, synchronous_mode_strict),
        FLAG(Settings, failsafe_mode),
        FLAG(Settings, check_timeline),
        FLAG(Settings, pause),
        FLAG(Settings, standby_cluster),
};

static const Field vip_key_fields[] = { STRING(VipKey, name), STRING(VipKey, holder) };
static const Field standing_fields[] = { STRING(StandingKey, name) };
static const Field resume_fields[] = { STRING(ResumeKey, by) };

static const Field cluster_fields[] = {
        STRING(Cluster, leader.name),
        STRUCT(Cluster, initialize, initialize_fields),
        STRUCT(Cluster, settings, settings_fields),
        STRUCT(Cluster, sync, sync_fields),
        STRUCT(Cluster, failover, failover_fields),
        STRUCT(Cluster, status, status_fields),
        ROWS(Cluster, vips, n_vips, VIPS_MAX, vip_key_fields),
        STRING(Cluster, failsafe_names),
        STRING(Cluster, standing),
        FLAG(Cluster, resuming),
        ROWS(Cluster, members, n_members, CLUSTER_MEMBERS_MAX, member_fields),
};

static const Field history_line_fields[] = {
        STRING(HistoryLine, reason),
        STRING(HistoryLine, leader),
};

static const Field history_fields[] = {
        ROWS(History, lines, n_lines, HISTORY_LINES_MAX, history_line_fields),
};

static const Field standby_fields[] = {
        STRING(Standby, application_name), STRING(Standby, usename), STRING(Standby, client_addr),
        STRING(Standby, state),            STRING(Standby, sync_state),
};

static const Field pg_fields[] = {
        ENUM(PgState, run, RUN_MAX),
        ENUM(PgState, role, ROLE_MAX),
        ENUM(PgState, in_recovery, TRI_MAX),
        ENUM(PgState, datadir, DATADIR_MAX),
        ENUM(PgState, control, CONTROL_MAX),
        FLAG(PgState, standby_signal),
        FLAG(PgState, fresh),
        FLAG(PgState, held),
        FLAG(PgState, promote_sent),
        FLAG(PgState, accepts),
        FLAG(PgState, checkpoint_pending),
        FLAG(PgState, replay_paused),
        FLAG(PgState, receiver_alive),
        STRING(PgState, following),
        ENUM(PgState, replication_state, REPLICATION_MAX),
        STRING(PgState, sync_names),
        FLAG(PgState, sync_managed),
        ENUM(PgState, operation, PGOP_MAX),
        STRING(PgState, detail),
        ROWS(PgState, slots, n_slots, CLUSTER_SLOTS_MAX, slot_fields),
        STRUCT(PgState, pending, pending_fields),
        ROWS(PgState, standbys, n_standbys, STANDBYS_MAX, standby_fields),
};

static const Field vip_fields[] = {
        STRING(Vip, address),
        STRING(Vip, interface),
        STRING(Vip, name),
};
static const Field vip_permit_fields[] = { STRING(MsgVipPermit, vip) };
static const Field hold_fields[] = { STRING(MsgHold, vip) };
static const Field bid_fields[] = { STRING(MsgBid, vip) };
static const Field release_fields[] = { STRING(MsgRelease, vip) };

static const Field unit_fields[] = { STRING(Unit, name) };

static const Field unit_state_fields[] = {
        STRUCT(UnitState, unit, unit_fields),
        ENUM(UnitState, gate, GATE_MAX),
        STRING(UnitState, reason),
};

static const Field vip_state_fields[] = {
        STRUCT(VipState, vip, vip_fields),
        FLAG(VipState, present),
        FLAG(VipState, wanted),
        STRING(VipState, reason),
};

static const Field hello_fields[] = { STRING(MsgHello, cluster) };
static const Field result_fields[] = {
        ENUM(MsgResult, outcome, OUTCOME_MAX),
        STRING(MsgResult, text),
};
static const Field publish_fields[] = {
        STRUCT(MsgPublish, member, member_fields),
        STRUCT(MsgPublish, restart, restart_fields),
        STRUCT(MsgPublish, pending, pending_fields),
};
static const Field record_fields[] = { ENUM(MsgRecord, key, RECORD_MAX) };
static const Field ask_failsafe_fields[] = { STRUCT(MsgAskFailsafe, status, status_fields) };
static const Field ask_fields[] = { ENUM(MsgAskPeers, kind, ASK_MAX) };
static const Field address_fields[] = {
        STRING(PeerAddress, name),
        STRING(PeerAddress, api_url),
};
static const Field peer_fields[] = {
        STRING(Peer, name),     FLAG(Peer, heard),           FLAG(Peer, answered),        FLAG(Peer, primary),
        FLAG(Peer, nofailover), FLAG(Peer, watchdog_failed),
};
static const Field peers_fields[] = { ENUM(MsgPeers, kind, ASK_MAX) };
static const Field lease_fields[] = { ENUM(MsgLease, kind, LEASE_MAX), STRING(MsgLease, vip) };
static const Field msg_cluster_fields[] = { STRUCT(MsgCluster, cluster, cluster_fields) };
static const Field link_fields[] = {
        ENUM(MsgLink, state, LINK_MAX),
        STRING(MsgLink, endpoint),
        STRING(MsgLink, server_version),
        STRING(MsgLink, reason),
};
static const Field msg_order_fields[] = {
        ENUM(MsgOrder, what, ORDER_MAX),
        FLAG(MsgOrder, immediate),
        FLAG(MsgOrder, may_remake),
        FLAG(MsgOrder, hands_off),
        FLAG(MsgOrder, from_leader),
        FLAG(MsgOrder, remote),
        STRUCT(MsgOrder, leader, member_fields),
        STRING(MsgOrder, text),
};
static const Field leaf_fields[] = { STRING(MsgLeaf, path) };
static const Field gate_fields[] = {
        ENUM(MsgGate, outcome, OUTCOME_MAX),
        STRING(MsgGate, text),
};
static const Field msg_pg_fields[] = { STRUCT(MsgPgState, pg, pg_fields) };
static const Field msg_history_fields[] = { STRUCT(MsgHistory, history, history_fields) };
static const Field spawn_fields[] = { STRING(MsgSpawn, cwd) };
static const Field want_fields[] = {
        ENUM(MsgWant, gate_mode, FENCE_MODE_MAX),
        ROWS(MsgWant, vips, n_vips, VIPS_MAX, vip_fields),
        ROWS(MsgWant, also, n_also, ALSO_MAX, unit_fields),
        STRING(MsgWant, leaf_path),
};
static const Field fence_state_fields[] = {
        ENUM(MsgFenceState, populated, TRI_MAX),
        ENUM(MsgFenceState, gate, GATE_MAX),
        ROWS(MsgFenceState, vips, n_vips, VIPS_MAX, vip_state_fields),
        ROWS(MsgFenceState, also, n_also, ALSO_MAX, unit_state_fields),
        STRING(MsgFenceState, gate_reason),
};
static const Field arm_fields[] = {
        ENUM(MsgArm, mode, WATCHDOG_MODE_MAX),
        STRING(MsgArm, device),
};
static const Field reset_fields[] = { STRING(MsgReset, reason) };
static const Field watchdog_state_fields[] = {
        ENUM(MsgWatchdogState, armed, TRI_MAX),
        ENUM(MsgWatchdogState, mode, WATCHDOG_MODE_MAX),
        STRING(MsgWatchdogState, device),
        STRING(MsgWatchdogState, identity),
        STRING(MsgWatchdogState, boot_cause),
        STRING(MsgWatchdogState, reason),
};
static const Field msg_link_fields[] = {
        ENUM(MsgLink, state, LINK_MAX),
        STRING(MsgLink, endpoint),
        STRING(MsgLink, server_version),
        STRING(MsgLink, reason),
};
static const Field status_msg_fields[] = {
        STRING(MsgStatus, name),
        STRING(MsgStatus, scope),
        FLAG(MsgStatus, leader),
        FLAG(MsgStatus, leaving),
        FLAG(MsgStatus, left),
        FLAG(MsgStatus, watchdog_failed),
        FLAG(MsgStatus, dcs_up),
        FLAG(MsgStatus, failsafe),
        FLAG(MsgStatus, reinitializing),
        STRUCT(MsgStatus, restart, restart_fields),
        STRING(MsgStatus, rule),
        STRING(MsgStatus, reason),
        STRUCT(MsgStatus, fence, fence_state_fields),
        STRUCT(MsgStatus, watchdog, watchdog_state_fields),
        STRUCT(MsgStatus, link, msg_link_fields),
};
static const Field request_fields[] = {
        ENUM(MsgRequest, kind, REQUEST_MAX),
        STRUCT(MsgRequest, restart, restart_ask_fields),
        STRING(MsgRequest, leader),
        STRING(MsgRequest, candidate),
};
static const Field row_fields[] = {
        STRING(MsgRow, section),
        STRING(MsgRow, key),
        STRING(MsgRow, value),
        STRING(MsgRow, note),
};

/* How many bytes may follow the struct. */
typedef enum Tail {
        TAIL_NONE,
        TAIL_ROWS,    /* n_rows rows of row_size */
        TAIL_BYTES,   /* a uint32_t at count_offset says */
        TAIL_CLUSTER, /* the struct is cut after its last member; then blobs */
        TAIL_RECORD,
        TAIL_REQUEST,
        TAIL_STRINGS,
} Tail;

typedef struct Shape {
        size_t size; /* of the struct, without its tail */
        const Field *fields;
        uint32_t n_fields;
        Tail tail;
        uint32_t count_offset;
        uint32_t row_size;
        uint32_t rows_max;
        const Field *row_fields;
        uint32_t n_row_fields;
} Shape;

#define PLAIN(T) { sizeof(T), NULL, 0, TAIL_NONE, 0, 0, 0, NULL, 0 }
#define WITH(T, table) { sizeof(T), table, ELEMENTSOF(table), TAIL_NONE, 0, 0, 0, NULL, 0 }
#define TAILED(T, table, how, n)                                                                   \
        { sizeof(T), table, ELEMENTSOF(table), how, offsetof(T, n), 0, 0, NULL, 0 }

static const Shape shapes[MSG_TYPE_MAX] = {
        [MSG_HELLO] = WITH(MsgHello, hello_fields),
        [MSG_RESULT] = WITH(MsgResult, result_fields),
        [MSG_PERMIT] = PLAIN(MsgPermit),
        [MSG_REVOKE] = PLAIN(MsgRevoke),
        [MSG_HOLD] = WITH(MsgHold, hold_fields),
        [MSG_BID] = WITH(MsgBid, bid_fields),
        [MSG_RELEASE] = WITH(MsgRelease, release_fields),
        [MSG_PUBLISH] = WITH(MsgPublish, publish_fields),
        [MSG_RECORD] = TAILED(MsgRecord, record_fields, TAIL_RECORD, key),
        [MSG_ASK_PEERS] = { sizeof(MsgAskPeers), ask_fields, ELEMENTSOF(ask_fields), TAIL_ROWS,
                            offsetof(MsgAskPeers, n_peers), sizeof(PeerAddress),
                            CLUSTER_MEMBERS_MAX, address_fields, ELEMENTSOF(address_fields) },
        [MSG_ASK_FAILSAFE] = WITH(MsgAskFailsafe, ask_failsafe_fields),
        [MSG_RELOAD] = PLAIN(MsgReload),
        [MSG_LEASE] = WITH(MsgLease, lease_fields),
        [MSG_CLUSTER] = TAILED(MsgCluster, msg_cluster_fields, TAIL_CLUSTER, blobs_size),
        [MSG_PEERS] = { sizeof(MsgPeers), peers_fields, ELEMENTSOF(peers_fields), TAIL_ROWS,
                        offsetof(MsgPeers, n_peers), sizeof(Peer), CLUSTER_MEMBERS_MAX, peer_fields,
                        ELEMENTSOF(peer_fields) },
        [MSG_LINK] = WITH(MsgLink, link_fields),
        [MSG_ORDER] = WITH(MsgOrder, msg_order_fields),
        [MSG_CANCEL] = PLAIN(MsgCancel),
        [MSG_GATE] = WITH(MsgGate, gate_fields),
        [MSG_PROBE] = PLAIN(MsgProbe),
        [MSG_PG_STATE] = WITH(MsgPgState, msg_pg_fields),
        [MSG_HISTORY] = WITH(MsgHistory, msg_history_fields),
        [MSG_LEAF] = WITH(MsgLeaf, leaf_fields),
        [MSG_MAKE_LEAF] = PLAIN(MsgMakeLeaf),
        [MSG_DROP_LEAF] = PLAIN(MsgDropLeaf),
        [MSG_SPAWN] = TAILED(MsgSpawn, spawn_fields, TAIL_STRINGS, argc),
        [MSG_SPAWNED] = PLAIN(MsgSpawned),
        [MSG_EXITED] = PLAIN(MsgExited),
        [MSG_WANT] = WITH(MsgWant, want_fields),
        [MSG_VIP_PERMIT] = WITH(MsgVipPermit, vip_permit_fields),
        [MSG_FENCE_STATE] = WITH(MsgFenceState, fence_state_fields),
        [MSG_ARM] = WITH(MsgArm, arm_fields),
        [MSG_DISARM] = PLAIN(MsgDisarm),
        [MSG_RESET] = WITH(MsgReset, reset_fields),
        [MSG_WATCHDOG_STATE] = WITH(MsgWatchdogState, watchdog_state_fields),
        [MSG_STATUS] = WITH(MsgStatus, status_msg_fields),
        [MSG_REQUEST] = TAILED(MsgRequest, request_fields, TAIL_REQUEST, blob_size),
        [MSG_ROW] = WITH(MsgRow, row_fields),
};

static const struct {
        size_t size;
        const Field *fields;
        uint32_t n_fields;
} record_values[RECORD_MAX] = {
        [RECORD_INITIALIZE] = { sizeof(InitializeKey), initialize_fields,
                                ELEMENTSOF(initialize_fields) },
        [RECORD_STATUS] = { sizeof(StatusKey), status_fields, ELEMENTSOF(status_fields) },
        [RECORD_HISTORY] = { sizeof(History), history_fields, ELEMENTSOF(history_fields) },
        [RECORD_SYNC] = { sizeof(SyncKey), sync_fields, ELEMENTSOF(sync_fields) },
        [RECORD_FAILOVER] = { sizeof(FailoverKey), failover_fields, ELEMENTSOF(failover_fields) },
        [RECORD_STANDING] = { sizeof(StandingKey), standing_fields, ELEMENTSOF(standing_fields) },
        [RECORD_RESUME] = { sizeof(ResumeKey), resume_fields, ELEMENTSOF(resume_fields) },
};

static uint32_t get_u32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof v);
        return v;
}

static bool fields_ok(const uint8_t *base, size_t size, const Field *fields, size_t n_fields);

static bool rows_ok(const uint8_t *base, size_t size, const Field *f)
{
        uint32_t n = get_u32(base + f->count_offset);

        if (n > f->max || f->offset + (size_t)n * f->size > size)
                return false;
        for (uint32_t i = 0; i < n; i++)
                if (!fields_ok(base + f->offset + (size_t)i * f->size, f->size, f->fields,
                               f->n_fields))
                        return false;
        return true;
}

static bool fields_ok(const uint8_t *base, size_t size, const Field *fields, size_t n_fields)
{
        for (size_t i = 0; i < n_fields; i++) {
                const Field *f = &fields[i];
                const uint8_t *p = base + f->offset;
                bool ok = false;

                switch (f->kind) {
                case FIELD_STRING: ok = str_terminated((const char *)p, f->size); break;
                case FIELD_FLAG: ok = *p <= 1; break;
                case FIELD_ENUM: ok = f->size == 4 && get_u32(p) < f->max; break;
                case FIELD_STRUCT: ok = fields_ok(p, size - f->offset, f->fields, f->n_fields); break;
                case FIELD_ROWS: ok = rows_ok(base, size, f); break;
                }
                if (!ok)
                        return false;
        }
        return true;
}

static bool cluster_tail_ok(const uint8_t *p, size_t size, const Shape *s)
{
        size_t least = offsetof(MsgCluster, cluster) + offsetof(Cluster, members);

        if (size < least)
                return false;
        uint32_t n = get_u32(p + offsetof(MsgCluster, cluster) + offsetof(Cluster, n_members));
        if (n > CLUSTER_MEMBERS_MAX)
                return false;
        size_t fixed = least + n * sizeof(Member);
        return fixed <= size && size - fixed == get_u32(p + s->count_offset) &&
               fields_ok(p, fixed, s->fields, s->n_fields);
}

static bool strings_ok(const uint8_t *p, size_t size, size_t fixed, uint64_t n)
{
        size_t at = fixed;

        for (; n > 0; n--) {
                const uint8_t *end = at < size ? memchr(p + at, 0, size - at) : NULL;
                if (!end)
                        return false;
                at = (size_t)(end - p) + 1;
        }
        return at == size;
}

static bool record_ok(const uint8_t *p, size_t size, size_t fixed)
{
        uint32_t key = get_u32(p + offsetof(MsgRecord, key));

        if (key == RECORD_CONFIG)
                return true; /* text of any length the packet holds */
        return size - fixed == record_values[key].size &&
               fields_ok(p + fixed, size - fixed, record_values[key].fields,
                         record_values[key].n_fields);
}

/* A leader's slots, or text. */
static bool request_ok(const uint8_t *p, size_t size, size_t fixed)
{
        size_t rest = size - fixed;

        if (rest != get_u32(p + offsetof(MsgRequest, blob_size)))
                return false;
        return get_u32(p + offsetof(MsgRequest, kind)) != REQUEST_FAILSAFE || rest == 0 ||
               (rest == sizeof(StatusKey) &&
                fields_ok(p + fixed, rest, status_fields, ELEMENTSOF(status_fields)));
}

static bool message_ok(const uint8_t *p, size_t size, const Shape *s)
{
        if (s->tail == TAIL_CLUSTER)
                return cluster_tail_ok(p, size, s);
        if (size < s->size || !fields_ok(p, s->size, s->fields, s->n_fields))
                return false;

        uint32_t n = get_u32(p + s->count_offset);
        switch (s->tail) {
        case TAIL_NONE: return size == s->size;
        case TAIL_BYTES: return size - s->size == n;
        case TAIL_RECORD: return record_ok(p, size, s->size);
        case TAIL_REQUEST: return request_ok(p, size, s->size);
        case TAIL_STRINGS:
                return strings_ok(p, size, s->size,
                                  (uint64_t)n + get_u32(p + offsetof(MsgSpawn, envc)));
        case TAIL_ROWS:
                if (n > s->rows_max || size != s->size + (size_t)n * s->row_size)
                        return false;
                for (uint32_t i = 0; i < n; i++)
                        if (!fields_ok(p + s->size + (size_t)i * s->row_size, s->row_size,
                                       s->row_fields, s->n_row_fields))
                                return false;
                return true;
        case TAIL_CLUSTER: break; /* above */
        }
        return false;
}

int wire_check(const void *packet, size_t size)
{
        MsgHeader h;

        if (size < sizeof h || size > WIRE_PACKET_MAX)
                return -EBADMSG;
        memcpy(&h, packet, sizeof h);
        if (h.version != WIRE_VERSION)
                return -EPROTONOSUPPORT;
        if (h.size != size || h.type == MSG_INVALID || h.type >= MSG_TYPE_MAX)
                return -EBADMSG;
        return message_ok(packet, size, &shapes[h.type]) ? 0 : -EBADMSG;
}

void wire_header(MsgHeader *h, MsgType type, size_t size)
{
        *h = (MsgHeader){ .type = (uint16_t)type, .version = WIRE_VERSION, .size = (uint32_t)size };
}

size_t wire_cluster_fixed_size(const Cluster *c)
{
        return offsetof(MsgCluster, cluster) + offsetof(Cluster, members) +
               c->n_members * sizeof(Member);
}

const char *wire_cluster_blob(const MsgCluster *m, BlobRef ref)
{
        if (ref.size == 0 || ref.offset > m->blobs_size || ref.size > m->blobs_size - ref.offset)
                return NULL;
        return (const char *)m + wire_cluster_fixed_size(&m->cluster) + ref.offset;
}

size_t wire_record_value_size(RecordKey key)
{
        return (size_t)key < RECORD_MAX ? record_values[key].size : 0;
}

const char *wire_spawn_string(const MsgSpawn *m, uint32_t i)
{
        const char *s = m->strings;

        if (i >= m->argc + m->envc)
                return NULL;
        while (i-- > 0)
                s += strlen(s) + 1;
        return s;
}
