/*
 * pg_rewind: back onto the leader's timeline.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/log.h"
#include "pgd/archive.h"
#include "pgd/conninfo.h"
#include "pgd/pgd.h"

#define HELP_WITHIN (5 * USEC_PER_SEC)

/*
 * pg_rewind keeps WAL of the timeline that was left. Should the cluster come to a timeline of that
 * number, a standby would read it for the new one's: it prefers what lies in pg_wal.
 */
static int remove_foreign_wal(const Pgd *p)
{
        char path[PATH_MAX];
        int r = 0;

        snprintf(path, sizeof path, "%s/pg_wal", p->data_dir);
        DIR *d = opendir(path);
        if (!d)
                return log_error_errno(errno, "Cannot read %s: %m", path);
        for (struct dirent *e = readdir(d); e && r >= 0; e = readdir(d))
                if (divergence_is_foreign(e->d_name, p->leader_timeline) &&
                    unlinkat(dirfd(d), e->d_name, 0) < 0)
                        r = log_error_errno(errno, "Cannot remove %s/%s: %m", path, e->d_name);
        (void)closedir(d); /* only read */
        return r;
}

/* The rewind in flight: there is one at a time. */
static struct {
        bool restores; /* pg_rewind fetches what it lacks from the archive itself */
        char missing[WAL_FILE_SIZE], fetched[WAL_FILE_SIZE];
} job;

/* NULL: none is set. */
static const char *restore_command(const Pgd *p)
{
        PgConf c = pgd_section(p);

        return node_get_text(pgconf_setting(&c, "recovery_conf"), "restore_command");
}

static int run_rewind(Pgd *p);

static void rewind_failed(Pgd *p, int error, const char *why)
{
        p->rewind_failures++;
        engine_step_done(p, error, why);
        pgd_read_control(p);
}

static void on_fetched(Pgd *p, int r, const char *why)
{
        char text[REASON_SIZE];

        (void)STR_SET(job.fetched, job.missing); /* same size */
        if (r >= 0) {
                r = run_rewind(p);
                why = "pg_rewind cannot be run again";
        }
        if (r < 0) {
                snprintf(text, sizeof text, "pg_rewind lacks WAL file %s; %s", job.missing, why);
                rewind_failed(p, r, text);
        }
}

/* A pg_rewind that cannot do it itself names the file, ends, and is run again when the file is there. */
static bool fetch_missing(Pgd *p)
{
        const char *command = restore_command(p);

        if (job.restores || !command || !job.missing[0] || str_equal(job.missing, job.fetched))
                return false;
        return fetch_wal(p, command, job.missing, on_fetched) >= 0;
}

static void on_rewound(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];
        bool done = result->r >= 0 && result->status == 0;

        p->pg.progress = (CopyProgress){ 0 };
        p->control_known = false;
        if (result->r >= 0 && !done && fetch_missing(p))
                return;
        if (!done || remove_foreign_wal(p) < 0) {
                run_describe(result, "pg_rewind", why, sizeof why);
                rewind_failed(p, -EIO, why);
                return;
        }
        p->diverged = TRI_NO;
        p->rewind_failures = 0;
        log_event(LOG_NOTICE, EVENT_REWOUND, FIELDS({ "PALISADE_LEADER", p->order.leader.name, 0 }),
                  "pg_rewind brought us back onto the timeline of %s", p->order.leader.name);
        engine_step_done(p, 0, "rewound");
        pgd_read_control(p);
}

static void on_rewind_line(const char *line, void *p)
{
        run_progress(line, p);
        (void)archive_missing_file(line, job.missing); /* most lines say something else */
}

static int run_rewind(Pgd *p)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];

        job.missing[0] = 0;
        pgd_program(p, "pg_rewind", program, sizeof program);
        int r = leader_conninfo(p, "rewind", "postgres", " connect_timeout=10", dsn, sizeof dsn, env,
                               sizeof env);
        if (r < 0)
                return r;
        _cleanup_(node_freep) Node *argv = run_argv(program, "--progress", "-D", p->data_dir, NULL);
        r = run_arg(argv, "--source-server=%s", dsn);
        if (r >= 0 && job.restores)
                r = run_arg(argv, "--restore-target-wal");
        if (r >= 0 && job.restores && !str_equal(p->config_dir, p->data_dir))
                r = run_arg(argv, "--config-file=%s/postgresql.conf", p->config_dir);
        return r < 0 ? r : run_tool(p, argv, env, NULL, USEC_INFINITY, on_rewind_line, on_rewound);
}

/* Versions differ in whether it reads restore_command, and whether also from a configuration elsewhere. */
static void on_help(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];
        bool ok = result->r >= 0 && result->status == 0;

        job.restores = ok && restore_command(p) && strstr(result->output, "--restore-target-wal") &&
                       (str_equal(p->config_dir, p->data_dir) || strstr(result->output, "--config-file"));
        int r = ok ? run_rewind(p) : -EIO;
        if (r < 0) {
                run_describe(result, "pg_rewind --help", why, sizeof why);
                rewind_failed(p, r, ok ? "pg_rewind cannot be run" : why);
        }
}

int step_rewind(Pgd *p)
{
        char program[URL_SIZE];

        job.fetched[0] = 0;
        pgd_program(p, "pg_rewind", program, sizeof program);
        /* It may have to end recovery in single-user mode, which no standby can. */
        int r = files_write_signal(p, false);
        if (r < 0)
                return r;
        _cleanup_(node_freep) Node *argv = run_argv(program, "--help", NULL);
        return run_tool(p, argv, NULL, NULL, HELP_WITHIN, NULL, on_help);
}
