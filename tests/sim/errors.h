/*
 * errors: what etcd may answer instead of doing what it was asked, or after it did, as its own words; and
 * the moment at which it does. daemons/dcsd/errors.c reads them, as it does in the field.
 */
#pragma once

#include "tests/sim/etcd.h"

/* Which requests a class can meet. */
typedef enum ErrorAt {
        AT_ANY,
        AT_WRITE,     /* what needs room in the store */
        AT_LEASE,     /* what names a lease */
        AT_KEEPALIVE,
        AT_EVENT,     /* what a watch brings */
} ErrorAt;

typedef struct ErrorClass {
        const char *name;
        int http;         /* 0: nothing comes back */
        const char *body; /* NULL: the connection is refused, or broken */
        bool after;       /* it was carried out all the same */
        ErrorAt at;
        bool revokes;     /* the lease is gone indeed, if no leader key hangs on it */
        bool deposed;     /* by a leader that was deposed: a keepalive renews nothing */
        uint64_t lasts;   /* each request after it, for so long */
        bool everybody;   /* and of every host */
} ErrorClass;

extern const ErrorClass error_classes[];
extern const unsigned n_error_classes;

/* The request `skip` after the next one (of that host, or -1: of any) meets this class, and `more` after it. */
void error_arm(unsigned which, int host, uint64_t skip, unsigned more);

bool error_fits(const ErrorClass *c, const Rpc *r);

/* A request has come to etcd. True: it met an error, which says in r->error whether anything comes back. */
bool error_meets(Rpc *r, bool *ret_answers);

/* The same of an event that a watch would bring: the watch has ended instead. */
bool error_ends_watch(Program *p);

/* Called with each request that arrives, before anything is done. */
extern void (*error_hook)(Rpc *r);
