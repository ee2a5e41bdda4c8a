#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/turn.h"

#define STATUS_SIZE 512

int loop_on_terminate(sd_event *e, sd_event_signal_handler_t handler, void *userdata)
{
        static const int signals[] = { SIGTERM, SIGINT };

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                sigset_t set;
                sigemptyset(&set);
                sigaddset(&set, signals[i]);
                if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                        return -errno;
                int r = sd_event_add_signal(e, NULL, signals[i], handler, userdata);
                if (r < 0 && r != -EBUSY)
                        return r;
        }
        return 0;
}

/* ---- systemd's watchdog ---- */

/*
 * WATCHDOG=1 goes out with whatever wakes the program anyway, once half of WatchdogSec= is over, and
 * by a timer of its own only at three quarters. sd_event_set_watchdog() would wake an idle program
 * half as often again, and open a socket each time.
 */
static struct {
        struct sockaddr_un address;
        socklen_t address_size;
        int fd;
        usec_t period; /* 0: nobody waits for us */
        usec_t last;
        Timer timer;
} pulse = { .fd = -1 };

static void on_pulse_timer(Timer *t _unused_, usec_t now _unused_, void *userdata _unused_)
{
        /* on_loop_turned() follows, as it follows everything. */
}

static int on_loop_turned(sd_event_source *s _unused_, void *userdata _unused_)
{
        static const char text[] = "WATCHDOG=1";
        usec_t now = now_boottime();

        if (now < pulse.last + pulse.period / 2)
                return 0;
        (void)sendto(pulse.fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&pulse.address, pulse.address_size); /* the next one
                                                                   is due before it would be missed */
        pulse.last = now;
        timer_set(&pulse.timer, now + pulse.period * 3 / 4);
        return 0;
}

static int pulse_begin(sd_event *e)
{
        const char *path = getenv("NOTIFY_SOCKET");
        uint64_t period;

        if (sd_watchdog_enabled(0, &period) <= 0 || str_empty(path))
                return 0;
        pulse.address.sun_family = AF_UNIX;
        if (!STR_SET(pulse.address.sun_path, path))
                return -ENAMETOOLONG;
        pulse.address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (*path == '@')
                pulse.address.sun_path[0] = 0; /* an abstract name, counted without an end */
        else
                pulse.address_size++;
        pulse.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (pulse.fd < 0)
                return -errno;
        pulse.period = period;
        int r = timer_init(&pulse.timer, e, "systemd watchdog", NULL, on_pulse_timer, NULL);
        if (r < 0)
                return r;
        timer_set(&pulse.timer, now_boottime());
        return sd_event_add_post(e, NULL, on_loop_turned, NULL);
}

/* ---- the loop ---- */

int loop_new(sd_event **ret)
{
        _cleanup_(event_unrefp) sd_event *e = NULL;
        int r = sd_event_default(&e);

        if (r < 0)
                return r;
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
        r = pulse_begin(e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

void loop_ready(const char *format, ...)
{
        char status[STATUS_SIZE];
        va_list ap;

        va_start(ap, format);
        vsnprintf(status, sizeof status, format, ap);
        va_end(ap);
        (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status); /* not under systemd: nobody to tell */
}

void loop_status(const char *format, ...)
{
        static char last[STATUS_SIZE];
        char status[STATUS_SIZE];
        va_list ap;

        va_start(ap, format);
        vsnprintf(status, sizeof status, format, ap);
        va_end(ap);
        if (str_equal(status, last))
                return;
        memcpy(last, status, sizeof last);
        (void)sd_notifyf(0, "STATUS=%s", status);
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si _unused_,
                        void *userdata _unused_)
{
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

/* sd_event_loop(), but for turn_dispatch(). */
static int turn_until_exit(sd_event *e)
{
        int r = 0;

        while (r >= 0 && sd_event_get_state(e) != SD_EVENT_FINISHED) {
                r = sd_event_prepare(e);
                if (r == 0)
                        r = sd_event_wait(e, UINT64_MAX);
                if (r > 0)
                        r = turn_dispatch(e);
        }
        if (r < 0)
                return r;
        int code = 0;
        r = sd_event_get_exit_code(e, &code);
        return r < 0 ? r : code;
}

int loop_run(sd_event *e)
{
        int r = loop_on_terminate(e, on_terminate, NULL);

        if (r < 0)
                return r;
        r = turn_until_exit(e);
        (void)sd_notify(0, "STOPPING=1");
        return r;
}

static int fire(Timer *t)
{
        usec_t now = now_boottime(), was_due = t->due;

        if (t->stall)
                stall_note(t->stall, was_due, now);
        t->due = USEC_INFINITY;
        t->handler(t, now, t->userdata);
        return 0;
}

static int on_timer(sd_event_source *s _unused_, uint64_t due _unused_, void *userdata)
{
        return fire(userdata);
}

static int on_soon(sd_event_source *s _unused_, void *userdata)
{
        return fire(userdata);
}

int timer_init(Timer *t, sd_event *e, const char *name, Stall *stall, timer_handler_t handler,
               void *userdata)
{
        *t = (Timer){ .due = USEC_INFINITY, .stall = stall, .handler = handler,
                      .userdata = userdata };
        int r = sd_event_add_time(e, &t->source, CLOCK_BOOTTIME, 0, 1, on_timer, t);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(t->source, name); /* only for debugging */
        r = sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(e, &t->soon, on_soon, t);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(t->soon, name); /* only for debugging */
        return sd_event_source_set_enabled(t->soon, SD_EVENT_OFF);
}

void timer_set(Timer *t, usec_t due)
{
        bool at_once = due <= now_boottime(), later = !at_once && due != USEC_INFINITY;

        t->due = due;
        if (!t->soon)
                return; /* half built, or done */
        /* These fail only for a source of another kind or process, which is our mistake. */
        if (later)
                (void)sd_event_source_set_time(t->source, due);
        (void)sd_event_source_set_enabled(t->source, later ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(t->soon, at_once ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void timer_done(Timer *t)
{
        t->source = sd_event_source_disable_unref(t->source);
        t->soon = sd_event_source_disable_unref(t->soon);
}
