#include <stdio.h>

#include "base/str.h"
#include "dcsd/configure.h"

static void tell_nobody(Severity severity _unused_, const char *line _unused_,
                        void *userdata _unused_)
{
}

void configure_proxy_url(const char *path, char *ret, size_t size)
{
        static const char *const only[] = { "postgresql", NULL };
        _cleanup_(config_freep) Config *c = NULL;
        const char *address;

        ret[0] = 0;
        if (config_load(&c, path, only, tell_nobody, NULL) < 0)
                return; /* told just before */
        address = config_text(c, "postgresql.proxy_address", NULL);
        if (address)
                snprintf(ret, size, "postgres://%s/%s", address,
                         config_text(c, "postgresql.database", "postgres"));
}

bool configure_needs_restart(const Config *a, const Config *b)
{
        static const char *const fixed[] = { "host", "hosts", "url", "proxy", "srv", "srv_domain",
                                             "discovery_srv", "srv_suffix", "protocol", "use_proxies" };
        const Node *x = node_get(config_root(a), "etcd3"), *y = node_get(config_root(b), "etcd3");

        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                if (!node_equal(node_get(x, fixed[i]), node_get(y, fixed[i])))
                        return true;
        return !str_equal(config_name(a), config_name(b)) ||
               !str_equal(config_dcs_path(a), config_dcs_path(b));
}
