#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/hostport.h"
#include "config/keys.h"
#include "config/later.h"
#include "config/schema.h"
#include "model/limits.h"

typedef struct Check {
        const KeyRow *rows;
        size_t n_rows;
        problem_handler_t tell;
        void *userdata;
        unsigned errors;
} Check;

static _printf_(4, 5) void tell(Check *c, Severity severity, unsigned line, const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        for (char *s = text; *s; s++) /* it is one line, whatever the value was */
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        *s = '?';
        c->errors += severity == PROBLEM_ERROR;
        c->tell(&(Problem){ severity, line, text }, c->userdata);
}

/* A row's path against a document's; `*` takes one key. Rows with `*` come last in their section. */
static bool path_matches(const char *row, const char *path)
{
        for (;;) {
                size_t n = strcspn(row, "."), m = strcspn(path, ".");
                if (!(n == 1 && *row == '*') && (n != m || memcmp(row, path, n) != 0))
                        return false;
                row += n;
                path += m;
                if (!*row || !*path)
                        return !*row && !*path;
                row++;
                path++;
        }
}

static const KeyRow *find_row(const Check *c, const char *path)
{
        for (size_t i = 0; i < c->n_rows; i++)
                if (path_matches(c->rows[i].path, path))
                        return &c->rows[i];
        return NULL;
}

/* The known key of the same section that reads most like this one, or NULL. */
static const char *nearest(const Check *c, const char *path)
{
        const char *best = NULL, *slash = strrchr(path, '.');
        size_t section = slash ? (size_t)(slash - path) + 1 : 0;
        unsigned least = 4; /* three edits away is another word */

        for (size_t i = 0; i < c->n_rows; i++) {
                const char *row = c->rows[i].path;
                if (strncmp(row, path, section) != 0 || strchr(row + section, '.'))
                        continue;
                unsigned d = str_distance(row + section, path + section);
                if (d < least) {
                        least = d;
                        best = row;
                }
        }
        return best;
}

static const char *kind_name(NodeKind kind)
{
        switch (kind) {
        case NODE_NULL: return "nothing";
        case NODE_BOOL: return "a boolean";
        case NODE_INT: return "a number";
        case NODE_FLOAT: return "a fraction";
        case NODE_STRING: return "a text";
        case NODE_MAP: return "a map";
        case NODE_LIST: return "a list";
        }
        return "?";
}

static bool scalar_value(Check *c, const Node *n, const char *path, const char *wanted)
{
        if (n->text)
                return true;
        tell(c, PROBLEM_ERROR, n->line, "%s: expected %s, found %s", path, wanted,
             kind_name(n->kind));
        return false;
}

static void check_int(Check *c, const Node *n, const char *path, const KeyRow *row)
{
        int64_t v = n->integer;
        bool ok = n->kind == NODE_INT;
        uint64_t usec;

        if (!scalar_value(c, n, path, row->kind == KEY_INT ? "a whole number" : "seconds"))
                return;
        if (!ok && n->kind == NODE_STRING && str_to_i64(n->text, &v) >= 0)
                ok = true;
        if (!ok && row->kind == KEY_SECONDS && str_to_usec(n->text, USEC_PER_SEC, &usec) >= 0) {
                v = (int64_t)(usec / USEC_PER_SEC);
                ok = true;
        }
        if (ok && v >= row->min && v <= row->max)
                return;

        const char *what = row->kind == KEY_SECONDS ? "seconds" : "a whole number";
        if (row->max >= INT32_MAX)
                tell(c, PROBLEM_ERROR, n->line, "%s: '%s' is not allowed: %s of at least %" PRId64,
                     path, n->text, what, row->min);
        else
                tell(c, PROBLEM_ERROR, n->line,
                     "%s: '%s' is not allowed: %s from %" PRId64 " to %" PRId64, path, n->text,
                     what, row->min, row->max);
}

static bool is_word(const char *words, const char *text)
{
        size_t n = strlen(text);

        for (const char *w = words; *w; w += strcspn(w, "|"), w += *w == '|') {
                char word[32];
                if (strcspn(w, "|") == n && str_copy_n(word, sizeof word, w, n) &&
                    str_equal_nocase(word, text))
                        return true;
        }
        return false;
}

static void check_word(Check *c, const Node *n, const char *path, const KeyRow *row)
{
        bool v;

        if (!scalar_value(c, n, path, row->words) || is_word(row->words, n->text))
                return;
        if (str_to_bool(n->text, &v) >= 0 && is_word(row->words, v ? "on" : "off"))
                return;
        tell(c, PROBLEM_ERROR, n->line, "%s: '%s' is not allowed: one of %s", path, n->text,
             row->words);
}

