/* dcsd's lease, by the real policy.c: its calls one after the other, and the bid that waits for a fresh one. */
#include "base/str.h"
#include "io/fdutil.h"
#include "tests/sim/dcsd.h"

static void answer_fresh(Dcsd *d, const PolicyProof *proof, const char *reason)
{
        Wanted *o = TAKE_PTR(d->fresh);

        timer_set(&d->fresh_timer, USEC_INFINITY);
        if (o)
                wish_fresh(o, proof, reason);
}

static void on_fresh_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        answer_fresh(userdata, NULL, "the lease could not be renewed in time");
}

static void serve_fresh(Dcsd *d)
{
        PolicyProof proof;

        if (!d->fresh || d->call)
                return;
        if (policy_fresh(&d->policy, d->fresh->ttl, &proof))
                answer_fresh(d, &proof, "");
        else if (d->policy.failures == 0)
                policy_refresh(&d->policy, d->fresh->ttl, now_boottime());
}

bool dcsd_freshen(Dcsd *d, Wanted *o)
{
        if (policy_epoch(&d->policy) != 0)
                return false;
        answer_fresh(d, NULL, "a newer bid takes its place");
        d->fresh = o;
        timer_set(&d->fresh_timer, o->deadline);
        if (!d->call)
                policy_refresh(&d->policy, o->ttl, now_boottime());
        dcsd_pump(d);
        return true;
}

void dcsd_settle(Dcsd *d, Epoch before)
{
        if (before != 0 && policy_epoch(&d->policy) == 0 && d->policy.lost_epoch == before) {
                (void)STR_SET(d->lease_reason, "the leader key is gone");
                dcsd_report(d);
        }
        serve_fresh(d);
        dcsd_pump(d);
}

static void note_failure(Dcsd *d, EtcdError error)
{
        usec_t now = now_boottime();

        if (error == ETCD_LEASE_GONE)
                policy_lease_gone(&d->policy, d->policy.lease, now);
        else
                policy_failed(&d->policy, now);
        if (d->failing_since == 0)
                d->failing_since = d->policy.started;
        dcsd_report(d);
}

static void note_success(Dcsd *d, const Rpc *r)
{
        d->answered = now_boottime();
        d->term = r->term;
        if (d->failing_since != 0) {
                d->failing_since = 0;
                dcsd_report(d);
        }
}

void lease_answer(Dcsd *d, const Rpc *r)
{
        Epoch before = policy_epoch(&d->policy);
        usec_t now = now_boottime();
        PolicyProof proof;

        d->call = 0;
        timer_set(&d->call_timer, USEC_INFINITY);
        if (d->policy.in_flight == POLICY_MOVE) {
                policy_moved(&d->policy, r->error == ETCD_OK && r->succeeded, now);
        } else if (r->error != ETCD_OK) {
                note_failure(d, r->error);
        } else if (r->kind == RPC_GRANT) {
                policy_granted(&d->policy, r->lease, r->ttl_sec, r->term, now);
                note_success(d, r);
        } else if (r->kind == RPC_KEEPALIVE) {
                policy_kept(&d->policy, r->ttl_sec, r->term, now);
                if (policy_epoch(&d->policy) == 0)
                        note_success(d, r);
        } else if (d->policy.in_flight == POLICY_REACH) {
                policy_reached(&d->policy);
        } else {
                PolicyKey key = { .present = r->n_found > 0, .raft_term = r->term };
                if (r->n_found > 0) {
                        key.ours = str_equal(r->found[0].value, d->name);
                        key.epoch = r->found[0].create;
                        key.lease = r->found[0].lease;
                }
                if (policy_confirmed(&d->policy, &key, &proof, now) == VERDICT_COUNTS)
                        dcsd_prove(d, &proof);
                note_success(d, r);
        }
        dcsd_settle(d, before);
}

static void on_call_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Dcsd *d = userdata;
        Epoch before = policy_epoch(&d->policy);

        d->call = 0;
        if (d->failing_since != 0) /* any message may be late: two of them can cost an impatient leader its key */
                world->last_fault = MAX(world->last_fault, world->now);
        dcsd_next_endpoint(d);
        if (d->policy.in_flight == POLICY_MOVE)
                policy_moved(&d->policy, false, now_boottime());
        else
                note_failure(d, ETCD_LOST);
        dcsd_settle(d, before);
}

static void send_step(Dcsd *d, const PolicyOrder *o)
{
        static const RpcKind kind_of[POLICY_STEP_MAX] = {
                [POLICY_GRANT] = RPC_GRANT,  [POLICY_KEEPALIVE] = RPC_KEEPALIVE,
                [POLICY_CONFIRM] = RPC_READ, [POLICY_REACH] = RPC_READ,
                [POLICY_MOVE] = RPC_TXN,
        };
        Rpc *r = dcsd_rpc(d, kind_of[o->step]);

        r->lease = o->lease;
        r->ttl_sec = o->ttl_sec;
        if (o->step == POLICY_MOVE) {
                Txn t = { 0 };
                txn_compare(&t, (Compare){ COMPARE_CREATE, d->paths.leader, (int64_t)o->epoch, NULL });
                txn_compare(&t, (Compare){ COMPARE_VALUE, d->paths.leader, 0, d->name });
                txn_compare(&t, (Compare){ COMPARE_LEASE, d->paths.leader, o->lease, NULL });
                txn_then(&t, (Op){ OP_PUT, d->paths.leader, d->name, o->to });
                rpc_set_txn(r, &t);
        }
        TRACE(d->program->host, "dcsd", "%s, lease %lld", policy_step_to_string(o->step),
              (long long)o->lease);
        timer_set(&d->call_timer, o->at);
        d->call = dcsd_post(r);
}

void dcsd_pump(Dcsd *d)
{
        int64_t before = d->policy.lease;
        PolicyOrder o = policy_next(&d->policy, now_boottime());

        if (o.step != POLICY_WAIT) {
                timer_set(&d->lease_timer, USEC_INFINITY);
                send_step(d, &o);
        } else if (!d->call) {
                timer_set(&d->lease_timer, o.at);
        }
        if (d->policy.lease != before)
                dcsd_publish_check(d);
}

static void on_lease_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        dcsd_pump(userdata);
}

void lease_init(Dcsd *d)
{
        sd_event *e = (sd_event *)d->program;

        policy_init(&d->policy);
        d->policy.n_endpoints = ETCD_MEMBERS;
        timer_init(&d->lease_timer, e, "lease", &d->stall, on_lease_timer, d);
        timer_init(&d->call_timer, e, "call", NULL, on_call_timer, d);
        timer_init(&d->fresh_timer, e, "fresh", NULL, on_fresh_timer, d);
}
