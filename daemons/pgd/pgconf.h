/*
 * pgconf: what stands in postgresql.conf, pg_hba.conf and on the postmaster's command line.
 *
 * Pure: documents in, texts out. The layout of the files, the controlled parameters with their
 * minima and the order on the command line are Patroni's (PATRONI-SPEC §3.5-3.7), so that either
 * program finds what it expects after the other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/tree.h"
#include "model/limits.h"
#include "model/pending.h"
#include "pgd/control.h"

typedef struct PgConf {
        const Node *local;        /* the file's `postgresql` section */
        const Node *dynamic;      /* the dynamic configuration's; may be NULL */
        const Node *known;        /* map of parameter names this server knows; NULL: any goes */
        const Node *refused;      /* name -> value that this server does not take; may be NULL */
        const Control *control;   /* the floor of a standby; NULL when starting as primary */
        const char *scope;
        uint32_t version;         /* 150020 */
        const char *socket_dirs;  /* unix_socket_directories where nobody sets it */
        const char *own_socket;   /* pgd's own directory, added to those */
        const char *sync_names;   /* synchronous_standby_names; NULL: the user's own */
        const char *config_dir;
        const char *base_conf;    /* what the file includes: postgresql.base.conf or custom_conf */
        bool standby;
        const char *conninfo;     /* primary_conninfo; NULL: none */
        const char *slot;         /* primary_slot_name; NULL: none */
        const Node *standby_cluster; /* the dynamic configuration's section; NULL: none */
        bool feedback;            /* hot_standby_feedback is forced on: logical slots depend on it */
        bool logical;             /* there are, or are to be, logical slots: wal_level is logical */
        bool leads_standby;       /* it is, or is to be, that cluster's leader */
} PgConf;

typedef void (*pgconf_warn_t)(const char *text, void *userdata);

/*
 * Every parameter that goes into the file, sorted: a map of texts. *raised: the settings of a standby
 * that had to be raised to the primary's, with what was asked for. NULL: out of memory.
 */
Node *pgconf_parameters(const PgConf *c, pgconf_warn_t warn, void *userdata, Pending *raised);

/* What users ask for, local before dynamic, whether this server takes it or not; NULL: no memory. */
Node *pgconf_users(const PgConf *c);

/* The server has a parameter of that name, or it belongs to an extension. */
bool pgconf_knows(const PgConf *c, const char *name);

/* Those parameters alone, without those in `except`; the caller frees. NULL: out of memory. */
char *pgconf_plain_text(const Node *parameters, const Node *except);

/* The text of postgresql.conf; the caller frees. NULL: out of memory. */
char *pgconf_text(const PgConf *c, const Node *parameters);

/* "--name=value" for the controlled ones, in the order of the spec; a list of texts. */
Node *pgconf_arguments(const PgConf *c, const Node *parameters);

/*
 * pg_hba.conf or pg_ident.conf (key "pg_hba", "pg_ident"): NULL in *ret where it is not ours: no
 * lines are given, or the parameters hba_file, ident_file name another file.
 */
int pgconf_lines_file(const PgConf *c, const char *key, char **ret);

/* A setting of the section: local before dynamic. */
const Node *pgconf_setting(const PgConf *c, const char *key);

/* A map of both, local over dynamic key by key, as Patroni merges them; the caller frees. NULL: it
 * is not set, or no map. */
Node *pgconf_merged(const PgConf *c, const char *key);
bool pgconf_flag(const PgConf *c, const char *key, bool fallback);

/* How the users' parameters want passwords to be encrypted; NULL: they do not say, or in no word we know. */
const char *pgconf_password_encryption(const PgConf *c);

/* `listen`: "addr[,addr]:port" into its halves; port 5432 if none is given. */
void pgconf_split_listen(const char *listen, char *addresses, size_t size, uint16_t *ret_port);

/* postgresql.auto.conf without the lines that set recovery parameters; caller frees. */
char *pgconf_strip_auto(const char *text, bool *ret_changed);
