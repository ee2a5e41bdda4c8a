/*
 * decode: the keys of the DCS read into the Cluster that travels to the mind (PATRONI-SPEC §1.2),
 * in the forms of Patroni and of its older releases.
 *
 * Pure. Anybody may have written these keys: what cannot be read leaves its part empty, and what
 * goes beyond a ceiling is cut and reported.
 */
#pragma once

#include "dcsd/cache.h"
#include "wire/wire.h"

/* What had to be left out, for one line in the log. */
typedef enum DecodeCut {
        CUT_MEMBERS = 1 << 0,
        CUT_MEMBER_NAME = 1 << 1,
        CUT_SLOTS = 1 << 2,
        CUT_BLOBS = 1 << 3, /* a raw text: the packet is full */
        CUT_TEXT = 1 << 4,  /* a text longer than its field */
} DecodeCut;

typedef struct DecodeContext {
        uint64_t dcs_id;
        uint64_t raft_term;
        usec_t seen;
        usec_t seen_wall_usec;
        Settings settings; /* in force where the key `config` is absent or no object */
} DecodeContext;

/*
 * Writes a whole MSG_CLUSTER into packet, of WIRE_PACKET_MAX bytes and aligned as malloc() aligns.
 * Answers the DecodeCut bits. The settings it came to are in the message.
 */
unsigned decode_cluster(const Cache *c, const DecodeContext *context, void *packet);

/* Single keys, for tests and for whoever holds only one. kv may be NULL: absent. */
unsigned decode_member(const char *name, const Kv *kv, Member *ret);
void decode_initialize(const Kv *kv, InitializeKey *ret);
unsigned decode_sync(const Kv *kv, SyncKey *ret);
void decode_failover(const Kv *kv, FailoverKey *ret);
unsigned decode_status(const Kv *status, const Kv *optime, StatusKey *ret);
uint32_t decode_history_timeline(const Kv *kv);

/* The value as a JSON object, or NULL: it is none. The caller frees. */
Node *decode_object(const Kv *kv);
