/*
 * Ledger: what a client was promised, and when nobody promised anything.
 *
 * Owns:      the fate of every row ever sent, by its id; the outage that lasts, the longest one.
 * Invariant: a row's fate is set once after it was sent; ids are 1, 2, 3 … in order of sending.
 * Threads:   none. Pure: every instant is handed in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

typedef enum Fate {
        FATE_UNKNOWN, /* sent; it never got an answer */
        FATE_ACKNOWLEDGED,
        FATE_REFUSED, /* the server answered with an error and went on */
        FATE_MAX,
} Fate;

/* One instant on both clocks: amounts are counted on mono (CLOCK_BOOTTIME), people are shown wall. */
typedef struct Instant {
        usec_t mono;
        usec_t wall;
} Instant;

#define OUTAGE_ERROR_MAX 200

typedef struct Outage {
        Instant from; /* the last acknowledgement before */
        Instant to;   /* the first one after */
        uint64_t attempts_failed;
        char error[OUTAGE_ERROR_MAX]; /* the first failure */
} Outage;

typedef struct Ledger Ledger;

/* A gap between acknowledgements longer than threshold is an outage. 0 or -ENOMEM. */
int ledger_new(Ledger **ret, usec_t threshold);
Ledger *ledger_free(Ledger *l);

/* A row leaves for the server: its id, or 0 when memory is short. */
uint64_t ledger_send(Ledger *l);

/* The row was acknowledged. True when this ends an outage, which is then in *ret. */
bool ledger_acknowledge(Ledger *l, uint64_t id, Instant now, Outage *ret);

/* The row was refused, or will never have an answer. */
void ledger_fail(Ledger *l, uint64_t id, Fate fate, const char *error);

/* A connection could not be made. */
void ledger_attempt_failed(Ledger *l, const char *error);

/* Whether the gap that lasts at this moment is an outage already; it is then in *ret. */
bool ledger_stalled(const Ledger *l, Instant now, Outage *ret);

/* The first failure since the last acknowledgement, "" if there is none. */
const char *ledger_error(const Ledger *l);

/* The row was found in the table afterwards. False if it never was sent. */
bool ledger_found(Ledger *l, uint64_t id);

typedef struct Totals {
        uint64_t sent, acknowledged, refused, unknown;
        uint64_t missing;         /* acknowledged and absent */
        uint64_t unknown_present; /* no answer, and yet in the table */
        uint64_t refused_present; /* an error, and yet in the table */
        uint64_t outages;
        usec_t longest, total; /* of the outages that ended */
        usec_t slowest;        /* acknowledgement, from sending */
} Totals;

Totals ledger_totals(const Ledger *l);

/* The first n missing ids into ids; how many there are. */
size_t ledger_missing(const Ledger *l, uint64_t *ids, size_t n);

/* Tells how long the row took that was acknowledged last. */
void ledger_took(Ledger *l, usec_t amount);
