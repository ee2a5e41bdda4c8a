#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/pgd.h"

/* A primary found running whose permit nobody knows: how long the mind has to say which it is. */
#define ADOPTION_GRACE (3 * USEC_PER_SEC)

static void answer_revoke(Pgd *p, uint64_t seq)
{
        Mind *mind = hand_find(p->hand, NULL);

        if (mind)
                link_send_result(mind->link, seq, OUTCOME_DONE, "%s", "nothing of it is in flight");
}

static void stop_by_permit(Pgd *p, PermitAction action)
{
        static const int signals[] = {
                [PERMIT_STOP_FAST] = SIGINT,
                [PERMIT_STOP_IMMEDIATE] = SIGQUIT,
        };

        if (action == PERMIT_KILL) {
                log_event(LOG_ERR, EVENT_FENCE_KILLED, FIELDS({ "PALISADE_FENCE", "pgd", 0 }),
                          "the permit has ended and postgres still runs as primary: killing it");
                server_kill(p->server);
                return;
        }
        if (p->lapsing != action)
                log_event(LOG_ERR, EVENT_PERMIT_LAPSED,
                          FIELDS({ "PALISADE_EPOCH", NULL, p->permit.epoch }),
                          "the permit was not renewed and ends in %s: stopping postgres",
                          USEC_TEXT(usec_sub(p->permit.deadline, now_boottime())));
        p->lapsing = action;
        pgd_set_run(p, RUN_STOPPING);
        p->pg.accepts = false;
        pgd_changed(p);
        (void)server_signal(p->server, signals[action]); /* ESRCH: it has just ended */
}

static void on_permit_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        authority_arm(userdata);
}

void authority_arm(Pgd *p)
{
        usec_t next;

        if (!server_runs(p->server) || !pgd_is_primary(p) || pgd_is_left_alone(p)) {
                timer_set(&p->permit_timer, USEC_INFINITY);
                return;
        }
        PermitAction action = plan_permit(&p->permit, now_boottime(), &next);
        if (action != PERMIT_GO_ON)
                stop_by_permit(p, action);
        timer_set(&p->permit_timer, next);
}

void authority_permit(Pgd *p, const MsgPermit *permit)
{
        if (permit->epoch <= p->pg.revoked_epoch) {
                log_warning("a permit of epoch %" PRIu64 " came after its end, ignored",
                            permit->epoch);
                return;
        }
        if (permit->epoch == p->permit.epoch && permit->deadline < p->permit.deadline) {
                log_warning("a permit that moves back is ignored");
                return;
        }
        p->permit = *permit;
        p->lapsing = PERMIT_GO_ON;
        p->pg.permit_epoch = permit->epoch;
        p->pg.permit_deadline = permit->deadline;
        p->table->permit = *permit;
        authority_arm(p);
        engine_advance(p);
}

void authority_revoke(Pgd *p, Epoch epoch, uint64_t seq)
{
        /* fenced may have been told of the leaf under this right, and shuts its gate for ever. */
        bool in_vain = epoch > p->pg.revoked_epoch && p->step == STEP_START_STANDBY;

        p->pg.revoked_epoch = MAX(p->pg.revoked_epoch, epoch);
        pgd_save(p);
        if (p->step == STEP_START_PRIMARY || p->step == STEP_PROMOTE ||
            p->step == STEP_PRE_PROMOTE || in_vain)
                engine_cancel(p);
        if (p->permit.epoch <= p->pg.revoked_epoch && server_runs(p->server) && pgd_is_primary(p)) {
                log_notice("epoch %" PRIu64 " is revoked: killing postgres, which runs as primary",
                           epoch);
                server_kill(p->server);
        }
        p->start.revoke = p->start.unborn ? seq : 0;
        if (!p->start.unborn)
                answer_revoke(p, seq);
        pgd_changed(p);
        if (in_vain)
                engine_advance(p); /* in another leaf */
}

void authority_born(Pgd *p)
{
        if (p->start.revoke != 0)
                answer_revoke(p, p->start.revoke);
        p->start.revoke = 0;
}

int authority_init(Pgd *p)
{
        return timer_init(&p->permit_timer, p->event, "permit", &p->stall, on_permit_timer, p);
}

void authority_adopt(Pgd *p)
{
        if (!pgd_is_primary(p) || p->permit.epoch > p->pg.revoked_epoch)
                return;
        usec_t grace = p->permit.epoch == 0 ? ADOPTION_GRACE : 0;
        if (grace > 0)
                log_warning("postgres runs as primary and its permit is not known here: it is stopped unless one "
                            "comes within %s",
                            USEC_TEXT(grace));
        else
                log_warning("postgres runs as primary though epoch %" PRIu64 " is revoked", p->permit.epoch);
        p->permit = (MsgPermit){ .deadline = now_boottime() + grace, .stop_budget = grace / 10 };
        p->pg.permit_epoch = 0;
        p->pg.permit_deadline = 0;
        p->lapsing = PERMIT_GO_ON;
}
