#include "base/macros.h"
#include "model/pg.h"

static const char *const pg_operation_names[PGOP_MAX] = {
        [PGOP_NONE] = "none",
        [PGOP_BOOTSTRAP] = "bootstrap",
        [PGOP_CLONE] = "clone",
        [PGOP_START] = "start",
        [PGOP_STOP] = "stop",
        [PGOP_PROMOTE] = "promote",
        [PGOP_REWIND] = "pg_rewind",
        [PGOP_CRASH_RECOVERY] = "crash recovery",
        [PGOP_RECONFIGURE] = "reconfigure",
        [PGOP_CHECKPOINT] = "checkpoint",
};
DEFINE_NAMES(pg_operation, PgOperation, PGOP_MAX)

Lsn pg_standby_lsn(const PgState *pg)
{
        return MAX(pg->receive_lsn, pg->replay_lsn);
}

bool pg_may_run(const PgState *pg)
{
        switch (pg->run) {
        case RUN_INITDB:
        case RUN_INITDB_FAILED:
        case RUN_CUSTOM_BOOTSTRAP:     /* these two: in private, where no client comes */
        case RUN_BOOTSTRAP_STARTING:
        case RUN_CUSTOM_BOOTSTRAP_FAILED:
        case RUN_CREATING_REPLICA:
        case RUN_START_FAILED:
        case RUN_RESTART_FAILED:
        case RUN_STOPPED:
        case RUN_CRASHED:
                return false;
        case RUN_UNKNOWN:
        case RUN_RUNNING:
        case RUN_STARTING:
        case RUN_RESTARTING:
        case RUN_STOPPING:
        case RUN_STOP_FAILED:
        case RUN_MAX:
                return true;
        }
        return true;
}

bool pg_acts_as_primary(const PgState *pg)
{
        return pg_may_run(pg) && (pg->role == ROLE_PRIMARY || pg->promote_sent ||
                                  pg->in_recovery == TRI_NO);
}