static void check_bool(Check *c, const Node *n, const char *path)
{
        bool v;

        if (scalar_value(c, n, path, "a boolean") && str_to_bool(n->text, &v) < 0)
                tell(c, PROBLEM_ERROR, n->line, "%s: '%s' is not allowed: true or false", path,
                     n->text);
}

static void check_hostport(Check *c, const Node *n, const char *path)
{
        HostPort hp;

        if (scalar_value(c, n, path, "host:port") && hostport_parse(n->text, 0, &hp) < 0)
                tell(c, PROBLEM_ERROR, n->line, "%s: '%s' is not allowed: host:port, port 1 to 65535",
                     path, n->text);
}

static void check_section(Check *c, const Node *map, const char *path);

static void check_value(Check *c, const Node *n, const char *path, const KeyRow *row)
{
        if (row->kind == KEY_REFUSED) {
                tell(c, PROBLEM_ERROR, n->line, "%s: %s", path, row->words);
                return;
        }
        if (n->kind == NODE_NULL) { /* an empty key counts as left out */
                if (row->required)
                        tell(c, PROBLEM_ERROR, n->line, "%s: is required and empty", path);
                return;
        }
        switch (row->kind) {
        case KEY_TEXT: (void)scalar_value(c, n, path, "a text"); break;
        case KEY_BOOL: check_bool(c, n, path); break;
        case KEY_INT:
        case KEY_SECONDS: check_int(c, n, path, row); break;
        case KEY_WORD: check_word(c, n, path, row); break;
        case KEY_HOSTPORT: check_hostport(c, n, path); break;
        case KEY_SECTION:
        case KEY_MAP:
                if (n->kind != NODE_MAP)
                        tell(c, PROBLEM_ERROR, n->line, "%s: expected a map, found %s", path,
                             kind_name(n->kind));
                else if (row->kind == KEY_SECTION)
                        check_section(c, n, path);
                break;
        case KEY_LIST:
                if (n->kind == NODE_MAP)
                        tell(c, PROBLEM_ERROR, n->line, "%s: expected a list, found a map", path);
                break;
        case KEY_ANY:
        case KEY_METHOD:
        case KEY_REFUSED: break;
        }
}

static void check_required(Check *c, const Node *map, const char *path)
{
        size_t n = strlen(path);

        for (size_t i = 0; i < c->n_rows; i++) {
                const char *row = c->rows[i].path;
                const char *key = row;
                if (n > 0)
                        key = strncmp(row, path, n) == 0 && row[n] == '.' ? row + n + 1 : NULL;
                if (c->rows[i].required && key && !strchr(key, '.') && !node_get(map, key))
                        tell(c, PROBLEM_ERROR, map->line, "%s: is required and not there", row);
        }
}

