#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/hands.h"
#include "tests/sim/dcsd.h"
#include "tests/sim/errors.h"

#define ATTEMPT (1 * USEC_PER_SEC)
#define STALL_NEWS (20 * USEC_PER_MSEC)

static uint64_t calls; /* numbers; they say nothing about the world */

/* ---- to the mind ---- */

void dcsd_tell(Dcsd *d, const MsgHeader *m)
{
        if (d->joined)
                message_to_mind(d->program->host, HAND_DCSD, m, NULL, 0);
}

void dcsd_result(Dcsd *d, uint64_t seq, Outcome outcome, Epoch epoch, const char *text)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);

        m.h.seq = seq;
        m.outcome = outcome;
        m.epoch = epoch;
        (void)STR_SET(m.text, text);
        if (seq != 0)
                dcsd_tell(d, &m.h);
}

void dcsd_prove(Dcsd *d, const PolicyProof *proof)
{
        MsgLease m = WIRE_INIT(MsgLease, MSG_LEASE);

        m.epoch = proof->epoch;
        m.kind = LEASE_LEADER;
        m.id = proof->lease;
        m.sent = proof->sent;
        m.ttl = proof->ttl;
        dcsd_tell(d, &m.h);
        d->lease_reason[0] = 0;
}

static MsgLink make_link(const Dcsd *d)
{
        MsgLink m = WIRE_INIT(MsgLink, MSG_LINK);

        m.state = d->health.state;
        m.dcs_id = 1;
        m.raft_term = d->term;
        m.since = d->health.since;
        m.answered = d->answered;
        m.stall = stall_worst(&d->stall, now_boottime());
        (void)STR_SET(m.reason, d->lease_reason);
        return m;
}

void dcsd_report(Dcsd *d)
{
        bool held = now_boottime() < d->policy.renew_until;
        usec_t lease = held ? d->failing_since : 0, watch = d->watch_broken, again;
        usec_t bad = watch == 0 ? lease : lease == 0 ? watch : MIN(watch, lease);

        (void)health_update(&d->health, bad, lease == 0 ? USEC_INFINITY : d->policy.renew_until,
                            d->settings.timing.retry_timeout, now_boottime(), &again);
        timer_set(&d->health_timer, again);
        MsgLink m = make_link(d);
        usec_t stall = m.stall > d->link.stall ? m.stall - d->link.stall : d->link.stall - m.stall;
        if (m.state != d->link.state || m.raft_term != d->link.raft_term || stall >= STALL_NEWS ||
            !str_equal(m.reason, d->link.reason)) {
                d->link = m;
                dcsd_tell(d, &m.h);
        }
}

static void on_health(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        dcsd_report(userdata);
}

/* ---- the keys ---- */

static void show_keys(Dcsd *d)
{
        const Key *leader = keys_find(d->keys, d->paths.leader);
        const Key *member = keys_find(d->keys, d->paths.member);
        PolicyKey key = { 0 };

        if (leader->there)
                key = (PolicyKey){ .present = true, .ours = str_equal(leader->value, d->name),
                                   .epoch = leader->create, .lease = leader->lease };
        policy_keys(&d->policy, &key, member->there ? member->lease : 0, now_boottime());
}

/* What has changed goes out once, at the end of the step. */
void dcsd_flush(Program *p)
{
        Dcsd *d = p->state;

        if (!p->up || !d || !d->flushing)
                return;
        d->flushing = false;
        view_cluster(d);
        dcsd_tell(d, &d->packet->h);
}

static void keys_changed(Dcsd *d)
{
        d->flushing = true;
        show_keys(d);
        dcsd_pump(d);
        dcsd_publish_check(d);
}

/* The whole store, as it is now. */
static void take_keys(Dcsd *d)
{
        for (size_t i = 0; i < KEY_MAX; i++)
                if (d->keys[i].mod != world->etcd->keys[i].mod)
                        d->keys[i] = world->etcd->keys[i];
        d->revision = world->etcd->revision;
        d->term = world->etcd->term;
        d->answered = now_boottime();
        keys_changed(d);
}

/* What our own transaction wrote is known before the watch brings it. */
void dcsd_note_writes(Dcsd *d, const Txn *t, uint64_t revision)
{
        for (size_t i = 0; i < t->n_then; i++) {
                const Op *op = &t->then[i];
                Key *k = keys_find(d->keys, op->key);
                if (k->mod > revision || (d->revision > revision && !k->there))
                        continue;
                if (op->what == OP_DELETE) {
                        k->there = false;
                        k->create = k->mod = 0;
                        k->lease = 0;
                } else {
                        if (!k->there)
                                k->create = revision;
                        k->there = true;
                        k->mod = revision;
                        k->lease = op->lease;
                        (void)STR_SET(k->value, op->value);
                }
        }
        keys_changed(d);
}

/* ---- the watch ---- */

