#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "config/json.h"
#include "ctl/template.h"
#include "ctl/yaml-out.h"

/* Timing as a new cluster of ours has it; the rest as Patroni's. */
static const char base[] =
        "{\"scope\":\"" TEMPLATE_OPEN "\",\"name\":\"" TEMPLATE_OPEN "\","
        "\"log\":{\"type\":\"plain\",\"level\":\"INFO\"},"
        "\"restapi\":{},\"etcd3\":{\"hosts\":\"" TEMPLATE_OPEN "\"},"
        "\"bootstrap\":{\"dcs\":{\"ttl\":10,\"loop_wait\":2,\"retry_timeout\":3,\"maximum_lag_on_failover\":1048576,"
        "\"maximum_lag_on_syncnode\":-1,\"max_timelines_history\":0,\"primary_start_timeout\":300,"
        "\"primary_stop_timeout\":0,\"synchronous_mode\":false,\"synchronous_mode_strict\":false,"
        "\"synchronous_node_count\":1,\"check_timeline\":false,\"member_slots_ttl\":\"30min\","
        "\"postgresql\":{\"use_slots\":true,\"parameters\":{\"wal_level\":\"replica\",\"hot_standby\":\"on\","
        "\"max_connections\":100,\"max_wal_senders\":10,\"max_prepared_transactions\":0,"
        "\"max_locks_per_transaction\":64,\"track_commit_timestamp\":\"off\",\"max_replication_slots\":10,"
        "\"max_worker_processes\":8,\"wal_log_hints\":\"on\"}}}},"
        "\"postgresql\":{\"data_dir\":\"" TEMPLATE_OPEN "\","
        "\"authentication\":{\"superuser\":{\"username\":\"postgres\",\"password\":\"" TEMPLATE_OPEN "\"},"
        "\"replication\":{\"username\":\"replicator\",\"password\":\"" TEMPLATE_OPEN "\"}}},"
        "\"tags\":{\"failover_priority\":1,\"noloadbalance\":false,\"clonefrom\":true,\"nosync\":false,"
        "\"nostream\":false}}";

/* The map at a dotted path, made where it is missing. NULL: out of memory. */
static Node *section(Node *at, const char *dotted)
{
        char key[64];

        for (size_t n; at && *dotted; dotted += n + (dotted[n] == '.')) {
                n = strcspn(dotted, ".");
                (void)str_copy_n(key, sizeof key, dotted, n); /* a name of ours */
                Node *next = node_get(at, key);
                if (!next || next->kind != NODE_MAP) {
                        next = node_new(NODE_MAP);
                        if (node_put(at, key, next) < 0)
                                return NULL;
                }
                at = next;
        }
        return at;
}

static int put(Node *root, const char *dotted, Node *value)
{
        char path[128];
        const char *last = strrchr(dotted, '.');

        (void)str_copy_n(path, sizeof path, dotted, last ? (size_t)(last - dotted) : 0); /* it fits */
        Node *map = section(root, path);
        if (!map) {
                node_free(value);
                return -ENOMEM;
        }
        return node_put(map, last ? last + 1 : dotted, value);
}

int template_set(Node *root, const char *dotted, const char *text)
{
        return put(root, dotted, node_new_string(text));
}

static int set_address(Node *root, const char *dotted, const char *ip, const char *port)
{
        char text[128];

        snprintf(text, sizeof text, ip && strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip ? ip : TEMPLATE_OPEN, port);
        return template_set(root, dotted, text);
}

Node *template_new(const char *host, const char *ip)
{
        _cleanup_(node_freep) Node *root = NULL;

        if (json_parse(base, sizeof base - 1, false, &root, NULL) < 0 ||
            (host && template_set(root, "name", host) < 0) ||
            set_address(root, "restapi.listen", ip, "8008") < 0 ||
            set_address(root, "restapi.connect_address", ip, "8008") < 0 ||
            set_address(root, "postgresql.listen", ip, "5432") < 0 ||
            set_address(root, "postgresql.connect_address", ip, "5432") < 0)
                return NULL;
        return TAKE_PTR(root);
}

int template_add_sample(Node *root)
{
        const char *user = node_get_text(root, "postgresql.authentication.replication.username");
        char line[512];
        int r = template_set(root, "postgresql.parameters.password_encryption", "scram-sha-256");

        if (r >= 0)
                r = template_take_line(root, "pg_hba", "local all all peer");
        if (r >= 0)
                r = template_take_line(root, "pg_hba", "host all all all scram-sha-256");
        snprintf(line, sizeof line, "host replication %s all scram-sha-256", user ? user : TEMPLATE_OPEN);
        if (r >= 0)
                r = template_take_line(root, "pg_hba", line);
        if (r >= 0)
                r = template_set(root, "bootstrap.dcs.postgresql.parameters.wal_keep_size", "128MB");
        if (r >= 0)
                r = put(root, "bootstrap.dcs.postgresql.use_pg_rewind", node_new_bool(true));
        if (r >= 0 && !node_find(root, "postgresql.authentication.rewind.username"))
                r = template_set(root, "postgresql.authentication.rewind.username", "rewind_user");
        if (r >= 0 && !node_find(root, "postgresql.authentication.rewind.password"))
                r = template_set(root, "postgresql.authentication.rewind.password", TEMPLATE_OPEN);
        return r;
}

