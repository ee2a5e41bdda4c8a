/* What dcsd is told to change once, or not at all: order.c's part, over the real wish.c. */
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "tests/sim/dcsd.h"

#define TRIES_MAX 5
#define ATTEMPT (1 * USEC_PER_SEC)

void wish_end(Wanted *o, Outcome outcome, Epoch epoch, const char *text)
{
        Dcsd *d = o->owner;

        if (o->wish.kind == WISH_RECORD && str_equal(o->key, PREFIX "failsafe"))
                doubt_answered(&d->doubt, o->wish.epoch, outcome);
        dcsd_result(d, o->seq, outcome, epoch, text);
        if (d->fresh == o)
                d->fresh = NULL;
        o->used = false;
        o->call = 0;
        timer_set(&o->timer, USEC_INFINITY);
        dcsd_publish_check(d);
}

static void end_done(Wanted *o, Epoch epoch, uint64_t revision, uint64_t term)
{
        Dcsd *d = o->owner;
        PolicyProof proof = o->proof;

        switch (o->wish.kind) {
        case WISH_BID: {
                bool confirmed = term != 0 && term == proof.raft_term;
                proof.epoch = epoch;
                policy_won(&d->policy, epoch, confirmed, now_boottime());
                dcsd_pump(d);
                wish_end(o, OUTCOME_DONE, epoch, "");
                if (confirmed)
                        dcsd_prove(d, &proof);
                return;
        }
        case WISH_RELEASE:
                policy_released(&d->policy, o->wish.epoch);
                wish_end(o, OUTCOME_DONE, 0, "");
                return;
        case WISH_RECORD: wish_end(o, OUTCOME_DONE, 0, ""); return;
        case WISH_CLAIM: wish_end(o, OUTCOME_DONE, revision, ""); return;
        }
}

static void judge(Wanted *o, const Rpc *r, bool refused)
{
        char text[REASON_SIZE];
        WishFound found = { 0 };
        Epoch epoch;

        for (size_t i = 0; i < r->n_found; i++) {
                const Key *k = &r->found[i];
                found.kvs[found.n++] = (Kv){ .key = (char *)k->name, .value = (char *)k->value,
                                             .value_size = strlen(k->value),
                                             .create_revision = k->create, .mod_revision = k->mod,
                                             .lease = k->lease };
        }
        bool tried = o->lost || o->wish.kind == WISH_BID || o->wish.kind == WISH_CLAIM;
        switch (wish_judge(&o->wish, &found, tried, &epoch, text)) {
        case WISH_DONE: end_done(o, epoch, r->revision, r->term); break;
        case WISH_REFUSED: wish_end(o, OUTCOME_REFUSED, 0, text); break;
        case WISH_OPEN:
                if (refused)
                        wish_end(o, OUTCOME_REFUSED, 0, "a condition is not met");
                else if (o->tries < TRIES_MAX && now_boottime() < o->deadline)
                        wish_send(o);
                else
                        wish_end(o, OUTCOME_UNKNOWN, 0, "no answer in time");
                break;
        }
}

static void ask(Wanted *o)
{
        Rpc *r = dcsd_rpc(o->owner, RPC_TXN);
        Txn t;

        o->asking = true;
        r->repeat = RPC_REPEAT;
        r->deadline = o->deadline;
        wish_question(&o->wish, &t);
        rpc_set_txn(r, &t);
        timer_set(&o->timer, MIN(o->deadline, now_boottime() + ATTEMPT));
        o->call = dcsd_post(r);
}

void wish_send(Wanted *o)
{
        Rpc *r = dcsd_rpc(o->owner, RPC_TXN);
        Txn t;

        o->tries++;
        o->asking = false;
        r->repeat = RPC_REPEAT_UNSENT;
        r->deadline = o->deadline;
        wish_txn(&o->wish, &t);
        rpc_set_txn(r, &t);
        timer_set(&o->timer, MIN(o->deadline, now_boottime() + ATTEMPT));
        o->call = o->change = dcsd_post(r);
}

void wish_carried_out(const Rpc *r)
{
        Dcsd *d = r->program->state;

        for (size_t i = 0; r->program->up && r->program->life == r->life && i < WISHES_MAX; i++)
                if (d->wanted[i].used && d->wanted[i].change == r->call)
                        d->wanted[i].carried_out = true;
}

static bool bid_again(Wanted *o)
{
        Dcsd *d = o->owner;
        Epoch before = policy_epoch(&d->policy);

        if (o->wish.kind != WISH_BID || o->again)
                return false;
        o->again = true;
        policy_lease_gone(&d->policy, o->wish.lease, now_boottime());
        dcsd_settle(d, before);
        return dcsd_freshen(d, o);
}

