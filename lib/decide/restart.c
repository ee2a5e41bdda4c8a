#include <string.h>

#include "decide/restart.h"

static Role role_of(const PgState *pg)
{
        return pg->role == ROLE_DEMOTED || pg->role == ROLE_UNKNOWN ? ROLE_REPLICA : pg->role;
}

const char *restart_refusal(const RestartAsk *ask, const PgState *pg, bool pending)
{
        bool holds = (ask->role == ROLE_UNKNOWN || (Role)ask->role == role_of(pg)) &&
                     (ask->below_version == 0 || (pg->server_version != 0 &&
                                                  pg->server_version < ask->below_version)) &&
                     (!ask->if_pending || pending);

        return holds ? NULL : "restart conditions are not satisfied";
}

RestartEnd restart_end(const PgState *pg, int32_t outgoing, usec_t now, usec_t until)
{
        if (pg->run == RUN_RUNNING && pg->accepts && pg->postmaster_pid != outgoing)
                return RESTART_DONE;
        if (pg->run == RUN_START_FAILED)
                return RESTART_FAILED;
        return now >= until ? RESTART_LATE : RESTART_GOES_ON;
}

const char *restart_end_text(RestartEnd end)
{
        switch (end) {
        case RESTART_DONE: return "restarted successfully";
        case RESTART_FAILED: return "restart failed";
        case RESTART_LATE:
        case RESTART_GOES_ON: break;
        }
        return "postgres is still starting";
}
