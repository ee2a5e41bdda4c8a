/* peer: what another node's GET /patroni says, for a leader race (PATRONI-SPEC §2.6, 12). Pure. */
#pragma once

#include <stddef.h>

#include "model/peer.h"

#define PEER_ANSWER_MAX (256 * 1024)

/*
 * Reads a body, whatever its HTTP status was. ret->name stays; everything else is set; answered is
 * false if the body is no JSON object with `xlog` or `wal`.
 */
void peer_read(const char *body, size_t size, Peer *ret);
