/*
 * Discover: asks DNS once where etcd is (srv.h), by c-ares on the event loop.
 *
 * All six services are asked for at once; the first in their order that has an answer counts, also if it
 * came later than another's.
 *
 * Owns:      c-ares' channel and the event sources of its sockets, a question to a member by HTTP.
 * Invariant: ends with exactly one call of done, from the loop and never from within discover_new(), at
 *            the deadline at the latest, unless it is freed first. Nothing waits for a name server.
 * Threads:   none.
 */
#pragma once

#include "dcsd/http.h"
#include "dcsd/srv.h"

typedef struct Discover Discover;

/* found: in the order to try; NULL: none, and text says why. The object may be freed in it. */
typedef void (*discover_done_t)(const Endpoints *found, const char *text, void *userdata);

typedef struct DiscoverWant {
        const char *domain, *suffix; /* copied */
        Http *lane;
        const HttpTls *tls;
        uint32_t seed;
        usec_t deadline;
        discover_done_t done;
        void *userdata;
} DiscoverWant;

int discover_new(Discover **ret, sd_event *e, const DiscoverWant *want);
Discover *discover_free(Discover *d);
DEFINE_CLEANUP(Discover *, discover_free)
