/* Steps that make or mend the data directory: clone, remove, crash recovery. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/conninfo.h"
#include "pgd/pgd.h"

#define RECOVERY_WITHIN (24 * 3600 * USEC_PER_SEC)

/* "12345/67890 kB (18%), 0/1 tablespace" */
static void on_progress(const char *line, void *userdata)
{
        Pgd *p = userdata;
        uint64_t done, total;

        if (sscanf(line, "%" SCNu64 "/%" SCNu64 " kB (", &done, &total) == 2)
                pgd_progress(p, done * 1024, total * 1024, "copying");
}

static void on_cloned(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        p->pg.datadir = pgd_look_at_datadir(p);
        p->control_known = false;
        pgd_set_run(p, RUN_STOPPED);
        if (result->r >= 0 && result->status == 0) {
                p->diverged = TRI_UNKNOWN;
                p->check_failures = p->rewind_failures = 0;
                log_event(LOG_NOTICE, EVENT_CLONED,
                          FIELDS({ "PALISADE_LEADER", p->order.leader.name, 0 }),
                          "cloned the data directory from %s in %s", p->order.leader.name,
                          USEC_TEXT(now_boottime() - p->step_since));
                engine_step_done(p, 0, "cloned");
                pgd_read_control(p);
                return;
        }
        run_describe(result, "pg_basebackup", why, sizeof why);
        engine_step_done(p, -EIO, why);
        pgd_read_control(p);
}

static bool is_forbidden(const char *option)
{
        static const char *const forbidden[] = {
                "pgdata", "format", "wal-method", "xlog-method", "gzip",     "version", "compress",
                "dbname", "host",   "port",       "username",    "password",
        };

        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++)
                if (str_equal(forbidden[i], option))
                        return true;
        return false;
}

static int add_user_options(const Pgd *p, Node *argv)
{
        PgConf c = { .local = p->section, .dynamic = node_get(p->dynamic, "postgresql") };
        const Node *options = pgconf_setting(&c, "basebackup");
        int r = 0;

        NODE_FOREACH(o, options) {
                const Node *pair = o->kind == NODE_MAP ? o->children : o;
                const char *name = pair && pair->key ? pair->key : pair ? pair->text : NULL;
                if (!name || r < 0)
                        continue;
                if (is_forbidden(name))
                        log_warning("postgresql.basebackup: option '%s' is not allowed, left out",
                                    name);
                else if (pair->key && pair->text)
                        r = run_arg(argv, "--%s=%s", name, pair->text);
                else
                        r = run_arg(argv, "--%s", name);
        }
        return r;
}

int step_clone(Pgd *p)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];

        pgd_program(p, "pg_basebackup", program, sizeof program);
        int r = leader_conninfo(p, "replication", NULL, "", dsn, sizeof dsn, env, sizeof env);
        if (r < 0)
                return r;
        _cleanup_(node_freep) Node *argv = run_argv(program, "-X", "stream", "--progress",
                                                    "--no-password", NULL);
        r = run_arg(argv, "--pgdata=%s", p->data_dir);
        if (r >= 0)
                r = run_arg(argv, "--dbname=%s", dsn);
        if (r >= 0)
                r = run_arg(argv, "--checkpoint=fast");
        if (r >= 0)
                r = add_user_options(p, argv);
        if (r >= 0)
                r = make_dirs(p->data_dir, 0700);
        return r < 0 ? r : run_tool(p, argv, env, NULL, USEC_INFINITY, on_progress, on_cloned);
}

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
