/*
 * Health: whether the DCS counts as up. Pure.
 *
 * A gap shorter than the grace is nobody's business: the watch moves to another endpoint, etcd
 * elects a leader. Longer than that, the DCS is down, until everything works again.
 */
#pragma once

#include "wire/msg.h"

typedef struct Health {
        LinkState state;
        usec_t since;
} Health;

/*
 * bad_since: since when something does not work; 0: all does. bad_until: when that is over without any
 * news; USEC_INFINITY: never. True: the state changed. *ret_again: when to ask again at the latest;
 * USEC_INFINITY: at the next news.
 */
bool health_update(Health *h, usec_t bad_since, usec_t bad_until, usec_t grace, usec_t now, usec_t *ret_again);