void wish_answer(Wanted *o, const Rpc *r)
{
        Dcsd *d = o->owner;
        Txn t;

        o->call = 0;
        timer_set(&o->timer, USEC_INFINITY);
        if (o->asking && r->error == ETCD_OK) {
                judge(o, r, false);
        } else if (o->asking) {
                wish_end(o, OUTCOME_UNKNOWN, 0, etcd_error_to_string(r->error));
        } else if (r->error == ETCD_OK && r->succeeded) {
                if (o->wish.kind == WISH_BID)
                        policy_won(&d->policy, r->revision, true, now_boottime());
                wish_txn(&o->wish, &t);
                dcsd_note_writes(d, &t, r->revision);
                end_done(o, r->revision, r->revision, r->term);
        } else if (r->error == ETCD_OK) {
                judge(o, r, true);
        } else if (r->error == ETCD_LEASE_GONE && bid_again(o)) {
                return;
        } else if (etcd_error_is_harmless(r->error)) {
                if (o->carried_out && !o->lost)
                        sim_fail("%s says of a change that was carried out: %s", d->name,
                                 etcd_error_to_string(r->error));
                wish_end(o, o->lost ? OUTCOME_UNKNOWN : OUTCOME_REFUSED, 0, etcd_error_to_string(r->error));
        } else {
                o->lost = true;
                ask(o);
        }
}

void wish_timer(Timer *t _unused_, usec_t now, void *userdata)
{
        Wanted *o = userdata;

        o->call = 0;
        if (!o->asking)
                o->lost = true;
        dcsd_next_endpoint(o->owner);
        if (now >= o->deadline)
                wish_end(o, OUTCOME_UNKNOWN, 0, "no answer in time");
        else
                ask(o);
}

Wanted *wish_new(Dcsd *d, uint64_t seq, usec_t deadline, WishKind kind)
{
        for (size_t i = 0; i < WISHES_MAX; i++) {
                Wanted *o = &d->wanted[i];
                if (o->used)
                        continue;
                Timer timer = o->timer;
                *o = (Wanted){ .owner = d, .used = true, .seq = seq, .deadline = deadline,
                               .timer = timer };
                o->wish = (Wish){ .kind = kind, .paths = &d->paths, .name = d->name,
                                  .lease = d->policy.lease };
                return o;
        }
        dcsd_result(d, seq, OUTCOME_REFUSED, 0, "too much is under way");
        return NULL;
}

void wish_fresh(Wanted *o, const PolicyProof *proof, const char *reason)
{
        if (!proof) {
                wish_end(o, OUTCOME_REFUSED, 0, reason);
                return;
        }
        o->proof = *proof;
        o->wish.lease = proof->lease;
        wish_send(o);
}

/* ---- our member key ---- */

static bool has_claim(const Dcsd *d)
{
        for (size_t i = 0; i < WISHES_MAX; i++)
                if (d->wanted[i].used && d->wanted[i].wish.kind == WISH_CLAIM)
                        return true;
        return false;
}

void dcsd_publish_check(Dcsd *d)
{
        const Key *k = keys_find(d->keys, d->paths.member);

        if (!d->has_member || d->publish_call || d->policy.lease == 0 ||
            now_boottime() >= d->policy.renew_until || has_claim(d) ||
            d->publish_again.due != USEC_INFINITY)
                return;
        if (k->there && k->lease == d->policy.lease && str_equal(k->value, d->member))
                return;
        Txn t = { 0 };
        (void)STR_SET(d->published, d->member);
        txn_then(&t, (Op){ OP_PUT, d->paths.member, d->published, d->policy.lease });
        Rpc *r = dcsd_rpc(d, RPC_TXN);
        r->repeat = RPC_REPEAT_UNSENT;
        r->deadline = now_boottime() + ATTEMPT;
        rpc_set_txn(r, &t);
        timer_set(&d->publish_timer, now_boottime() + ATTEMPT);
        d->publish_call = dcsd_post(r);
}

void publish_again(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        dcsd_publish_check(userdata);
}

void publish_answer(Dcsd *d, const Rpc *r)
{
        Txn t = { 0 };

        d->publish_call = 0;
        timer_set(&d->publish_timer, USEC_INFINITY);
        if (r && r->error == ETCD_OK) {
                txn_then(&t, (Op){ OP_PUT, d->paths.member, d->published, r->then[0].lease });
                dcsd_note_writes(d, &t, r->revision);
        } else if (r && r->error == ETCD_LEASE_GONE) {
                Epoch before = policy_epoch(&d->policy);
                policy_lease_gone(&d->policy, r->then[0].lease, now_boottime());
                dcsd_settle(d, before);
        } else {
                timer_set(&d->publish_again, now_boottime() + SEC);
        }
}

void publish_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        publish_answer(userdata, NULL);
}
