/*
 * What is written to the DCS: every member its own key, the leader the cluster's. Each record is
 * compared with what is there and written only when it differs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "decide/sync.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define WRITE_WITHIN (3 * USEC_PER_SEC)
#define RECORD_AGAIN (100 * USEC_PER_MSEC)
#define CLAIM_AGAIN (10 * USEC_PER_SEC)

static void on_recorded(const MsgResult *r, void *userdata, RecordKey key)
{
        Palisaded *p = userdata;

        p->duties.under_way[key] = false;
        p->duties.recorded_at[key] = p->cluster ? p->cluster->revision : 0;
        p->duties.again[key] = now_boottime() + RECORD_AGAIN;
        if (key == RECORD_SYNC && r->outcome == OUTCOME_REFUSED)
                p->duties.sync_open = false;
        if (key == RECORD_FAILSAFE && r->outcome == OUTCOME_DONE)
                p->duties.failsafe_epoch = p->authority.epoch;
        if (key == RECORD_STATUS && r->outcome != OUTCOME_DONE)
                p->duties.status_stands = false;
        if (r->outcome == OUTCOME_REFUSED)
                log_debug("/%s was not written: %s", record_key_to_string(key), r->text);
        palisaded_think(p);
}

#define ON_RECORDED(name, key)                                                                     \
        static void name(const MsgResult *r, void *userdata)                                       \
        {                                                                                          \
                on_recorded(r, userdata, key);                                                     \
        }
ON_RECORDED(on_initialize_recorded, RECORD_INITIALIZE)
ON_RECORDED(on_config_recorded, RECORD_CONFIG)
ON_RECORDED(on_status_recorded, RECORD_STATUS)
ON_RECORDED(on_history_recorded, RECORD_HISTORY)
ON_RECORDED(on_sync_recorded, RECORD_SYNC)
ON_RECORDED(on_failover_recorded, RECORD_FAILOVER)
ON_RECORDED(on_failsafe_recorded, RECORD_FAILSAFE)

static const hands_answer_t recorded[RECORD_MAX] = {
        [RECORD_INITIALIZE] = on_initialize_recorded, [RECORD_CONFIG] = on_config_recorded,
        [RECORD_STATUS] = on_status_recorded,         [RECORD_HISTORY] = on_history_recorded,
        [RECORD_SYNC] = on_sync_recorded,             [RECORD_FAILOVER] = on_failover_recorded,
        [RECORD_FAILSAFE] = on_failsafe_recorded,
};

void duties_record(Palisaded *p, const RecordOrder *o, hands_answer_t answer, void *userdata)
{
        static _Alignas(MsgRecord) char packet[sizeof(MsgRecord) + sizeof(History)]; /* the largest */
        MsgRecord *m = (MsgRecord *)packet;
        size_t size = wire_record_value_size(o->key);

        wire_header(&m->h, MSG_RECORD, sizeof *m + size);
        m->key = o->key;
        m->pad = 0;
        m->epoch = o->epoch;
        m->revision = o->revision;
        m->deadline = now_boottime() + o->within;
        if (o->value)
                memcpy(m->value, o->value, size);
        (void)hands_request(p->hands, HAND_DCSD, &m->h, o->within + USEC_PER_SEC, answer, userdata);
}

/* What came of the last one is not in the snapshot yet: the next one would be made from the same. */
static bool is_too_soon(Palisaded *p, RecordKey key)
{
        const Duties *d = &p->duties;

        if (!p->cluster || p->cluster->revision != d->recorded_at[key] || now_boottime() >= d->again[key])
                return false;
        if (p->think_timer.due > d->again[key])
                timer_set(&p->think_timer, d->again[key]);
        return true;
}

