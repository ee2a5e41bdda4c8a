/*
 * cluster-json: what GET /cluster says (PATRONI-SPEC §4.5), and the keys that are passed on as they
 * stand: /config, /history, /failsafe.
 *
 * Pure. The texts are the caller's to free; NULL: out of memory.
 */
#pragma once

#include "apid/view.h"

char *cluster_json(const MsgCluster *m, const char *scope);

/* A JSON value of the DCS, written anew with blanks as Patroni does. NULL: there is none. */
char *blob_json(const MsgCluster *m, BlobRef ref);

/* The same value as a document of its own, which the caller frees. NULL: there is none. */
Node *blob_node(const MsgCluster *m, BlobRef ref);
