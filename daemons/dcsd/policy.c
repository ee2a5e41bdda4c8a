#include <string.h>

#include "base/macros.h"
#include "dcsd/policy.h"

static const char *const policy_step_names[POLICY_STEP_MAX] = {
        [POLICY_WAIT] = "wait",       [POLICY_GRANT] = "grant", [POLICY_KEEPALIVE] = "keepalive",
        [POLICY_CONFIRM] = "confirm", [POLICY_MOVE] = "move",   [POLICY_REACH] = "reach",
};
DEFINE_NAMES(policy_step, PolicyStep, POLICY_STEP_MAX)

static const char *const policy_verdict_names[VERDICT_MAX] = {
        [VERDICT_UNKNOWN] = "unknown",
        [VERDICT_COUNTS] = "counts",
        [VERDICT_TERM_CHANGED] = "raft term changed",
        [VERDICT_OTHER_LEASE] = "the key hangs on another lease",
        [VERDICT_LOST] = "the key is lost",
};
DEFINE_NAMES(policy_verdict, PolicyVerdict, VERDICT_MAX)

/* What was to follow within the attempt. */
static void forget_next(Policy *p)
{
        p->keep_next = p->confirm_next = p->move_next = false;
}

void policy_init(Policy *p)
{
        *p = (Policy){ .n_endpoints = 1, .next = 0 };
}

Epoch policy_epoch(const Policy *p)
{
        return p->epoch == p->lost_epoch ? 0 : p->epoch;
}

static uint64_t whole_seconds(usec_t ttl)
{
        return MAX(ttl / USEC_PER_SEC, (uint64_t)1);
}

/* ---- what the mind and the keys say ---- */

void policy_hold(Policy *p, Epoch epoch, usec_t renew_until, usec_t interval, usec_t ttl, bool move,
                 usec_t now)
{
        bool was_over = now >= p->renew_until;

        interval = MAX(interval, POLICY_INTERVAL_MIN);
        if (epoch != p->epoch) {
                p->stray_since = 0;
                forget_next(p);
                p->next = now; /* whether this node leads is worth an answer at once */
        }
        p->epoch = epoch;
        p->renew_until = renew_until;
        p->interval = interval;
        p->ttl = ttl;
        p->move = move;
        if (was_over)
                p->next = MIN(p->next, now);
        p->next = MIN(p->next, p->started + interval);
}

static void take_up(Policy *p, int64_t lease, usec_t now)
{
        if (lease == p->moving_to) {
                p->asked = p->asking;
                p->moving_to = 0;
        } else {
                p->asked = 0;
        }
        p->lease = lease;
        p->granted = 0;
        p->next = now;
}

void policy_keys(Policy *p, const PolicyKey *leader, int64_t member_lease, usec_t now)
{
        bool ours = leader && leader->present && leader->ours;

        p->known = true;
        if (ours && policy_epoch(p) != 0 && leader->epoch == p->epoch) {
                p->stray_since = 0;
                if (leader->lease != 0 && leader->lease != p->lease && !p->in_flight)
                        take_up(p, leader->lease, now);
                return;
        }
        /* Renewed for a mind that does not lead, the key would stay for ever: nobody could win. */
        if (ours && policy_epoch(p) == 0 && leader->lease != 0 && leader->lease == p->lease) {
                if (p->stray_since == 0)
                        p->stray_since = now;
                return;
        }
        p->stray_since = 0;
        if (p->lease == 0 && member_lease != 0 && !p->in_flight &&
            !(ours && leader->lease == member_lease))
                take_up(p, member_lease, now);
}

void policy_won(Policy *p, Epoch epoch, bool confirmed, usec_t now)
{
        p->epoch = epoch;
        p->stray_since = 0;
        if (!confirmed)
                p->next = now;
}

void policy_released(Policy *p, Epoch epoch)
{
        if (p->epoch == epoch)
                p->epoch = 0;
        p->lost_epoch = epoch;
        p->stray_since = 0;
}

/* ---- the next step ---- */

static bool wants_other_ttl(const Policy *p)
{
        return p->move && p->asked != 0 &&
               whole_seconds(p->asked) != whole_seconds(p->ttl);
}

static PolicyOrder wait_until(usec_t at)
{
        return (PolicyOrder){ .step = POLICY_WAIT, .at = at };
}

