#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/body.h"
#include "dcsd/lease.h"
#include "io/fdutil.h"
#include "io/log.h"

struct Lease {
        Etcd *etcd;
        const Cache *cache;
        const Paths *paths;
        const char *name;
        const LeaseCalls *calls;
        void *userdata;

        Policy policy;
        EtcdCall *call;
        Timer timer;
        usec_t failing_since;
        int64_t told_id; /* what calls->moved was last called for */

        lease_fresh_t fresh; /* somebody waits for a fresh lease */
        void *fresh_userdata;
        usec_t fresh_ttl;
        Timer fresh_timer;
};

static void pump(Lease *l);

int64_t lease_id(const Lease *l)
{
        return l->policy.lease;
}

bool lease_is_held(const Lease *l)
{
        return now_boottime() < l->policy.renew_until;
}

usec_t lease_failing_since(const Lease *l)
{
        return lease_is_held(l) ? l->failing_since : 0;
}

usec_t lease_failing_until(const Lease *l)
{
        return lease_failing_since(l) == 0 ? USEC_INFINITY : l->policy.renew_until;
}

const Policy *lease_policy(const Lease *l)
{
        return &l->policy;
}

/* ---- what the keys say ---- */

static void show_keys(Lease *l)
{
        const Kv *leader = cache_get(l->cache, l->paths->leader + strlen(l->paths->prefix));
        const Kv *member = cache_get(l->cache, l->paths->member + strlen(l->paths->prefix));
        PolicyKey key = { 0 };

        if (leader)
                key = (PolicyKey){ .present = true, .ours = str_equal(leader->value, l->name),
                                   .epoch = leader->create_revision, .lease = leader->lease };
        policy_keys(&l->policy, &key, member ? member->lease : 0, now_boottime());
}

void lease_keys_changed(Lease *l)
{
        show_keys(l);
        pump(l);
}

void lease_hold(Lease *l, const MsgHold *h)
{
        policy_hold(&l->policy, h->epoch, h->renew_until, h->interval, h->ttl, h->move != 0,
                    now_boottime());
        if (l->policy.known)
                show_keys(l);
        pump(l);
}

/* ---- somebody waits ---- */

static void answer_fresh(Lease *l, const PolicyProof *proof, const char *reason)
{
        lease_fresh_t done = TAKE_PTR(l->fresh);

        timer_set(&l->fresh_timer, USEC_INFINITY);
        if (done)
                done(proof, reason, l->fresh_userdata);
}

static void on_fresh_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Lease *l = userdata;

        answer_fresh(l, NULL, lease_is_held(l) ? "the lease could not be renewed in time"
                                               : "nobody holds the lease");
}

/* An attempt is over: it was what somebody waits for, or another must follow at once. */
static void serve_fresh(Lease *l)
{
        PolicyProof proof;

        if (!l->fresh || l->call)
                return;
        if (policy_fresh(&l->policy, l->fresh_ttl, &proof))
                answer_fresh(l, &proof, "");
        else if (l->policy.failures == 0)
                policy_refresh(&l->policy, l->fresh_ttl, now_boottime());
}

int lease_freshen(Lease *l, usec_t ttl, usec_t deadline, lease_fresh_t done, void *userdata)
{
        if (policy_epoch(&l->policy) != 0)
                return -EBUSY;
        answer_fresh(l, NULL, "a newer bid takes its place");
        l->fresh = done;
        l->fresh_userdata = userdata;
        l->fresh_ttl = ttl;
        timer_set(&l->fresh_timer, deadline);
        if (!l->call)
                policy_refresh(&l->policy, ttl, now_boottime());
        pump(l);
        return 0;
}

/* ---- answers ---- */

static void note_failure(Lease *l, const EtcdAnswer *a)
{
        usec_t now = now_boottime();

        log_debug("lease: %s at %s: %s", policy_step_to_string(l->policy.in_flight), a->endpoint,
                  a->text);
        l->policy.n_endpoints = etcd_state(l->etcd).n_endpoints;
        if (a->error == ETCD_LEASE_GONE)
                policy_lease_gone(&l->policy, l->policy.lease, now);
        else
                policy_failed(&l->policy, now);
        if (l->failing_since == 0) {
                l->failing_since = l->policy.started;
                l->calls->state_changed(l->userdata);
        }
}

