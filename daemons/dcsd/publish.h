/*
 * Publish: keeps our member key as the mind wants it, on our lease.
 *
 * Owns:      the wanted text, one put in flight.
 * Invariant: nothing is written while no mind holds the lease, or while a claim writes the key.
 * Threads:   none.
 */
#pragma once

#include "dcsd/lease.h"
#include "dcsd/order.h"

typedef struct Publish Publish;

int publish_new(Publish **ret, sd_event *event, Etcd *e, Lease *lease, Cache *cache,
                const Orders *orders, const Paths *paths, void (*written)(void *userdata),
                void *userdata);
Publish *publish_free(Publish *p);
DEFINE_CLEANUP(Publish *, publish_free)

/* Takes the value; NULL is ignored. */
void publish_set(Publish *p, Node *value);

/* Lease, cache or orders have changed: writes if the key is not as it shall be. */
void publish_check(Publish *p);

/* The wanted text, the caller's; NULL: the mind has not said. */
char *publish_text(const Publish *p);
