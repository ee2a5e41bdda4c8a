/*
 * Watch: keeps the cache equal to etcd, by a linearizable range of the prefix and then a watch from
 * the revision behind it.
 *
 * Owns:      its call, the timers to begin anew and to doubt.
 * Invariant: `current` means that every event up to verified is in the cache. A watch that says
 *            nothing is not believed: when another answer shows a newer revision and no event
 *            comes, the newest key and the number of keys are asked for and compared.
 * Threads:   none.
 */
#pragma once

#include "dcsd/cache.h"
#include "dcsd/etcd.h"

typedef struct Watch Watch;

typedef struct WatchCalls {
        void (*keys_changed)(void *userdata);
        void (*state_changed)(void *userdata); /* current or not */
} WatchCalls;

/* prefix: of the keys, ends in '/'; not copied. The cache stays the caller's. */
int watch_new(Watch **ret, sd_event *event, Etcd *e, Cache *cache, const char *prefix, Stall *stall,
              const WatchCalls *calls, void *userdata);
Watch *watch_free(Watch *w);
DEFINE_CLEANUP(Watch *, watch_free)

/* Begins, or begins anew, now. */
void watch_restart(Watch *w);

/* This endpoint does not answer (any more): if the watch hangs on it, it goes elsewhere. */
void watch_endpoint_dead(Watch *w, const char *url);

/* Another request was answered, by the current endpoint, at this revision of etcd. */
void watch_note_answer(Watch *w, uint64_t revision);

bool watch_is_current(const Watch *w);

/* CLOCK_BOOTTIME since when it is not; 0 while it is. */
usec_t watch_broken_since(const Watch *w);

/* Why it is not; "" while it is. */
const char *watch_trouble(const Watch *w);
