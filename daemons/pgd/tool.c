#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"
#include "pgd/launch-internal.h"

#define OUTPUT_MAX (1U << 20)
#define STATUS_WITHIN (1 * USEC_PER_SEC) /* from the pidfd's word to the launcher's */

/* The sides of a pipe that stay here. */
typedef struct Stream {
        Tool *tool;
        int fd;
        sd_event_source *source;
        char line[REASON_SIZE]; /* so far */
        size_t line_used;
} Stream;

struct Tool {
        Launch *launch;
        ToolSpec spec;
        char *input;
        size_t input_sent;
        pid_t pid;
        int pidfd;
        sd_event_source *pidfd_source;
        Stream in, out, err;
        size_t room;
        bool ended, status_known;
        Timer timer; /* the timeout; once ended, the wait for the status */
        ToolResult result;
};

static void stream_done(Stream *s)
{
        s->source = sd_event_source_disable_unref(s->source);
        s->fd = fd_close(s->fd);
}

Tool *tool_free(Tool *t)
{
        if (!t)
                return NULL;
        launch_forget(t->launch, t);
        if (t->pid > 0 && !t->ended)
                (void)kill(-t->pid, SIGKILL); /* ESRCH: it has just ended */
        stream_done(&t->in);
        stream_done(&t->out);
        stream_done(&t->err);
        t->pidfd_source = sd_event_source_disable_unref(t->pidfd_source);
        t->pidfd = fd_close(t->pidfd);
        timer_done(&t->timer);
        free(t->input);
        free(t->result.output);
        free(t);
        return NULL;
}

Tool *tool_detach(Tool *t)
{
        if (t)
                t->ended = true;
        return tool_free(t);
}

void tool_signal(const Tool *t, int signal)
{
        if (t->pid > 0 && !t->ended)
                (void)kill(t->pid, signal); /* ESRCH: it has just ended */
}

static void finish(Tool *t)
{
        tool_done_t done = t->spec.done;
        void *userdata = t->spec.userdata;
        ToolResult result = t->result;

        t->result.output = NULL;
        if (!result.output)
                result.output = strdup("");
        tool_free(t);
        done(&result, userdata);
        free(result.output);
}

/* Over when the process has ended, its status is known, and both pipes are at their end. */
static void finish_if_over(Tool *t)
{
        if (t->ended && t->status_known && t->out.fd < 0 && t->err.fd < 0)
                finish(t);
}

static void fail(Tool *t, int error, const char *what)
{
        t->result.r = error;
        (void)STR_SET(t->result.error, what); /* our own short texts */
        if (t->pid > 0 && !t->ended) {
                (void)kill(-t->pid, SIGKILL); /* ESRCH: it has just ended */
                t->ended = true;
        }
        finish(t);
}

void tool_cancel(Tool *t)
{
        fail(t, -ECANCELED, "cancelled");
}

/* ---- its output ---- */

static void end_line(Stream *s)
{
        Tool *t = s->tool;
        bool is_error = s == &t->err;
        tool_line_t told = is_error ? t->spec.on_error_line : t->spec.on_line;

        s->line[s->line_used] = 0;
        if (s->line_used == 0)
                return;
        if (is_error && s->line[0] != '\t' && s->line[0] != ' ') /* a hint goes on about the line before */
                (void)STR_SET(t->result.error, s->line); /* same size */
        s->line_used = 0;
        if (told)
                told(s->line, t->spec.userdata);
}

static void take_lines(Stream *s, const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (text[i] == '\n' || text[i] == '\r')
                        end_line(s);
                else if (s->line_used < sizeof s->line - 1)
                        s->line[s->line_used++] = text[i];
        }
}

static void take_output(Tool *t, const char *s, size_t n)
{
        ToolResult *r = &t->result;

        if (r->size + n > OUTPUT_MAX)
                return; /* nobody needs more of it */
        if (r->size + n + 1 > t->room) {
                size_t room = (r->size + n + 1) * 2;
                char *bigger = realloc(r->output, room);
                if (!bigger)
                        return;
                r->output = bigger;
                t->room = room;
        }
        memcpy(r->output + r->size, s, n);
        r->size += n;
        r->output[r->size] = 0;
}

static int on_readable(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                       void *userdata)
{
        Stream *s = userdata;
        Tool *t = s->tool;
        char buf[4096];
        ssize_t n = read(fd, buf, sizeof buf);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                end_line(s);
                stream_done(s);
                finish_if_over(t);
        } else if (s == &t->err || t->spec.on_line) {
                take_lines(s, buf, (size_t)n);
        } else {
                take_output(t, buf, (size_t)n);
        }
        return 0;
}

