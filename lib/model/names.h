/*
 * The words of the cluster: roles and states exactly as they stand in member keys, in the REST API
 * and in callbacks (PATRONI-SPEC "Roles", "PostgreSQL states").
 */
#pragma once

#include "base/table.h"

typedef enum Role {
        ROLE_UNKNOWN = 0,
        ROLE_PRIMARY,
        ROLE_STANDBY_LEADER,
        ROLE_REPLICA,
        ROLE_DEMOTED,
        ROLE_UNINITIALIZED,
        ROLE_MAX,
} Role;
DECLARE_NAMES(role, Role)

/* Reads the names of older members too: "master" is primary, "promoted" is primary. */
Role role_parse(const char *s);

/* The number in the metric patroni_postgres_state is the value minus one (unknown: -1). */
typedef enum RunState {
        RUN_UNKNOWN = 0,
        RUN_INITDB,
        RUN_INITDB_FAILED,
        RUN_CUSTOM_BOOTSTRAP,
        RUN_CUSTOM_BOOTSTRAP_FAILED,
        RUN_CREATING_REPLICA,
        RUN_RUNNING,
        RUN_STARTING,
        RUN_BOOTSTRAP_STARTING,
        RUN_START_FAILED,
        RUN_RESTARTING,
        RUN_RESTART_FAILED,
        RUN_STOPPING,
        RUN_STOPPED,
        RUN_STOP_FAILED,
        RUN_CRASHED,
        RUN_MAX,
} RunState;
DECLARE_NAMES(run_state, RunState)

typedef enum ReplicationState {
        REPLICATION_NONE = 0,
        REPLICATION_STREAMING,
        REPLICATION_ARCHIVE,
        REPLICATION_MAX,
} ReplicationState;
DECLARE_NAMES(replication_state, ReplicationState)

/* "Database cluster state" of pg_controldata. */
typedef enum ControlState {
        CONTROL_UNKNOWN = 0,
        CONTROL_STARTING,
        CONTROL_SHUT_DOWN,
        CONTROL_SHUT_DOWN_IN_RECOVERY,
        CONTROL_SHUTTING_DOWN,
        CONTROL_CRASH_RECOVERY,
        CONTROL_ARCHIVE_RECOVERY,
        CONTROL_PRODUCTION,
        CONTROL_MAX,
} ControlState;
DECLARE_NAMES(control_state, ControlState)

typedef enum DataDir {
        DATADIR_UNKNOWN = 0,
        DATADIR_EMPTY,       /* absent, or nothing in it: a node may be made here */
        DATADIR_VALID,       /* pg_control was read */
        DATADIR_BROKEN,      /* something is there, but no readable pg_control */
        DATADIR_INACCESSIBLE, /* EACCES, EIO: nothing can be said, and nothing may be done */
        DATADIR_MAX,
} DataDir;
DECLARE_NAMES(datadir, DataDir)

typedef enum Tri {
        TRI_UNKNOWN = 0,
        TRI_NO,
        TRI_YES,
        TRI_MAX,
} Tri;
DECLARE_NAMES(tri, Tri)

#define TRI(claim) ((claim) ? TRI_YES : TRI_NO)
