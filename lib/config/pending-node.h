/*
 * pending-node: why a restart is pending, as it stands in a member key and in the REST API.
 *
 * Pure.
 */
#pragma once

#include "config/tree.h"
#include "model/pending.h"

/* p may be NULL. gate: there will be an egress gate only after it. NULL: out of memory. */
Node *pending_node(const Pending *p, bool gate);
