/*
 * The lease policy: scenarios as tables of what happens and what must follow, and a long random
 * walk against a modelled etcd whose deposed leader answers keepalives that renew nothing.
 */
#include "dcsd/policy.h"
#include "test-dcsd.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC
#define START (1000 * SEC)

/* ---- scenarios ---- */

typedef enum What {
        END = 0,
        AFTER,     /* a: milliseconds pass */
        HOLD,      /* a: epoch, b: ttl in s, c: move; interval 2 s, good for 2 s */
        KEYS,      /* leader key: a: epoch (0: absent), b: its lease, c: is it ours; d: member's lease */
        NEXT,      /* want: the step; a: its lease, or ttl for a grant, if not 0 */
        IDLE,      /* policy_next() waits; a: for how many ms from now, -1: for ever */
        GRANTED,   /* a: lease, b: ttl, c: term */
        REACHED,
        KEPT,      /* a: ttl, b: term */
        CONFIRMED, /* a: epoch, b: lease, c: term, d: ours; want: the verdict */
        PROOF,     /* of the last CONFIRMED. a: ms since `sent`, b: ttl in s */
        MOVED,     /* a: done */
        FAILED,
        GONE,      /* a: lease */
        WON,       /* a: epoch, b: confirmed */
        RELEASED,  /* a: epoch */
        REFRESH,   /* a: ttl */
        FRESH,     /* want: 1 if fresh for ttl a */
        EPOCH,     /* policy_epoch() is a */
        LEASE,     /* the lease is a */
} What;

typedef struct Row {
        What what;
        int64_t want;
        int64_t args[4]; /* a, b, c, d */
} Row;

#define R(what_, ...) { .what = (what_), .args = { __VA_ARGS__ } }
#define WANT(what_, want_, ...) { .what = (what_), .want = (want_), .args = { __VA_ARGS__ } }
#define NEXT_IS(step, a) WANT(NEXT, POLICY_##step, a)
#define CONFIRM_IS(verdict, ...) WANT(CONFIRMED, VERDICT_##verdict, __VA_ARGS__)

typedef struct Scenario {
        const char *name;
        Row rows[40];
} Scenario;

