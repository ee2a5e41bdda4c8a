#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"

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

int loop_new(sd_event **ret)
{
        _cleanup_(event_unrefp) sd_event *e = NULL;
        int r = sd_event_default(&e);

        if (r < 0)
                return r;
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
        r = sd_event_set_watchdog(e, true);
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

int loop_run(sd_event *e)
{
        int r = loop_on_terminate(e, on_terminate, NULL);

        if (r < 0)
                return r;
        r = sd_event_loop(e);
        (void)sd_notify(0, "STOPPING=1");
        return r;
}

static int on_timer(sd_event_source *s _unused_, uint64_t due _unused_, void *userdata)
{
        Timer *t = userdata;
        usec_t now = now_boottime(), was_due = t->due;

        if (t->stall)
                stall_note(t->stall, was_due, now);
        t->due = USEC_INFINITY;
        t->handler(t, now, t->userdata);
        return 0;
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
        return sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
        if (!t->source)
                return; /* half built, or done */
        if (due == USEC_INFINITY) {
                (void)sd_event_source_set_enabled(t->source, SD_EVENT_OFF); /* cannot fail */
                return;
        }
        /* Both fail only for a source of another kind or process, which is our mistake. */
        (void)sd_event_source_set_time(t->source, due);
        (void)sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
}

void timer_done(Timer *t)
{
        t->source = sd_event_source_disable_unref(t->source);
}