static int on_writable(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                       void *userdata)
{
        Stream *s = userdata;
        Tool *t = s->tool;
        const char *rest = t->input + t->input_sent;
        ssize_t n = write(fd, rest, strlen(rest));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                t->input_sent += (size_t)n;
        if (n <= 0 || t->input[t->input_sent] == 0)
                stream_done(s);
        return 0;
}

/* ---- its life ---- */

static void on_status(int status, void *userdata)
{
        Tool *t = userdata;

        t->result.status = status;
        t->status_known = true;
        finish_if_over(t);
}

static int on_ended(sd_event_source *s, int fd _unused_, uint32_t events _unused_, void *userdata)
{
        Tool *t = userdata;

        t->ended = true;
        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF); /* cannot fail */
        timer_set(&t->timer, now_boottime() + STATUS_WITHIN);
        finish_if_over(t);
        return 0;
}

static void on_timer(Timer *timer _unused_, usec_t now _unused_, void *userdata)
{
        Tool *t = userdata;

        if (!t->ended)
                fail(t, -ETIMEDOUT, "it took too long and was ended");
        else if (!t->status_known)
                fail(t, -ECHILD, "it ended, how is not known");
        else
                finish(t); /* a grandchild holds a pipe open: what we have must do */
}

static void on_born(int r, pid_t pid, int *pidfd, void *userdata)
{
        Tool *t = userdata;

        if (r < 0) {
                fail(t, r, "it could not be started");
                return;
        }
        t->pid = pid;
        t->pidfd = TAKE_FD(*pidfd);
        r = sd_event_add_io(launch_event(t->launch), &t->pidfd_source, t->pidfd, EPOLLIN, on_ended,
                            t);
        if (r < 0)
                fail(t, r, "it cannot be watched");
}

static int open_stream(Tool *t, Stream *s, bool writes, int *ret_other)
{
        int fds[2];

        s->tool = t;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        s->fd = fds[writes];
        *ret_other = fds[!writes];
        if (fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        return sd_event_add_io(launch_event(t->launch), &s->source, s->fd,
                               writes ? EPOLLOUT : EPOLLIN, writes ? on_writable : on_readable, s);
}

static int spawn(Tool *t, const int *fds, size_t n_fds)
{
        static const char *const locale[] = { "LANG=C", "LC_ALL=C" };
        const char *env[ELEMENTSOF(locale) + ELEMENTSOF(t->spec.env) + 1];
        size_t n = 0;
        uint64_t seq;

        for (size_t i = 0; !t->spec.is_users && i < ELEMENTSOF(locale); i++)
                env[n++] = locale[i];
        for (size_t i = 0; i < ELEMENTSOF(t->spec.env); i++)
                if (t->spec.env[i])
                        env[n++] = t->spec.env[i];
        env[n] = NULL;
        int r = launch_spawn_fds(t->launch, LEAF_TOOLS, t->spec.argv, env, t->spec.cwd, fds, n_fds,
                                 on_born, t, &seq);
        return r < 0 ? r : launch_await_exit(t->launch, seq, on_status, t);
}

static int start(Tool *t)
{
        _cleanup_(closep) int in = -1, out = -1, err = -1;
        int r;

        if (t->spec.own_output)
                return spawn(t, NULL, 0);
        if (t->spec.input) {
                t->input = strdup(t->spec.input);
                if (!t->input)
                        return -ENOMEM;
                r = open_stream(t, &t->in, true, &in);
        } else {
                r = in = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (r < 0)
                        r = -errno;
        }
        if (r >= 0)
                r = open_stream(t, &t->out, false, &out);
        if (r >= 0)
                r = open_stream(t, &t->err, false, &err);
        return r < 0 ? r : spawn(t, (int[]){ in, out, err }, 3);
}

int tool_start(Tool **ret, Launch *l, const ToolSpec *spec)
{
        _cleanup_(tool_freep) Tool *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        *t = (Tool){ .launch = l, .spec = *spec, .pidfd = -1, .in.fd = -1, .out.fd = -1,
                     .err.fd = -1 };
        int r = timer_init(&t->timer, launch_event(l), "tool", NULL, on_timer, t);
        if (r >= 0)
                r = start(t);
        if (r < 0)
                return r;
        if (spec->timeout != USEC_INFINITY)
                timer_set(&t->timer, now_boottime() + spec->timeout);
        *ret = TAKE_PTR(t);
        return 0;
}
