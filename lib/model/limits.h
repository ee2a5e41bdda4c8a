/*
 * Ceilings of what one node keeps of a cluster. Everything that comes from outside is cut or
 * refused at these sizes, so that the steady loop allocates nothing and packets stay bounded.
 */
#pragma once

#ifndef SMALL_LIMITS
#define NAME_SIZE 128           /* a member's name, with its NUL */
#define HOST_SIZE 256           /* a host name or address */
#define URL_SIZE 320            /* scheme://host:port/path */
#define IDENT_SIZE 64           /* a PostgreSQL identifier (NAMEDATALEN) */
#define SYNC_LIST_SIZE 2048     /* comma-separated member names */
#define REASON_SIZE 256         /* one line for a person */

#define CLUSTER_MEMBERS_MAX 48
#define CLUSTER_SLOTS_MAX 64    /* entries of /status slots */
#define HISTORY_LINES_MAX 128   /* the newest timeline switches */
#define STANDBYS_MAX 48         /* rows of pg_stat_replication */
#define PENDING_MAX 24          /* parameters that wait for a restart */
#define VIPS_MAX 8
#else                           /* tests/sim: seven members of short names, copied a million times a second */
#define NAME_SIZE 16
#define HOST_SIZE 16
#define URL_SIZE 48
#define IDENT_SIZE 32
#define SYNC_LIST_SIZE 96
#define REASON_SIZE 128
#define CLUSTER_MEMBERS_MAX 8
#define CLUSTER_SLOTS_MAX 2
#define HISTORY_LINES_MAX 8
#define STANDBYS_MAX 8
#define PENDING_MAX 1
#define VIPS_MAX 1
#endif
#define INTERFACE_SIZE 16       /* the name of a network interface (IFNAMSIZ) */
#define VIP_NAME_SIZE 32        /* of an address for a replica: palisade/vip/<name> */
#define ALSO_MAX 8               /* units behind the gate beside Postgres */
#define UNIT_SIZE 128           /* the name of a systemd unit */
