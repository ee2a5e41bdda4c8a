/*
 * The mind's side of the watchdog: armed before an epoch's first permit, released when nothing of
 * that epoch is left.
 *
 * W, what watchdogd answers, goes into every permit. If the inequality does not hold with it
 * (DESIGN §2), `automatic` disarms and leads on without, `required` does not lead.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ANSWER_WITHIN (2 * USEC_PER_SEC)
#define DISARM_AGAIN (200 * USEC_PER_MSEC)
#define UNFIT_FOR (30 * USEC_PER_SEC)
#define ARM_AGAIN (2 * USEC_PER_SEC) /* while the pause waits for it */

void watchdog_stand(Palisaded *p)
{
        MsgDisarm m = WIRE_INIT(MsgDisarm, MSG_DISARM);

        m.epoch = p->authority.epoch;
        m.goes_on = 1;
        p->authority.disarmed = true;
        hands_send(p->hands, HAND_WATCHDOGD, &m.h);
}

/* The pause was to end, and has not: a primary leads on without a deadline until the watchdog can be armed. */
static bool is_paused(const Palisaded *p)
{
        return p->authority.permit.standing && p->cluster && p->cluster->settings.pause;
}

static void answered(Palisaded *p, bool may_lead)
{
        Authority *a = &p->authority;

        a->armed_asked = 0;
        if (!may_lead && is_paused(p)) {
                a->arm_again = now_boottime() + ARM_AGAIN;
                watchdog_stand(p);
                return;
        }
        a->disarmed = false;
        a->unarmed = !may_lead;
        a->armed_answered = may_lead;
        if (may_lead)
                authority_give_permit(p);
        palisaded_think(p);
}

static void tell_missing(const Palisaded *p, const char *why)
{
        bool required = p->node.watchdog_mode == WATCHDOG_REQUIRED;
        const char *then = is_paused(p) ? "; the pause goes on" : "; giving up the lock";

        log_event(required ? LOG_ERR : LOG_WARNING, EVENT_FENCE_MISSING,
                  FIELDS({ "PALISADE_FENCE", "watchdog", 0 }),
                  required ? "the watchdog is required and cannot be armed: %s%s" : "leading without a hardware watchdog: %s%s",
                  why[0] ? why : "no answer", required ? then : "");
}

static void on_unfit_disarmed(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (r->h.seq == p->authority.armed_asked)
                answered(p, true); /* not done: its W stays in the permits */
}

/* Armed, but W leaves too little of ttl to renew in. */
static void give_up_unfit(Palisaded *p)
{
        MsgDisarm m = WIRE_INIT(MsgDisarm, MSG_DISARM);
        PermitInput in = authority_input(p);
        char why[REASON_SIZE];

        in.stall = 0;
        PermitTerms t = permit_terms(&in);

        snprintf(why, sizeof why, "%s resets after %s, and ttl %s less that and %s margin leaves no "
                 "retry_timeout of %s after a renewal is missed", p->watchdog.device,
                 USEC_TEXT(in.watchdog), USEC_TEXT(in.timing.ttl), USEC_TEXT(t.margin),
                 USEC_TEXT(in.timing.retry_timeout));
        tell_missing(p, why);
        if (p->node.watchdog_mode == WATCHDOG_REQUIRED) {
                p->unfit_until = now_boottime() + UNFIT_FOR; /* let another node try meanwhile */
                answered(p, false);
                return;
        }
        m.epoch = p->authority.epoch;
        m.goes_on = 1;
        p->authority.armed_asked = hands_request(p->hands, HAND_WATCHDOGD, &m.h, ANSWER_WITHIN,
                                                 on_unfit_disarmed, p);
}

static void on_armed(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;
        PermitInput in = authority_input(p); /* with W: STATE came before this */

        if (r->h.seq != p->authority.armed_asked)
                return; /* of an epoch that is over */
        if (r->outcome == OUTCOME_UNKNOWN && p->authority.armed_answered) {
                p->authority.armed_asked = 0; /* it was armed; asked again when watchdogd is back */
                return;
        }
        in.stall = 0; /* whether W fits is a matter of what is configured, not of the last minutes */
        if (r->outcome == OUTCOME_DONE && !permit_terms(&in).fits) {
                give_up_unfit(p);
                return;
        }
        if (r->outcome == OUTCOME_DONE && r->text[0])
                log_notice("watchdog: %s", r->text);
        if (r->outcome != OUTCOME_DONE)
                tell_missing(p, r->text);
        answered(p, r->outcome == OUTCOME_DONE || p->node.watchdog_mode != WATCHDOG_REQUIRED);
}