static const Scenario scenarios[] = {
        { "a member: grant, then keepalives alone",
          { R(HOLD, 0, 10, 0), R(IDLE, -1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(IDLE, -1),
            R(GRANTED, 77, 10, 3), R(LEASE, 77), R(IDLE, 2000), R(AFTER, 1900), R(HOLD, 0, 10, 0),
            R(IDLE, 100), R(AFTER, 100), NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), R(IDLE, 2000) } },
        { "nothing is sent after the HOLD has run out",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(AFTER, 2000),
            R(IDLE, -1), R(AFTER, 5000), R(IDLE, -1), R(HOLD, 0, 10, 0), NEXT_IS(KEEPALIVE, 77) } },
        { "a leader's renewal counts after its read",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(AFTER, 5), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), R(AFTER, 5),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(PROOF, 10, 10), R(IDLE, 1990) } },
        { "the read finds another raft term: the leader that answered was deposed",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(TERM_CHANGED, 40, 77, 4, 1), R(EPOCH, 40), NEXT_IS(REACH, 0),
            R(REACHED, 0), NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 4), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 4, 1), R(PROOF, 0, 10) } },
        { "a lost reply: the next attempt at once; after a round of losses a breath",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(AFTER, 1000), R(FAILED, 0), NEXT_IS(REACH, 0),
            R(FAILED, 0), R(IDLE, 250), R(AFTER, 250), NEXT_IS(REACH, 0), R(REACHED, 0),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), R(FAILED, 0),
            NEXT_IS(REACH, 0), R(FAILED, 0), R(IDLE, 250) } },
        { "renewals that arrive while no answer comes back: one, then etcd must answer first",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(AFTER, 1000), R(FAILED, 0), NEXT_IS(REACH, 0), R(AFTER, 1000),
            R(FAILED, 0), R(HOLD, 40, 10, 0), NEXT_IS(REACH, 0), R(AFTER, 100), R(REACHED, 0),
            NEXT_IS(KEEPALIVE, 77), R(AFTER, 5), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), R(AFTER, 5),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(PROOF, 10, 10), R(AFTER, 1890),
            R(HOLD, 40, 10, 0), NEXT_IS(KEEPALIVE, 77) } },
        { "a member that lost an attempt asks nothing first",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(AFTER, 1999),
            R(HOLD, 0, 10, 0), R(AFTER, 1), NEXT_IS(KEEPALIVE, 77), R(FAILED, 0),
            NEXT_IS(KEEPALIVE, 77) } },
        { "the confirming read must begin within the attempt",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(AFTER, 990), R(KEPT, 10, 3), R(AFTER, 20),
            NEXT_IS(KEEPALIVE, 77) } },
        { "the key is gone: it never counts again, and the lease goes on for the member key",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(LOST, 0, 0, 3, 0), R(EPOCH, 0), R(AFTER, 1900), R(HOLD, 40, 10, 0),
            R(EPOCH, 0), R(AFTER, 100), NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), R(IDLE, 2000) } },
        { "the key is of another epoch, or another's, or has no lease",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(LOST, 41, 77, 3, 1), R(EPOCH, 0) } },
        { "another holds the key",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(LOST, 40, 77, 3, 0) } },
        { "a key without lease",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(LOST, 40, 0, 3, 1) } },
        { "a leader's lease is gone: no new leader key, a new lease for the member key",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 0, 3), R(EPOCH, 0), R(LEASE, 0), NEXT_IS(GRANT, 10),
            R(GRANTED, 78, 10, 3), R(HOLD, 40, 10, 0), R(EPOCH, 0), R(IDLE, 2000) } },
        { "a member's lease is gone: a new one at once",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(GONE, 77),
            R(LEASE, 0), NEXT_IS(GRANT, 10) } },
        { "another lease than ours is gone",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(GONE, 5),
            R(LEASE, 77), R(IDLE, 2000) } },
        { "restart as leader: the lease of the leader key is taken up, not the member's",
          { R(HOLD, 40, 10, 0), R(IDLE, -1), R(KEYS, 40, 77, 1, 66), R(LEASE, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1) } },
        { "restart as member: the member key's lease is taken up",
          { R(HOLD, 0, 10, 0), R(KEYS, 40, 99, 0, 66), R(LEASE, 66), NEXT_IS(KEEPALIVE, 66),
            R(KEPT, 10, 3), R(IDLE, 2000) } },
        { "restart, and the mind does not lead: the old leader key is left to expire",
          { R(HOLD, 0, 10, 0), R(KEYS, 40, 66, 1, 66), R(LEASE, 0), NEXT_IS(GRANT, 10),
            R(GRANTED, 78, 10, 3), R(LEASE, 78) } },
        { "a leader key of ours turns up that the mind does not claim: its lease is left alone",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3),
            R(KEYS, 40, 77, 1, 77), R(AFTER, 1900), R(HOLD, 0, 10, 0), R(AFTER, 100), NEXT_IS(GRANT, 10),
            R(GRANTED, 78, 10, 3), R(LEASE, 78) } },
        { "the mind claims it in time",
          { R(HOLD, 0, 10, 0), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3),
            R(KEYS, 40, 77, 1, 77), R(AFTER, 500), R(HOLD, 40, 10, 0), NEXT_IS(KEEPALIVE, 77),
            R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), CONFIRM_IS(COUNTS, 40, 77, 3, 1) } },
        { "ttl of 30 moved to 10 while leading",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 30, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(PROOF, 0, 10), R(AFTER, 1999), R(HOLD, 40, 10, 1),
            R(AFTER, 1), NEXT_IS(GRANT, 10), R(GRANTED, 78, 10, 3), R(LEASE, 77), NEXT_IS(MOVE, 77),
            R(MOVED, 1), R(LEASE, 78), NEXT_IS(KEEPALIVE, 78), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 78, 3, 1), R(PROOF, 0, 10), R(IDLE, 2000) } },
        { "the move's answer is lost, but it happened: the read shows it",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 20, 1), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(AFTER, 1999), R(HOLD, 40, 20, 1), R(AFTER, 1),
            NEXT_IS(GRANT, 20), R(GRANTED, 78, 20, 3), NEXT_IS(MOVE, 77), R(MOVED, 0), R(LEASE, 77),
            R(HOLD, 40, 20, 1), NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(OTHER_LEASE, 40, 78, 3, 1), R(LEASE, 78), NEXT_IS(KEEPALIVE, 78),
            R(KEPT, 20, 3), NEXT_IS(CONFIRM, 0), CONFIRM_IS(COUNTS, 40, 78, 3, 1), R(PROOF, 0, 20) } },
        { "the move did not happen: it is tried again with another lease",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 20, 1), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(AFTER, 1999), R(HOLD, 40, 20, 1), R(AFTER, 1),
            NEXT_IS(GRANT, 20), R(GRANTED, 78, 20, 3), NEXT_IS(MOVE, 77), R(MOVED, 0),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(PROOF, 0, 10), R(AFTER, 1999), R(HOLD, 40, 20, 1),
            R(AFTER, 1), NEXT_IS(GRANT, 20) } },
        { "without `move` the old lease stays",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 5, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(PROOF, 0, 5), R(AFTER, 1999), R(HOLD, 40, 5, 0),
            R(AFTER, 1), NEXT_IS(KEEPALIVE, 77) } },
        { "a member's ttl changes: simply another lease",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(AFTER, 1999),
            R(HOLD, 0, 20, 1), R(AFTER, 1), NEXT_IS(GRANT, 20), R(GRANTED, 78, 20, 3), R(LEASE, 78) } },
        { "the ttl changes while its lease is being granted: a bid needs one of the new ttl",
          { R(HOLD, 0, 5, 1), R(KEYS, 0), NEXT_IS(GRANT, 5), R(HOLD, 0, 10, 1), R(GRANTED, 77, 5, 3),
            WANT(FRESH, 0, 10), R(REFRESH, 10), NEXT_IS(GRANT, 10), R(GRANTED, 78, 10, 3),
            WANT(FRESH, 1, 10) } },
        { "the ttl changes while the leader's new lease is being granted: it moves once more",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(AFTER, 1999), R(HOLD, 40, 5, 1), R(AFTER, 1),
            NEXT_IS(GRANT, 5), R(HOLD, 40, 20, 1), R(GRANTED, 78, 5, 3), NEXT_IS(MOVE, 77),
            R(MOVED, 1), NEXT_IS(GRANT, 20), R(GRANTED, 79, 20, 3), NEXT_IS(MOVE, 78), R(MOVED, 1),
            NEXT_IS(KEEPALIVE, 79), R(KEPT, 20, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 79, 3, 1), R(PROOF, 0, 20) } },
        { "etcd grants more than asked: no lease is made anew for that",
          { R(HOLD, 0, 1, 1), R(KEYS, 0), NEXT_IS(GRANT, 1), R(GRANTED, 77, 2, 3), R(AFTER, 1999),
            R(HOLD, 0, 1, 1), R(AFTER, 1), NEXT_IS(KEEPALIVE, 77) } },
        { "a bid: a keepalive now, then it is fresh",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(AFTER, 500),
            R(REFRESH, 10), NEXT_IS(KEEPALIVE, 77), WANT(FRESH, 0, 10), R(KEPT, 10, 3),
            WANT(FRESH, 1, 10), WANT(FRESH, 0, 20), R(WON, 40, 1), R(EPOCH, 40),
            R(KEYS, 40, 77, 1, 77), R(IDLE, 2000) } },
        { "a bid with another ttl: a new lease first",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(REFRESH, 20),
            NEXT_IS(GRANT, 20), R(GRANTED, 78, 20, 3), WANT(FRESH, 1, 20) } },
        { "the lock is lost while its lease is being exchanged: a bid needs another one all the same",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 3, 1), R(HOLD, 40, 20, 1), R(AFTER, 1900), R(HOLD, 40, 20, 1),
            R(AFTER, 100), NEXT_IS(GRANT, 20), R(GRANTED, 78, 20, 3), NEXT_IS(MOVE, 77), R(FAILED, 0),
            R(RELEASED, 40), R(HOLD, 0, 20, 1), R(KEYS, 0, 0, 0, 77), R(REFRESH, 20),
            NEXT_IS(GRANT, 20), R(GRANTED, 79, 20, 4), WANT(FRESH, 1, 20) } },
        { "a bid that won without proof is confirmed at once",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(WON, 40, 0),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 4), NEXT_IS(CONFIRM, 0),
            CONFIRM_IS(COUNTS, 40, 77, 4, 1) } },
        { "a HOLD from before the bid's result comes late: nothing is lost by it",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(WON, 40, 1),
            R(KEYS, 40, 77, 1, 77), R(HOLD, 0, 10, 1), R(KEYS, 40, 77, 1, 77), R(IDLE, 2000),
            R(AFTER, 600), R(HOLD, 40, 10, 1), R(KEYS, 40, 77, 1, 77), NEXT_IS(KEEPALIVE, 77),
            R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), CONFIRM_IS(COUNTS, 40, 77, 3, 1) } },
        { "released: a HOLD of the old epoch changes nothing",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 3), R(WON, 40, 1),
            R(RELEASED, 40), R(EPOCH, 0), R(HOLD, 40, 10, 1), R(EPOCH, 0), R(KEYS, 0),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), R(IDLE, 2000) } },
        { "an answer without a raft term is no etcd's",
          { R(HOLD, 0, 10, 1), R(KEYS, 0), NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 0), R(LEASE, 0),
            NEXT_IS(GRANT, 10), R(GRANTED, 77, 10, 0), R(IDLE, 250) } },
        { "demoted in the middle of an attempt",
          { R(KEYS, 40, 77, 1, 77), R(HOLD, 40, 10, 0), R(KEYS, 40, 77, 1, 77),
            NEXT_IS(KEEPALIVE, 77), R(KEPT, 10, 3), NEXT_IS(CONFIRM, 0), R(HOLD, 0, 10, 0),
            CONFIRM_IS(UNKNOWN, 40, 77, 3, 1), R(EPOCH, 0) } },
};