static void record(Palisaded *p, RecordKey key, uint64_t revision, Epoch epoch, const void *value,
                   hands_answer_t answer)
{
        if (p->duties.under_way[key] || is_too_soon(p, key))
                return;
        p->duties.under_way[key] = true;
        duties_record(p, &(RecordOrder){ key, epoch, revision, value, WRITE_WITHIN },
                      answer ? answer : recorded[key], p);
}

/* ---- the member key ---- */

static bool differs(const Member *a, const Member *b)
{
        return a->state != b->state || a->role != b->role || a->timeline != b->timeline ||
               a->replication_state != b->replication_state || a->pause != b->pause ||
               a->checkpoint_pending != b->checkpoint_pending ||
               a->pending_restart != b->pending_restart ||
               a->gate_pending != b->gate_pending || a->tags.nosync != b->tags.nosync || !str_equal(a->api_url, b->api_url) ||
               !str_equal(a->conn_url, b->conn_url);
}

void duties_publish(Palisaded *p, bool beat)
{
        MsgPublish m = WIRE_INIT(MsgPublish, MSG_PUBLISH);

        if (!p->known[HAND_PGD] || !p->cluster || !p->twin.settled)
                return;
        node_member(p, &m.member);
        m.restart = p->restart.scheduled;
        if (p->published.h.type == MSG_PUBLISH &&
            memcmp(&m.restart, &p->published.restart, sizeof m.restart) == 0 &&
            memcmp(&p->pg.pg.pending, &p->published.pending, sizeof m.pending) == 0 &&
            (beat ? memcmp(&m.member, &p->published.member, sizeof m.member) == 0
                  : !differs(&m.member, &p->published.member)))
                return; /* dcsd keeps it up by itself; positions alone wait for the beat */
        m.pending = p->pg.pg.pending;
        p->published = m;
        hands_send(p->hands, HAND_DCSD, &m.h);
}

/* ---- the leader's keys ---- */

void duties_status(const Palisaded *p, StatusKey *ret)
{
        const PgState *pg = &p->pg.pg;
        char own[IDENT_SIZE];

        const Lsn own_lsn = pg->in_recovery == TRI_NO ? pg->flush_lsn : pg_standby_lsn(pg);

        *ret = (StatusKey){ .optime = own_lsn };
        for (uint32_t i = 0; i < pg->n_slots && ret->n_slots < CLUSTER_SLOTS_MAX; i++)
                ret->slots[ret->n_slots++] = pg->slots[i];
        member_slot_name(p->node.name, own);
        if (ret->n_slots < CLUSTER_SLOTS_MAX) {
                (void)STR_SET(ret->slots[ret->n_slots].name, own); /* same size */
                ret->slots[ret->n_slots++].lsn = own_lsn;
        }
}

static void record_status(Palisaded *p)
{
        static StatusKey s; /* too large for the stack of every call */
        Duties *d = &p->duties;

        duties_status(p, &s);
        if (d->under_way[RECORD_STATUS] ||
            (d->status_stands && p->cluster->status.optime == s.optime &&
             memcmp(&s, &d->status, sizeof s) == 0))
                return; /* it stands there already */
        d->status = s;
        d->status_stands = true;
        record(p, RECORD_STATUS, RECORD_ANY_REVISION, p->authority.epoch, &s, NULL);
}

/* The file names only the last switch's time and leader; older ones dcsd keeps from the key. */
static void record_history(Palisaded *p)
{
        const HistoryKey *key = &p->cluster->history;
        uint32_t timeline = p->history.history.n_lines > 0
                                    ? p->history.history.lines[p->history.history.n_lines - 1].timeline + 1
                                    : 1;

        if (!p->history_known || timeline != p->pg.pg.timeline ||
            (key->mod_revision != 0 && key->timeline == timeline))
                return;
        if (timeline == 1 && key->mod_revision == 0)
                return; /* no switch yet, and nobody claims one */
        record(p, RECORD_HISTORY, RECORD_ANY_REVISION, p->authority.epoch, &p->history.history, NULL);
}

