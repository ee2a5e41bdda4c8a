/*
 * loop: the event loop every program shares, with systemd's part of it: the watchdog, READY,
 * STATUS and STOPPING; and timers that note how late they ran.
 *
 * Threads: none, ever.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/stall.h"
#include "base/usec.h"

static inline void event_unrefp(sd_event **e)
{
        sd_event_unref(*e);
}

static inline void source_unrefp(sd_event_source **s)
{
        sd_event_source_disable_unref(*s);
}

/*
 * The default loop: SIGPIPE ignored, SIGTERM and SIGINT end it with code 0 (a daemon's end never
 * touches Postgres), systemd's watchdog served. The caller owns *ret.
 */
int loop_new(sd_event **ret);

/* SIGTERM and SIGINT call this instead of ending the loop. */
int loop_on_terminate(sd_event *e, sd_event_signal_handler_t handler, void *userdata);

/* READY=1 and a status line. */
void loop_ready(const char *format, ...) _printf_(1, 2);

/* STATUS=; sent only when the text differs from the last one. */
void loop_status(const char *format, ...) _printf_(1, 2);

/* Runs until sd_event_exit(); says STOPPING=1. Answers the exit code, or negative errno. */
int loop_run(sd_event *e);

/*
 * Timer: one absolute CLOCK_BOOTTIME timer, part of the object that uses it. It notes its lateness
 * in *stall, if given.
 */
typedef struct Timer Timer;
typedef void (*timer_handler_t)(Timer *t, usec_t now, void *userdata);
struct Timer {
        sd_event_source *source;
        sd_event_source *soon; /* for what is due at once: no timer of the kernel's is needed */
        usec_t due; /* USEC_INFINITY: not set */
        Stall *stall;
        timer_handler_t handler;
        void *userdata;
};

int timer_init(Timer *t, sd_event *e, const char *name, Stall *stall, timer_handler_t handler,
               void *userdata);
void timer_set(Timer *t, usec_t due); /* USEC_INFINITY: off */
void timer_done(Timer *t);
