/*
 * words: what Patroni's log says when a node gets into the state of a rule (PATRONI-SPEC §2), so that
 * whoever greps for it finds it in our journal too.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "decide/rules.h"

/* False: Patroni has no words for it. name: of this node; leader: of who leads, may be empty. */
bool words_of(const Rule *rule, const char *name, const char *leader, char *buf, size_t size);

/* The table as it is, with {name} and {leader}; NULL: none. */
const char *words_pattern(const Rule *rule);
size_t words_count(void);
