/*
 * notify: systemd's protocol in a few lines, since this program links libc alone.
 *
 * LISTEN_FDS for the socket, NOTIFY_SOCKET for READY and WATCHDOG, WATCHDOG_USEC for its cadence.
 */
#pragma once

#include "base/usec.h"

/* The passed descriptor of that name, or -1. */
int notify_listen_fd(const char *name);

/* Sends e.g. "READY=1\nSTATUS=…"; nothing happens where there is no systemd. */
void notify_send(const char *state);

/* How often WATCHDOG=1 must be sent: a third of what the unit allows. USEC_INFINITY: never. */
usec_t notify_watchdog_every(void);
