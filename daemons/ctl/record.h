/*
 * record: what a node explains, as a golden scenario (tests/decide/scenarios): the facts that are not
 * as on a healthy standby, the rule, the intent.
 *
 * Pure, but for the stream it prints to. explanation: the parsed answer of GET /palisade/explain.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/tree.h"

/* What is not written: a fact and its value on a healthy standby. */
typedef struct RecordFact {
        const char *name, *value;
} RecordFact;

extern const RecordFact record_healthy[];
extern const size_t n_record_healthy;

/* There are facts, a rule and an intent. */
bool record_is_possible(const Node *explanation);

/* when: for the comment. 0, or negative errno of the stream. */
int record_write(FILE *f, const Node *explanation, const char *when);
