/*
 * notify: systemd's protocol in a few lines, since this program links libc alone.
 *
 * LISTEN_FDS for the socket and what the fd store kept, NOTIFY_SOCKET for READY, WATCHDOG and the
 * store, WATCHDOG_USEC for the cadence. Nothing here waits, but notify_barrier().
 */
#pragma once

#include "base/usec.h"

/* The passed descriptor of that name, or -1. It is the caller's from then on. */
int notify_take_fd(const char *name);

/* Sends e.g. "READY=1\nSTATUS=…"; nothing happens where there is no systemd. */
void notify_send(const char *state);

/* Keeps a duplicate of fd in the store under that name; removes what is there under it. */
void notify_put_fd(const char *name, int fd);
void notify_remove_fd(const char *name);

/* Waits until systemd has handled all of the above, at most that long. */
void notify_barrier(usec_t timeout);

/* How often WATCHDOG=1 must be sent: a third of what the unit allows. USEC_INFINITY: never. */
usec_t notify_watchdog_every(void);