static void on_notified(Event *e)
{
        Dcsd *d = e->what;

        d->notified = false;
        if (!d->current)
                return;
        if (etcd_reaches(d->program->host, d->program->host->endpoint) && !error_ends_watch(d->program)) {
                take_keys(d);
                dcsd_report(d);
                return;
        }
        d->current = false;
        if (d->watch_broken == 0)
                d->watch_broken = now_boottime();
        timer_set(&d->watch_timer, now_boottime() + 100 * MSEC);
        dcsd_report(d);
}

void dcsd_notify(Program *p)
{
        Dcsd *d = p->state;

        if (!p->up || !d || d->notified)
                return;
        d->notified = true;
        uint64_t late = sim_between(300, 5000);
        if (sim_chance(10))
                late += sim_below(SEC);
        sim_event(world->now + late, on_notified, p, NULL, d, 0);
}

Rpc *dcsd_rpc(Dcsd *d, RpcKind kind)
{
        Rpc *r = malloc(sizeof *r);

        if (!r)
                abort();
        memset(r, 0, offsetof(Rpc, found)); /* what follows is filled as it is counted */
        r->program = d->program;
        r->life = d->program->life;
        r->call = ++calls;
        r->member = d->program->host->endpoint;
        r->kind = kind;
        return r;
}

uint64_t dcsd_post(Rpc *r)
{
        uint64_t call = r->call;

        etcd_send(r);
        return call;
}

void dcsd_next_endpoint(Dcsd *d)
{
        d->program->host->endpoint = (d->program->host->endpoint + 1) % ETCD_MEMBERS;
        if (d->current) { /* the watch moves along */
                d->current = false;
                if (d->watch_broken == 0)
                        d->watch_broken = now_boottime();
                timer_set(&d->watch_timer, now_boottime());
        }
}

static void on_watch(Timer *t, usec_t now, void *userdata)
{
        Dcsd *d = userdata;

        if (d->current)
                return;
        if (d->sync_call)
                dcsd_next_endpoint(d);
        d->sync_call = dcsd_post(dcsd_rpc(d, RPC_SYNC));
        timer_set(t, now + 700 * MSEC);
        dcsd_report(d);
}

static void on_synced(Dcsd *d, const Rpc *r)
{
        d->sync_call = 0;
        if (r->error != ETCD_OK) {
                timer_set(&d->watch_timer, now_boottime() + 100 * MSEC);
                return;
        }
        d->current = true;
        d->watch_broken = 0;
        timer_set(&d->watch_timer, USEC_INFINITY);
        take_keys(d);
        dcsd_report(d);
}

/* ---- the mind's messages ---- */

static void on_bid(Dcsd *d, const MsgBid *m)
{
        Wanted *o = wish_new(d, m->h.seq, m->deadline, WISH_BID);

        check_bid(d->program->host);
        if (!o)
                return;
        o->ttl = m->ttl;
        o->wish.sync_revision = m->sync_revision;
        o->wish.failover_revision = m->failover_revision;
        o->wish.config_revision = m->config_revision;
        if (!dcsd_freshen(d, o))
                wish_end(o, OUTCOME_REFUSED, 0, "this node leads already");
}

static void on_release(Dcsd *d, const MsgRelease *m)
{
        Wanted *o = wish_new(d, m->h.seq, m->deadline, WISH_RELEASE);

        check_release(d->program->host, m->epoch);
        if (!o)
                return;
        o->wish.epoch = m->epoch;
        if (m->optime) {
                snprintf(o->value, sizeof o->value, "%llu", (unsigned long long)m->optime);
                o->wish.value = o->value;
        }
        wish_send(o);
}

/* Is everybody of `other` in `list`? */
static bool names_all(const char *list, const char *other)
{
        char name[NAME_SIZE];
        bool all = true;

        while (str_list_next(&other, name, sizeof name))
                all = all && str_list_contains(list, name);
        return all;
}

static void on_record(Dcsd *d, const MsgRecord *m)
{
        char key[PATH_SIZE], value[VALUE_SIZE];
        bool is_delete, is_claim;
        uint64_t revision;

        if (!d->has_cluster || !view_record(d, m, key, value, &is_delete, &revision, &is_claim)) {
                dcsd_result(d, m->h.seq, OUTCOME_REFUSED, 0, "the DCS was not read yet");
                return;
        }
        const Key *k = keys_find(d->keys, key);
        bool is_there = is_delete ? !k->there : k->there && str_equal(k->value, value);
        const LeaderKey *leader = &d->packet->cluster.leader;
        bool in_doubt = m->key == RECORD_FAILSAFE && doubt_is_open(&d->doubt, m->epoch, revision);
        if (!is_claim && is_there && m->key != RECORD_SYNC && !in_doubt && d->current &&
            (m->epoch == 0 || (leader->epoch == m->epoch && str_equal(leader->name, d->name)))) {
                dcsd_result(d, m->h.seq, OUTCOME_DONE, 0, "");
                return;
        }
        Wanted *o = wish_new(d, m->h.seq, m->deadline, is_claim ? WISH_CLAIM : WISH_RECORD);
        if (!o)
                return;
        if (is_claim) {
                if (d->policy.lease && d->has_member) {
                        (void)STR_SET(o->value, d->member);
                        o->wish.member_value = o->value;
                }
        } else {
                o->wish.epoch = m->epoch;
                (void)STR_SET(o->key, key);
                o->wish.key = o->key;
                (void)STR_SET(o->value, value);
                o->wish.value = is_delete ? NULL : o->value;
                o->wish.revision = revision;
                if (m->key == RECORD_FAILSAFE)
                        doubt_sent(&d->doubt, m->epoch, revision,
                                   !names_all(k->there ? k->value : "", value));
        }
        wish_send(o);
}

