/*
 * Restarting Postgres in place, now or at a time.
 *
 * The order to pgd names the postmaster that has to go; the rest is the ordinary way of a server
 * that is to run here. A primary keeps its lock, its permit and its address. What is scheduled is
 * kept in memory alone, as Patroni does, and told in the member key.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "decide/restart.h"
#include "decide/schedule.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define LOOK_AGAIN USEC_PER_SEC

bool restart_stops(const Palisaded *p)
{
        return p->restart.since != 0 && p->restart.until == 0;
}

static const char *refusal(const Palisaded *p, const RestartAsk *ask)
{
        Member own;

        node_member(p, &own);
        static PgState pg; /* too large for the stack of every call */
        pg = p->pg.pg;
        if (own.role == ROLE_STANDBY_LEADER)
                pg.role = own.role; /* pgd knows no lock */
        return restart_refusal(ask, &pg, own.pending_restart);
}

static void begin(Palisaded *p, const RestartAsk *ask, uint64_t asked)
{
        Restart *r = &p->restart;
        const PgState *pg = &p->pg.pg;

        r->since = now_boottime();
        r->outgoing = pg_may_run(pg) ? pg->postmaster_pid : 0;
        r->until = 0;
        r->epoch = p->authority.epoch;
        r->asked = asked;
        r->ask = *ask;
        log_event(LOG_NOTICE, EVENT_RESTART, FIELDS({ "PALISADE_ROLE", role_to_string(pg->role), 0 }),
                  "restarting postgres, as %s", asked ? "asked" : "scheduled");
        palisaded_think(p);
}

/* ---- asked for ---- */

static void respond(Palisaded *p, uint64_t seq, unsigned http, const char *text)
{
        api_respond(p->api, seq, http, text);
}

const char *restart_busy_with(const Palisaded *p)
{
        PgOperation operation = p->pg.pg.operation;

        if (p->restart.since != 0)
                return "restart";
        if (p->reinit.since != 0)
                return "reinitialize";
        /* Settings are put into force in passing, and a running server is only compared with the leader's. */
        return operation == PGOP_NONE || operation == PGOP_RECONFIGURE ||
                               (operation == PGOP_REWIND && p->pg.pg.run == RUN_RUNNING)
                       ? NULL
                       : pg_operation_to_string(operation);
}

static void schedule(Palisaded *p, const MsgRequest *m)
{
        ScheduledRestart *s = &p->restart.scheduled;

        if (p->cluster->settings.pause) {
                respond(p, m->h.seq, 500, "Can't schedule restart in the paused state");
                return;
        }
        if (m->restart.scheduled_wall_usec < now_wall()) {
                respond(p, m->h.seq, 422, "Cannot schedule restart in the past");
                return;
        }
        if (s->ask.scheduled_wall_usec != 0) {
                respond(p, m->h.seq, 409, "Another restart is already scheduled");
                return;
        }
        *s = (ScheduledRestart){ .ask = m->restart, .start_wall_usec = p->pg.pg.start_wall_usec };
        log_event(LOG_NOTICE, EVENT_RESTART, NO_FIELDS, "a restart of postgres is scheduled");
        respond(p, m->h.seq, 202, "Restart scheduled");
        palisaded_think(p);
}

void restart_request(Palisaded *p, const MsgRequest *m)
{
        char text[REASON_SIZE];

        if (!p->cluster || !p->known[HAND_PGD]) {
                respond(p, m->h.seq, 503, "nothing is known yet of the cluster, or of postgres here");
                return;
        }
        if (m->restart.scheduled_wall_usec != 0) {
                schedule(p, m);
                return;
        }
        const char *busy = restart_busy_with(p);
        if (busy) {
                snprintf(text, sizeof text, "%s already in progress", busy);
                respond(p, m->h.seq, 503, text);
                return;
        }
        const char *why = refusal(p, &m->restart);
        if (p->leaving)
                why = "this node has left the cluster, or is leaving it";
        else if (p->link.state != LINK_UP)
                why = "the DCS is not accessible";
        if (why)
                respond(p, m->h.seq, 503, why);
        else
                begin(p, &m->restart, m->h.seq);
}