static void note_success(Lease *l, const EtcdAnswer *a)
{
        bool was_failing = l->failing_since != 0;

        l->failing_since = 0;
        if (was_failing)
                l->calls->state_changed(l->userdata);
        l->calls->answered(a->header.revision, l->userdata);
}

/* After every answer: who must know, and what comes next. */
static void settle(Lease *l, Epoch epoch_before)
{
        if (epoch_before != 0 && policy_epoch(&l->policy) == 0 &&
            l->policy.lost_epoch == epoch_before)
                l->calls->lost(l->policy.lease == 0 ? "the lease is gone, and the leader key with it"
                                                    : "the leader key is gone or not ours any more",
                               l->userdata);
        serve_fresh(l);
        pump(l);
}

static void on_grant(const EtcdAnswer *a, void *userdata)
{
        Lease *l = userdata;
        Epoch before = policy_epoch(&l->policy);
        uint64_t ttl_sec;
        int64_t id;

        l->call = NULL;
        if (a->error == ETCD_OK && reply_lease(a->doc, &id, &ttl_sec) >= 0) {
                policy_granted(&l->policy, id, ttl_sec, a->header.raft_term, now_boottime());
                note_success(l, a);
        } else {
                note_failure(l, a);
        }
        settle(l, before);
}

static void on_keepalive(const EtcdAnswer *a, void *userdata)
{
        Lease *l = userdata;
        Epoch before = policy_epoch(&l->policy);
        uint64_t ttl_sec;
        int64_t id;

        l->call = NULL;
        if (a->error == ETCD_OK && reply_lease(a->doc, &id, &ttl_sec) >= 0 &&
            id == l->policy.lease) {
                policy_kept(&l->policy, ttl_sec, a->header.raft_term, now_boottime());
                if (policy_epoch(&l->policy) == 0)
                        note_success(l, a);
        } else {
                note_failure(l, a);
        }
        settle(l, before);
}

static int read_key(const Lease *l, const EtcdAnswer *a, PolicyKey *ret)
{
        Kv kv = { 0 };
        int r = reply_single(a->doc, &kv);

        if (r < 0)
                return r;
        *ret = (PolicyKey){ .present = r > 0, .raft_term = a->header.raft_term };
        if (r > 0) {
                ret->ours = str_equal(kv.value, l->name);
                ret->epoch = kv.create_revision;
                ret->lease = kv.lease;
        }
        kv_done(&kv);
        return 0;
}

static void on_confirm(const EtcdAnswer *a, void *userdata)
{
        Lease *l = userdata;
        Epoch before = policy_epoch(&l->policy);
        PolicyProof proof;
        PolicyKey key;

        l->call = NULL;
        if (a->error != ETCD_OK || read_key(l, a, &key) < 0) {
                note_failure(l, a);
        } else {
                PolicyVerdict v = policy_confirmed(&l->policy, &key, &proof, now_boottime());
                if (v == VERDICT_COUNTS)
                        l->calls->proved(&proof, l->userdata);
                else
                        log_debug("lease: this renewal is worth nothing: %s",
                                  policy_verdict_to_string(v));
                note_success(l, a);
        }
        settle(l, before);
}

static void on_reach(const EtcdAnswer *a, void *userdata)
{
        Lease *l = userdata;
        Epoch before = policy_epoch(&l->policy);

        l->call = NULL;
        if (a->error == ETCD_OK)
                policy_reached(&l->policy);
        else
                note_failure(l, a);
        settle(l, before);
}

static void on_move(const EtcdAnswer *a, void *userdata)
{
        Lease *l = userdata;
        Epoch before = policy_epoch(&l->policy);
        bool done = a->error == ETCD_OK && reply_txn_succeeded(a->doc);

        l->call = NULL;
        if (!done)
                log_debug("lease: the leader key did not move to the new lease: %s",
                          a->error == ETCD_OK ? "it is not as expected" : a->text);
        policy_moved(&l->policy, done, now_boottime());
        settle(l, before);
}

