/*
 * Client: HTTP to a node of the suite, or of Patroni: over the local Unix socket or any URL.
 *
 * Owns:      one libcurl handle, its connections.
 * Invariant: no call lasts longer than its timeout.
 * Threads:   none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/usec.h"
#include "config/tree.h"

typedef struct Client Client;

typedef struct ClientOptions {
        const char *url;    /* "https://pg1:8008"; NULL: the socket */
        const char *socket;
        const char *user;   /* NAME:PASSWORD; NULL: none */
        const char *cacert, *cert, *key, *key_password;
        bool insecure;
} ClientOptions;

/* The texts must outlive the client. */
int client_new(Client **ret, const ClientOptions *options);
Client *client_free(Client *c);
DEFINE_CLEANUP(Client *, client_free)

typedef struct Call {
        const char *base;   /* another node's URL; NULL: the client's own */
        const char *method; /* NULL: GET */
        const char *path;   /* "/cluster" */
        const char *body;   /* JSON, or NULL */
        usec_t timeout;     /* 0: ten seconds */
        void (*tick)(void *userdata); /* about ten times a second while it lasts; may be NULL */
        void *userdata;
} Call;

typedef struct Reply {
        unsigned status; /* of HTTP; 0: there was none, and error says why */
        char *body;      /* never NULL; terminated */
        size_t size;
        char server[64]; /* the header */
        char error[256];
} Reply;

/* Always leaves a Reply that reply_done() takes. 0: some status; negative: none. */
int client_call(Client *c, const Call *call, Reply *ret);
void reply_done(Reply *r);

/* The body as JSON; the caller frees it. NULL: it is none. */
Node *reply_node(const Reply *r);

/* Where the client's own calls go, for messages. */
const char *client_name(const Client *c);

/* "http://10.0.0.1:8008/patroni" -> "http://10.0.0.1:8008". False: it is no URL, or too long. */
bool url_base(const char *api_url, char *ret, size_t size);
