/*
 * Maker: puts values into a document and remembers whether one did not fit into memory, so that a
 * long document needs one check at its end.
 *
 * Pure. A NULL parent swallows what is put: it was told already.
 */
#pragma once

#include "base/usec.h"
#include "config/json.h"

typedef struct Maker {
        bool failed;
} Maker;

void make_text(Maker *m, Node *parent, const char *key, const char *text);
void make_int(Maker *m, Node *parent, const char *key, int64_t v);
void make_bool(Maker *m, Node *parent, const char *key, bool v);
void make_null(Maker *m, Node *parent, const char *key);
void make_copy(Maker *m, Node *parent, const char *key, const Node *n);

/* A number with six decimals at most, without trailing zeros. */
void make_float(Maker *m, Node *parent, const char *key, double v);

/* An instant as Patroni writes those of the server: "2026-11-22 21:30:17.720458+00:00". */
void make_wall(Maker *m, Node *parent, const char *key, usec_t wall_usec);

/* A child that stays the parent's. NULL: failed. */
Node *make_map(Maker *m, Node *parent, const char *key);
Node *make_list(Maker *m, Node *parent, const char *key);

/* The root, to be freed by the caller. */
Node *make_root(Maker *m, NodeKind kind);

/* The finished text, which the caller frees; NULL if anything failed. */
char *make_finish(const Maker *m, const Node *root, JsonStyle style);