static void forget_scheduled(Palisaded *p, const char *why)
{
        p->restart.scheduled = (ScheduledRestart){ 0 };
        log_event(LOG_NOTICE, EVENT_RESTART, NO_FIELDS, "the scheduled restart is dropped: %s", why);
}

void restart_cancel(Palisaded *p, const MsgRequest *m)
{
        if (p->restart.scheduled.ask.scheduled_wall_usec == 0) {
                respond(p, m->h.seq, 404, "no restarts are scheduled");
                return;
        }
        forget_scheduled(p, "as asked");
        respond(p, m->h.seq, 200, "scheduled restart deleted");
        palisaded_think(p);
}

/* ---- under way, and due ---- */

static void end(Palisaded *p, RestartEnd how)
{
        Restart *r = &p->restart;
        bool done = how == RESTART_DONE;

        log_event(done ? LOG_NOTICE : LOG_WARNING, EVENT_RESTART, NO_FIELDS, "%s, %s after it began",
                  restart_end_text(how), USEC_TEXT(now_boottime() - r->since));
        if (r->asked)
                respond(p, r->asked, done ? 200 : 503, restart_end_text(how));
        r->since = r->until = r->asked = 0;
        r->outgoing = 0;
}

static void look_at_running(Palisaded *p, usec_t now)
{
        Restart *r = &p->restart;
        const PgState *pg = &p->pg.pg;
        usec_t within = r->ask.timeout_sec ? r->ask.timeout_sec * USEC_PER_SEC
                                           : p->cluster->settings.primary_start_timeout;

        /* Fenced, or leaving: what comes up now is not the server that was to come. */
        if (p->authority.epoch != r->epoch || p->authority.revoked || p->leaving) {
                end(p, RESTART_FAILED);
                return;
        }
        bool gone = !pg_may_run(pg) || pg->postmaster_pid != r->outgoing;
        if (r->until == 0 && gone)
                r->until = usec_add(now, within);
        RestartEnd how = restart_end(pg, r->outgoing, now, r->until ? r->until : USEC_INFINITY);
        if (how != RESTART_GOES_ON)
                end(p, how);
        else if (r->until)
                timer_set(&r->timer, r->until);
}

static void look_at_scheduled(Palisaded *p)
{
        Restart *r = &p->restart;
        const ScheduledRestart *s = &r->scheduled;
        usec_t wait, start = p->pg.pg.start_wall_usec;

        if (s->start_wall_usec != 0 && start != 0 && start != s->start_wall_usec) {
                forget_scheduled(p, "postgres was restarted meanwhile");
                return;
        }
        Due due = schedule_due(s->ask.scheduled_wall_usec, now_wall(), &p->cluster->settings, &wait);
        if (due == DUE_NOT_YET && wait != USEC_INFINITY)
                timer_set(&r->timer, now_boottime() + wait);
        if (due == DUE_PASSED)
                forget_scheduled(p, "its time has passed");
        if (due != DUE_NOW)
                return;
        RestartAsk ask = s->ask;
        const char *why = refusal(p, &ask);
        if (restart_busy_with(p)) {
                timer_set(&r->timer, now_boottime() + LOOK_AGAIN); /* until its time has passed */
        } else if (why || p->leaving) {
                forget_scheduled(p, why ? why : "this node leaves");
        } else {
                r->scheduled = (ScheduledRestart){ 0 };
                begin(p, &ask, 0);
        }
}

void restart_look(Palisaded *p, usec_t now)
{
        if (!p->cluster || !p->known[HAND_PGD])
                return;
        if (p->restart.since != 0)
                look_at_running(p, now);
        else if (p->restart.scheduled.ask.scheduled_wall_usec != 0)
                look_at_scheduled(p);
}
