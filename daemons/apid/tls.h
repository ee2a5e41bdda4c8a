/*
 * Tls: what the TCP door needs to speak TLS: certificate, key, and who must show one.
 *
 * Owns:      the texts of the files, wiped when freed.
 * Threads:   none. Files are read here and nowhere else, at start and at a reload.
 */
#pragma once

#include <microhttpd.h>

#include "io/config.h"

typedef enum VerifyClient {
        VERIFY_NONE = 0,
        VERIFY_OPTIONAL, /* one that is presented must be good; unsafe requests need one */
        VERIFY_REQUIRED, /* no handshake without one */
} VerifyClient;

typedef struct Tls {
        char *certificate;
        char *key;
        char *key_password; /* NULL: none */
        char *trust;        /* NULL: nobody is asked for a certificate */
        char *priorities;   /* GnuTLS's words */
        VerifyClient verify;
} Tls;

/* *ret is NULL where no certfile is configured. 0, or negative errno (told). */
int tls_load(Tls **ret, const Config *c);
Tls *tls_free(Tls *t);
DEFINE_CLEANUP(Tls *, tls_free)

bool tls_equal(const Tls *a, const Tls *b);

/* A connection that begins: its handshake asks for a certificate as configured. */
void tls_prepare(VerifyClient verify, struct MHD_Connection *connection);

/* A verified certificate was presented. */
bool tls_has_certificate(struct MHD_Connection *connection);