/* ---- steps ---- */

static char *grant_body(const Lease *l _unused_, const PolicyOrder *o)
{
        return body_grant(o->ttl_sec);
}

static char *keepalive_body(const Lease *l _unused_, const PolicyOrder *o)
{
        return body_keepalive(o->lease);
}

static char *read_body(const Lease *l, const PolicyOrder *o _unused_)
{
        return body_range(l->paths->leader, false);
}

static char *move_body(const Lease *l, const PolicyOrder *o)
{
        const char *key = l->paths->leader;
        Txn t = { 0 };

        txn_compare(&t, (Compare){ COMPARE_CREATE, key, (int64_t)o->epoch, NULL });
        txn_compare(&t, (Compare){ COMPARE_VALUE, key, 0, l->name });
        txn_compare(&t, (Compare){ COMPARE_LEASE, key, o->lease, NULL });
        txn_then(&t, (Op){ OP_PUT, key, l->name, o->to });
        return body_txn(&t);
}

static const struct {
        const char *path;
        char *(*body)(const Lease *l, const PolicyOrder *o);
        etcd_done_t done;
} steps[POLICY_STEP_MAX] = {
        [POLICY_GRANT] = { "/lease/grant", grant_body, on_grant },
        [POLICY_KEEPALIVE] = { "/lease/keepalive", keepalive_body, on_keepalive },
        [POLICY_CONFIRM] = { "/kv/range", read_body, on_confirm },
        [POLICY_MOVE] = { "/kv/txn", move_body, on_move },
        [POLICY_REACH] = { "/kv/range", read_body, on_reach },
};

static void send(Lease *l, const PolicyOrder *o)
{
        EtcdWant want = {
                .lane = ETCD_LANE_LEASE,
                .path = steps[o->step].path,
                .body = steps[o->step].body(l, o),
                .deadline = o->at,
                .repeat = ETCD_ONCE,
                .done = steps[o->step].done,
                .userdata = l,
        };

        l->call = etcd_cancel(l->call); /* of a lease that is gone */
        if (etcd_call(l->etcd, &l->call, want) < 0) {
                l->call = NULL;
                policy_failed(&l->policy, now_boottime());
                timer_set(&l->timer, now_boottime() + POLICY_PAUSE_MAX);
        }
}

static void pump(Lease *l)
{
        PolicyOrder o = policy_next(&l->policy, now_boottime());

        if (l->policy.lease != l->told_id) {
                l->told_id = l->policy.lease;
                l->calls->moved(l->userdata);
        }
        if (o.step != POLICY_WAIT) {
                timer_set(&l->timer, USEC_INFINITY);
                send(l, &o);
        } else if (!l->call) {
                timer_set(&l->timer, o.at);
        }
}

static void on_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        pump(userdata);
}

/* ---- told from outside ---- */

void lease_gone(Lease *l, int64_t id)
{
        Epoch before = policy_epoch(&l->policy);

        policy_lease_gone(&l->policy, id, now_boottime());
        settle(l, before);
}

void lease_won(Lease *l, Epoch epoch, bool confirmed)
{
        policy_won(&l->policy, epoch, confirmed, now_boottime());
        pump(l);
}

void lease_released(Lease *l, Epoch epoch)
{
        policy_released(&l->policy, epoch);
}

int lease_new(Lease **ret, sd_event *event, Etcd *e, const Cache *cache, const Paths *paths,
              const char *name, Stall *stall, const LeaseCalls *calls, void *userdata)
{
        _cleanup_(lease_freep) Lease *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        *l = (Lease){ .etcd = e, .cache = cache, .paths = paths, .name = name, .calls = calls,
                      .userdata = userdata };
        policy_init(&l->policy);
        int r = timer_init(&l->timer, event, "lease", stall, on_timer, l);
        if (r >= 0)
                r = timer_init(&l->fresh_timer, event, "fresh", NULL, on_fresh_timer, l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Lease *lease_free(Lease *l)
{
        if (l) {
                l->call = etcd_cancel(l->call);
                timer_done(&l->timer);
                timer_done(&l->fresh_timer);
                free(l);
        }
        return NULL;
}