typedef struct Run {
        Policy p;
        usec_t now;
        PolicyProof proof;
} Run;

static void check_step(const Run *r, const PolicyOrder *o, const Row *row)
{
        assert_string_equal(policy_step_to_string(o->step), policy_step_to_string((PolicyStep)row->want));
        if (row->args[0] != 0)
                assert_int_equal(o->step == POLICY_GRANT ? (int64_t)o->ttl_sec : o->lease, row->args[0]);
        assert_true(o->at > r->now && o->at <= r->now + SEC);
}

static void check_idle(const Run *r, const PolicyOrder *o, const Row *row)
{
        assert_int_equal(o->step, POLICY_WAIT);
        if (row->args[0] < 0)
                assert_true(o->at == USEC_INFINITY);
        else
                assert_int_equal((o->at - r->now) / MSEC, row->args[0]);
}

static void confirm(Run *r, const Row *row)
{
        PolicyKey key = { .present = row->args[0] != 0, .ours = row->args[3] != 0, .epoch = (Epoch)row->args[0],
                          .lease = row->args[1], .raft_term = (uint64_t)row->args[2] };

        r->proof = (PolicyProof){ 0 };
        PolicyVerdict v = policy_confirmed(&r->p, &key, &r->proof, r->now);
        assert_string_equal(policy_verdict_to_string(v), policy_verdict_to_string((PolicyVerdict)row->want));
        assert_int_equal(v == VERDICT_COUNTS, r->proof.epoch != 0);
}

