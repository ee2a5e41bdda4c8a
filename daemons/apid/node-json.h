/*
 * node-json: what GET /patroni and every health check say of this node, in Patroni's keys and
 * order (PATRONI-SPEC §4.4); and GET /palisade/status, our own, for palisadectl.
 *
 * Pure. The texts are the caller's to free; NULL: out of memory.
 */
#pragma once

#include "apid/view.h"

/* Which Patroni's behaviour others may expect of this API. */
#define PATRONI_VERSION "4.1.4"

char *node_json(const View *v);

char *status_json(const View *v);
