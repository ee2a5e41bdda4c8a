/*
 * Asks: GETs peers' REST APIs in parallel and collects what they say.
 *
 * Owns:      a lane of its own, and every asking under way.
 * Invariant: each asking is answered once: when everybody has answered, or at its deadline with
 *            those who have.
 * Threads:   none.
 */
#pragma once

#include "dcsd/http.h"
#include "io/config.h"
#include "wire/msg.h"

#define ASKS_MAX 16

typedef struct Asks Asks;

/* answer: PEERS, with the seq of the asking. */
int asks_new(Asks **ret, sd_event *event, const Config *config, Stall *stall,
             void (*answer)(const MsgPeers *m, void *userdata), void *userdata);
Asks *asks_free(Asks *a);
DEFINE_CLEANUP(Asks *, asks_free)

/* Login and TLS files as they are in `config` now; it must outlive the object or the next call. */
void asks_reload(Asks *a, const Config *config);

void asks_start(Asks *a, const MsgAskPeers *m);

/* One POST of JSON with the same login and TLS; most: the largest answer taken. */
int asks_post(Asks *a, HttpRequest **ret, const char *url, const char *body, usec_t deadline,
              size_t most, http_done_t done, void *userdata);

/* Whoever asked is gone. */
void asks_forget(Asks *a);
