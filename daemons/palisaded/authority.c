/*
 * The lease, the permit, and their end.
 *
 * A confirmed LEASE of our epoch becomes a permit by the one formula of permit.c and goes to every
 * hand. HOLD tells dcsd how long it may renew: one interval ahead of our own timer, so that a mind
 * that hangs loses the lock.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ANSWER_WITHIN (2 * USEC_PER_SEC)
#define BID_AGAIN (100 * USEC_PER_MSEC)
#define REVOKE_AGAIN (500 * USEC_PER_MSEC)

PermitInput authority_input(const Palisaded *p)
{
        usec_t now = now_boottime();
        usec_t stall = stall_worst(&p->stall, now);

        stall = MAX(stall, MAX(p->link.stall, MAX(p->fence.stall, p->watchdog.stall)));
        return (PermitInput){
                .timing = p->cluster ? p->cluster->settings.timing : TIMING_DEFAULT,
                .watchdog = p->watchdog.armed == TRI_YES ? p->watchdog.fires : 0,
                .stall = stall,
                .safety_margin = p->node.safety_margin,
        };
}

/* ---- permits ---- */

/*
 * Nothing was permitted under our epoch, nor may be: the cluster follows another one. A primary found
 * running has its permit until it is demoted, whatever the cluster has become.
 */
bool authority_is_standby(const Palisaded *p)
{
        return p->cluster && p->cluster->settings.standby_cluster && p->authority.epoch != 0 &&
               !authority_is_permitted(&p->authority) && !pg_acts_as_primary(&p->pg.pg);
}

static void send_permit(Palisaded *p, HandId id)
{
        MsgPermit m = p->authority.permit;

        if (m.deadline != 0)
                hands_send(p->hands, id, &m.h);
}

void authority_give_permit(Palisaded *p)
{
        Authority *a = &p->authority;
        PermitInput in = authority_input(p);
        PermitTerms terms = permit_terms(&in);
        usec_t deadline = permit_deadline(&in, a->lease.sent, a->lease.ttl);

        if (a->revoked || !a->armed_answered || deadline == 0 || authority_is_standby(p))
                return;
        bool again = a->permit.epoch == a->epoch;
        bool stood = again && a->permit.standing, stands = pause_stands(p);
        if (stood && !stands) /* until a renewal pays for the watchdog that is armed again */
                stands = a->disarmed || deadline < a->permit.deadline;
        if (again && stood == stands && deadline <= a->permit.deadline)
                return; /* never back */
        if (again)
                deadline = MAX(deadline, a->permit.deadline);
        if (stood != stands)
                log_event(LOG_WARNING, EVENT_PAUSE, FIELDS({ "PALISADE_EPOCH", NULL, a->epoch }),
                          stands ? "paused: this primary has no deadline now, and nothing fences it"
                                 : "the deadlines of this primary are in force again");
        if (!again)
                log_info("epoch %" PRIu64 ": the first permit runs for %s, renewed every %s",
                         a->epoch, USEC_TEXT(usec_sub(deadline, now_boottime())),
                         USEC_TEXT(terms.interval));
        a->permit = WIRE_INIT(MsgPermit, MSG_PERMIT);
        a->permit.epoch = a->epoch;
        a->permit.deadline = deadline;
        a->permit.lease_end = a->lease.sent + a->lease.ttl;
        a->permit.stop_budget = terms.stop_budget;
        a->permit.standing = stands;
        send_permit(p, HAND_PGD);
        send_permit(p, HAND_FENCED);
        send_permit(p, HAND_WATCHDOGD);
        send_permit(p, HAND_APID);
        palisaded_think(p);
}

/*
 * A standby leader gets no permit: nothing here acts as primary, so nothing has to end. The API alone
 * is told how long the lock is ours, since it answers for that.
 */
static void tell_standby(Palisaded *p)
{
        Authority *a = &p->authority;
        MsgPermit m = WIRE_INIT(MsgPermit, MSG_PERMIT);
        PermitInput in = authority_input(p);

        m.epoch = a->epoch;
        m.deadline = permit_deadline(&in, a->lease.sent, a->lease.ttl);
        m.lease_end = a->lease.sent + a->lease.ttl;
        a->standby_until = MAX(a->standby_until, m.deadline);
        hands_send(p->hands, HAND_APID, &m.h);
        api_status(p->api, false);
        palisaded_think(p);
}