static void check_section(Check *c, const Node *map, const char *path)
{
        NODE_FOREACH(n, map) {
                char child[256];
                int len = snprintf(child, sizeof child, "%s%s%s", path, *path ? "." : "", n->key);
                if ((size_t)len >= sizeof child)
                        continue;
                const KeyRow *row = find_row(c, child);
                if (row && (row->kind != KEY_METHOD || n->kind == NODE_MAP)) {
                        unsigned before = c->errors;
                        check_value(c, n, child, row);
                        bool is_error;
                        const char *later = later_told(child, n, &is_error);
                        if (later && c->errors == before)
                                tell(c, is_error ? PROBLEM_ERROR : PROBLEM_WARNING, n->line,
                                     "%s: %s", child, later);
                        continue;
                }
                const char *near = nearest(c, child);
                tell(c, PROBLEM_WARNING, n->line, "%s: no such key, ignored%s%s%s", child,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        }
        check_required(c, map, path);
}

/* Rules that no single row can state. */
static void check_etcd_hosts(Check *c, const Node *root)
{
        static const char *const ways[] = { "host", "hosts", "url", "proxy", "srv",
                                            "srv_domain", "discovery_srv" };
        const Node *etcd = node_get(root, "etcd3");
        unsigned n = 0;

        if (!etcd) {
                if (c->errors == 0)
                        tell(c, PROBLEM_ERROR, 0, "etcd3: is required and not there");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(ways); i++)
                n += node_get(etcd, ways[i]) != NULL;
        if (n != 1)
                tell(c, PROBLEM_ERROR, etcd->line,
                     "etcd3: needs exactly one of host, hosts, url, proxy, srv; it has %u", n);
}

/* A virtual IP moves between hosts: it can be none by which this one is known. */
static void check_vip_is_free(Check *c, const Node *root, const Node *v, const char *address)
{
        static const char *const own[] = { "restapi.connect_address", "postgresql.connect_address" };

        for (size_t i = 0; i < ELEMENTSOF(own); i++) {
                const Node *n = node_find(root, own[i]);
                HostPort hp;
                if (n && n->text && hostport_parse(n->text, 1, &hp) >= 0 &&
                    address_same(hp.host, address))
                        tell(c, PROBLEM_ERROR, v->line,
                             "vip: '%s' is the host of %s: a virtual IP must belong to no host",
                             address, own[i]);
        }
        for (const Node *other = node_get(root, "vip")->children; other != v; other = other->next) {
                const char *text = other->kind == NODE_STRING ? other->text
                                                              : node_get_text(other, "address");
                const char *a = node_get_text(other, "name"), *b = node_get_text(v, "name");
                if (text && address_same(text, address))
                        tell(c, PROBLEM_ERROR, v->line, "vip: '%s' stands there twice", address);
                if (a && b && str_equal(a, b))
                        tell(c, PROBLEM_ERROR, v->line, "vip: two addresses are named '%s'", a);
        }
}

static void check_vip_keys(Check *c, const Node *v)
{
        const char *interface = node_get_text(v, "interface");

        if (interface && (strlen(interface) >= INTERFACE_SIZE || !*interface ||
                          strpbrk(interface, "/ \t:")))
                tell(c, PROBLEM_ERROR, v->line,
                     "vip: '%s' is not allowed: interface is the name of one, at most %d characters",
                     interface, INTERFACE_SIZE - 1);
        const char *role = node_get_text(v, "role"), *name = node_get_text(v, "name");
        bool replica = role && str_equal(role, "replica");
        if (role && !replica && !str_equal(role, "primary"))
                tell(c, PROBLEM_ERROR, v->line, "vip: role '%s' is not allowed: primary or replica",
                     role);
        if (replica != (name != NULL))
                tell(c, PROBLEM_ERROR, v->line,
                     "vip: an address with role: replica, and no other, has a name");
        if (name && (strlen(name) >= VIP_NAME_SIZE || !*name ||
                     name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")]))
                tell(c, PROBLEM_ERROR, v->line,
                     "vip: name '%s' is not allowed: a-z, 0-9, _ and -, at most %d characters", name,
                     VIP_NAME_SIZE - 1);
        NODE_FOREACH(k, v)
                if (!str_list_contains("address,interface,role,name", k->key))
                        tell(c, PROBLEM_ERROR, k->line,
                             "vip: no such key '%s': address, interface, role, name", k->key);
}

static void check_vips(Check *c, const Node *root)
{
        const Node *vips = node_get(root, "vip");
        unsigned n = 0;

        if (!vips || vips->kind == NODE_NULL)
                return;
        if (vips->kind != NODE_LIST) {
                tell(c, PROBLEM_ERROR, vips->line, "vip: expected a list of addresses, found %s",
                     kind_name(vips->kind));
                return;
        }
        NODE_FOREACH(v, vips) {
                const char *address = v->kind == NODE_STRING ? v->text
                                                             : node_get_text(v, "address");
                if (!address || !address_is_valid(address)) {
                        tell(c, PROBLEM_ERROR, v->line,
                             "vip: '%s' is not allowed: an IPv4 or IPv6 address",
                             address ? address : "");
                        continue;
                }
                if (n++ == VIPS_MAX)
                        tell(c, PROBLEM_ERROR, v->line, "vip: more than %d addresses", VIPS_MAX);
                check_vip_is_free(c, root, v, address);
                if (v->kind == NODE_MAP)
                        check_vip_keys(c, v);
        }
}

static bool is_unit_name(const char *text)
{
        static const char *const suffixes[] = { ".service", ".socket", ".scope", ".slice" };
        size_t n = strlen(text);

        if (n >= UNIT_SIZE || strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789:_.\\@-") != n)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t m = strlen(suffixes[i]);
                if (n > m && str_equal(text + n - m, suffixes[i]))
                        return true;
        }
        return false;
}

static void check_also(Check *c, const Node *root)
{
        const Node *also = node_find(root, "fence.gate.also");
        unsigned n = 0;

        if (!also || also->kind == NODE_NULL || also->kind == NODE_MAP)
                return; /* its row tells of a map */
        if (also->kind != NODE_LIST)
                tell(c, PROBLEM_ERROR, also->line, "fence.gate.also: expected a list, found %s",
                     kind_name(also->kind));
        NODE_FOREACH(u, also) {
                if (!u->text || !is_unit_name(u->text))
                        tell(c, PROBLEM_ERROR, u->line,
                             "fence.gate.also: '%s' is not allowed: the whole name of a systemd unit, "
                             "as pgbouncer.service",
                             u->text ? u->text : kind_name(u->kind));
                if (n++ == ALSO_MAX)
                        tell(c, PROBLEM_ERROR, u->line, "fence.gate.also: more than %d units",
                             ALSO_MAX);
        }
}

/* An empty cluster instead of the one to be restored would do harm. */
static void check_bootstrap(Check *c, const Node *root)
{
        const Node *bootstrap = node_get(root, "bootstrap");
        const Node *method = node_get(bootstrap, "method");

        if (!method || str_empty(method->text) || str_equal(method->text, "initdb"))
                return;
        if (str_empty(node_get_text(node_get(bootstrap, method->text), "command")))
                tell(c, PROBLEM_ERROR, method->line, "bootstrap.method: bootstrap.%s has no command",
                     method->text);
}

unsigned schema_check_local(const Node *root, problem_handler_t handler, void *userdata)
{
        Check c = { .tell = handler, .userdata = userdata };

        c.rows = keys_local(&c.n_rows);
        if (root->kind != NODE_MAP) {
                tell(&c, PROBLEM_ERROR, root->line, "the configuration must be a map, not %s",
                     kind_name(root->kind));
                return c.errors;
        }
        check_section(&c, root, "");
        check_etcd_hosts(&c, root);
        check_vips(&c, root);
        check_also(&c, root);
        check_bootstrap(&c, root);
        const Node *dcs = node_find(root, "bootstrap.dcs");
        if (dcs && dcs->kind == NODE_MAP)
                c.errors += schema_check_dynamic(dcs, handler, userdata);
        return c.errors;
}

unsigned schema_check_dynamic(const Node *root, problem_handler_t handler, void *userdata)
{
        Check c = { .tell = handler, .userdata = userdata };

        c.rows = keys_dynamic(&c.n_rows);
        if (root->kind != NODE_MAP)
                tell(&c, PROBLEM_ERROR, root->line, "the configuration must be a map, not %s",
                     kind_name(root->kind));
        else
                check_section(&c, root, "");
        return c.errors;
}

/* ---- reading the dynamic configuration ---- */

static usec_t read_seconds(const Node *root, const char *key, const char *alias, usec_t fallback)
{
        const char *text = node_get_text(root, key);
        uint64_t v;

        if (!text && alias)
                text = node_get_text(root, alias);
        return text && str_to_usec(text, USEC_PER_SEC, &v) >= 0 ? v : fallback;
}

static SyncMode read_sync_mode(const Node *root)
{
        const char *text = node_get_text(root, "synchronous_mode");

        if (text && str_equal_nocase(text, "quorum"))
                return SYNC_MODE_QUORUM;
        return node_get_bool(root, "synchronous_mode", false) ? SYNC_MODE_ON : SYNC_MODE_OFF;
}

Settings settings_read(const Node *root, bool *ret_adjusted)
{
        Settings s = SETTINGS_DEFAULT;
        const Node *standby = node_get(root, "standby_cluster");

        s.asked.ttl = read_seconds(root, "ttl", NULL, s.asked.ttl);
        s.asked.loop_wait = read_seconds(root, "loop_wait", NULL, s.asked.loop_wait);
        s.asked.retry_timeout = read_seconds(root, "retry_timeout", NULL, s.asked.retry_timeout);
        s.timing = timing_adjust(s.asked, ret_adjusted);

        int64_t lag = node_get_int(root, "maximum_lag_on_failover", -1);
        if (lag >= 0)
                s.maximum_lag_on_failover = (uint64_t)lag;
        s.maximum_lag_on_syncnode = node_get_int(root, "maximum_lag_on_syncnode", -1);
        s.primary_start_timeout = read_seconds(root, "primary_start_timeout",
                                               "master_start_timeout", s.primary_start_timeout);
        s.primary_stop_timeout = read_seconds(root, "primary_stop_timeout", "master_stop_timeout",
                                              s.primary_stop_timeout);
        s.member_slots_ttl = read_seconds(root, "member_slots_ttl", NULL, s.member_slots_ttl);
        s.max_timelines_history =
                (uint32_t)CLAMP(node_get_int(root, "max_timelines_history", 0), 0, INT32_MAX);
        s.synchronous_node_count =
                (uint32_t)CLAMP(node_get_int(root, "synchronous_node_count", 1), 1, 1000);
        s.synchronous_mode = read_sync_mode(root); /* of a cluster that has a primary */
        s.synchronous_mode_strict = node_get_bool(root, "synchronous_mode_strict", false);
        s.failsafe_mode = node_get_bool(root, "failsafe_mode", false);
        s.check_timeline = node_get_bool(root, "check_timeline", false);
        s.pause = node_get_bool(root, "pause", false);
        s.standby_cluster = node_get(standby, "host") || node_get(standby, "port") ||
                            node_get(standby, "restore_command");
        if (s.standby_cluster)
                s.synchronous_mode = SYNC_MODE_OFF; /* it has no primary to wait for anybody */
        return s;
}
