/*
 * edits: changes to the dynamic configuration, as edit-config is told them.
 *
 * Pure. Documents are maps.
 */
#pragma once

#include "config/tree.h"

#define EDITS_ERROR_SIZE 320

/*
 * "ttl=20": what is before the first = is a dotted path, behind prefix; maps on the way are made
 * where there are none, and go again when nothing is left in them. Below postgresql.parameters dots
 * are part of a name. The value is read as YAML; null removes the key.
 * 0, -EINVAL (error says why), -ENOMEM.
 */
int edits_set(Node *document, const char *prefix, const char *pair, char error[EDITS_ERROR_SIZE]);

/*
 * What must be patched into `before` to make `after` of it: Patroni's merge, where null removes.
 * NULL: out of memory. Without children: they are equal.
 */
Node *edits_patch(const Node *before, const Node *after);
