/* The mind is the real one: its configuration comes from here instead of from a file. */
#include <stdio.h>

#include "base/str.h"
#include "palisaded/palisaded.h"
#include "tests/sim/sim.h"

int node_config_load(NodeConfig *ret, const char *path _unused_, config_tell_t tell _unused_,
                     void *userdata _unused_)
{
        const Host *h = running->host;

        *ret = (NodeConfig){ .tags = h->tags, .watchdog_mode = (WatchdogMode)h->watchdog_mode,
                             .safety_margin = PERMIT_SAFETY_MARGIN_UNSET,
                             .can_bootstrap = !h->tags.nofailover };
        (void)STR_SET(ret->name, h->name);
        (void)STR_SET(ret->scope, "main");
        snprintf(ret->api_url, sizeof ret->api_url, "http://%s:8008/patroni", h->name);
        snprintf(ret->conn_url, sizeof ret->conn_url, "postgres://%s:5432/postgres", h->name);
        return 0;
}

/* No program of the model has a configuration file. */
Config *config_free(Config *c _unused_)
{
        return NULL;
}

const char *config_text(const Config *c _unused_, const char *dotted _unused_, const char *fallback)
{
        return fallback;
}

int mind_start(Program *p)
{
        Palisaded *mind;
        int r = palisaded_new(&mind, (sd_event *)p, "main", "/run", "/etc/main.yml");

        p->state = r < 0 ? NULL : mind;
        return r;
}

void mind_end(Program *p)
{
        p->state = palisaded_free(p->state);
}
