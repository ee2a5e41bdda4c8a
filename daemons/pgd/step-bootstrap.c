/*
 * Making a new cluster: initdb, then its roles, by a single-user backend: no socket is open, so no
 * client can come in before the cluster has a leader. It is started by the leader's own path.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/links.h"
#include "pgd/methods.h"
#include "pgd/private.h"
#include "pgd/roles.h"
#include "pgd/step-bootstrap.h"

#define INITDB_WITHIN (600 * USEC_PER_SEC)

/* What a failed attempt left is kept for the operator, as <data_dir>.failed. */
static void on_set_aside(Pgd *p, ToolResult *result _unused_)
{
        char failed[PATH_MAX], why[REASON_SIZE];
        _cleanup_(node_freep) Node *links = links_find(p->data_dir);

        links_set_aside(links);
        snprintf(failed, sizeof failed, "%s.failed", p->data_dir);
        if (rename(p->data_dir, failed) < 0 && errno != ENOENT)
                log_error_errno(errno, "Cannot rename %s to %s: %m", p->data_dir, failed);
        else
                log_notice("what the failed bootstrap left is kept as %s", failed);
        p->pg.datadir = pgd_look_at_datadir(p);
        (void)STR_SET(why, p->pg.detail); /* same size */
        engine_step_done(p, -EIO, why);
}

/* The last attempt's goes first. */
static void set_aside(Pgd *p)
{
        _cleanup_(node_freep) Node *argv = run_argv("/bin/rm", "-rf", "--one-file-system", NULL);
        _cleanup_(node_freep) Node *links = links_find(p->data_dir);
        int r = run_arg(argv, "%s.failed", p->data_dir);

        NODE_FOREACH(link, links)
                if (r >= 0)
                        r = run_arg(argv, "%s.failed", link->text);
        if (r < 0 || run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_set_aside) < 0)
                on_set_aside(p, NULL);
}

void bootstrap_failed(Pgd *p, const char *why)
{
        bool custom = p->pg.run == RUN_CUSTOM_BOOTSTRAP || p->pg.run == RUN_BOOTSTRAP_STARTING;

        (void)STR_SET(p->pg.detail, why); /* may be cut */
        private_kill(p);
        pgd_set_run(p, custom ? RUN_CUSTOM_BOOTSTRAP_FAILED : RUN_INITDB_FAILED);
        set_aside(p);
}

/* ---- roles ---- */

static int append_hba(const Pgd *p)
{
        const Node *lines = config_root(p->config);
        PgConf c = { .local = p->section, .dynamic = node_get(p->dynamic, "postgresql") };
        char path[PATH_MAX];

        lines = node_find(lines, "bootstrap.pg_hba");
        if (!lines || pgconf_setting(&c, "pg_hba"))
                return 0;
        snprintf(path, sizeof path, "%s/pg_hba.conf", p->data_dir);
        FILE *f = fopen(path, "ae");
        if (!f)
                return -errno;
        NODE_FOREACH(line, lines)
                if (line->text)
                        fprintf(f, "%s\n", line->text);
        return fclose(f) == EOF ? -errno : 0;
}

void bootstrap_made(Pgd *p)
{
        int r = append_hba(p);

        if (r < 0) {
                bootstrap_failed(p, "cannot write pg_hba.conf");
                return;
        }
        p->pg.datadir = DATADIR_VALID;
        p->pg.fresh = true;
        p->control_known = false;
        pgd_set_run(p, RUN_STOPPED);
        pgd_save(p);
        log_event(LOG_NOTICE, EVENT_BOOTSTRAPPED, FIELDS({ "PALISADE_DATA_DIR", p->data_dir, 0 }),
                  "made a new cluster in %s", p->data_dir);
        engine_step_done(p, 0, "made");
        pgd_read_control(p);
}

static void on_roles(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        /* A single-user backend ends with 0 whatever its statements did: its complaints tell. */
        if (result->r >= 0 && result->status == 0 && !strstr(result->error, "ERROR:")) {
                restore_post_bootstrap(p);
                return;
        }
        run_describe(result, "creating the roles", why, sizeof why);
        bootstrap_failed(p, why);
}

static void make_roles(Pgd *p)
{
        char program[URL_SIZE], sql[8192];

        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv =
                run_argv(program, "--single", "-F", "-D", p->data_dir, "-c", "log_checkpoints=off", NULL);
        const PgConf section = pgd_section(p);
        const char *encryption = pgconf_password_encryption(&section);
        int r = roles_sql(node_get(p->section, "authentication"), sql, sizeof sql) ? 0 : -EINVAL;
        if (r >= 0 && encryption) /* initdb's file has the version's own: md5 before 14 */
                r = run_arg(argv, "--password_encryption=%s", encryption);
        if (r >= 0)
                r = run_arg(argv, "postgres");
        if (r >= 0)
                r = run_tool(p, argv, NULL, sql, INITDB_WITHIN, NULL, on_roles);
        explicit_bzero(sql, sizeof sql);
        if (r < 0)
                bootstrap_failed(p, r == -EINVAL ? ROLES_UNSENDABLE : strerror(-r));
}

/* ---- initdb ---- */

static char pwfile[PATH_MAX];

static void on_initdb(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        (void)unlink(pwfile); /* there was none without a password */
        if (result->r < 0 || result->status != 0) {
                run_describe(result, "initdb", why, sizeof why);
                bootstrap_failed(p, why);
                return;
        }
        make_roles(p);
}

static void warn(const char *text)
{
        log_warning("bootstrap.initdb: %s", text);
}

int step_bootstrap(Pgd *p)
{
        const char *password = node_find(p->section, "authentication.superuser")
                                       ? node_get_text(p->section,
                                                       "authentication.superuser.password")
                                       : NULL;
        static const char *const forbidden[] = { "pgdata", "nosync", "pwfile", "sync-only",
                                                 "version", NULL };
        char program[URL_SIZE];
        int r = restore_begin(p);

        if (r != 0)
                return MIN(r, 0);
        pgd_program(p, "initdb", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, NULL);
        r = argv ? options_add(argv, node_find(config_root(p->config), "bootstrap.initdb"), forbidden,
                               warn)
                 : -ENOMEM;
        if (r >= 0)
                r = run_arg(argv, "--username=%s", p->superuser);
        if (r >= 0 && password) {
                snprintf(pwfile, sizeof pwfile, "%s/pwfile", p->socket_dir);
                r = write_file_atomic(pwfile, password, strlen(password), 0600);
                if (r >= 0)
                        r = run_arg(argv, "--pwfile=%s", pwfile);
        }
        if (r >= 0)
                r = run_arg(argv, "%s", p->data_dir);
        if (r >= 0)
                r = make_dirs(p->data_dir, 0700);
        return r < 0 ? r : run_tool(p, argv, NULL, NULL, INITDB_WITHIN, NULL, on_initdb);
}
