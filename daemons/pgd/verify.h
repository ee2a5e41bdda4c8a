/*
 * verify: are the users' parameters values that the installed server takes?
 *
 * The server itself is asked, by `postgres -C` on a file that holds them alone: it knows types, units,
 * ranges, words and what its own checks say, whatever its version and vendor. What it refuses is told
 * with key, file and line, and left out of postgresql.conf: one wrong value must not keep a server from
 * starting. The answer stands until the parameters change.
 */
#pragma once

#include "pgd/pgd.h"

typedef struct Verify Verify;

int verify_new(Verify **ret, Pgd *p);
Verify *verify_free(Verify *v);
DEFINE_CLEANUP(Verify *, verify_free)

/* The parameters may have changed. */
void verify_stale(Verify *v);

/* Asks where there is something to ask. True: the answer is under way (it has a deadline, and
 * engine_advance() follows): files are not to be written before. */
bool verify_wait(Verify *v);

/* Map: the names refused, each with the value that was; NULL: none. */
const Node *verify_refused(const Verify *v);

/* ---- verify-read.c, pure ---- */

typedef struct Complaint {
        char name[IDENT_SIZE]; /* empty: none yet */
        char why[REASON_SIZE];
} Complaint;

/*
 * A line that the server writes while it reads a file. 1: it begins a complaint about a parameter, in
 * *c; 0: it belongs to the one in *c, whose text has grown, or to none.
 */
int verify_read_line(const char *line, Complaint *c);
