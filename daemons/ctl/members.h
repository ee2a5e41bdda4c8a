/*
 * members: the answer of GET /cluster as patronictl's list shows it (PATRONI-SPEC, Part 5).
 *
 * Pure. cluster is the parsed answer; sysid the system identifier, or NULL where nobody knows one.
 */
#pragma once

#include "config/tree.h"
#include "ctl/grid.h"

typedef struct MembersView {
        const Node *cluster;
        const char *scope;
        const char *sysid;
        bool extended; /* columns that are empty everywhere, too */
        bool topology; /* standbys under what they follow */
        bool paint;
        size_t width;  /* of the screen: positions are left out where they don't fit; 0: they do */
} MembersView;

/* The table with its title and what stands below it. */
void members_print_pretty(const MembersView *v, FILE *f);
void members_print_tsv(const MembersView *v, FILE *f);

/* A list of maps with patronictl's names; empty values are left out. NULL: out of memory. */
Node *members_list(const MembersView *v);

/* NULL: no member leads. */
const char *members_leader(const Node *cluster);
const Node *members_find(const Node *cluster, const char *name);
