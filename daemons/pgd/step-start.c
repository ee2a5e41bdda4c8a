/*
 * Starting a postmaster: files, a new leaf, the gate around it, and only then the birth.
 *
 * The order matters: a socket belongs for good to the cgroup it was born in, so fenced must have
 * attached its gate before the postmaster makes its listening sockets (DESIGN §3).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/pgd.h"

#define GATE_WITHIN (5 * USEC_PER_SEC)
#define DOUBT_AGAIN (50 * USEC_PER_MSEC)

static bool is_starting(const Pgd *p)
{
        return p->step == STEP_START_STANDBY || p->step == STEP_START_PRIMARY;
}

static bool still_starting(const Pgd *p, uint64_t leaf)
{
        return is_starting(p) && p->start.leaf == leaf;
}

static void give_up(Pgd *p, int r, const char *why)
{
        p->start.argv = node_free(p->start.argv);
        p->start.leaf = 0;
        pgd_set_run(p, RUN_START_FAILED);
        engine_step_done(p, r, why);
}

/* Nothing was born, and nothing will be. */
static void on_unborn(Pgd *p, int r)
{
        p->start.unborn = false;
        authority_born(p);
        if (is_starting(p))
                give_up(p, r, "the launcher could not start postgres");
        else
                engine_advance(p);
}

static void on_doubt_dropped(int r, void *userdata)
{
        Pgd *p = userdata;

        if (r == 0)
                on_unborn(p, -ECONNRESET);
        else
                timer_set(&p->birth_timer, now_boottime() + DOUBT_AGAIN);
}

/*
 * The launcher is gone, or silent, and its child may be on its way into the leaf: nothing touches the files before
 * that is gone. A leaf that is removed cannot be entered any more.
 */
static void on_doubt(Timer *t, usec_t now, void *userdata)
{
        Pgd *p = userdata;

        if (!p->start.unborn)
                return;
        if (server_leaf_busy(p->server))
                server_kill(p->server);
        if (launch_drop_leaf(p->launch, p->start.leaf, on_doubt_dropped, p) < 0)
                timer_set(t, now + DOUBT_AGAIN);
}

static void on_born(int r, pid_t pid, int *pidfd, void *userdata)
{
        Pgd *p = userdata;

        if (r >= 0)
                r = server_watch(p->server, pid, TAKE_FD(*pidfd));
        if (r == -EIO) {
                on_unborn(p, r);
                return;
        }
        if (r < 0) {
                log_warning_errno(r, "Whether postgres was started is not known (%m): what may still come is ended first");
                on_doubt(&p->birth_timer, now_boottime(), p);
                return;
        }
        p->start.unborn = false;
        p->pg.postmaster_pid = pid;
        p->pg.role = p->start.standby ? ROLE_REPLICA : ROLE_PRIMARY;
        p->pg.standby_signal = p->start.standby;
        p->pg.promote_sent = false;
        p->pg.in_recovery = TRI_UNKNOWN;
        p->pg.fresh = false;
        p->half_made = p->archived = false;
        p->pg.accepts = false;
        p->pg.sync_names_lsn = 0;
        pgd_save(p);
        p->start.argv = node_free(p->start.argv);

        if (!is_starting(p)) {
                log_notice("the start of postgres was given up while it was born: killing it");
                server_kill(p->server);
                authority_born(p);
                return;
        }
        pgd_set_run(p, RUN_STARTING);
        if (p->start.standby)
                (void)STR_SET(p->pg.following, files_upstream(p)->name); /* same size */
        log_info("postgres started as %s, pid %d", p->start.standby ? "standby" : "primary", (int)pid);
        authority_arm(p);
        authority_born(p); /* a REVOKE that let this standby live */
        heartbeat_schedule(p);
        engine_step_done(p, 0, "started");
}

void step_start_gate(Pgd *p, const MsgGate *gate)
{
        if (!still_starting(p, gate->leaf) || !p->start.argv || p->start.unborn)
                return;
        timer_set(&p->retry_timer, USEC_INFINITY);
        if (gate->outcome != OUTCOME_DONE) {
                give_up(p, -EPERM, gate->text);
                return;
        }
        int r = launch_spawn(p->launch, gate->leaf, p->start.argv, on_born, p);
        if (r < 0)
                give_up(p, r, "the launcher is not there");
        else
                p->start.unborn = true;
}

static void on_old_dropped(int r _unused_, void *userdata _unused_)
{
}

/* The leaf is made: hand it to fenced by way of the mind, and wait for its word. */
static void on_leaf(int r, const MsgLeaf *leaf, int fds[2], void *userdata)
{
        Pgd *p = userdata;
        Mind *mind = hand_find(p->hand, NULL);

        if (r >= 0 && !still_starting(p, leaf->leaf))
                return;
        if (r < 0 || !mind) {
                if (is_starting(p))
                        give_up(p, r < 0 ? r : -ENOTCONN,
                                r < 0 ? "the launcher made no leaf" : "no mind to hand the leaf to");
                return;
        }
        uint64_t old = server_leaf(p->server);
        server_set_leaf(p->server, leaf->leaf, leaf->cgroup, TAKE_FD(fds[0]), TAKE_FD(fds[1]));
        p->leaf_over = p->pg.revoked_epoch;
        if (old != leaf->leaf && leaf_is_launchers(old))
                (void)launch_drop_leaf(p->launch, old, on_old_dropped, p); /* an empty one is harmless */
        pgd_send_leaf(p);
        timer_set(&p->retry_timer, now_boottime() + GATE_WITHIN);
}

void step_start_overdue(Pgd *p)
{
        if (p->start.argv && !p->start.unborn && is_starting(p))
                give_up(p, -ETIMEDOUT, "no word about the gate came");
}

static int make_argv(Pgd *p, const Node *arguments)
{
        char program[URL_SIZE];

        pgd_program(p, "postgres", program, sizeof program);
        p->start.argv = node_free(p->start.argv);
        p->start.argv = run_argv(program, "-D", p->data_dir, NULL);
        int r = run_arg(p->start.argv, "--config-file=%s/postgresql.conf", p->config_dir);
        NODE_FOREACH(a, arguments)
                if (r >= 0)
                        r = run_arg(p->start.argv, "%s", a->text);
        return r;
}

int step_start(Pgd *p, bool standby)
{
        _cleanup_(node_freep) Node *arguments = NULL;
        int r;

        p->start.standby = standby;
        p->start.leaf = now_boottime() / USEC_PER_MSEC; /* grows, and is used once (DESIGN §3) */
        if (!standby)
                p->conninfo_wanted[0] = 0;
        if (standby) {
                /* Whoever it waited for when it last led is not to be waited for at promotion. */
                p->sync_managed = p->settings.synchronous_mode != SYNC_MODE_OFF;
                (void)STR_SET(p->sync_names, p->settings.synchronous_mode_strict ? "*" : "");
        }
        chores_before_start(p->chores, standby);
        r = files_write(p, standby, &arguments);
        if (r >= 0)
                r = files_write_signal(p, standby);
        if (r >= 0)
                r = make_argv(p, arguments);
        if (r >= 0)
                r = launch_make_leaf(p->launch, p->start.leaf, on_leaf, p);
        if (r >= 0)
                p->conf_stale = false;
        return r;
}

int step_start_init(Pgd *p)
{
        return timer_init(&p->birth_timer, p->event, "birth", NULL, on_doubt, p);
}
