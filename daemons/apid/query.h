/*
 * Query: what stands behind the `?` of a request, decoded. Keys and values belong to the request.
 * Pure.
 */
#pragma once

#include <stddef.h>

#define QUERY_MAX 32 /* further ones are left out */

typedef struct QueryPair {
        const char *key;
        const char *value; /* never empty: a key without a value does not count */
} QueryPair;

typedef struct Query {
        size_t n;
        QueryPair pairs[QUERY_MAX];
} Query;

/* The first value of a key, or NULL. */
const char *query_get(const Query *q, const char *key);
