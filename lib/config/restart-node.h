/*
 * restart-node: a scheduled restart as it stands in a member key and in the REST API.
 *
 * Pure.
 */
#pragma once

#include "config/tree.h"
#include "model/restart.h"

/* with_server: for the member key, which says what server it is meant for. NULL: out of memory. */
Node *restart_node(const ScheduledRestart *r, bool with_server);
