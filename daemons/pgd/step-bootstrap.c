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
#include "pgd/methods.h"
#include "pgd/pgd.h"

#define INITDB_WITHIN (600 * USEC_PER_SEC)

static void set_aside(Pgd *p);

static void fail(Pgd *p, const char *why)
{
        pgd_set_run(p, RUN_INITDB_FAILED);
        (void)STR_SET(p->pg.detail, why); /* may be cut */
        set_aside(p);
}

/* What a failed attempt left is kept for the operator, as <data_dir>.failed. */
static void on_set_aside(Pgd *p, ToolResult *result _unused_)
{
        char failed[PATH_MAX], why[REASON_SIZE];

        snprintf(failed, sizeof failed, "%s.failed", p->data_dir);
        if (rename(p->data_dir, failed) < 0 && errno != ENOENT)
                log_error_errno(errno, "Cannot rename %s to %s: %m", p->data_dir, failed);
        else
                log_notice("what the failed bootstrap left is kept as %s", failed);
        p->pg.datadir = pgd_look_at_datadir(p);
        (void)STR_SET(why, p->pg.detail); /* same size */
        engine_step_done(p, -EIO, why);
}

static void set_aside(Pgd *p)
{
        _cleanup_(node_freep) Node *argv = run_argv("/bin/rm", "-rf", "--one-file-system", NULL);

        if (run_arg(argv, "%s.failed", p->data_dir) < 0 ||
            run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_set_aside) < 0)
                on_set_aside(p, NULL);
}

/* ---- roles ---- */

/* Doubles quotes: an identifier ("), or a literal ('). */
static void add_quoted(char *buf, size_t size, const char *s, char quote)
{
        size_t n = strlen(buf);

        if (n + 2 * strlen(s) + 3 > size)
                return;
        buf[n++] = quote;
        for (; *s; s++) {
                if (*s == quote)
                        buf[n++] = quote;
                buf[n++] = *s;
        }
        buf[n++] = quote;
        buf[n] = 0;
}

static void add(char *buf, size_t size, const char *s)
{
        size_t n = strlen(buf);

        (void)str_copy(buf + n, size - n, s); /* the caller's buffer holds every role */
}

static void add_role(char *sql, size_t size, const Node *auth, const char *options)
{
        const char *name = node_get_text(auth, "username"), *password = node_get_text(auth, "password");

        add(sql, size, "CREATE ROLE ");
        add_quoted(sql, size, name, '"');
        add(sql, size, options);
        if (password) {
                add(sql, size, " PASSWORD ");
                add_quoted(sql, size, password, '\'');
        }
        add(sql, size, "\n"); /* a single-user backend runs each line */
}

static void add_rewind_grants(char *sql, size_t size, const char *name)
{
        static const char *const functions[] = {
                "pg_ls_dir(text, boolean, boolean)",
                "pg_stat_file(text, boolean)",
                "pg_read_binary_file(text)",
                "pg_read_binary_file(text, bigint, bigint, boolean)",
        };

        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                add(sql, size, "GRANT EXECUTE ON FUNCTION pg_catalog.");
                add(sql, size, functions[i]);
                add(sql, size, " TO ");
                add_quoted(sql, size, name, '"');
                add(sql, size, "\n");
        }
}

/* Replication and rewind roles; the superuser is initdb's. False: a line break cannot be sent. */
static bool roles_sql(const Pgd *p, char *sql, size_t size)
{
        const Node *auth = node_get(p->section, "authentication");
        const Node *replication = node_get(auth, "replication"), *rewind = node_get(auth, "rewind");
        const char *rewind_name = node_get_text(rewind, "username");

        sql[0] = 0;
        add(sql, size, "SET log_statement TO none\n");
        if (node_get_text(replication, "username"))
                add_role(sql, size, replication, " REPLICATION LOGIN");
        if (rewind_name && !str_equal(rewind_name, p->superuser)) {
                add_role(sql, size, rewind, " LOGIN");
                add_rewind_grants(sql, size, rewind_name);
        }
        NODE_FOREACH(role, auth)
                NODE_FOREACH(key, role)
                        if (key->text && strchr(key->text, '\n'))
                                return false;
        return true;
}

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

static void on_roles(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        /* A single-user backend ends with 0 whatever its statements did: its complaints tell. */
        bool ok = result->r >= 0 && result->status == 0 && !strstr(result->error, "ERROR:");
        if (!ok) {
                run_describe(result, "creating the roles", why, sizeof why);
                fail(p, why);
                return;
        }
        int r = append_hba(p);
        if (r < 0) {
                fail(p, "cannot write pg_hba.conf");
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

static void make_roles(Pgd *p)
{
        char program[URL_SIZE], sql[8192];

        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv =
                run_argv(program, "--single", "-F", "-D", p->data_dir, "-c", "log_checkpoints=off",
                         "postgres", NULL);
        int r = roles_sql(p, sql, sizeof sql) ? 0 : -EINVAL;
        if (r >= 0)
                r = run_tool(p, argv, NULL, sql, INITDB_WITHIN, NULL, on_roles);
        explicit_bzero(sql, sizeof sql);
        if (r < 0)
                fail(p, r == -EINVAL ? "a user name or password holds a line break" : strerror(-r));
}

/* ---- initdb ---- */

static char pwfile[PATH_MAX];

static void on_initdb(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        (void)unlink(pwfile); /* there was none without a password */
        if (result->r < 0 || result->status != 0) {
                run_describe(result, "initdb", why, sizeof why);
                fail(p, why);
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
        int r = 0;

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
