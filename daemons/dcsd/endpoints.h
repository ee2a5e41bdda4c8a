/*
 * Endpoints: where etcd can be reached, and which one we use (PATRONI-SPEC §1.3).
 *
 * Pure. One endpoint is current, for everything: it stays so until it fails. An endpoint on this
 * host is preferred, since what kills it kills us too. One that failed is avoided for a while. What
 * the configuration names stays in the list behind what etcd's member list says, for the day when
 * that list names addresses nobody can reach from here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "config/tree.h"
#include "model/limits.h"

#define ENDPOINTS_MAX 32
#define ENDPOINT_AVOID (5 * USEC_PER_SEC) /* after a failure */

typedef struct Endpoint {
        char url[URL_SIZE]; /* scheme://host:port, no slash at the end */
        bool local;         /* on this host */
        bool fallback;      /* configured, but not in the member list */
        usec_t bad_until;
} Endpoint;

typedef struct Endpoints {
        Endpoint rows[ENDPOINTS_MAX];
        uint32_t n;
        uint32_t current;
        bool fixed; /* proxies: no member list */
} Endpoints;

/* Name and password as they may stand in a URL. */
typedef struct EndpointLogin {
        char name[NAME_SIZE];
        char password[NAME_SIZE];
} EndpointLogin;

#define ENDPOINTS_ERROR_SIZE 256

/*
 * From the configuration's etcd3 section. 0, or -EINVAL with one line in error. *ret_login is
 * emptied, or filled from a URL. Empty where endpoints_srv_domain() says that DNS knows.
 */
int endpoints_configure(const Node *etcd3, Endpoints *ret, EndpointLogin *ret_login,
                        char error[static ENDPOINTS_ERROR_SIZE]);

/* The domain of `srv`, or of its other names; NULL: none is given. */
const char *endpoints_srv_domain(const Node *etcd3);

/* scheme://host:port behind those there, unless it is there; what is too much is left out. False: it is no
 * such URL. */
bool endpoints_add(Endpoints *e, const char *url);

/* The first one is tried first, but a local one before it. */
void endpoints_in_order(Endpoints *e);

/* Fallbacks are those of `configured` from now on. */
void endpoints_reconfigure(Endpoints *e, const Endpoints *configured);

/*
 * The member list's client URLs take the place of the earlier ones; configured ones that are not
 * among them become fallbacks. The current endpoint stays current if it is still there. seed: for
 * the order, so that nodes spread. Answers how many of the URLs were usable; 0 changes nothing.
 */
uint32_t endpoints_discover(Endpoints *e, const Endpoints *configured, const char *const *urls,
                            size_t n_urls, uint32_t seed);

/* Every order, at start. */
void endpoints_shuffle(Endpoints *e, uint32_t seed);

/* `is_own` tells whether a host (name or address, without brackets) is this host. */
void endpoints_mark_local(Endpoints *e, bool (*is_own)(const char *host, void *userdata),
                          void *userdata);

/* A local endpoint that is not current and not avoided; UINT32_MAX: none. */
uint32_t endpoints_better(const Endpoints *e, usec_t now);

/* The endpoint failed: it is avoided, and if it was the current one, another becomes so. */
void endpoints_fail(Endpoints *e, const char *url, usec_t now);

/* It answered: nothing is held against it any more. */
void endpoints_good(Endpoints *e, const char *url);

/* "" if there is none yet. */
const char *endpoints_current(const Endpoints *e);

/* How many are worth trying in a row: all but fallbacks, unless there is nothing else. */
unsigned endpoints_round(const Endpoints *e);

/* Host part of a URL, without brackets. False if it is no URL of ours. */
bool endpoint_host(const char *url, char *buf, size_t size);

/* How long one attempt at one of n endpoints may take (PATRONI-SPEC "Timeouts and retries"). */
usec_t endpoints_attempt(usec_t retry_timeout, unsigned n);
