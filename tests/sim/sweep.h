/* sweep: every error class of etcd at every request of each operation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct SweepOptions {
        const char *operation; /* part of a name; NULL: all */
        const char *class;     /* NULL: all */
        uint64_t request;      /* 0: all */
        uint64_t one_of;       /* of so many pairs of request and class; 1: all */
        unsigned jobs;
        uint64_t seed;
        int nodes;
        unsigned more; /* of the same host's requests that meet it, too */
        bool trace;
} SweepOptions;

/* Prints the table and the closing line; 0, or 1 if something failed. */
int sweep_run(const SweepOptions *o);