static void write_sync_key(Palisaded *p, const SyncPlan *plan)
{
        static SyncKey key;

        if (p->duties.under_way[RECORD_SYNC] || is_too_soon(p, RECORD_SYNC))
                return; /* and nothing is told */
        key = (SyncKey){ 0 };
        if (plan->action == SYNC_WRITE_KEY) {
                (void)STR_SET(key.leader, p->node.name); /* same sizes */
                (void)STR_SET(key.standbys, plan->standbys);
                key.quorum = plan->quorum;
                log_event(LOG_NOTICE, EVENT_SYNC_CHANGED,
                          FIELDS({ "PALISADE_SYNC_STANDBYS", plan->standbys, 0 }),
                          "synchronous standbys: %s",
                          plan->standbys[0] ? plan->standbys : "none yet");
        }
        duties_sync_in_doubt(p);
        record(p, RECORD_SYNC, p->cluster->sync.mod_revision, p->authority.epoch, &key, NULL);
}

void duties_sync_in_doubt(Palisaded *p)
{
        p->duties.sync_open = true;
        p->duties.sync_compared = p->cluster->sync.mod_revision;
}

/*
 * The parameter may not change while an earlier write could still put names into /sync that it does
 * not wait for any more. Each write compares the revision: once there is a newer one, none can.
 */
static bool sync_is_settled(Palisaded *p)
{
        Duties *d = &p->duties;

        if (d->sync_open && d->sync_compared != p->cluster->sync.mod_revision)
                d->sync_open = false;
        return !d->sync_open || p->cluster->settings.synchronous_mode == SYNC_MODE_OFF;
}

/* As it stands, for the sake of its revision. */
static void renew_sync_key(Palisaded *p)
{
        SyncKey key = p->cluster->sync;

        if (p->duties.under_way[RECORD_SYNC])
                return;
        (void)STR_SET(key.leader, p->node.name); /* it is, or nobody */
        duties_sync_in_doubt(p);
        record(p, RECORD_SYNC, key.mod_revision, p->authority.epoch, &key, NULL);
}

static void set_sync_names(Palisaded *p, const char *names)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);

        m.what = ORDER_SYNC_NAMES;
        m.epoch = p->authority.epoch;
        (void)STR_SET(m.text, names); /* same size */
        orders_send(p, &m);
}

static void run_sync(Palisaded *p)
{
        SyncPlan plan;

        if (p->duties.under_way[RECORD_SYNC] || p->order_open || p->pg.pg.operation != PGOP_NONE)
                return; /* the step before must show first */
        plan = sync_plan(p->cluster, &p->pg.pg, p->node.name);
        switch (plan.action) {
        case SYNC_NOTHING: break;
        case SYNC_WRITE_KEY:
        case SYNC_DELETE_KEY: write_sync_key(p, &plan); break;
        case SYNC_SET_NAMES:
                if (sync_is_settled(p))
                        set_sync_names(p, plan.names);
                else
                        renew_sync_key(p);
                break;
        }
}

/* /sync as whoever acts as primary from now on needs it. */
static bool suits_promotion(Palisaded *p)
{
        SyncPlan plan = sync_plan_promotion(p->cluster, p->node.name);

        if (plan.action != SYNC_NOTHING)
                write_sync_key(p, &plan);
        return plan.action == SYNC_NOTHING;
}

/*
 * Who was elected by hand may be further behind /status than the next election allows, in which nobody is named. Lost
 * before /status has its position, it would leave a cluster without anybody who may lead.
 */
static bool suits_next_election(Palisaded *p)
{
        const Cluster *c = p->cluster;
        bool near = pg_standby_lsn(&p->pg.pg) + c->settings.maximum_lag_on_failover >= c->status.optime;

        if (!near)
                record_status(p);
        return near;
}

