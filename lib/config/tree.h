/*
 * Node: a value as YAML and JSON know it. patroni.yml, the dynamic configuration and every JSON
 * body are read into this one shape.
 *
 * Owns:      its children and texts; freeing wipes them, since passwords pass through here.
 * Invariant: a map's keys are unique (the last one written wins) and keep the order of the source.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

typedef enum NodeKind {
        NODE_NULL = 0,
        NODE_BOOL,
        NODE_INT,
        NODE_FLOAT,
        NODE_STRING,
        NODE_MAP,
        NODE_LIST,
} NodeKind;

typedef struct Node Node;
struct Node {
        NodeKind kind;
        unsigned line;   /* of the source; 0: made here */
        char *key;       /* in a map; NULL elsewhere */
        char *text;      /* scalars as JSON would write them, strings without quotes */
        int64_t integer; /* NODE_INT (saturated), NODE_BOOL (0, 1) */
        Node *children;
        Node *last;
        Node *next;
};

/* All makers return NULL when out of memory. */
Node *node_new(NodeKind kind);
Node *node_new_string(const char *text);
Node *node_new_int(int64_t v);
Node *node_new_bool(bool v);
Node *node_copy(const Node *n);
Node *node_free(Node *n);
DEFINE_CLEANUP(Node *, node_free)

/*
 * Put child under key (map; replaces) or at the end (list, key NULL). Takes the child, also on
 * failure; a NULL child is -ENOMEM, so that makers may stand in the call.
 */
int node_put(Node *parent, const char *key, Node *child);
void node_remove(Node *map, const char *key);

/* The child of a map, or NULL (also where n is NULL or no map). */
Node *node_get(const Node *n, const char *key);

/* Follows a dotted path through maps: "postgresql.parameters". NULL where it ends early. */
Node *node_find(const Node *n, const char *dotted);

/* The text of a scalar child, or NULL. A null value has none. */
const char *node_get_text(const Node *n, const char *dotted);

/* A scalar child that is, or reads as, a boolean / whole number; else the fallback. */
bool node_get_bool(const Node *n, const char *dotted, bool fallback);
int64_t node_get_int(const Node *n, const char *dotted, int64_t fallback);

size_t node_count(const Node *n);

#define NODE_FOREACH(child, parent)                                                                \
        for (const Node *child = (parent) ? (parent)->children : NULL; child; child = child->next)

/*
 * Patroni's comparison (PATRONI-SPEC "deep compare"): equal key sets, scalars equal as text, lists
 * equal as text. Null, true and the string "true" differ as Python's str() makes them differ.
 */
bool node_equal(const Node *a, const Node *b);

/*
 * Patroni's merge (PATRONI-SPEC "patch merge"): recursive; null deletes; a scalar is replaced only
 * if its text differs; lists are replaced whole. *ret_changed is set, never cleared. 0 or -ENOMEM.
 */
int node_patch(Node *map, const Node *patch, bool *ret_changed);