void authority_lease(Palisaded *p, const MsgLease *m)
{
        Authority *a = &p->authority;

        if (m->epoch == 0 || m->epoch != a->epoch || m->kind == LEASE_NONE)
                return; /* of a right we gave up meanwhile */
        if (m->kind == LEASE_FAILSAFE && a->lease.kind != LEASE_FAILSAFE)
                log_event(LOG_WARNING, EVENT_FAILSAFE, FIELDS({ "PALISADE_EPOCH", NULL, m->epoch }),
                          "the DCS does not answer: leading on, since every member has promised "
                          "not to take over (failsafe mode)");
        if (m->kind == LEASE_LEADER || m->sent > a->lease.sent)
                a->lease = *m;
        if (authority_is_standby(p)) {
                tell_standby(p);
                return;
        }
        if (!a->armed_answered && !a->unarmed)
                watchdog_arm(p); /* a standby leader's lock that is to become a primary's */
        authority_give_permit(p);
        watchdog_follow_timing(p);
}

/* In pause the watchdog is off and the deadline is not enforced; before that ends both are back. */
void authority_stand(Palisaded *p)
{
        Authority *a = &p->authority;
        bool stands = pause_stands(p);

        if (a->revoked || !authority_is_permitted(a))
                return;
        if (stands && !a->permit.standing)
                authority_give_permit(p);
        if (stands && !a->disarmed) /* also where the pause was to end, and goes on */
                watchdog_stand(p);
        if (!stands && a->permit.standing) {
                if (a->disarmed && now_boottime() >= a->arm_again)
                        watchdog_arm(p);
                authority_give_permit(p);
        }
}

/* ---- an epoch begins ---- */

static void begin_epoch(Palisaded *p, Epoch epoch)
{
        Authority *a = &p->authority;
        Holding holding = a->holding;

        *a = (Authority){ .epoch = epoch, .ended = a->ended, .holding = holding };
        p->start_failures = 0;
        p->start_since = 0;
        watchdog_arm(p);
}

static void end_epoch(Palisaded *p)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        m.epoch = p->authority.epoch;
        if (p->authority.standby_until != 0)
                hands_send(p->hands, HAND_APID, &m.h);
        /* A bid to take the key again may be on its way: it can still win, and a second one beside it would hide that. */
        p->authority = (Authority){ .ended = p->authority.epoch, .holding = HOLD_NOTHING,
                                    .bidding = p->authority.bidding };
        handover_end(p);
        p->start_failures = 0;
        p->start_since = 0;
        race_reset(p);
        watchdog_settle(p, now_boottime());
}

/* After our own restart: the key names us, a postmaster here leads, the hands know its permit. */
void authority_adopt(Palisaded *p)
{
        Authority *a = &p->authority;
        Epoch epoch;

        if (a->epoch != 0 || !p->cluster || !p->known[HAND_PGD] || !p->known[HAND_FENCED])
                return;
        Snapshot s = palisaded_snapshot(p, now_boottime());
        if (!snapshot_may_adopt(&s))
                return;
        epoch = p->cluster->leader.epoch;
        begin_epoch(p, epoch);
        duties_sync_in_doubt(p); /* the mind before us */
        a->permit = WIRE_INIT(MsgPermit, MSG_PERMIT);
        a->permit.epoch = epoch;
        a->permit.deadline = p->pg.pg.permit_epoch == epoch ? p->pg.pg.permit_deadline : 0;
        if (p->fence.epoch == epoch && p->fence.deadline > a->permit.deadline)
                a->permit.deadline = p->fence.deadline;
        a->permit.standing = p->fence.epoch == epoch && p->fence.standing;
        a->disarmed = a->permit.standing != 0;
        log_info("epoch %" PRIu64 ": this node leads already, going on", epoch);
}

/* ---- bidding ---- */

/*
 * A bid that was refused tells of a key, or of another bid, which the snapshot does not show yet:
 * before it does, or a moment has passed, the next one would be refused as well.
 */
bool authority_waits_to_bid(Palisaded *p)
{
        const Authority *a = &p->authority;

        if (p->cluster->revision != a->refused_at || now_boottime() >= a->bid_again)
                return false;
        if (p->think_timer.due > a->bid_again)
                timer_set(&p->think_timer, a->bid_again);
        return true;
}

static void on_bid(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        bool leads_on = p->authority.retaking;

        p->authority.bidding = p->authority.retaking = false;
        race_reset(p);
        if (r->outcome == OUTCOME_DONE) {
                begin_epoch(p, r->epoch);
                p->authority.retaken = leads_on;
                log_event(LOG_NOTICE, EVENT_LOCK_WON, FIELDS({ "PALISADE_EPOCH", NULL, r->epoch }),
                          "won the leader key, epoch %" PRIu64, r->epoch);
                if (p->cluster && p->cluster->failover.requested)
                        handover_over(p);
        } else {
                p->authority.bid_again = now_boottime() + BID_AGAIN;
                p->authority.refused_at = p->cluster ? p->cluster->revision : 0;
                log_info("did not win the leader key: %s",
                         r->text[0] ? r->text : "no answer in time");
        }
        palisaded_think(p);
}