static PolicyOrder under_way(Policy *p, PolicyOrder order)
{
        p->in_flight = order.step;
        order.at = p->deadline;
        return order;
}

static PolicyOrder begin_attempt(Policy *p, PolicyOrder order, usec_t now)
{
        p->started = p->sent = now;
        p->deadline = now + p->interval / 2;
        p->raft_term = 0;
        return under_way(p, order);
}

static PolicyOrder grant(Policy *p, usec_t now)
{
        p->asking = p->ttl;
        return begin_attempt(p, (PolicyOrder){ .step = POLICY_GRANT,
                                               .ttl_sec = whole_seconds(p->ttl) }, now);
}

/* A stray leader key: leave its lease to expire, once the mind has had time to claim it. */
static PolicyOrder next_stray(Policy *p, usec_t now)
{
        usec_t over = p->stray_since + p->interval;

        if (now < over)
                return wait_until(over);
        p->lease = 0;
        p->stray_since = 0;
        return grant(p, now);
}

PolicyOrder policy_next(Policy *p, usec_t now)
{
        Epoch epoch = policy_epoch(p);

        if (p->in_flight)
                return wait_until(USEC_INFINITY);
        if (epoch == 0)
                p->moving_to = 0; /* there is no key to move any more */
        if (now >= p->renew_until || p->interval == 0)
                return wait_until(USEC_INFINITY); /* for the next HOLD */

        if (p->confirm_next && epoch != 0 && now < p->deadline) {
                p->confirm_next = false;
                return under_way(p, (PolicyOrder){ .step = POLICY_CONFIRM, .epoch = epoch });
        }
        if (p->move_next && epoch != 0 && p->lease != 0 && now < p->deadline) {
                p->move_next = false;
                return under_way(p, (PolicyOrder){ .step = POLICY_MOVE, .lease = p->lease,
                                              .to = p->moving_to, .epoch = epoch });
        }
        if (p->keep_next && epoch != 0 && p->lease != 0 && now < p->deadline) {
                p->keep_next = false;
                p->sent = now;
                return under_way(p, (PolicyOrder){ .step = POLICY_KEEPALIVE, .lease = p->lease });
        }
        forget_next(p);

        if (p->lease == 0 && !p->known)
                return wait_until(USEC_INFINITY); /* for the keys: they may name our lease */
        if (now < p->next)
                return wait_until(p->next);
        if (p->lease != 0 && p->stray_since != 0)
                return next_stray(p, now);
        if (p->lease == 0 || (wants_other_ttl(p) && p->moving_to == 0))
                return grant(p, now);
        /* Renewals that arrive while their answers do not would keep the key, and everybody waiting,
         * for as long as the permit lasts: after a loss etcd must have answered first. */
        if (epoch != 0 && p->failures > 0)
                return begin_attempt(p, (PolicyOrder){ .step = POLICY_REACH, .epoch = epoch }, now);
        return begin_attempt(p, (PolicyOrder){ .step = POLICY_KEEPALIVE, .lease = p->lease }, now);
}

void policy_refresh(Policy *p, usec_t ttl, usec_t now)
{
        p->ttl = ttl;
        p->move = true;
        p->next = now;
}

/* ---- answers ---- */

static void attempt_done(Policy *p)
{
        p->in_flight = POLICY_WAIT;
        p->failures = 0;
        p->last_good = p->sent;
        p->next = p->started + p->interval;
}

void policy_failed(Policy *p, usec_t now)
{
        usec_t pause = MIN(p->interval / 4, POLICY_PAUSE_MAX);

        p->in_flight = POLICY_WAIT;
        forget_next(p);
        p->failures++;
        p->next = now;
        if (p->failures % MAX(p->n_endpoints, 1u) == 0) /* all were asked: let them breathe */
                p->next = MAX(now, p->started + pause);
}

