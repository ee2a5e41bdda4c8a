/*
 * Report: what a client run says, to a person or, line by line as JSON, to a program.
 *
 * Owns:      the terminal line that is redrawn, and nothing else.
 * Threads:   none.
 */
#pragma once

#include <stdio.h>

#include "writer-ledger.h"

typedef struct Report {
        bool json;  /* one JSON object a line on stdout */
        bool live;  /* stdout is a terminal: one line moves */
        bool quiet; /* the summary only */
        bool has_line;
        usec_t shown_at; /* the last progress, on the monotonic clock */
        uint64_t shown_rows;
} Report;

typedef struct Run {
        const char *id, *table, *targets;
        usec_t interval, connect_timeout, statement_timeout; /* USEC_INFINITY: none */
        /* NULL: libpq's default */
        const char *keepalives_idle, *keepalives_interval, *keepalives_count, *tcp_user_timeout;
} Run;

Instant instant_now(void);

void report_start(Report *r, const Run *run);
void report_connected(Report *r, Instant now, const char *target);
void report_first(Report *r, Instant now);
void report_failed(Report *r, Instant now, uint64_t id, const char *error);
void report_stalled(Report *r, const Outage *o);
void report_outage(Report *r, const Outage *o, bool over);
/* stalled: the outage that lasts, or NULL; error: what keeps rows from being acknowledged, or "" */
void report_progress(Report *r, Instant now, uint64_t acknowledged, const Outage *stalled,
                     const char *error);
void report_note(Report *r, Instant now, const char *text);

/* The end: verified says whether the table could be read back. */
void report_summary(Report *r, const Run *run, const Ledger *l, bool verified, const char *error);

/* The same as one JSON object. */
void report_summary_json(FILE *f, const Run *run, const Ledger *l, bool verified,
                         const char *error);
