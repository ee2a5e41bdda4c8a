/*
 * slots-node: where slots are, as it stands in /status and in POST /failsafe: {"<slot>": <lsn>, ...}.
 *
 * Pure.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"

/* Into the slots of ret. False: there were more than fit, or some that nobody can read; they are left out. */
bool slots_node_read(const Node *slots, StatusKey *ret);
