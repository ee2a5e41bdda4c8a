#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/scripts.h"
#include "pgd/words.h"

#define BEFORE_STOP_WITHIN (10 * USEC_PER_SEC)
#define PRE_PROMOTE_WITHIN (60 * USEC_PER_SEC) /* where primary_start_timeout is 0 */

typedef struct Running {
        Tool *tool;
        Callback what;
} Running;

struct Scripts {
        Pgd *pgd;
        Running last, reload;
};

/* ---- commands ---- */

static bool find_program(const char *name, char *buf, size_t size)
{
        const char *path = getenv("PATH");

        for (const char *s = path ? path : "/usr/bin:/bin"; *s; s += *s == ':') {
                size_t n = strcspn(s, ":");
                if ((size_t)snprintf(buf, size, "%.*s/%s", (int)n, s, name) < size &&
                    access(buf, X_OK) >= 0)
                        return true;
                s += n;
        }
        return false;
}

int script_argv(const char *command, Node **ret)
{
        _cleanup_(node_freep) Node *words = NULL;
        char program[PATH_MAX];
        int r = words_split(command, &words);

        if (r < 0)
                return r;
        const char *name = words->children->text;
        bool found = !strchr(name, '/') && find_program(name, program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(found ? program : name, NULL);
        for (const Node *w = words->children->next; w && r >= 0; w = w->next)
                r = argv ? node_put(argv, NULL, node_new_string(w->text)) : -ENOMEM;
        if (!argv || r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(argv);
        return 0;
}

/* ---- callbacks ---- */

static void on_callback_done(Running *c, ToolResult *result)
{
        char why[REASON_SIZE];

        c->tool = NULL;
        run_describe(result, callback_to_string(c->what), why, sizeof why);
        if (result->r < 0 || result->status != 0)
                log_warning("%s", why);
}

static void on_done(ToolResult *result, void *userdata)
{
        on_callback_done(userdata, result);
}

static int start(Scripts *s, Running *slot, Callback what, const char *command, Role role)
{
        _cleanup_(node_freep) Node *argv = NULL;
        int r = script_argv(command, &argv);

        if (r >= 0)
                r = run_arg(argv, "%s", callback_to_string(what));
        if (r >= 0)
                r = run_arg(argv, "%s", role_to_string(role));
        if (r >= 0)
                r = run_arg(argv, "%s", config_scope(s->pgd->config));
        if (r < 0)
                return r;
        if (slot->tool)
                log_warning("%s still runs: killed, %s is next", callback_to_string(slot->what),
                            callback_to_string(what));
        slot->tool = tool_free(slot->tool);
        slot->what = what;
        ToolSpec spec = { .argv = argv, .timeout = USEC_INFINITY, .is_users = true,
                          .own_output = true, .done = on_done, .userdata = slot };
        return tool_start(&slot->tool, s->pgd->launch, &spec);
}

void scripts_call(Scripts *s, Callback what, Role role)
{
        PgConf c = pgd_section(s->pgd);
        _cleanup_(node_freep) Node *callbacks = pgconf_merged(&c, "callbacks");
        const char *command = what == CALLBACK_NONE
                                      ? NULL
                                      : node_get_text(callbacks, callback_to_string(what));

        if (str_empty(command))
                return;
        log_info("calling %s as %s", callback_to_string(what), role_to_string(role));
        int r = start(s, what == CALLBACK_RELOAD ? &s->reload : &s->last, what, command, role);
        if (r < 0)
                log_error_errno(r, "Cannot run postgresql.callbacks.%s '%s': %m",
                                callback_to_string(what), command);
}

int scripts_new(Scripts **ret, Pgd *p)
{
        Scripts *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->pgd = p;
        *ret = s;
        return 0;
}

Scripts *scripts_free(Scripts *s)
{
        if (s) {
                s->last.tool = tool_detach(s->last.tool);
                s->reload.tool = tool_detach(s->reload.tool);
                free(s);
        }
        return NULL;
}

/* ---- hooks: steps that wait for a script ---- */

static const char *running_name; /* one step at a time */

static void on_line(const char *line, void *userdata _unused_)
{
        log_info("%s: %s", running_name, line);
}

int script_run(Pgd *p, const char *name, const Node *argv, const char *const env[2], usec_t timeout,
               void (*done)(Pgd *p, ToolResult *result))
{
        ToolSpec spec = { .argv = argv, .env = { env ? env[0] : NULL, env ? env[1] : NULL },
                          .timeout = timeout, .is_users = true, .on_line = on_line,
                          .on_error_line = on_line };

        running_name = name;
        return run_spec(p, &spec, done);
}

static int run_hook(Pgd *p, const char *name, usec_t timeout,
                    void (*done)(Pgd *p, ToolResult *result))
{
        _cleanup_(node_freep) Node *argv = NULL;
        int r = script_argv(pgd_setting_text(p, name), &argv);

        return r < 0 ? r : script_run(p, name, argv, NULL, timeout, done);
}

static void on_pre_promote(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE] = "it let the promotion go on";
        bool ok = result->r >= 0 && result->status == 0;

        if (!ok)
                run_describe(result, "the pre_promote script", why, sizeof why);
        p->pre_promote = ok ? HOOK_PASSED : HOOK_FAILED;
        p->pg.promotion_refused = ok ? 0 : now_boottime();
        engine_step_done(p, ok ? 0 : -ECANCELED, why);
}

/* It has as long as a primary may take to start. */
int step_pre_promote(Pgd *p)
{
        usec_t within = p->settings.primary_start_timeout;
        int r = run_hook(p, "pre_promote", within ? within : PRE_PROMOTE_WITHIN, on_pre_promote);

        if (r < 0) {
                p->pre_promote = HOOK_FAILED;
                p->pg.promotion_refused = now_boottime();
        }
        return r;
}

static void on_before_stop(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        run_describe(result, "the before_stop script", why, sizeof why);
        if (result->r < 0 || result->status != 0)
                log_warning("%s; the stop goes on", why);
        /* The stop itself has the time it would have had without; permits are enforced elsewhere. */
        if (p->order.deadline != 0 && p->order.deadline != USEC_INFINITY)
                p->order.deadline += now_boottime() - p->step_since;
        engine_step_done(p, 0, "it ended");
}

int step_before_stop(Pgd *p)
{
        usec_t within = BEFORE_STOP_WITHIN;

        if (p->order.deadline != 0 && p->order.deadline != USEC_INFINITY)
                within = MIN(within, usec_sub(p->order.deadline, now_boottime()) / 2);
        p->before_stop = HOOK_PASSED;
        int r = run_hook(p, "before_stop", within, on_before_stop);
        if (r < 0) {
                log_warning_errno(r, "Cannot run postgresql.before_stop: %m; the stop goes on");
                engine_step_done(p, 0, "it could not be run");
        }
        return 0;
}
