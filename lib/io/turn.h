/*
 * turn: what one callback of the event loop cost: CPU time of the thread, and time spent blocked in
 * system calls, without the time in which it was ready and others had the CPU.
 *
 * For tests: nothing is measured, and nothing said, unless PALISADE_TURN_LIMIT (milliseconds) is in
 * the environment. Each worse one than any before, above that limit, is told in the journal.
 */
#pragma once

#include <systemd/sd-event.h>

/* One callback, as sd_event_dispatch(). */
int turn_dispatch(sd_event *e);