/* leads_on: as primary, under an epoch whose key is gone, or in pause. */
void authority_bid(Palisaded *p, bool leads_on)
{
        MsgBid m = WIRE_INIT(MsgBid, MSG_BID);
        const Cluster *c = p->cluster;

        if (p->authority.bidding || authority_waits_to_bid(p))
                return;
        p->authority.bidding = true;
        p->authority.retaking = leads_on;
        m.sync_revision = c->sync.mod_revision;
        m.failover_revision = c->failover.mod_revision;
        m.config_revision = c->config.mod_revision;
        m.ttl = c->settings.timing.ttl;
        m.deadline = now_boottime() + c->settings.timing.retry_timeout;
        (void)hands_request(p->hands, HAND_DCSD, &m.h,
                            c->settings.timing.retry_timeout + USEC_PER_SEC, on_bid, p);
}

/* ---- holding ---- */

static void send_hold(Palisaded *p, usec_t now)
{
        Authority *a = &p->authority;
        PermitInput in = authority_input(p), cadence = in;
        MsgHold m = WIRE_INIT(MsgHold, MSG_HOLD);
        bool lock = a->holding == HOLD_LOCK;

        /* A longer ttl is not in force before the key has moved to such a lease. */
        if (lock && a->epoch != 0 && a->lease.epoch == a->epoch && a->lease.ttl < in.timing.ttl)
                cadence.timing.ttl = a->lease.ttl;
        PermitTerms terms = permit_terms(&cadence);

        if (a->holding != HOLD_LOCK && a->holding != HOLD_MEMBER)
                return;
        m.epoch = lock ? a->epoch : 0;
        m.interval = lock ? terms.interval : in.timing.loop_wait;
        m.renew_until = now + m.interval;
        m.ttl = in.timing.ttl;
        /* A shorter lease may be moved to only when its permit would not end before the one given. */
        m.move = !lock || permit_deadline(&in, now, in.timing.ttl) >= a->permit.deadline;
        hands_send(p->hands, HAND_DCSD, &m.h);
        timer_set(&p->hold_timer, now + m.interval / 3);
}

void authority_on_hold_timer(Palisaded *p, usec_t now)
{
        send_hold(p, now);
}

void authority_hold(Palisaded *p, Holding holding)
{
        Authority *a = &p->authority;

        if (holding == HOLD_AS_BEFORE || holding == a->holding)
                return;
        a->holding = holding;
        if (holding == HOLD_NOTHING)
                timer_set(&p->hold_timer, USEC_INFINITY);
        else
                send_hold(p, now_boottime());
}

/* ---- the end: revoke, confirm, release ---- */

/* A primary that takes its key again begins a new epoch while REVOKE of the old one is under way. */
static bool is_of_this_epoch(const Palisaded *p, const MsgResult *r)
{
        return p->authority.revoked && r->h.seq >= p->authority.revoke_from;
}

static void ask_revoke(Palisaded *p, HandId id, hands_answer_t answer)
{
        Authority *a = &p->authority;
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        m.epoch = a->epoch;
        uint64_t seq = hands_request(p->hands, id, &m.h, ANSWER_WITHIN, answer, p);
        if (a->revoke_from == 0)
                a->revoke_from = seq;
}

static void on_revoked_again(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (!is_of_this_epoch(p, r))
                return;
        p->authority.confirming = r->outcome == OUTCOME_DONE;
        palisaded_think(p);
}

/* Only what fenced sees from now on counts; REVOKE again makes it look, and say so. */
static void note_answers(Palisaded *p)
{
        Authority *a = &p->authority;

        if (!a->pgd_answered || !a->fenced_answered || a->confirming)
                return;
        a->empty = TRI_UNKNOWN;
        ask_revoke(p, HAND_FENCED, on_revoked_again);
}

static void on_pgd_revoked(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (!is_of_this_epoch(p, r))
                return;
        p->authority.pgd_answered = r->outcome == OUTCOME_DONE;
        note_answers(p);
}

static void on_fenced_revoked(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (!is_of_this_epoch(p, r))
                return;
        p->authority.fenced_answered = r->outcome == OUTCOME_DONE;
        note_answers(p);
}

void authority_fence_state(Palisaded *p)
{
        Authority *a = &p->authority;

        if (a->confirming && p->fence.revoked_epoch >= a->epoch && p->fence.leaf == p->pg.pg.leaf)
                a->empty = (Tri)p->fence.populated;
}

/* Of a new leaf fenced and pgd tell in either order. */
void authority_pg_state(Palisaded *p)
{
        if (p->authority.empty != TRI_UNKNOWN)
                authority_fence_state(p);
}

