/* The configuration file, and the dynamic configuration with its copy in PGDATA. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/verify.h"

#define CACHE_FILE "patroni.dynamic.json" /* Patroni's name: it finds ours after a move back */
#define CACHE_SIZE_MAX (1U << 20)

void settings_write_cache(const Pgd *p)
{
        char path[PATH_MAX];

        if (p->config_revision == 0 || p->pg.datadir != DATADIR_VALID)
                return;
        snprintf(path, sizeof path, "%s/" CACHE_FILE, p->data_dir);
        char *text = json_format(p->dynamic, JSON_SPACED);
        int r = text ? write_file_atomic(path, text, strlen(text), files_mode(p)) : -ENOMEM;
        if (r < 0)
                log_warning_errno(r, "Cannot write %s: %m", path);
        free(text);
}

void settings_take_dynamic(Pgd *p, const MsgCluster *m)
{
        const char *text = wire_cluster_blob(m, m->cluster.config.raw);
        Node *doc;

        if (!text || m->cluster.config.mod_revision == p->config_revision)
                return;
        if (json_parse(text, m->cluster.config.raw.size, false, &doc, NULL) < 0)
                return; /* dcsd has complained; the last good one stays */
        p->config_revision = m->cluster.config.mod_revision;
        bool same = p->dynamic && node_equal(node_get(p->dynamic, "postgresql"),
                                             node_get(doc, "postgresql"));
        bool same_remote = p->dynamic && node_equal(node_get(p->dynamic, "standby_cluster"),
                                                    node_get(doc, "standby_cluster"));
        bool same_level = slots_has_logical(p->dynamic) == slots_has_logical(doc);
        node_free(p->dynamic);
        p->dynamic = doc;
        if (!same || !same_remote || !same_level)
                p->conf_stale = true;
        if (!same)
                verify_stale(p->verify);
        if (!same_remote && p->order.remote) {
                engine_take_remote(p);
                p->diverged = TRI_UNKNOWN;
        }
        settings_write_cache(p);
}

static const char *const sections[] = { "postgresql", "bootstrap", "tags", NULL };

int settings_load(Pgd *p)
{
        Config *c;
        int r = config_load(&c, p->options->config, sections, config_tell_errors, NULL);

        if (r < 0)
                return r;
        config_free(p->config);
        p->config = c;
        p->section = node_get(config_root(c), "postgresql");
        p->data_dir = config_text(c, "postgresql.data_dir", "");
        p->config_dir = config_text(c, "postgresql.config_dir", p->data_dir);
        (void)STR_SET(p->superuser, config_text(c, "postgresql.authentication.superuser.username",
                                                "postgres")); /* an identifier */
        heartbeat_set_targets(p);
        verify_stale(p->verify);
        return 0;
}

void settings_reload(Pgd *p)
{
        if (settings_load(p) < 0) {
                log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS,
                          "%s is not usable: the configuration read before stays in force",
                          p->options->config);
                return;
        }
        log_info("read %s again", p->options->config);
        p->conf_stale = true;
        engine_advance(p);
}

static void tell_of_cache(const Problem *problem, void *userdata)
{
        log_warning("%s: %s", (const char *)userdata, problem->text);
}

/* A map, or NULL: there is no cache, or none that is whole, which is told. */
static Node *read_cache(const Pgd *p)
{
        char path[PATH_MAX], error[JSON_ERROR_SIZE];
        char *text;
        size_t size;
        Node *doc = NULL;

        snprintf(path, sizeof path, "%s/" CACHE_FILE, p->data_dir);
        int r = read_file_at(AT_FDCWD, path, CACHE_SIZE_MAX, &text, &size);
        if (r < 0) {
                if (r != -ENOENT)
                        log_warning_errno(r, "Cannot read %s: %m; bootstrap.dcs counts until the DCS says more",
                                          path);
                return NULL;
        }
        if (json_parse(text, size, false, &doc, error) < 0 || doc->kind != NODE_MAP) {
                log_warning("%s is no configuration: %s; bootstrap.dcs counts until the DCS says more", path,
                            error[0] ? error : "expected an object");
                doc = node_free(doc);
        } else {
                (void)schema_check_dynamic(doc, tell_of_cache, path); /* what is wrong counts as left out */
        }
        free(text);
        return doc;
}

void settings_read_cache(Pgd *p)
{
        const Node *first = node_find(config_root(p->config), "bootstrap.dcs");
        bool adjusted;

        p->dynamic = read_cache(p);
        if (!p->dynamic && first)
                p->dynamic = node_copy(first);
        p->settings = settings_read(p->dynamic, &adjusted);
}
