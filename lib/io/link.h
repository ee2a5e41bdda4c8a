/*
 * Link: one connected SOCK_SEQPACKET socket that carries our messages.
 *
 * Owns:      the descriptor, its event source, packets that could not be sent yet (bounded: a peer
 *            that does not read is taken for dead and the link closes).
 * Invariant: a handler sees only packets that passed wire_check(). The handler table names each
 *            message it takes; any other closes the link.
 * Threads:   none; every call is made from the event loop. A handler may free its link.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "wire/wire.h"

typedef struct Link Link;

/* Descriptors stay the link's and are closed afterwards, unless taken with TAKE_FD(). */
typedef void (*link_handler_t)(Link *l, const MsgHeader *m, int *fds, size_t n_fds, void *userdata);

typedef struct LinkHandler {
        MsgType type;
        link_handler_t handle;
} LinkHandler;

/* The link is closed and useless now; reason is for the log. The owner frees it. */
typedef void (*link_closed_t)(Link *l, const char *reason, void *userdata);

/* Takes fd, also on failure. name is for the log and is copied. */
int link_new(Link **ret, sd_event *e, int fd, const char *name, const LinkHandler *handlers,
             size_t n_handlers, link_closed_t closed, void *userdata);
Link *link_free(Link *l);
DEFINE_CLEANUP(Link *, link_free)

/* Another table from the next packet on. */
void link_set_handlers(Link *l, const LinkHandler *handlers, size_t n_handlers);

/* Who is at the other end (SO_PEERCRED, of when it connected). */
int link_peer(const Link *l, uid_t *ret_uid, pid_t *ret_pid);

const char *link_name(const Link *l);

/*
 * Sends, or queues, a copy of the packet; descriptors are duplicated as needed. A link that is NULL
 * or closed swallows it: whoever needs the answer has a deadline for it. 0 or negative errno.
 */
int link_send(Link *l, const MsgHeader *m);
int link_send_fds(Link *l, const MsgHeader *m, const int *fds, size_t n_fds);

/* The next sequence number of this link, for requests that want a RESULT. Never 0. */
uint64_t link_next_seq(Link *l);

/* RESULT for the message with that seq. */
void link_send_result(Link *l, uint64_t seq, Outcome outcome, const char *format, ...)
        _printf_(4, 5);
