/*
 * access: who may do what changes something (PATRONI-SPEC §4.2).
 *
 * Pure: the policy of the configuration file, the request's credentials and address in, an answer
 * out. Passwords are compared in constant time.
 */
#pragma once

#include <netinet/in.h>

#include "apid/answer.h"
#include "base/str.h"
#include "wire/wire.h"

#define ACCESS_NETWORKS_MAX 64

/* An IPv4 network counts as its IPv4-mapped IPv6 one. */
typedef struct Network {
        struct in6_addr address;
        unsigned bits;
} Network;

typedef struct Access {
        char *credentials; /* "user:password"; NULL: nobody is asked */
        bool wants_certificate; /* verify_client required or optional */
        bool allowlist;    /* configured, if only with members */
        bool include_members;
        size_t n_networks;
        Network networks[ACCESS_NETWORKS_MAX];
} Access;

typedef struct Caller {
        bool local;             /* over the Unix socket, whose file says who may */
        bool certificate;       /* a client certificate was presented and verified */
        const char *authorization; /* the header, or NULL */
        struct in6_addr address;
} Caller;

/* "10.0.0.1", "10.0.0.0/8", "fd00::/8": 0, or -EINVAL (a host name, for one). */
int network_parse(const char *text, Network *ret);
bool network_contains(const Network *n, const struct in6_addr *address);

/* For what Patroni calls unsafe. Status 0: go on. */
Answer access_check(const Access *a, const Caller *c, const MsgCluster *cluster);

/*
 * For what only Palisade has and what is more than a request to the cluster: over the Unix socket,
 * or by somebody who has shown who he is.
 */
Answer access_check_own(const Access *a, const Caller *c, const MsgCluster *cluster);

void access_done(Access *a);