static void run_row(Run *r, const Row *row)
{
        Policy *p = &r->p;
        PolicyProof fresh;
        PolicyOrder o;
        PolicyKey key = { .present = row->args[0] != 0, .ours = row->args[2] != 0, .epoch = (Epoch)row->args[0],
                          .lease = row->args[1] };

        switch (row->what) {
        case END: break;
        case AFTER: r->now += (usec_t)row->args[0] * MSEC; break;
        case HOLD:
                policy_hold(p, (Epoch)row->args[0], r->now + 2 * SEC, 2 * SEC, (usec_t)row->args[1] * SEC,
                            row->args[2] != 0, r->now);
                break;
        case KEYS: policy_keys(p, &key, row->args[3], r->now); break;
        case NEXT:
                o = policy_next(p, r->now);
                check_step(r, &o, row);
                break;
        case IDLE:
                o = policy_next(p, r->now);
                check_idle(r, &o, row);
                break;
        case GRANTED: policy_granted(p, row->args[0], (uint64_t)row->args[1], (uint64_t)row->args[2], r->now); break;
        case REACHED: policy_reached(p); break;
        case KEPT: policy_kept(p, (uint64_t)row->args[0], (uint64_t)row->args[1], r->now); break;
        case CONFIRMED: confirm(r, row); break;
        case PROOF:
                assert_int_equal((r->now - r->proof.sent) / MSEC, row->args[0]);
                assert_int_equal(r->proof.ttl / SEC, row->args[1]);
                break;
        case MOVED: policy_moved(p, row->args[0] != 0, r->now); break;
        case FAILED: policy_failed(p, r->now); break;
        case GONE: policy_lease_gone(p, row->args[0], r->now); break;
        case WON: policy_won(p, (Epoch)row->args[0], row->args[1] != 0, r->now); break;
        case RELEASED: policy_released(p, (Epoch)row->args[0]); break;
        case REFRESH: policy_refresh(p, (usec_t)row->args[0] * SEC, r->now); break;
        case FRESH: assert_int_equal(policy_fresh(p, (usec_t)row->args[0] * SEC, &fresh), row->want); break;
        case EPOCH: assert_int_equal(policy_epoch(p), row->args[0]); break;
        case LEASE: assert_int_equal(p->lease, row->args[0]); break;
        }
}

