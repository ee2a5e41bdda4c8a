/*
 * Options: what the client was asked to do.
 *
 * Owns:      the two output files, until the program ends.
 * Threads:   none.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/usec.h"

enum {
        EXIT_LOST = 1,
        EXIT_USAGE = 2,
        EXIT_UNVERIFIED = 3,
};

typedef struct Options {
        const char *conninfo, *table;
        const char *returning; /* what each row asks of its server, for the log; NULL: nothing */
        usec_t interval, retry, threshold;
        usec_t connect_timeout, statement_timeout; /* USEC_INFINITY: none */
        usec_t duration;                           /* 0: until a signal */
        usec_t verify_timeout;
        bool create;
        bool tuned; /* limits and keepalives of its own, not libpq's defaults */
        bool json_output, quiet;
        FILE *json, *log;
} Options;

/* 0 to go on; else the exit status plus 1, all said. */
int options_parse(Options *o, int argc, char **argv);
