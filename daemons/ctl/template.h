/*
 * template: a configuration file for a node, filled in as far as can be known, in Patroni's form and order.
 *
 * Pure, but for the stream it prints to.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "config/tree.h"

#define TEMPLATE_OPEN "#FIXME" /* a value that a person has to fill in */

/* What is the same with and without a server. host, ip: this machine's; NULL: not known. NULL: out of memory. */
Node *template_new(const char *host, const char *ip);

/* What a new cluster begins with, where no server tells. 0 or -ENOMEM. */
int template_add_sample(Node *root);

/*
 * One setting of a server that runs. Commands and places of files are the node's own; everything else is the
 * cluster's; what the sections have keys for goes there. 0 or -ENOMEM.
 */
int template_take_setting(Node *root, const char *name, const char *value);

/* A line of pg_hba.conf or pg_ident.conf that says something: appended to postgresql.<key>. 0 or -ENOMEM. */
int template_take_line(Node *root, const char *key, const char *line);

/* 0 or -ENOMEM. Makes the sections of a dotted path. */
int template_set(Node *root, const char *dotted, const char *text);

void template_write(FILE *f, const Node *root);
