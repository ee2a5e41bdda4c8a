/*
 * A new cluster made by a program of the user's, and the script that runs once on any new cluster.
 *
 * What was restored recovers, and leaves recovery, in a private server (private.h); roles and the
 * script come after that, and it is shut down again. From there on it is like a cluster that initdb
 * made: its first start is the leader's, under a permit.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/private.h"
#include "pgd/restore.h"
#include "pgd/roles.h"
#include "pgd/scripts.h"
#include "pgd/step-bootstrap.h"

#define ROLES_WITHIN (600 * USEC_PER_SEC)

static const char *post_script(const Pgd *p)
{
        const char *script = config_text(p->config, "bootstrap.post_bootstrap", "");

        return *script ? script : config_text(p->config, "bootstrap.post_init", "");
}

/* ---- the script, and the end ---- */

static void on_stopped(Pgd *p, int r, const char *why)
{
        if (r < 0)
                bootstrap_failed(p, why);
        else
                bootstrap_made(p);
}

static void on_script(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        if (result->r >= 0 && result->status == 0) {
                private_stop(p, on_stopped);
                return;
        }
        run_describe(result, "the post_bootstrap script", why, sizeof why);
        bootstrap_failed(p, why);
}

static int run_script(Pgd *p)
{
        char dsn[1024], env[PATH_MAX + 16];
        _cleanup_(node_freep) Node *argv = NULL;
        int r = script_argv(post_script(p), &argv);

        if (r >= 0)
                r = private_conninfo(p, dsn, sizeof dsn, env, sizeof env);
        if (r >= 0)
                r = run_arg(argv, "%s", dsn);
        return r < 0 ? r
                     : script_run(p, "post_bootstrap", argv,
                                  (const char *const[2]){ env, "PGOPTIONS=-c synchronous_commit=local "
                                                               "-c statement_timeout=0" },
                                  USEC_INFINITY, on_script);
}

static void script_or_end(Pgd *p)
{
        if (!*post_script(p)) {
                private_stop(p, on_stopped);
                return;
        }
        log_info("running post_bootstrap");
        int r = run_script(p);
        if (r < 0) {
                char why[REASON_SIZE];
                snprintf(why, sizeof why, "the post_bootstrap script cannot be run: %s", strerror(-r));
                bootstrap_failed(p, why);
        }
}

static void on_up_for_script(Pgd *p, int r, const char *why)
{
        if (r < 0)
                bootstrap_failed(p, why);
        else
                script_or_end(p);
}

void restore_post_bootstrap(Pgd *p)
{
        int r = *post_script(p) ? private_start(p, NULL, on_up_for_script) : 0;

        if (r < 0)
                bootstrap_failed(p, strerror(-r));
        else if (!*post_script(p))
                bootstrap_made(p);
}

/* ---- recovery, and the roles ---- */

static void on_roles(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        if (result->r >= 0 && result->status == 0) {
                script_or_end(p);
                return;
        }
        run_describe(result, "making the roles", why, sizeof why);
        bootstrap_failed(p, why);
}

static int make_roles(Pgd *p)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16], sql[8192];

        if (!roles_sql(node_get(p->section, "authentication"), sql, sizeof sql))
                return -EINVAL;
        pgd_program(p, "psql", program, sizeof program);
        int r = private_conninfo(p, dsn, sizeof dsn, env, sizeof env);
        if (r >= 0) {
                /* Each statement ends with its line. */
                for (char *s = sql; *s; s++)
                        if (*s == '\n')
                                *s = ';';
                _cleanup_(node_freep) Node *argv =
                        run_argv(program, "-Xqw", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-f", "-", NULL);
                r = run_tool(p, argv, env, sql, ROLES_WITHIN, NULL, on_roles);
        }
        explicit_bzero(sql, sizeof sql);
        return r;
}

static void on_recovered(Pgd *p, int r, const char *why)
{
        if (r >= 0) {
                log_notice("what was restored has left recovery");
                r = make_roles(p);
                why = r == -EINVAL ? ROLES_UNSENDABLE : r < 0 ? strerror(-r) : "";
        }
        if (r < 0)
                bootstrap_failed(p, why);
}

/* The signal that recovery is to begin; how it goes the settings say. */
static int write_signal(Pgd *p, const Restore *restore)
{
        char path[PATH_MAX];
        RestoreRecovery recovery = restore_recovery(restore);

        if (recovery == RESTORE_AS_LEFT)
                return 0;
        int r = files_write_signal(p, false);
        if (r < 0 || recovery == RESTORE_NO_RECOVERY)
                return r;
        snprintf(path, sizeof path, "%s/recovery.signal", p->data_dir);
        return write_file_atomic(path, "", 0, 0600);
}

static int recover(Pgd *p)
{
        _cleanup_(node_freep) Node *settings = node_new(NODE_LIST);
        Restore restore;

        if (!settings || !restore_find(node_get(config_root(p->config), "bootstrap"), &restore))
                return -ENOMEM;
        int r = write_signal(p, &restore);
        if (r >= 0)
                r = restore_add_settings(&restore, settings);
        p->keep_recovery_settings = restore_recovery(&restore) == RESTORE_AS_LEFT;
        if (r >= 0)
                r = private_start(p, settings, on_recovered);
        p->keep_recovery_settings = false;
        return r;
}

static void on_restored(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];
        bool ok = result->r >= 0 && result->status == 0;

        if (!ok)
                run_describe(result, "the custom bootstrap method", why, sizeof why);
        else if (pgd_look_at_datadir(p) != DATADIR_VALID)
                (void)STR_SET(why, "the custom bootstrap method ended well and left no usable data "
                                   "directory"); /* our own text */
        else {
                pgd_set_run(p, RUN_BOOTSTRAP_STARTING);
                int r = recover(p);
                if (r >= 0)
                        return;
                snprintf(why, sizeof why, "what was restored cannot be started: %s", strerror(-r));
        }
        bootstrap_failed(p, why);
}

int restore_begin(Pgd *p)
{
        _cleanup_(node_freep) Node *argv = NULL;
        Restore restore;

        if (!restore_find(node_get(config_root(p->config), "bootstrap"), &restore))
                return 0;
        int r = script_argv(node_get_text(restore.section, "command"), &argv);
        if (r >= 0)
                r = restore_add_params(&restore, config_scope(p->config), p->data_dir, argv);
        if (r >= 0)
                r = make_dirs(p->data_dir, 0700);
        if (r >= 0)
                r = script_run(p, "bootstrap", argv, NULL, USEC_INFINITY, on_restored);
        if (r < 0)
                return r;
        pgd_set_run(p, RUN_CUSTOM_BOOTSTRAP);
        log_info("making the cluster by the custom method %s", restore.method);
        return 1;
}