static void test_scenarios(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++) {
                Run r = { .now = START };
                policy_init(&r.p);
                r.p.n_endpoints = 2;
                for (const Row *row = scenarios[i].rows; row->what != END; row++) {
                        print_message("%s: row %d\n", scenarios[i].name,
                                      (int)(row - scenarios[i].rows));
                        run_row(&r, row);
                }
        }
}

/* ---- a random walk ---- */

typedef struct Model {
        uint32_t random;
        usec_t now;
        uint64_t term;     /* of the real leader */
        uint64_t deposed;  /* a leader of this older term still answers; 0: none */
        bool key;
        Epoch epoch;
        int64_t lease;     /* of the key */
        usec_t expiry;     /* of that lease, as the real leader knows it */
        usec_t ttl;
        usec_t proved;     /* no proof may reach beyond the real expiry at its time */
        unsigned n_proofs, n_refused;
} Model;

static uint32_t chance(Model *m, uint32_t n)
{
        m->random ^= m->random << 13;
        m->random ^= m->random >> 17;
        m->random ^= m->random << 5;
        return m->random % n;
}

static void expire(Model *m)
{
        if (m->key && m->now >= m->expiry)
                m->key = false;
}

/* A new raft leader: the old one may go on answering for a while, and extends nothing. */
static void elect(Model *m)
{
        expire(m);
        m->deposed = chance(m, 2) ? m->term : 0;
        m->term++;
        if (m->key) /* a new leader gives every lease its whole ttl */
                m->expiry = m->now + m->ttl;
}