/* ---- from a server ---- */

/* Where a setting has a key of its own; NULL: it is no parameter of ours to set. */
static const struct {
        const char *name, *key;
} keys[] = {
        { "data_directory", "postgresql.data_dir" },
        { "cluster_name", "scope" },
        { "config_file", NULL },      /* config_dir, where it is needed */
        { "hba_file", NULL },         /* pg_hba; read where they lie */
        { "ident_file", NULL },
        { "listen_addresses", NULL }, /* listen */
        { "port", NULL },
};

static bool is_command(const char *name)
{
        size_t n = strlen(name), end = sizeof "_command" - 1;

        return n > end && str_equal(name + n - end, "_command");
}

int template_take_setting(Node *root, const char *name, const char *value)
{
        Node *map;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (str_equal(keys[i].name, name))
                        return keys[i].key && *value ? template_set(root, keys[i].key, value) : 0;
        /* Who may write to the DCS should not be able to run programs. */
        map = is_command(name) ? section(root, "postgresql.parameters")
                               : section(root, "bootstrap.dcs.postgresql.parameters");
        return map ? node_put(map, name, node_new_string(value)) : -ENOMEM;
}

int template_take_line(Node *root, const char *key, const char *line)
{
        Node *section = node_get(root, "postgresql"), *list = node_get(section, key);
        size_t blank = strspn(line, " \t"), n = strcspn(line + blank, "\r\n");

        while (n > 0 && (line[blank + n - 1] == ' ' || line[blank + n - 1] == '\t'))
                n--;
        if (n == 0 || line[blank] == '#')
                return 0;
        if (!list) {
                list = node_new(NODE_LIST);
                if (node_put(section, key, list) < 0)
                        return -ENOMEM;
        }
        char *text = strndup(line + blank, n);
        int r = text ? node_put(list, NULL, node_new_string(text)) : -ENOMEM;
        free(text);
        return r;
}

/* ---- writing ---- */

static void write_indented(FILE *f, const Node *n, const char *indent)
{
        char *text = NULL;
        size_t size = 0;
        FILE *memory = open_memstream(&text, &size);

        if (!memory)
                return;
        yaml_write(memory, n);
        (void)fclose(memory); /* what there was no memory for is missing */
        for (char *line = text; line && *line; line += strcspn(line, "\n") + 1)
                fprintf(f, "%s%.*s\n", indent, (int)strcspn(line, "\n"), line);
        if (text)
                explicit_bzero(text, size);
        free(text);
}

/* One key with its value, as a document of its own. */
static void write_key(FILE *f, const Node *map, const char *key, const char *indent)
{
        _cleanup_(node_freep) Node *one = node_new(NODE_MAP);
        const Node *value = node_get(map, key);

        if (value && one && node_put(one, key, node_copy(value)) >= 0)
                write_indented(f, one, indent);
}

static void write_section(FILE *f, const Node *root, const char *key)
{
        const Node *n = node_get(root, key);

        if (n && n->kind == NODE_MAP)
                fputc('\n', f);
        write_key(f, root, key, "");
}

static bool is_one_of(const char *key, const char *const *list)
{
        for (; *list; list++)
                if (str_equal(key, *list))
                        return true;
        return false;
}

void template_write(FILE *f, const Node *root)
{
        static const char *const before[] = { "scope", "namespace", "name", "log", "restapi", "ctl", "etcd3", NULL };
        static const char *const after[] = { "postgresql", "watchdog", "tags", NULL };
        static const char *const timing[] = { "ttl", "loop_wait", "retry_timeout", NULL };
        const Node *bootstrap = node_get(root, "bootstrap"), *dcs = node_get(bootstrap, "dcs");

        for (size_t i = 0; before[i]; i++)
                write_section(f, root, before[i]);
        NODE_FOREACH(n, root)
                if (!is_one_of(n->key, before) && !is_one_of(n->key, after) && !str_equal(n->key, "bootstrap"))
                        write_section(f, root, n->key);
        fputs("\n# Used once, when the cluster is made; later changes here are ignored.\n"
              "bootstrap:\n"
              "  # The dynamic configuration, the same for all nodes. Afterwards: palisadectl edit-config\n"
              "  dcs:\n", f);
        for (size_t i = 0; timing[i]; i++)
                write_key(f, dcs, timing[i], "    ");
        NODE_FOREACH(n, dcs)
                if (!is_one_of(n->key, timing))
                        write_key(f, dcs, n->key, "    ");
        NODE_FOREACH(n, bootstrap)
                if (!str_equal(n->key, "dcs"))
                        write_key(f, bootstrap, n->key, "  ");
        for (size_t i = 0; after[i]; i++)
                write_section(f, root, after[i]);
}
