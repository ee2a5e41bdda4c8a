#include <stdio.h>

#include "dcsd/paths.h"

void paths_init(Paths *p, const char *prefix, const char *name)
{
        /* The prefix and the name have ceilings of their own: everything fits. */
        snprintf(p->prefix, PATH_SIZE, "%s", prefix);
        snprintf(p->leader, PATH_SIZE, "%sleader", prefix);
        snprintf(p->initialize, PATH_SIZE, "%sinitialize", prefix);
        snprintf(p->config, PATH_SIZE, "%sconfig", prefix);
        snprintf(p->status, PATH_SIZE, "%sstatus", prefix);
        snprintf(p->history, PATH_SIZE, "%shistory", prefix);
        snprintf(p->sync, PATH_SIZE, "%ssync", prefix);
        snprintf(p->failover, PATH_SIZE, "%sfailover", prefix);
        snprintf(p->failsafe, PATH_SIZE, "%sfailsafe", prefix);
        snprintf(p->standing, PATH_SIZE, "%spalisade/standing/", prefix);
        snprintf(p->resume, PATH_SIZE, "%spalisade/resume", prefix);
        snprintf(p->member, PATH_SIZE, "%smembers/%s", prefix, name);
}
