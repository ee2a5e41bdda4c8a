/*
 * timelines: the answer of GET /history as patronictl's history shows it: when the primary changed.
 *
 * Pure, but for the stream it prints to. history is the parsed answer: a list of lists.
 */
#pragma once

#include <stdio.h>

#include "config/tree.h"

void timelines_print_pretty(const Node *history, FILE *f);
void timelines_print_tsv(const Node *history, FILE *f);

/* A list of maps with patronictl's names. NULL: out of memory. */
Node *timelines_list(const Node *history);
