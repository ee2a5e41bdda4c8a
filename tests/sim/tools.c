/* pgd's tools and the steps that run them: what initdb, pg_basebackup, pg_rewind and others come to. */
#include <errno.h>

#include "pgd/pgd.h"
#include "tests/sim/sim.h"

static Host *host_of(const Pgd *p)
{
        return ((Program *)p->event)->host;
}

static uint64_t tool_numbers[NODES_MAX]; /* of the one in flight: an older one's end says nothing */

void pgd_tools_gone(const Host *h)
{
        tool_numbers[h->index]++;
}

Tool *tool_free(Tool *t)
{
        if (t)
                tool_numbers[running->host->index]++;
        return NULL;
}

typedef void (*tool_end_t)(Pgd *p);

static void on_tool(Event *e)
{
        Pgd *p = e->program->state;
        tool_end_t end = (tool_end_t)(uintptr_t)e->what;

        if (e->value != tool_numbers[e->host->index])
                return;
        p->tool = NULL;
        end(p);
}

static int run_for(Pgd *p, uint64_t least, uint64_t most, tool_end_t end)
{
        Host *h = host_of(p);

        p->tool = (Tool *)p; /* one is there */
        sim_event(world->now + sim_between(least, most), on_tool, &h->programs[PROGRAM_PGD], NULL,
                  (void *)(uintptr_t)end, ++tool_numbers[h->index]);
        return 0;
}

static void end_control(Pgd *p)
{
        const Postgres *pg = &host_of(p)->pg;

        if (server_runs(p->server) || pg->phase != SERVER_DOWN || pg->datadir != DATADIR_VALID)
                return;
        p->control = (Control){ .state = pg->control, .sysid = pg->sysid,
                                .checkpoint_lsn = pg->control_lsn,
                                .timeline = world->branches[pg->control_branch].timeline,
                                .min_recovery_lsn = pg->lsn, .wal_log_hints = true };
        p->control_known = true;
        p->pg.control = p->control.state;
        p->pg.sysid = p->control.sysid;
        p->pg.control_timeline = p->control.timeline;
        p->pg.control_lsn = p->control.checkpoint_lsn;
        p->pg.timeline = p->control.timeline;
        p->pg.standby_signal = pg->signal_file;
        pgd_changed(p);
        engine_advance(p);
}

void pgd_read_control(Pgd *p)
{
        if (!p->tool && p->pg.datadir == DATADIR_VALID)
                (void)run_for(p, 3 * MSEC, 30 * MSEC, end_control);
}

static void end_bootstrap(Pgd *p)
{
        postgres_bootstrap(host_of(p));
        p->pg.datadir = DATADIR_VALID;
        p->pg.fresh = true;
        pgd_set_run(p, RUN_STOPPED);
        pgd_save(p);
        p->control_known = false;
        engine_step_done(p, 0, "made");
        pgd_read_control(p);
}

int step_bootstrap(Pgd *p)
{
        host_of(p)->pg.datadir = DATADIR_BROKEN;
        return run_for(p, 300 * MSEC, 3 * SEC, end_bootstrap);
}

static void end_clone(Pgd *p)
{
        Host *h = host_of(p);
        bool ok = postgres_copy(h, host_index(p->order.leader.name), true);

        p->pg.datadir = h->pg.datadir;
        p->control_known = false;
        pgd_set_run(p, RUN_STOPPED);
        if (ok) {
                h->pg.backup_label = true;
                h->pg.signal_file = false;
                p->diverged = TRI_UNKNOWN;
                p->check_failures = p->rewind_failures = 0;
        }
        engine_step_done(p, ok ? 0 : -EIO, ok ? "cloned" : "the leader does not answer");
        pgd_read_control(p);
}

int step_clone(Pgd *p)
{
        host_of(p)->pg.datadir = DATADIR_BROKEN;
        return run_for(p, SEC, 15 * SEC, end_clone);
}

static void end_remove(Pgd *p)
{
        host_of(p)->pg.datadir = p->pg.datadir = DATADIR_EMPTY;
        p->control_known = false;
        p->pg.sysid = 0;
        engine_step_done(p, 0, "removed");
}

int step_remove(Pgd *p)
{
        host_of(p)->pg.datadir = DATADIR_BROKEN;
        return run_for(p, 50 * MSEC, SEC, end_remove);
}

static void end_recovery(Pgd *p)
{
        postgres_end_recovery(host_of(p));
        p->control_known = false;
        engine_step_done(p, 0, "recovered");
        pgd_read_control(p);
}

int step_crash_recovery(Pgd *p)
{
        (void)files_write_signal(p, false);
        return run_for(p, 100 * MSEC, 3 * SEC, end_recovery);
}

static void end_check(Pgd *p)
{
        const Host *h = host_of(p);
        int up = host_index(p->order.leader.name);
        Tri diverged = postgres_diverged(h, up);

        if (diverged == TRI_UNKNOWN) {
                p->check_failures++;
                engine_step_done(p, -EIO, "the leader cannot be asked");
                return;
        }
        p->diverged = diverged;
        p->local.lsn = h->pg.lsn;
        p->twin = diverged == TRI_YES && up >= 0 &&
                  world->branches[h->pg.branch].timeline ==
                          world->branches[world->hosts[up].pg.branch].timeline;
        p->check_failures = 0;
        engine_step_done(p, 0, "compared");
}

int step_check(Pgd *p)
{
        return run_for(p, 20 * MSEC, 300 * MSEC, end_check);
}

static void end_rewind(Pgd *p)
{
        Host *h = host_of(p);
        bool ok = !sim_chance(20) && postgres_copy(h, host_index(p->order.leader.name), true);

        p->control_known = false;
        if (ok) {
                h->pg.backup_label = true;
                p->diverged = TRI_NO;
                p->rewind_failures = 0;
        } else {
                p->rewind_failures++;
        }
        engine_step_done(p, ok ? 0 : -EIO, ok ? "rewound" : "pg_rewind failed");
        pgd_read_control(p);
}

/* No archive in this world. */
int step_archive(Pgd *p)
{
        p->archived = true;
        engine_step_done(p, 0, "archived");
        return 0;
}

int step_rewind(Pgd *p)
{
        (void)files_write_signal(p, false);
        return run_for(p, 300 * MSEC, 5 * SEC, end_rewind);
}