void policy_granted(Policy *p, int64_t lease, uint64_t ttl_sec, uint64_t raft_term, usec_t now)
{
        Epoch epoch = policy_epoch(p);
        usec_t ttl = ttl_sec * USEC_PER_SEC;

        if (p->in_flight != POLICY_GRANT)
                return;
        if (lease == 0 || ttl_sec == 0 || raft_term == 0) {
                policy_failed(p, now);
                return;
        }
        p->raft_term = raft_term;
        p->answered = ttl;
        if (epoch != 0 && p->lease != 0) { /* the key moves to it, and only then we count on it */
                p->in_flight = POLICY_WAIT;
                p->moving_to = lease;
                p->move_next = true;
                return;
        }
        p->lease = lease;
        p->asked = p->asking;
        p->granted = ttl;
        p->moving_to = 0;
        attempt_done(p);
        if (epoch != 0)
                p->next = now; /* and now the key */
}

void policy_reached(Policy *p)
{
        if (p->in_flight != POLICY_REACH)
                return;
        p->in_flight = POLICY_WAIT;
        p->keep_next = true;
}

void policy_kept(Policy *p, uint64_t ttl_sec, uint64_t raft_term, usec_t now)
{
        usec_t ttl = ttl_sec * USEC_PER_SEC;

        if (p->in_flight != POLICY_KEEPALIVE)
                return;
        if (ttl_sec == 0) {
                policy_lease_gone(p, p->lease, now);
                return;
        }
        if (raft_term == 0) { /* no etcd answers so */
                policy_failed(p, now);
                return;
        }
        p->raft_term = raft_term;
        p->answered = ttl;
        p->granted = p->granted == 0 ? ttl : MIN(p->granted, ttl);
        if (p->asked == 0)
                p->asked = ttl;
        if (policy_epoch(p) == 0) {
                attempt_done(p);
                return;
        }
        p->in_flight = POLICY_WAIT;
        p->confirm_next = true;
}

static PolicyProof proof(const Policy *p, Epoch epoch)
{
        return (PolicyProof){
                .epoch = epoch,
                .lease = p->lease,
                .sent = p->sent,
                .ttl = MIN(MIN(p->asked, p->ttl), MIN(p->granted, p->answered)),
                .raft_term = p->raft_term,
        };
}

PolicyVerdict policy_confirmed(Policy *p, const PolicyKey *key, PolicyProof *ret, usec_t now)
{
        Epoch epoch = policy_epoch(p);

        if (p->in_flight != POLICY_CONFIRM || epoch == 0) {
                p->in_flight = POLICY_WAIT;
                return VERDICT_UNKNOWN;
        }
        /* Without a lease the key would never end: renewals mean nothing for it. */
        if (!key->present || !key->ours || key->epoch != epoch || key->lease == 0) {
                attempt_done(p);
                p->lost_epoch = epoch;
                return VERDICT_LOST;
        }
        if (key->lease != p->lease) {
                attempt_done(p);
                take_up(p, key->lease, now);
                return VERDICT_OTHER_LEASE;
        }
        if (key->raft_term != p->raft_term || key->raft_term == 0) {
                policy_failed(p, now);
                return VERDICT_TERM_CHANGED;
        }
        p->moving_to = 0; /* the read shows that an unanswered move did not happen */
        attempt_done(p);
        *ret = proof(p, epoch);
        return VERDICT_COUNTS;
}

/* done: the transaction said yes. Otherwise the next confirming read shows where the key is. */
void policy_moved(Policy *p, bool done, usec_t now)
{
        if (p->in_flight != POLICY_MOVE)
                return;
        attempt_done(p);
        if (done)
                take_up(p, p->moving_to, now);
        p->next = now;
}

void policy_lease_gone(Policy *p, int64_t lease, usec_t now)
{
        Epoch epoch = policy_epoch(p);

        if (lease == p->moving_to)
                p->moving_to = 0;
        if (lease != p->lease || lease == 0)
                return;
        if (epoch != 0)
                p->lost_epoch = epoch; /* the key went with it; it is never made anew */
        p->lease = 0;
        p->asked = p->granted = 0;
        p->in_flight = POLICY_WAIT;
        forget_next(p);
        p->stray_since = 0;
        p->next = now;
}

bool policy_fresh(const Policy *p, usec_t ttl, PolicyProof *ret)
{
        if (p->lease == 0 || p->granted == 0 || p->raft_term == 0 || p->last_good != p->sent ||
            p->stray_since != 0 || whole_seconds(p->asked) != whole_seconds(ttl))
                return false;
        *ret = proof(p, 0);
        return true;
}