/* The epoch to end: ours, or the newest that any hand or the key knows of. */
static Epoch epoch_to_revoke(const Palisaded *p)
{
        Epoch epoch = p->authority.epoch;

        if (epoch != 0)
                return epoch;
        epoch = MAX(p->pg.pg.permit_epoch, MAX(p->fence.epoch, p->watchdog.epoch));
        if (p->cluster && str_equal(p->cluster->leader.name, p->node.name))
                epoch = MAX(epoch, p->cluster->leader.epoch);
        return MAX(epoch, (Epoch)1);
}

/*
 * A standby leader: its server need not end. But a release that nobody answers may be carried out late, when
 * the cluster is no standby cluster any more: before it is sent, pgd and fenced must know that nothing more is
 * permitted under this epoch.
 */
static bool may_yield(const Palisaded *p)
{
        return authority_is_standby(p) && p->pg.pg.permit_epoch != p->authority.epoch;
}

void authority_revoke(Palisaded *p)
{
        Authority *a = &p->authority;
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);
        usec_t now = now_boottime();

        if (a->revoked && now < a->revoke_again)
                return;
        if (!a->revoked)
                a->yielding = may_yield(p);
        if (a->epoch == 0)
                a->epoch = epoch_to_revoke(p);
        m.epoch = a->epoch;
        if (!a->revoked)
                log_event(LOG_NOTICE, EVENT_DEMOTED,
                          FIELDS({ "PALISADE_EPOCH", NULL, a->epoch },
                                 { "PALISADE_RULE", p->decision.rule->name, 0 }),
                          a->yielding ? "giving up the lock, epoch %" PRIu64 ": %s"
                                      : "giving up the right to be primary, epoch %" PRIu64 ": %s",
                          a->epoch, p->decision.rule->reason);
        a->revoked = true;
        a->confirming = false;
        a->revoke_again = now + REVOKE_AGAIN;
        if (!a->pgd_answered)
                ask_revoke(p, HAND_PGD, on_pgd_revoked);
        if (!a->fenced_answered)
                ask_revoke(p, HAND_FENCED, on_fenced_revoked);
        note_answers(p);
        hands_send(p->hands, HAND_WATCHDOGD, &m.h);
        hands_send(p->hands, HAND_APID, &m.h);
}

static void on_released(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;
        Epoch epoch = p->authority.epoch;

        if (!p->authority.releasing)
                return; /* of an epoch that is over: its key was seen to be gone */
        p->authority.releasing = false;
        if (r->outcome == OUTCOME_UNKNOWN) {
                palisaded_think(p);
                return;
        }
        log_event(LOG_NOTICE, EVENT_LOCK_RELEASED, FIELDS({ "PALISADE_EPOCH", NULL, epoch }),
                  r->outcome == OUTCOME_DONE ? "released the leader key, epoch %" PRIu64
                                             : "the leader key of epoch %" PRIu64
                                               " was no longer ours to release",
                  epoch);
        end_epoch(p);
        palisaded_think(p);
}

void authority_release(Palisaded *p)
{
        MsgRelease m = WIRE_INIT(MsgRelease, MSG_RELEASE);
        const PgState *pg = &p->pg.pg;

        if (p->authority.releasing)
                return;
        p->authority.releasing = true;
        m.epoch = p->authority.epoch;
        m.optime = pg->control == CONTROL_SHUT_DOWN ? pg->control_lsn : 0;
        m.deadline = now_boottime() + ANSWER_WITHIN;
        (void)hands_request(p->hands, HAND_DCSD, &m.h, ANSWER_WITHIN + USEC_PER_SEC, on_released, p);
}

/* The key of our epoch is gone or another's, and the fence is confirmed: nothing is left of it. */
void authority_lost(Palisaded *p)
{
        log_event(LOG_WARNING, EVENT_LOCK_LOST,
                  FIELDS({ "PALISADE_EPOCH", NULL, p->authority.epoch }),
                  "the lock of epoch %" PRIu64 " is lost, and nothing acts as primary here any more",
                  p->authority.epoch);
        end_epoch(p);
}

void authority_resend(Palisaded *p, HandId id)
{
        Authority *a = &p->authority;

        if (a->epoch == 0)
                return;
        if (a->revoked) {
                a->pgd_answered = a->pgd_answered && id != HAND_PGD;
                a->fenced_answered = a->fenced_answered && id != HAND_FENCED;
                a->revoke_again = 0;
                authority_revoke(p);
        } else if (id == HAND_DCSD) {
                send_hold(p, now_boottime());
        } else {
                if (id == HAND_WATCHDOGD)
                        watchdog_arm(p);
                send_permit(p, id);
        }
}
