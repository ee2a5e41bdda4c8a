/*
 * Hands: the mind's connections to its hands and its mouth, and the requests on their way.
 *
 * Owns:      a Link and a reconnect timer for each hand; the table of requests not answered yet.
 * Invariant: each request is answered once: by RESULT, by its deadline or by the end of the
 *            connection, the last two with OUTCOME_UNKNOWN.
 * Threads:   none.
 */
#pragma once

#include <systemd/sd-event.h>

#include "io/link.h"
#include "io/loop.h"

typedef enum HandId {
        HAND_DCSD,
        HAND_PGD,
        HAND_FENCED,
        HAND_WATCHDOGD,
        HAND_APID,
        HAND_COUNT,
} HandId;

const char *hand_name(HandId id);

typedef struct Hands Hands;

typedef struct HandsCalls {
        /* HELLO was sent: everything in force must be said again. */
        void (*connected)(HandId id, void *userdata);
        void (*lost)(HandId id, void *userdata);
        uint64_t (*dcs_id)(void *userdata);
} HandsCalls;

/*
 * runtime: where the sockets are. handlers: for every hand, told apart by hands_id_of(link). Begins
 * to connect at once and never gives up.
 */
int hands_new(Hands **ret, sd_event *e, const char *runtime, const char *cluster,
              const LinkHandler *handlers, size_t n_handlers, const HandsCalls *calls,
              void *userdata);
Hands *hands_free(Hands *h);
DEFINE_CLEANUP(Hands *, hands_free)

/* Handlers are given the connection's own seat: this is the userdata of hands_new() behind it. */
void *hands_userdata(void *seat);

bool hands_is_up(const Hands *h, HandId id);
usec_t hands_lost_since(const Hands *h, HandId id); /* 0: it is up */
HandId hands_id_of(const Hands *h, const Link *link);

/* Fire and forget; a hand that is away hears it when it is back (connected()). */
void hands_send(Hands *h, HandId id, MsgHeader *m);
void hands_send_fds(Hands *h, HandId id, MsgHeader *m, const int *fds, size_t n_fds);

/* r->outcome UNKNOWN with an empty text: no answer came. */
typedef void (*hands_answer_t)(const MsgResult *r, void *userdata);

/* Gives m a seq and waits for its RESULT. If it cannot even be sent, answers later all the same. */
uint64_t hands_request(Hands *h, HandId id, MsgHeader *m, usec_t timeout, hands_answer_t answer,
                       void *userdata);
uint64_t hands_request_fds(Hands *h, HandId id, MsgHeader *m, const int *fds, size_t n_fds,
                           usec_t timeout, hands_answer_t answer, void *userdata);

/* Its answer says nothing any more, and will not be called. 0: of none. */
void hands_forget(Hands *h, uint64_t seq);

/* The handler of MSG_RESULT calls this; false: nobody waits for it. */
bool hands_answered(Hands *h, HandId id, const MsgResult *r);
