/*
 * Link: one connection to PostgreSQL, asynchronous, with deadlines of its own.
 *
 * Owns:      the connection and the list of servers in the connection string. libpq tries the
 *            servers of a list only in blocking calls with a limit for each; here every attempt
 *            takes the next server of the list.
 * Invariant: at most one statement is under way.
 * Threads:   none. The caller polls link_fd() for link_events() and calls link_step().
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/macros.h"
#include "base/usec.h"

typedef struct Link Link;

typedef enum LinkState {
        LINK_DOWN,
        LINK_CONNECTING,
        LINK_READY,
        LINK_BUSY, /* a statement is under way */
        LINK_STATE_MAX,
} LinkState;

typedef enum LinkEvent {
        LINK_NOTHING,
        LINK_CONNECTED,
        LINK_DONE,    /* the statement has succeeded; link_rows() has its rows until the next */
        LINK_REFUSED, /* the server answered with an error; the connection lives */
        LINK_LOST,    /* the connection, or the attempt at one, is gone: link_error() */
        LINK_EVENT_MAX,
} LinkEvent;

/*
 * Takes the connection string apart. With tuned, the string's own settings win over short
 * keepalives and user timeout; without, libpq's defaults apply. 0, or -EINVAL with link_error().
 */
int link_new(Link **ret, const char *conninfo, bool tuned);
Link *link_free(Link *l);
DEFINE_CLEANUP(Link *, link_free)

/* Begins to connect to the next server; no later than timeout from now, or USEC_INFINITY. */
LinkEvent link_open(Link *l, usec_t now, usec_t timeout);

/* Sends a statement with n text parameters; only while LINK_READY. */
LinkEvent link_send(Link *l, usec_t now, usec_t timeout, const char *sql, int n, const char **args);

/* Goes on after poll(), which found the descriptor ready or not, or at its deadline. */
LinkEvent link_step(Link *l, usec_t now, bool ready);

/* Lets the connection go. */
void link_close(Link *l);

LinkState link_state(const Link *l);
int link_fd(const Link *l);
short link_events(const Link *l);
usec_t link_deadline(const Link *l);

/* The last failure in one line; the server's class of error ("" if it named none). */
const char *link_error(const Link *l);
const char *link_sqlstate(const Link *l);

/* Where the connection leads ("10.77.0.100:5432"), and all servers of the string. */
const char *link_target(const Link *l);
const char *link_targets(const Link *l);

/* A setting as connections use it: the string's, ours, or NULL for libpq's default. */
const char *link_setting(const Link *l, const char *keyword);

const PGresult *link_rows(const Link *l);
