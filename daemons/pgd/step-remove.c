/* Steps that take the data directory away, or end a crashed primary's WAL cleanly. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/log.h"
#include "pgd/links.h"
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

static int remove_directory(Pgd *p)
{
        _cleanup_(node_freep) Node *argv =
                run_argv("/bin/rm", "-rf", "--one-file-system", p->data_dir, NULL);

        return run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_removed);
}

static void on_emptied(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        if (result->r < 0 || result->status != 0) {
                run_describe(result, "find", why, sizeof why);
                engine_step_done(p, -EIO, why);
                return;
        }
        int r = remove_directory(p);
        if (r < 0)
                engine_step_done(p, r, strerror(-r));
}

/* What its links lead to is emptied: such a directory may be a mount point, or not ours to make. */
static int empty_targets(Pgd *p, const Node *links)
{
        _cleanup_(node_freep) Node *argv = run_argv("/usr/bin/find", NULL);
        int r = argv ? 0 : -ENOMEM;

        NODE_FOREACH(link, links)
                if (r >= 0)
                        r = run_arg(argv, "%s", link->text);
        static const char *const rest[] = { "-xdev", "-mindepth", "1", "-delete" };
        for (size_t i = 0; i < ELEMENTSOF(rest); i++)
                if (r >= 0)
                        r = run_arg(argv, "%s", rest[i]);
        return r < 0 ? r : run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_emptied);
}

int step_remove(Pgd *p)
{
        _cleanup_(node_freep) Node *links = links_find(p->data_dir);

        if (!links)
                return -ENOMEM;
        log_warning("removing %s, to clone it anew from %s", p->data_dir, p->order.leader.name);
        return links->children ? empty_targets(p, links) : remove_directory(p);
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
