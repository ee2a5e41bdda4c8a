#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/private.h"

#define LOOK_EVERY USEC_PER_SEC
#define LOOK_FIRST (200 * USEC_PER_MSEC)
#define LOOK_WITHIN (10 * USEC_PER_SEC)
#define HBA "local all all trust\nlocal replication all trust\n"

/* One cluster is made at a time. */
static struct {
        Tool *server;
        Timer timer;
        bool timer_ready;
        bool is_up;
        void (*up)(Pgd *p, int r, const char *why);
        void (*down)(Pgd *p, int r, const char *why);
} own;

static void forget(Pgd *p)
{
        if (own.timer_ready)
                timer_set(&own.timer, USEC_INFINITY);
        own.server = NULL;
        own.up = own.down = NULL;
        own.is_up = false;
        p->give_up = NULL;
}

void private_kill(Pgd *p)
{
        Tool *server = own.server;

        if (!server)
                return;
        forget(p);
        tool_signal(server, SIGQUIT); /* it ends its children, and what holds on by SIGKILL */
        (void)tool_detach(server);    /* NULL */
}

static void on_ended(ToolResult *result, void *userdata)
{
        Pgd *p = userdata;
        void (*up)(Pgd *, int, const char *) = own.up, (*down)(Pgd *, int, const char *) = own.down;
        bool clean = result->r >= 0 && result->status == 0;
        char why[REASON_SIZE] = "postgres ended by itself: its own log says why";

        forget(p);
        p->tool = tool_free(p->tool); /* who asked it needs no answer */
        if (!clean)
                run_describe(result, "postgres", why, sizeof why);
        if (down)
                down(p, clean ? 0 : -EIO, why);
        else
                up(p, -EIO, why);
}

/* ---- has it left recovery? ---- */

static void on_answer(Pgd *p, ToolResult *result)
{
        void (*up)(Pgd *, int, const char *) = own.up;

        if (result->r >= 0 && result->status == 0 && result->output[0] == 'f') {
                own.is_up = true;
                timer_set(&own.timer, USEC_INFINITY);
                up(p, 0, "");
                return;
        }
        timer_set(&own.timer, now_boottime() + LOOK_EVERY);
}

static void on_look(Timer *t, usec_t now, void *userdata)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];
        Pgd *p = userdata;

        if (!own.server || own.is_up)
                return;
        pgd_program(p, "psql", program, sizeof program);
        int r = private_conninfo(p, dsn, sizeof dsn, env, sizeof env);
        if (r >= 0) {
                _cleanup_(node_freep) Node *argv =
                        run_argv(program, "-XAtqw", "-d", dsn, "-c", "SELECT pg_is_in_recovery()", NULL);
                r = run_tool(p, argv, env, NULL, LOOK_WITHIN, NULL, on_answer);
        }
        if (r < 0)
                timer_set(t, now + LOOK_EVERY);
}

/* ---- its life ---- */

int private_conninfo(Pgd *p, char *dsn, size_t size, char *env, size_t env_size)
{
        Member self = { .port = p->port };

        if (!STR_SET(self.host, p->socket_dir))
                return -ENAMETOOLONG;
        return member_conninfo(p, &self, "superuser", "postgres", "", dsn, size, env, env_size);
}

static int add_settings(const Pgd *p, const char *hba, Node *argv)
{
        int r = run_arg(argv, "--listen_addresses=");

        if (r >= 0)
                r = run_arg(argv, "--unix_socket_directories=%s", p->socket_dir);
        if (r >= 0)
                r = run_arg(argv, "--unix_socket_permissions=0700");
        if (r >= 0)
                r = run_arg(argv, "--unix_socket_group=");
        if (r >= 0)
                r = run_arg(argv, "--hba_file=%s", hba);
        if (r >= 0)
                r = run_arg(argv, "--synchronous_standby_names=");
        return r;
}

static int make_argv(Pgd *p, const Node *settings, Node **ret)
{
        char program[URL_SIZE], hba[URL_SIZE + 32];
        _cleanup_(node_freep) Node *arguments = NULL;

        p->conninfo_wanted[0] = 0;
        int r = files_write(p, false, &arguments);
        if (r < 0)
                return r;
        snprintf(hba, sizeof hba, "%s/bootstrap-hba.conf", p->socket_dir);
        r = write_file_atomic(hba, HBA, strlen(HBA), 0600);
        if (r < 0)
                return r;
        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "-D", p->data_dir, NULL);
        r = run_arg(argv, "--config-file=%s/postgresql.conf", p->config_dir);
        NODE_FOREACH(a, arguments)
                if (r >= 0)
                        r = run_arg(argv, "%s", a->text);
        if (r >= 0)
                r = add_settings(p, hba, argv);
        NODE_FOREACH(s, settings)
                if (r >= 0)
                        r = run_arg(argv, "%s", s->text);
        if (r >= 0)
                *ret = TAKE_PTR(argv);
        return r;
}

int private_start(Pgd *p, const Node *settings, void (*done)(Pgd *p, int r, const char *why))
{
        _cleanup_(node_freep) Node *argv = NULL;
        int r = own.timer_ready ? 0 : timer_init(&own.timer, p->event, "private server", NULL, on_look, p);

        if (r < 0)
                return r;
        own.timer_ready = true;
        r = make_argv(p, settings, &argv);
        if (r < 0)
                return r;
        ToolSpec spec = { .argv = argv, .timeout = USEC_INFINITY, .own_output = true,
                          .done = on_ended, .userdata = p };
        r = tool_start(&own.server, p->launch, &spec);
        if (r < 0)
                return r;
        own.up = done;
        p->give_up = private_kill;
        timer_set(&own.timer, now_boottime() + LOOK_FIRST);
        return 0;
}

void private_stop(Pgd *p _unused_, void (*done)(Pgd *p, int r, const char *why))
{
        own.down = done;
        tool_signal(own.server, SIGINT);
}
