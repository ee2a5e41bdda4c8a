/* What the mind takes from the configuration file. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/palisaded.h"

static const char *const sections[] = { "log", "restapi", "postgresql", "tags", "vip",
                                        "fence",   "watchdog",   "bootstrap", NULL };

static Tags read_tags(const Config *c)
{
        Tags t = TAGS_DEFAULT;
        bool nofailover = config_bool(c, "tags.nofailover", false);

        t.failover_priority = (int32_t)config_int(c, "tags.failover_priority", 1);
        if (node_find(config_root(c), "tags.nofailover"))
                t.nofailover = nofailover; /* the boolean wins over the priority */
        else
                t.nofailover = t.failover_priority <= 0;
        if (t.nofailover)
                t.failover_priority = 0;
        t.sync_priority = (int32_t)config_int(c, "tags.sync_priority", 1);
        t.nosync = node_find(config_root(c), "tags.nosync") ? config_bool(c, "tags.nosync", false)
                                                            : t.sync_priority <= 0;
        t.noloadbalance = config_bool(c, "tags.noloadbalance", false);
        t.clonefrom = config_bool(c, "tags.clonefrom", false);
        t.nostream = config_bool(c, "tags.nostream", false);
        (void)STR_SET(t.replicatefrom, config_text(c, "tags.replicatefrom", "")); /* a name */
        return t;
}

static void read_vips(NodeConfig *n, const Config *c)
{
        NODE_FOREACH(v, node_get(config_root(c), "vip")) {
                const char *address = v->kind == NODE_STRING ? v->text
                                                             : node_get_text(v, "address");
                if (!address || n->n_vips == VIPS_MAX)
                        continue;
                Vip *vip = &n->vips[n->n_vips++];
                (void)STR_SET(vip->address, address); /* the schema has checked it */
                (void)STR_SET(vip->interface,
                              v->kind == NODE_MAP && node_get_text(v, "interface")
                                      ? node_get_text(v, "interface")
                                      : "");
                (void)STR_SET(vip->name, v->kind == NODE_MAP && node_get_text(v, "name")
                                                 ? node_get_text(v, "name")
                                                 : "");
        }
}

static void conn_url(const Config *c, char *buf, size_t size)
{
        HostPort listen = { .port = 5432 }, hp;
        const char *text = config_text(c, "postgresql.listen", "localhost:5432");

        if (hostport_parse(text, 5432, &listen) < 0)
                STR_SET(listen.host, "localhost");
        listen.host[strcspn(listen.host, ",")] = 0;
        hp = config_text(c, "postgresql.connect_address", NULL)
                     ? config_hostport(c, "postgresql.connect_address", listen.port)
                     : listen;
        bool v6 = strchr(hp.host, ':') != NULL;
        snprintf(buf, size, "postgres://%s%s%s:%u/%s", v6 ? "[" : "", hp.host, v6 ? "]" : "",
                 hp.port, config_text(c, "postgresql.database", "postgres"));
}

static FenceMode read_gate_mode(const Config *c)
{
        const char *mode = config_text(c, "fence.gate.mode", "automatic");

        return str_equal(mode, "required")                            ? FENCE_REQUIRED
               : str_equal(mode, "off") || str_equal(mode, "false") ? FENCE_OFF
                                                                      : FENCE_AUTOMATIC;
}

static void read_also(NodeConfig *n, const Config *c)
{
        const Node *also = node_find(config_root(c), "fence.gate.also");

        NODE_FOREACH(u, also)
                if (u->text && n->n_also < ALSO_MAX)
                        (void)STR_SET(n->also[n->n_also++].name, u->text); /* the schema has checked it */
}

static WatchdogMode read_watchdog_mode(const Config *c)
{
        const char *mode = config_text(c, "watchdog.mode", "automatic");

        if (str_after_prefix(mode, "require"))
                return WATCHDOG_REQUIRED;
        return str_equal(mode, "off") || str_equal(mode, "false") || str_after_prefix(mode, "disable")
                       ? WATCHDOG_OFF
                       : WATCHDOG_AUTOMATIC;
}

int node_config_load(NodeConfig *ret, const char *path, config_tell_t tell, void *userdata)
{
        _cleanup_(config_freep) Config *c = NULL;
        NodeConfig n = { 0 };
        int r = config_load(&c, path, sections, tell, userdata);

        if (r < 0)
                return r;
        (void)STR_SET(n.name, config_name(c));   /* config_load() has checked their sizes */
        (void)STR_SET(n.scope, config_scope(c));
        config_api_url(c, n.api_url, sizeof n.api_url);
        conn_url(c, n.conn_url, sizeof n.conn_url);
        n.tags = read_tags(c);
        read_vips(&n, c);
        n.gate_mode = read_gate_mode(c);
        read_also(&n, c);
        n.watchdog_mode = read_watchdog_mode(c);
        (void)STR_SET(n.watchdog_device, config_text(c, "watchdog.device", ""));
        n.watchdog_reset_after = (uint32_t)config_int(c, "watchdog.reset_after", 0);
        n.safety_margin = config_int(c, "watchdog.safety_margin", PERMIT_SAFETY_MARGIN_UNSET);
        n.log_beats = !config_bool(c, "log.deduplicate_heartbeat_logs", true);
        n.can_bootstrap = node_get(config_root(c), "bootstrap") && !n.tags.nofailover;
        *ret = n;
        return 0;
}
