/*
 * Setup: what the configuration file says to this program. A reload makes a new one and drops the
 * old, whole.
 *
 * Owns:      the Config, the TLS texts, the access policy.
 * Threads:   none. Host names of the allowlist are looked up here, which may take its time: at
 *            start, before READY, and never again.
 */
#pragma once

#include "apid/access.h"
#include "apid/tls.h"
#include "io/config.h"

typedef struct Setup {
        Config *config;
        HostPort listen;
        Access access;
        Tls *tls; /* NULL: plain HTTP */
        const Node *tags;
        const Node *headers; /* further headers of every response */
        const Node *https_headers; /* those instead, over TLS */
        char server_header[64];
} Setup;

/* may_resolve: names in the allowlist are looked up; else they are told and left out. */
int setup_load(Setup **ret, const char *path, bool may_resolve);
Setup *setup_free(Setup *s);
DEFINE_CLEANUP(Setup *, setup_free)
