/*
 * Making a replica: the configured methods in turn, each from a member that offers itself or from
 * the leader, until one has left a data directory that Postgres can use.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/methods.h"
#include "pgd/scripts.h"
#include "pgd/source.h"

static struct { /* one clone at a time */
        Node *methods;
        const Node *method; /* the one in use */
        Member source;      /* no name: nobody to copy from */
        char why[REASON_SIZE];
} clone;

static void try_next(Pgd *p);

static void end(Pgd *p, int r)
{
        clone.methods = node_free(clone.methods);
        clone.method = NULL;
        p->pg.progress = (CopyProgress){ 0 };
        p->control_known = false;
        pgd_set_run(p, RUN_STOPPED);
        engine_step_done(p, r, r < 0 ? clone.why : "cloned");
        pgd_read_control(p);
}

static void succeeded(Pgd *p)
{
        const char *from = clone.source.name[0] ? clone.source.name : "no member";

        if (p->order.what == ORDER_BOOTSTRAP) { /* of a standby cluster: it is made with this */
                p->pg.fresh = true;
                pgd_save(p);
        }
        p->diverged = TRI_UNKNOWN;
        p->check_failures = p->rewind_failures = 0;
        log_event(LOG_NOTICE, EVENT_CLONED, FIELDS({ "PALISADE_LEADER", from, 0 }),
                  "cloned the data directory from %s by %s in %s", from, clone.method->text,
                  USEC_TEXT(now_boottime() - p->step_since));
        end(p, 0);
}

static void failed(Pgd *p)
{
        clone.method = clone.method->next;
        if (clone.method)
                log_warning("%s; %s is tried next", clone.why, clone.method->text);
        try_next(p);
}

static void on_method(Pgd *p, ToolResult *result)
{
        const char *method = clone.method->text;

        p->pg.datadir = pgd_look_at_datadir(p);
        if (result->r >= 0 && result->status == 0 && p->pg.datadir == DATADIR_VALID) {
                succeeded(p);
                return;
        }
        if (result->r >= 0 && result->status == 0)
                snprintf(clone.why, sizeof clone.why,
                         "replica method %s ended well and left no usable data directory", method);
        else
                run_describe(result, str_equal(method, METHOD_BASEBACKUP) ? "pg_basebackup" : method,
                             clone.why, sizeof clone.why);
        failed(p);
}

static void warn(const char *text)
{
        log_warning("postgresql.basebackup: %s", text);
}

static int run_basebackup(Pgd *p, const char *dsn, const char *env)
{
        PgConf c = pgd_section(p);
        char program[URL_SIZE];

        pgd_program(p, "pg_basebackup", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "-X", "stream", "--progress",
                                                    "--no-password", "--checkpoint=fast", NULL);
        int r = run_arg(argv, "--pgdata=%s", p->data_dir);
        if (r >= 0)
                r = run_arg(argv, "--dbname=%s", dsn);
        if (r >= 0)
                r = methods_add_basebackup_options(&c, argv, warn);
        return r < 0 ? r : run_tool(p, argv, env, NULL, USEC_INFINITY, run_progress, on_method);
}

static int run_custom(Pgd *p, const char *method, const char *dsn, const char *env)
{
        _cleanup_(node_freep) Node *argv = NULL;
        PgConf c = pgd_section(p);
        int r = script_argv(method_command(&c, method), &argv);

        if (r >= 0)
                r = method_add_params(&c, method, p->data_dir, dsn, argv);
        if (r < 0)
                return r;
        return script_run(p, method, argv, (const char *const[2]){ env, NULL }, USEC_INFINITY,
                          on_method);
}

static int run_method(Pgd *p)
{
        const char *method = clone.method->text;
        char dsn[1024] = "", env[PATH_MAX + 16] = "PGPASSFILE=/dev/null";
        int r = make_dirs(p->data_dir, 0700);

        if (r >= 0 && clone.source.name[0])
                r = member_conninfo(p, &clone.source, "replication", NULL, "", dsn, sizeof dsn, env,
                                    sizeof env);
        if (r < 0)
                return r;
        log_info("making a replica by %s from %s", method,
                 clone.source.name[0] ? clone.source.name : "no member");
        return str_equal(method, METHOD_BASEBACKUP) ? run_basebackup(p, dsn, env)
                                                    : run_custom(p, method, dsn, env);
}

static void begin_method(Pgd *p)
{
        int r = run_method(p);

        if (r < 0) {
                snprintf(clone.why, sizeof clone.why, "replica method %s cannot be run: %s",
                         clone.method->text, strerror(-r));
                failed(p);
        }
}

static void on_emptied(Pgd *p, ToolResult *result)
{
        if (result->r >= 0 && result->status == 0) {
                begin_method(p);
                return;
        }
        run_describe(result, "rm", clone.why, sizeof clone.why);
        end(p, -EIO);
}

/* Whatever lies there goes first, unless the method wants it. */
static void try_next(Pgd *p)
{
        PgConf c = pgd_section(p);

        while (clone.method && !clone.source.name[0] &&
               !method_flag(&c, clone.method->text, "no_leader"))
                clone.method = clone.method->next;
        if (!clone.method) {
                end(p, -EIO);
                return;
        }
        p->pg.datadir = pgd_look_at_datadir(p);
        if (p->pg.datadir == DATADIR_EMPTY || method_flag(&c, clone.method->text, "keep_data")) {
                begin_method(p);
                return;
        }
        _cleanup_(node_freep) Node *argv =
                run_argv("/bin/rm", "-rf", "--one-file-system", p->data_dir, NULL);
        int r = run_tool(p, argv, NULL, NULL, USEC_INFINITY, NULL, on_emptied);
        if (r < 0) {
                snprintf(clone.why, sizeof clone.why, "cannot run rm: %s", strerror(-r));
                end(p, r);
        }
}

int step_clone(Pgd *p)
{
        PgConf c = pgd_section(p);
        const Member *offered = NULL;

        const Node *remote = node_find(p->dynamic, "standby_cluster.create_replica_methods");
        bool by_leader = p->order.anew != 0 && p->order.from_leader;

        node_free(clone.methods);
        clone.methods = by_leader         ? run_argv(METHOD_BASEBACKUP, NULL)
                        : p->order.remote ? methods_list_of(remote)
                                          : methods_list(&c);
        if (!clone.methods)
                return -ENOMEM;
        clone.method = clone.methods->children;
        (void)STR_SET(clone.why, "no replica method works without a leader"); /* our own text */
        if (p->cluster && p->order.leader.name[0] && !by_leader && !p->order.remote)
                offered = source_to_clone(p->cluster, config_name(p->config), p->order.leader.name,
                                          (unsigned)(now_boottime() / 1021));
        clone.source = offered ? *offered : p->order.leader;
        try_next(p);
        return 0;
}
