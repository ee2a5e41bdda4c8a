/*
 * explain: the mind's rows as GET /palisade/explain shows them. Rows of one section follow each
 * other.
 *
 * Pure. The texts are the caller's to free; NULL: out of memory.
 */
#pragma once

#include <stddef.h>

#include "wire/msg.h"

#define EXPLAIN_ROWS_MAX 1024

/* {"section": [{"key": …, "value": …, "note": …}, …], …}; an empty note is left out. */
char *explain_json(const MsgRow *rows, size_t n);

/* For people: at most 80 columns where the words allow it. */
char *explain_text(const MsgRow *rows, size_t n);
