/*
 * Http: HTTP requests on the event loop, by libcurl's multi interface.
 *
 * A lane is one Http: its own connections, its own timers. What hangs in one lane delays nothing in
 * another; that is why the lease has a lane of its own.
 *
 * Owns:      connections, requests in flight and their answers until the callback returns.
 * Invariant: each request ends by exactly one call of `done`, from the loop and never from within
 *            http_start(), unless it is cancelled first. At its deadline at the latest: deadlines
 *            are ours and count CLOCK_BOOTTIME, not curl's.
 * Threads:   none of ours; libcurl resolves names in threads.
 */
#pragma once

#include <stdbool.h>

#include "io/loop.h"

typedef struct Http Http;
typedef struct HttpRequest HttpRequest;

/* Kernel settings of a lane's connections. Zero: the system's own. */
typedef struct HttpTcp {
        usec_t idle;         /* until keepalive probes begin */
        usec_t probe;        /* between them */
        unsigned probes;
        usec_t user_timeout; /* unacknowledged data closes the connection */
} HttpTcp;

/* Files may be NULL. Texts must live as long as requests use them. */
typedef struct HttpTls {
        const char *cacert;
        const char *cert;
        const char *key;
        const char *key_password;
        bool verify;      /* the server's certificate, against cacert or the system's */
        bool verify_host; /* its name too */
} HttpTls;

typedef struct HttpAnswer {
        int error;        /* 0; -ECONNREFUSED: nobody could be asked; -ETIMEDOUT; -EFBIG; -EIO */
        long status;
        const char *body; /* terminated */
        size_t size;
        const char *text; /* of the error, for a person */
} HttpAnswer;

typedef void (*http_done_t)(const HttpAnswer *a, void *userdata);

/*
 * A stream's bytes so far that were not taken yet; answers how many it takes now. Whatever stays
 * is offered again with what follows, up to `most`. Negative ends the request with that error; it
 * must not cancel its own request in any other way.
 */
typedef ssize_t (*http_stream_t)(const char *data, size_t size, void *userdata);

typedef struct HttpWant {
        const char *url;
        const char *body;           /* NULL: GET. Copied. */
        const char *headers[6];     /* NULL ends them. Copied. */
        const char *login;          /* "user:password" for basic authentication; NULL: none */
        const HttpTls *tls;
        usec_t deadline;            /* USEC_INFINITY: none */
        size_t most;                /* the largest answer taken */
        http_stream_t stream;       /* NULL: the whole answer goes to done */
        http_done_t done;
        void *userdata;
} HttpWant;

/* Once, before the first lane: libcurl and its TLS. 0, or -ENOTSUP if it would block on names. */
int http_library_init(void);
void http_library_done(void);

int http_new(Http **ret, sd_event *e, const char *name, Stall *stall);
Http *http_free(Http *h);
DEFINE_CLEANUP(Http *, http_free)

/* For connections made from now on. */
void http_set_tcp(Http *h, const HttpTcp *tcp);

int http_start(Http *h, HttpRequest **ret, const HttpWant *want);

/* Cancels it, if it is still under way; NULL is fine. Not valid after done was called. */
HttpRequest *http_cancel(HttpRequest *r);

void http_set_deadline(HttpRequest *r, usec_t deadline);
