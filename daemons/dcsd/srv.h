/*
 * srv: where DNS says that etcd is: `etcd3.srv` of a configuration (PATRONI-SPEC §1.3, RFC 2782).
 *
 * Pure. Six services have a name each, tried in their order: the first that has an answer counts.
 */
#pragma once

#include "dcsd/endpoints.h"

#define SRV_SERVICES 6
#define SRV_RECORDS_MAX ENDPOINTS_MAX

typedef struct SrvRecord {
        char host[HOST_SIZE];
        uint16_t port, priority, weight;
} SrvRecord;

/* "_etcd-client-ssl-main._tcp.example.org"; suffix may be empty. False: it is too long. */
bool srv_name(unsigned service, const char *suffix, const char *domain, char *buf, size_t size);

/* Its records are the members' addresses for each other: GET /members there names those for clients. */
bool srv_is_peers(unsigned service);

/* RFC 2782: by priority; among equals by lot, the heavier the sooner. */
void srv_order(SrvRecord *records, size_t n, uint32_t seed);

/* scheme://host:port of one record. False: it is none (the root, which means that there is no such service). */
bool srv_url(unsigned service, const SrvRecord *record, char *buf, size_t size);

/* What GET /members answers: the client URLs of all members are added. How many were usable. */
uint32_t srv_members(const Node *doc, Endpoints *e);
