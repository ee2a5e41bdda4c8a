/*
 * reply: what etcd answers, read from its JSON (PATRONI-SPEC §1.3). Numbers of 64 bits come as
 * strings; fields that are zero are left out.
 *
 * Pure. Everything here comes from a socket: whatever does not fit is -EBADMSG, never an assertion.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/tree.h"

typedef struct EtcdHeader {
        uint64_t cluster_id;
        uint64_t revision;
        uint64_t raft_term; /* 0: the answer had no header */
} EtcdHeader;

/* One key. key and value are the holder's own copies. */
typedef struct Kv {
        char *key;
        char *value;
        size_t value_size;
        uint64_t create_revision;
        uint64_t mod_revision;
        int64_t lease;
} Kv;

void kv_done(Kv *kv);

/* doc.header, or doc.result.header in a stream. Zeroes where there is none. */
EtcdHeader reply_header(const Node *doc);

/* A "kv" or an element of "kvs". The caller owns what is in *ret. 0, -EBADMSG or -ENOMEM. */
int reply_kv(const Node *node, Kv *ret);

/* The one key of a range answer (or of a range within a txn's): 1 and *ret, 0: it is absent. */
int reply_single(const Node *range, Kv *ret);

/* grant, keepalive: lease and its TTL; keepalive of a lease that is gone has TTL 0. 0 or -EBADMSG. */
int reply_lease(const Node *doc, int64_t *ret_id, uint64_t *ret_ttl_sec);

bool reply_txn_succeeded(const Node *doc);

/* The range answer of the i-th operation of a txn, or NULL. */
const Node *reply_txn_range(const Node *doc, size_t i);

/* "3.4.23" into 30400 + 23; 0 if it is no version. */
unsigned reply_version_number(const char *text);