void dcsd_message(Program *p, const MsgHeader *m)
{
        Dcsd *d = p->state;
        const MsgHold *hold = (const MsgHold *)m;

        switch ((int)m->type) {
        case MSG_HOLD:
                policy_hold(&d->policy, hold->epoch, hold->renew_until, hold->interval, hold->ttl,
                            hold->move != 0, now_boottime());
                if (hold->epoch == 0)
                        d->lease_reason[0] = 0;
                if (d->policy.known)
                        show_keys(d);
                dcsd_pump(d);
                dcsd_publish_check(d);
                break;
        case MSG_BID: on_bid(d, (const MsgBid *)m); break;
        case MSG_RELEASE: on_release(d, (const MsgRelease *)m); break;
        case MSG_PUBLISH:
                view_member(&((const MsgPublish *)m)->member, d->member);
                d->has_member = true;
                dcsd_publish_check(d);
                break;
        case MSG_RECORD: on_record(d, (const MsgRecord *)m); break;
        case MSG_ASK_PEERS: asks_peers(d, (const MsgAskPeers *)m); break;
        case MSG_RELOAD: break;
        case MSG_ASK_FAILSAFE: asks_failsafe(d, (const MsgAskFailsafe *)m); break;
        default: sim_fail("dcsd got %s", msg_type_to_string(m->type));
        }
}

bool dcsd_awaits(const Dcsd *d, const Rpc *r)
{
        bool awaited = r->call == d->call || r->call == d->sync_call || r->call == d->publish_call;

        for (size_t i = 0; i < WISHES_MAX && !awaited; i++)
                awaited = d->wanted[i].used && d->wanted[i].call == r->call;
        return awaited;
}

/* Each attempt of a request that is repeated has a time of its own. */
void dcsd_asked_again(Dcsd *d, const Rpc *r, usec_t at)
{
        if (r->call == d->publish_call)
                timer_set(&d->publish_timer, at + ATTEMPT);
        for (size_t i = 0; i < WISHES_MAX; i++)
                if (d->wanted[i].used && d->wanted[i].call == r->call)
                        timer_set(&d->wanted[i].timer, MIN(d->wanted[i].deadline, at + ATTEMPT));
}

void dcsd_answer(Program *p, Rpc *r)
{
        Dcsd *d = p->state;

        if (r->call == d->call) {
                lease_answer(d, r);
        } else if (r->call == d->sync_call) {
                on_synced(d, r);
        } else if (r->call == d->publish_call) {
                publish_answer(d, r);
        } else {
                for (size_t i = 0; i < WISHES_MAX; i++)
                        if (d->wanted[i].used && d->wanted[i].call == r->call) {
                                wish_answer(&d->wanted[i], r);
                                return;
                        }
        }
}

/* ---- life ---- */

void dcsd_joined(Program *p)
{
        Dcsd *d = p->state;

        d->joined = true;
        d->link = make_link(d);
        dcsd_tell(d, &d->link.h);
        if (d->has_cluster) {
                view_cluster(d);
                dcsd_tell(d, &d->packet->h);
        }
}

void dcsd_left(Program *p)
{
        Dcsd *d = p->state;

        for (size_t i = 0; i < WISHES_MAX; i++)
                d->wanted[i].seq = 0;
        asks_forget_all(d);
}

int dcsd_start(Program *p)
{
        Dcsd *d = calloc(1, sizeof *d);
        sd_event *e = (sd_event *)p;

        *d = (Dcsd){ .program = p, .name = p->host->name, .settings = settings_of(world->schedule, 0) };
        d->packet = calloc(1, sizeof *d->packet);
        p->state = d;
        paths_init(&d->paths, PREFIX, d->name);
        lease_init(d);
        d->health.since = d->watch_broken = now_boottime();
        timer_init(&d->watch_timer, e, "watch", NULL, on_watch, d);
        timer_init(&d->publish_timer, e, "publish", NULL, publish_timer, d);
        timer_init(&d->publish_again, e, "publish", NULL, publish_again, d);
        timer_init(&d->health_timer, e, "health", NULL, on_health, d);
        for (size_t i = 0; i < WISHES_MAX; i++)
                timer_init(&d->wanted[i].timer, e, "wish", NULL, wish_timer, &d->wanted[i]);
        asks_init(d);
        timer_set(&d->watch_timer, now_boottime());
        return 0;
}

void dcsd_end(Program *p)
{
        Dcsd *d = p->state;

        free(d->packet);
        free(d);
        p->state = NULL;
}
