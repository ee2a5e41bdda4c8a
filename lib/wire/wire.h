/*
 * wire: is this packet a message?
 *
 * Pure. The receiver calls wire_check() on every packet before anything reads it: after that the
 * size fits the type, strings are terminated, flags are 0 or 1, enums are in range and counts stay
 * below their ceilings, however wrong the sender was.
 */
#pragma once

#include <stddef.h>

#include "wire/msg.h"

/* 0, or -EBADMSG (malformed), -EPROTONOSUPPORT (another WIRE_VERSION). */
int wire_check(const void *packet, size_t size);

/* A fresh message of a fixed-size type: WIRE_INIT(MsgHold, MSG_HOLD). */
#define WIRE_INIT(Type, type_)                                                                     \
        (Type)                                                                                     \
        {                                                                                          \
                .h = {.type = (type_), .version = WIRE_VERSION, .size = sizeof(Type) }             \
        }

/* Sets the header of a message whose size the sender works out. */
void wire_header(MsgHeader *h, MsgType type, size_t size);

/* MSG_CLUSTER: bytes up to and including the last member, rounded up; where the blobs begin. */
size_t wire_cluster_fixed_size(const Cluster *c);

/* A blob of a checked MSG_CLUSTER: its bytes (not terminated), or NULL if empty or out of range. */
const char *wire_cluster_blob(const MsgCluster *m, BlobRef ref);

/* The size of the struct that RECORD carries for a key; 0 for RECORD_CONFIG (text) and others. */
size_t wire_record_value_size(RecordKey key);

/* The i-th of a checked SPAWN's strings; NULL past the last. */
const char *wire_spawn_string(const MsgSpawn *m, uint32_t i);
