/*
 * body: what we ask of etcd, as the JSON its gateway reads (PATRONI-SPEC §1.3).
 *
 * Pure. Every maker answers a text the caller frees; NULL: out of memory. Keys are whole paths; a
 * key that ends in '/' stands for everything below it where `prefix` is set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/tree.h"

typedef enum CompareWhat {
        COMPARE_CREATE, /* create_revision; 0: the key is absent */
        COMPARE_MOD,    /* mod_revision */
        COMPARE_LEASE,
        COMPARE_VALUE,
} CompareWhat;

typedef struct Compare {
        CompareWhat what;
        const char *key;
        int64_t number;
        const char *text; /* COMPARE_VALUE */
} Compare;

typedef enum OpWhat { OP_PUT, OP_DELETE, OP_RANGE } OpWhat;

typedef struct Op {
        OpWhat what;
        const char *key;
        const char *value; /* OP_PUT */
        int64_t lease;     /* OP_PUT; 0: none */
} Op;

#define TXN_COMPARES_MAX 8
#define TXN_OPS_MAX 8

typedef struct Txn {
        Compare compares[TXN_COMPARES_MAX];
        size_t n_compares;
        Op then[TXN_OPS_MAX];
        size_t n_then;
        Op otherwise[TXN_OPS_MAX];
        size_t n_otherwise;
} Txn;

/* More than fit is our mistake. */
void txn_compare(Txn *t, Compare c);
void txn_then(Txn *t, Op op);
void txn_otherwise(Txn *t, Op op);

char *body_txn(const Txn *t);
char *body_range(const char *key, bool prefix);

/* How many keys there are below a prefix, and the newest of them, without values. */
char *body_range_newest(const char *prefix);

char *body_put(const char *key, const char *value, int64_t lease);
char *body_watch(const char *prefix, uint64_t start_revision);
char *body_grant(uint64_t ttl_sec);
char *body_keepalive(int64_t lease);
char *body_login(const char *name, const char *password);