void watchdog_arm(Palisaded *p)
{
        Authority *a = &p->authority;
        MsgArm m = WIRE_INIT(MsgArm, MSG_ARM);
        PermitInput in = authority_input(p);

        if (authority_is_standby(p))
                return; /* nothing here acts as primary; a permit to come asks again */
        a->armed_for = in.timing;
        if (p->node.watchdog_mode == WATCHDOG_OFF || pause_stands(p)) {
                a->armed_answered = true;
                a->disarmed = p->node.watchdog_mode != WATCHDOG_OFF; /* until the pause ends */
                return;
        }
        if (a->armed_asked)
                return;
        m.mode = p->node.watchdog_mode;
        m.epoch = a->epoch;
        m.within = permit_watchdog_within(&in);
        m.reset_after = p->node.watchdog_reset_after * USEC_PER_SEC;
        (void)STR_SET(m.device, p->node.watchdog_device); /* same size */
        a->armed_asked = hands_request(p->hands, HAND_WATCHDOGD, &m.h, ANSWER_WITHIN, on_armed, p);
}

void watchdog_follow_timing(Palisaded *p)
{
        const Authority *a = &p->authority;
        Timing now = authority_input(p).timing;

        if (a->epoch != 0 && !a->revoked && !a->disarmed &&
            (now.ttl != a->armed_for.ttl || now.loop_wait != a->armed_for.loop_wait ||
             now.retry_timeout != a->armed_for.retry_timeout))
                watchdog_arm(p);
}

/*
 * Whatever was armed for an epoch that is over cannot act as primary any more: the leaf is empty
 * behind its REVOKE, or what runs is a standby, born as one and never told to promote.
 */
static bool nothing_leads(const Palisaded *p)
{
        const PgState *pg = &p->pg.pg;

        if (!p->known[HAND_PGD] || !p->known[HAND_FENCED] || pg->operation == PGOP_START)
                return false;
        if (pg_may_run(pg))
                return pg->in_recovery == TRI_YES && pg->standby_signal && !pg->promote_sent;
        return p->fence.populated == TRI_NO && p->fence.revoked_epoch >= p->watchdog.epoch;
}

/*
 * The epoch is over, or its fence is confirmed: its key may be out of reach for long. Or we lead a standby cluster by
 * now, under an epoch that arms nothing.
 */
static bool is_settled(const Palisaded *p)
{
        const Authority *a = &p->authority;

        return a->epoch == 0 || (p->watchdog.epoch < a->epoch && authority_is_standby(p)) ||
               (a->revoked && a->pgd_answered && a->fenced_answered &&
                a->empty == TRI_NO && p->watchdog.epoch <= a->epoch);
}

static void on_over(const MsgResult *r _unused_, void *userdata)
{
        palisaded_think(userdata);
}

/*
 * A new mind that cannot see the cluster has no epoch to revoke. The one that the device was armed for is over by its
 * permit: fenced is told so, and what it sees then counts.
 */
static void revoke_what_is_over(Palisaded *p, usec_t now)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        if (p->authority.epoch != 0 || p->cluster || !p->known[HAND_PGD] || pg_may_run(&p->pg.pg) ||
            p->pg.pg.operation == PGOP_START || p->fence.revoked_epoch >= p->watchdog.epoch)
                return;
        if (now < p->watchdog.deadline) {
                if (p->think_timer.due > p->watchdog.deadline)
                        timer_set(&p->think_timer, p->watchdog.deadline);
                return;
        }
        p->disarm_again = now + DISARM_AGAIN;
        m.epoch = p->watchdog.epoch;
        (void)hands_request(p->hands, HAND_FENCED, &m.h, ANSWER_WITHIN, on_over, p);
}

void watchdog_settle(Palisaded *p, usec_t now)
{
        MsgDisarm m = WIRE_INIT(MsgDisarm, MSG_DISARM);

        if (p->watchdog.armed != TRI_YES || !is_settled(p) || now < p->disarm_again)
                return;
        if (!nothing_leads(p)) {
                revoke_what_is_over(p, now);
                return;
        }
        p->disarm_again = now + DISARM_AGAIN;
        m.epoch = p->watchdog.epoch;
        hands_send(p->hands, HAND_WATCHDOGD, &m.h);
}
