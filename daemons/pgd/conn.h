/*
 * Conn: one libpq connection to the local server, run from the event loop.
 *
 * Owns:      the PGconn, its event source, one statement in flight, its deadline.
 * Invariant: a run is answered once. Any error or timeout closes the connection; the next run opens
 *            another. Only Unix sockets and literal addresses are given to it, so that libpq never
 *            waits for a name server.
 * Threads:   none. PQsocket() is read again after each step of libpq.
 */
#pragma once

#include <libpq-fe.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/usec.h"
#include "model/limits.h"

#define CONN_RESULTS_MAX 8

typedef struct Conn Conn;

typedef struct ConnAnswer {
        int r; /* 0; -EIO: the server said no; -ENOTCONN, -ETIMEDOUT: it said nothing */
        char sqlstate[6];
        char error[REASON_SIZE];
        size_t n_results;
        PGresult *results[CONN_RESULTS_MAX]; /* of the statements, in order; freed by Conn */
} ConnAnswer;

typedef void (*conn_done_t)(const ConnAnswer *answer, void *userdata);

int conn_new(Conn **ret, sd_event *e, const char *name);
Conn *conn_free(Conn *c);
DEFINE_CLEANUP(Conn *, conn_free)

/* Other connection strings close what is open; tried in turn until one lets us in. NULL-terminated,
 * copied. */
int conn_set_targets(Conn *c, const char *const *conninfos);

bool conn_is_busy(const Conn *c);

/* Several statements may stand in sql. Whatever the timeout, a connection that cannot be made is given up
 * after five seconds. -EBUSY: one is in flight. Never calls done before it returns. */
int conn_run(Conn *c, const char *sql, usec_t timeout, conn_done_t done, void *userdata);

/* Ends what is in flight with -ECANCELED, without calling back, and closes. */
void conn_reset(Conn *c);
