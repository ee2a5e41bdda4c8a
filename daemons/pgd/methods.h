/*
 * methods: the user's ways to make a replica, and their command lines (PATRONI-SPEC §2.5). Pure.
 */
#pragma once

#include <stdbool.h>

#include "pgd/pgconf.h"

#define METHOD_BASEBACKUP "basebackup"

typedef void (*methods_warn_t)(const char *text);

/* create_replica_methods in order, or basebackup alone: a list of texts. NULL: out of memory. */
Node *methods_list(const PgConf *c);

/* The same of one list of methods; NULL and empty: basebackup. */
Node *methods_list_of(const Node *asked);

/* keep_data, no_params, no_leader of that method's section. */
bool method_flag(const PgConf *c, const char *method, const char *flag);

/* The first method keeps what lies in the data directory. */
bool methods_keep_data(const PgConf *c);

/* One of them needs no server to copy from. */
bool methods_need_no_source(const PgConf *c);

/* What to run: its `command`, or the method's name. The text lives as long as the documents. */
const char *method_command(const PgConf *c, const char *method);

/*
 * Appends the arguments of a replica method: scope, role, datadir and connstring (empty: no source)
 * unless no_params, then every other key as --key=value. 0 or -ENOMEM.
 */
int method_add_params(const PgConf *c, const char *method, const char *data_dir,
                      const char *connstring, Node *argv);

/* A value as a program of the user's gets it: "True" and "None", as Patroni's scripts have always
 * seen them. */
const char *method_value_text(const Node *n);

/*
 * Options as a list of `name` or `name: value`, or as a map: --name, --name=value. One of the
 * forbidden ones (NULL-terminated) is told and left out.
 */
int options_add(Node *argv, const Node *options, const char *const *forbidden, methods_warn_t warn);

/* pg_basebackup's, of `postgresql.basebackup`. */
int methods_add_basebackup_options(const PgConf *c, Node *argv, methods_warn_t warn);