static void answer_keepalive(Model *m, Policy *p)
{
        bool by_deposed = m->deposed != 0 && chance(m, 2);

        m->now += chance(m, 300) * MSEC;
        expire(m);
        if (chance(m, 5) == 0) {
                policy_failed(p, m->now);
        } else if (by_deposed) {
                policy_kept(p, m->ttl / SEC, m->deposed, m->now + chance(m, 300) * MSEC);
        } else if (!m->key) {
                policy_kept(p, 0, m->term, m->now);
        } else {
                uint64_t term = m->term; /* the header is made before the renewal */
                if (chance(m, 10) == 0)
                        elect(m);
                m->expiry = MAX(m->expiry, m->now + m->ttl);
                policy_kept(p, m->ttl / SEC, term, m->now);
        }
}

static void answer_reach(Model *m, Policy *p)
{
        m->now += chance(m, 300) * MSEC;
        expire(m);
        if (chance(m, 5) == 0)
                policy_failed(p, m->now);
        else
                policy_reached(p);
}

static void answer_confirm(Model *m, Policy *p)
{
        PolicyProof proof;

        if (chance(m, 10) == 0)
                elect(m);
        m->now += chance(m, 300) * MSEC;
        expire(m);
        if (chance(m, 5) == 0) {
                policy_failed(p, m->now);
                return;
        }
        PolicyKey key = { .present = m->key, .ours = m->key, .epoch = m->epoch, .lease = m->lease,
                          .raft_term = m->term };
        if (policy_confirmed(p, &key, &proof, m->now) != VERDICT_COUNTS) {
                m->n_refused++;
                return;
        }
        m->n_proofs++;
        m->proved = proof.sent + proof.ttl;
        if (m->proved > m->expiry)
                fail_msg("a renewal counts that reaches %llu us beyond the lease",
                         (unsigned long long)(m->proved - m->expiry));
}

static void walk(Model *m, Policy *p)
{
        for (unsigned i = 0; i < 400; i++) {
                usec_t before = m->now;
                expire(m);
                if (chance(m, 8) == 0)
                        elect(m);
                policy_hold(p, m->epoch, m->now + 2 * SEC, 2 * SEC, m->ttl, false, m->now);
                PolicyOrder o = policy_next(p, m->now);
                if (o.step == POLICY_KEEPALIVE)
                        answer_keepalive(m, p);
                else if (o.step == POLICY_REACH)
                        answer_reach(m, p);
                else if (o.step == POLICY_CONFIRM)
                        answer_confirm(m, p);
                else if (o.step == POLICY_WAIT)
                        m->now = o.at == USEC_INFINITY ? m->now + SEC : MAX(o.at, m->now);
                else
                        return; /* the key is lost: there is nothing left to prove */
                if (chance(m, 40) == 0)
                        m->now += chance(m, 12000) * MSEC; /* we stall */
                assert_true(m->now >= before);
        }
}

static void test_random_walk(void **state)
{
        unsigned n_proofs = 0, n_refused = 0;

        (void)state;
        for (uint32_t seed = 1; seed <= 2000; seed++) {
                Model m = { .random = seed * 2654435761u | 1, .now = START, .term = 3, .key = true,
                            .epoch = 40, .lease = 77, .expiry = START + 10 * SEC, .ttl = 10 * SEC };
                PolicyKey key = { .present = true, .ours = true, .epoch = 40, .lease = 77 };
                Policy p;
                policy_init(&p);
                policy_hold(&p, 40, START + 2 * SEC, 2 * SEC, 10 * SEC, false, START);
                policy_keys(&p, &key, 77, START);
                walk(&m, &p);
                n_proofs += m.n_proofs;
                n_refused += m.n_refused;
        }
        assert_true(n_proofs > 10000);
        assert_true(n_refused > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scenarios),
                cmocka_unit_test(test_random_walk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
