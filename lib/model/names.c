#include "base/str.h"
#include "model/names.h"

static const char *const role_names[ROLE_MAX] = {
        [ROLE_UNKNOWN] = "unknown",
        [ROLE_PRIMARY] = "primary",
        [ROLE_STANDBY_LEADER] = "standby_leader",
        [ROLE_REPLICA] = "replica",
        [ROLE_DEMOTED] = "demoted",
        [ROLE_UNINITIALIZED] = "uninitialized",
};
DEFINE_NAMES(role, Role, ROLE_MAX)

Role role_parse(const char *s)
{
        if (str_equal(s, "master") || str_equal(s, "promoted"))
                return ROLE_PRIMARY;
        return role_from_string(s);
}

static const char *const run_state_names[RUN_MAX] = {
        [RUN_UNKNOWN] = "unknown",
        [RUN_INITDB] = "initializing new cluster",
        [RUN_INITDB_FAILED] = "initdb failed",
        [RUN_CUSTOM_BOOTSTRAP] = "running custom bootstrap script",
        [RUN_CUSTOM_BOOTSTRAP_FAILED] = "custom bootstrap failed",
        [RUN_CREATING_REPLICA] = "creating replica",
        [RUN_RUNNING] = "running",
        [RUN_STARTING] = "starting",
        [RUN_BOOTSTRAP_STARTING] = "starting after custom bootstrap",
        [RUN_START_FAILED] = "start failed",
        [RUN_RESTARTING] = "restarting",
        [RUN_RESTART_FAILED] = "restart failed",
        [RUN_STOPPING] = "stopping",
        [RUN_STOPPED] = "stopped",
        [RUN_STOP_FAILED] = "stop failed",
        [RUN_CRASHED] = "crashed",
};
DEFINE_NAMES(run_state, RunState, RUN_MAX)

static const char *const replication_state_names[REPLICATION_MAX] = {
        [REPLICATION_NONE] = "none",
        [REPLICATION_STREAMING] = "streaming",
        [REPLICATION_ARCHIVE] = "in archive recovery",
};
DEFINE_NAMES(replication_state, ReplicationState, REPLICATION_MAX)

static const char *const control_state_names[CONTROL_MAX] = {
        [CONTROL_UNKNOWN] = "unknown",
        [CONTROL_STARTING] = "starting up",
        [CONTROL_SHUT_DOWN] = "shut down",
        [CONTROL_SHUT_DOWN_IN_RECOVERY] = "shut down in recovery",
        [CONTROL_SHUTTING_DOWN] = "shutting down",
        [CONTROL_CRASH_RECOVERY] = "in crash recovery",
        [CONTROL_ARCHIVE_RECOVERY] = "in archive recovery",
        [CONTROL_PRODUCTION] = "in production",
};
DEFINE_NAMES(control_state, ControlState, CONTROL_MAX)

static const char *const datadir_names[DATADIR_MAX] = {
        [DATADIR_UNKNOWN] = "unknown",
        [DATADIR_EMPTY] = "empty",
        [DATADIR_VALID] = "valid",
        [DATADIR_BROKEN] = "broken",
        [DATADIR_INACCESSIBLE] = "inaccessible",
};
DEFINE_NAMES(datadir, DataDir, DATADIR_MAX)

static const char *const tri_names[TRI_MAX] = {
        [TRI_UNKNOWN] = "unknown",
        [TRI_NO] = "no",
        [TRI_YES] = "yes",
};
DEFINE_NAMES(tri, Tri, TRI_MAX)
