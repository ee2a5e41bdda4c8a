/* Steps that take the data directory away, or end a crashed primary's WAL cleanly. */
#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "io/log.h"
#include "pgd/pgd.h"

#define RECOVERY_WITHIN (24 * 3600 * USEC_PER_SEC)

static void on_removed(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE] = "removed";
        bool ok = result->r >= 0 && result->status == 0;

        if (!ok)
                run_describe(result, "rm", why, sizeof why);
        p->pg.datadir = pgd_look_at_datadir(p);
        p->control_known = false;
        p->pg.sysid = 0;
        engine_step_done(p, ok ? 0 : -EIO, why);
}

int step_remove(Pgd *p)
{
        _cleanup_(node_freep) Node *argv =
                run_argv("/bin/rm", "-rf", "--one-file-system", p->data_dir, NULL);

        log_warning("removing %s, to clone it anew from %s", p->data_dir, p->order.leader.name);
        return run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_removed);
}

static void on_recovered(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE] = "recovered";
        bool ok = result->r >= 0 && result->status == 0;

        if (!ok)
                run_describe(result, "postgres --single", why, sizeof why);
        p->control_known = false;
        engine_step_done(p, ok ? 0 : -EIO, why);
        pgd_read_control(p);
}

/* Ends the WAL of a crashed primary cleanly, so that it can be compared and rewound. */
int step_crash_recovery(Pgd *p)
{
        char program[URL_SIZE];
        int r = files_write_signal(p, false);

        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "--single", "-D", p->data_dir, NULL);
        if (r >= 0)
                r = run_arg(argv, "--config-file=%s/postgresql.conf", p->config_dir);
        if (r >= 0)
                r = run_arg(argv, "--archive_mode=on");
        if (r >= 0)
                r = run_arg(argv, "--archive_command=false");
        if (r >= 0)
                r = run_arg(argv, "template1");
        return r < 0 ? r : run_tool(p, argv, NULL, "", RECOVERY_WITHIN, NULL, on_recovered);
}
