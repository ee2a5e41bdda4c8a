/* Steps on a server that runs: stop, promote, reconfigure, checkpoint. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/pgd.h"

#define WAKE_AFTER (100 * USEC_PER_MSEC) /* most promotions are over by then */
#define CHECKPOINT_WITHIN (3600 * USEC_PER_SEC)

/* pgd.c ends the step when the postmaster is gone; the order's deadline, or the plan's, makes it harsher. */
int step_stop(Pgd *p, bool immediate)
{
        usec_t harsher = p->order.deadline ? p->order.deadline : USEC_INFINITY;

        if (p->stop_within)
                harsher = MIN(harsher, now_boottime() + p->stop_within);
        int r = server_signal(p->server, immediate ? SIGQUIT : SIGINT);

        p->pg.accepts = false;
        if (r == -ESRCH)
                return 0; /* it has just ended: that news is on its way */
        /* A step before this one may have left it due: that is no end of this one's time. */
        if (r >= 0)
                timer_set(&p->retry_timer, harsher);
        return r;
}

void step_stop_overdue(Pgd *p)
{
        if (p->step == STEP_STOP_FAST) {
                log_warning("the fast stop took too long: immediate stop");
                p->step = STEP_STOP_IMMEDIATE;
                (void)server_signal(p->server, SIGQUIT); /* ESRCH: it has just ended */
                timer_set(&p->retry_timer, now_boottime() + USEC_PER_SEC);
        } else if (p->step == STEP_STOP_IMMEDIATE) {
                log_warning("the immediate stop took too long: killing postgres");
                server_kill(p->server);
        }
}

/* What pg_ctl promote does: a file for the startup process, and a signal. heartbeat.c sees the end. */
int step_promote(Pgd *p)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/promote", p->data_dir);
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return log_error_errno(errno, "Cannot make %s: %m", path);

        chores_at_promote(p->chores);
        /* From here on "in recovery" is no proof of anything: note it before it is sent. */
        p->pg.promote_sent = true;
        p->pg.role = ROLE_PRIMARY;
        pgd_save(p);
        authority_arm(p);
        p->wake_at = now_boottime() + WAKE_AFTER;
        int r = server_signal(p->server, SIGUSR1);
        pgd_call_back(p);
        heartbeat_schedule(p);
        return r;
}

static int configured(Pgd *p)
{
        int r = server_signal(p->server, SIGHUP);

        p->conf_stale = false;
        return r;
}

static void on_reloaded(const ConnAnswer *answer, void *userdata)
{
        Pgd *p = userdata;

        if (p->step != STEP_RECONFIGURE)
                return;
        if (answer->r < 0) {
                engine_step_done(p, answer->r, answer->error);
                return;
        }
        p->reloaded = true;
        heartbeat_settings_changed(p);
        heartbeat_soon(p);
}

/*
 * Commits that wait are let go when a standby that now counts answers, and one that has everything
 * already answers nothing: a record of our own, which waits for nobody, makes it.
 */
static const char wake_waiting[] = "SELECT pg_sleep(0.02); SET LOCAL synchronous_commit = local;"
                                   " SELECT txid_current()";

/*
 * The postmaster reads its files when it pleases, and each backend after it: our own session's
 * settings show when that has happened. pg_reload_conf() is ordered behind our SIGHUP.
 */
int step_reconfigure(Pgd *p)
{
        bool standby = p->pg.in_recovery != TRI_NO;

        p->reloaded = false;
        if (!standby)
                p->conninfo_wanted[0] = 0;
        int r = files_write(p, standby, NULL);
        if (r >= 0)
                r = configured(p);
        if (r >= 0)
                r = conn_run(p->admin, standby || !p->sync_managed ? "SELECT pg_sleep(0.02)" : wake_waiting,
                             3 * USEC_PER_SEC, on_reloaded, p);
        return r;
}

static void on_checkpoint(const ConnAnswer *answer, void *userdata)
{
        Pgd *p = userdata;

        if (p->step != STEP_CHECKPOINT)
                return;
        if (answer->r >= 0)
                p->pg.checkpointed = now_boottime();
        engine_step_done(p, answer->r, answer->error);
}

int step_checkpoint(Pgd *p)
{
        return conn_run(p->admin, "SET statement_timeout = 0; CHECKPOINT", CHECKPOINT_WITHIN,
                        on_checkpoint, p);
}
