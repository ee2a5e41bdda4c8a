/*
 * json: text to Node and back, by yajl, with ceilings: yajl itself has none, and what we read comes
 * from sockets.
 */
#pragma once

#include <stddef.h>

#include "config/tree.h"

#define JSON_DEPTH_MAX 32
#define JSON_NODES_MAX 65536
#define JSON_ERROR_SIZE 160

/*
 * The first JSON document in text. A complete one may be followed by anything if `first_only`
 * (etcd's streams), else only by white space. 0, -EBADMSG (not JSON; error says where), -E2BIG (too
 * deep or too many values), -ENOMEM. error may be NULL.
 */
int json_parse(const char *text, size_t size, bool first_only, Node **ret,
               char error[JSON_ERROR_SIZE]);

/* Separators as Python's json.dumps writes them: JSON_COMPACT "," ":", JSON_SPACED ", " ": ". */
typedef enum JsonStyle { JSON_COMPACT, JSON_SPACED } JsonStyle;

/* A text the caller frees; everything but ASCII becomes \uXXXX. NULL: out of memory. */
char *json_format(const Node *n, JsonStyle style);