bool duties_before_promotion(Palisaded *p)
{
        char names[SYNC_LIST_SIZE];

        if (!suits_next_election(p))
                return false;
        if (sync_names_before_promotion(p->cluster, &p->pg.pg, p->node.name, names, sizeof names)) {
                /* Anything else gives way: a FOLLOW that compares timelines with a leader that is gone never ends. */
                if (!p->order_open || p->order.what != ORDER_SYNC_NAMES)
                        set_sync_names(p, names);
                return false;
        }
        return suits_promotion(p);
}

/* Its files say whom it waits for; who comes back under its own key waits for those whom that names. */
bool duties_before_start(Palisaded *p)
{
        return str_equal(p->cluster->sync.leader, p->node.name) || suits_promotion(p);
}

bool duties_names_at_start(Palisaded *p, char *buf, size_t size)
{
        const PgState *pg = &p->pg.pg;

        buf[0] = 0;
        if (sync_is_settled(p)) {
                sync_names_at_start(p->cluster, p->node.name, buf, size);
                return true;
        }
        /* The key may be another one than we see. What was in force when it was written suits both. */
        if (pg->probed != 0)
                (void)str_copy(buf, size, pg->sync_names); /* the same size */
        else
                renew_sync_key(p); /* a new pgd does not know what that was */
        return pg->probed != 0;
}

static void record_failsafe(Palisaded *p)
{
        if (p->cluster->settings.failsafe_mode)
                record(p, RECORD_FAILSAFE, RECORD_ANY_REVISION, p->authority.epoch, NULL, NULL);
}

void duties_run(Palisaded *p)
{
        const Cluster *c = p->cluster;

        if (c->initialize.state != INITIALIZE_DONE)
                duties_record_sysid(p);
        if (c->config.mod_revision == 0)
                duties_write_config(p);
        if (c->settings.standby_cluster)
                return; /* history and synchronous standbys are the remote cluster's */
        record_history(p);
        run_sync(p);
        if (p->duties.failsafe_epoch != p->authority.epoch)
                record_failsafe(p); /* until then it helps nobody: dcsd/doubt.h */
}

void duties_beat(Palisaded *p)
{
        record_status(p);
        record_failsafe(p);
}

/* ---- making a cluster ---- */

static void on_claimed(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        p->duties.under_way[RECORD_INITIALIZE] = false;
        if (r->outcome == OUTCOME_DONE)
                p->claimed = r->epoch;
        if (p->claimed)
                log_notice("this node makes the cluster");
        else
                log_info("another node makes the cluster: %s", r->text);
        palisaded_think(p);
}

/* Our member key is written along, which tells whose claim it was where the answer is lost: not without it. */
void duties_claim(Palisaded *p)
{
        InitializeKey key = { .state = INITIALIZE_RUNNING };
        const Member *own = cluster_find_member(p->cluster, p->node.name);

        if (now_boottime() < p->claim_again || !own || own->lease == 0)
                return;
        record(p, RECORD_INITIALIZE, 0, 0, &key, on_claimed);
}

void duties_unclaim(Palisaded *p)
{
        InitializeKey key = { .state = INITIALIZE_ABSENT };

        p->claimed = 0;
        p->claim_again = now_boottime() + CLAIM_AGAIN;
        record(p, RECORD_INITIALIZE, p->cluster->initialize.mod_revision, 0, &key, NULL);
}

void duties_record_sysid(Palisaded *p)
{
        InitializeKey key = { .state = INITIALIZE_DONE, .sysid = p->pg.pg.sysid };

        if (key.sysid != 0)
                record(p, RECORD_INITIALIZE, p->cluster->initialize.mod_revision,
                       p->authority.epoch, &key, NULL);
}

void duties_write_config(Palisaded *p)
{
        record(p, RECORD_CONFIG, 0, p->authority.epoch, NULL, NULL);
}

void duties_clear_failover(Palisaded *p, uint64_t revision)
{
        static FailoverKey none;

        record(p, RECORD_FAILOVER, revision, p->authority.epoch, &none, NULL);
}
