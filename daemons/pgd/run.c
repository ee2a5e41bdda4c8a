#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/pgd.h"

typedef void (*run_done_t)(Pgd *p, ToolResult *result);

/* One tool at a time, so its end can be kept beside it. */
static run_done_t current_done;

static void on_done(ToolResult *result, void *userdata)
{
        Pgd *p = userdata;
        run_done_t done = current_done;

        p->tool = NULL;
        current_done = NULL;
        done(p, result);
}

int run_spec(Pgd *p, ToolSpec *spec, run_done_t done)
{
        if (!spec->argv)
                return -ENOMEM;
        if (p->tool)
                return -EBUSY;
        current_done = done;
        spec->done = on_done;
        spec->userdata = p;
        return tool_start(&p->tool, p->launch, spec);
}

int run_tool(Pgd *p, const Node *argv, const char *extra_env, const char *input, usec_t timeout,
             tool_line_t on_line, run_done_t done)
{
        ToolSpec spec = { .argv = argv, .env = { extra_env }, .input = input, .timeout = timeout,
                          .on_error_line = on_line };

        return run_spec(p, &spec, done);
}

Node *run_argv(const char *program, ...)
{
        _cleanup_(node_freep) Node *argv = node_new(NODE_LIST);
        va_list ap;
        int r = argv ? 0 : -ENOMEM;

        va_start(ap, program);
        for (const char *s = program; s && r >= 0; s = va_arg(ap, const char *))
                r = node_put(argv, NULL, node_new_string(s));
        va_end(ap);
        return r < 0 ? NULL : TAKE_PTR(argv);
}

int run_arg(Node *argv, const char *format, ...)
{
        char text[2048];
        va_list ap;

        if (!argv)
                return -ENOMEM;
        va_start(ap, format);
        int n = vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        return (size_t)n < sizeof text ? node_put(argv, NULL, node_new_string(text)) : -E2BIG;
}

void run_describe(const ToolResult *t, const char *name, char *buf, size_t size)
{
        if (t->r < 0)
                snprintf(buf, size, "%s: %s", name, t->error);
        else if (t->status < 0)
                snprintf(buf, size, "%s was ended by signal %d", name, -t->status);
        else
                snprintf(buf, size, "%s failed with code %d%s%s", name, t->status,
                         t->error[0] ? ": " : "", t->error);
}

/* ---- how far it is ---- */

/* Told at each tenth, and every half minute. */
static void log_progress(const CopyProgress *before, const CopyProgress *now)
{
        static usec_t told;
        char text[COPY_PROGRESS_TEXT_MAX];

        if (copy_progress_percent(before) / 10 == copy_progress_percent(now) / 10 &&
            now_boottime() < told + 30 * USEC_PER_SEC)
                return;
        told = now_boottime();
        copy_progress_format(now, text);
        log_info("copying: %s", text);
}

/* "  12345/67890 kB (18%), 0/1 tablespace", "12345/67890 kB (18%) copied" */
void run_progress(const char *line, void *userdata)
{
        Pgd *p = userdata;
        uint64_t done, total;

        if (sscanf(line, "%" SCNu64 "/%" SCNu64 " kB (", &done, &total) != 2)
                return;
        CopyProgress now = copy_progress_after(done * 1024, total * 1024,
                                               now_boottime() - p->step_since);

        log_progress(&p->pg.progress, &now);
        p->pg.progress = now;
        pgd_changed(p);
}
