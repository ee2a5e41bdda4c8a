#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "pgd/methods.h"

static int add_text(Node *argv, const char *text)
{
        return node_put(argv, NULL, node_new_string(text));
}

static int add_pair(Node *argv, const char *key, const char *value)
{
        char text[4096];
        int n = snprintf(text, sizeof text, "--%s=%s", key, value);

        return n < 0 || (size_t)n >= sizeof text ? -E2BIG : add_text(argv, text);
}

/* ---- which ---- */

Node *methods_list_of(const Node *asked)
{
        _cleanup_(node_freep) Node *list = node_new(NODE_LIST);

        if (!list)
                return NULL;
        NODE_FOREACH(m, asked)
                if (!str_empty(m->text) && add_text(list, m->text) < 0)
                        return NULL;
        if (!list->children && add_text(list, METHOD_BASEBACKUP) < 0)
                return NULL;
        return TAKE_PTR(list);
}

Node *methods_list(const PgConf *c)
{
        const Node *asked = pgconf_setting(c, "create_replica_methods");

        if (!asked || !asked->children)
                asked = pgconf_setting(c, "create_replica_method");
        return methods_list_of(asked);
}

static bool is_basebackup(const char *method)
{
        return str_equal(method, METHOD_BASEBACKUP);
}

/* The value of a method's key, local before dynamic. */
static const Node *method_key(const PgConf *c, const char *method, const char *key)
{
        const Node *n = node_get(node_get(c->local, method), key);

        return n ? n : node_get(node_get(c->dynamic, method), key);
}

static bool is_true(const Node *n)
{
        bool v;

        return n && n->text && str_to_bool(n->text, &v) >= 0 && v;
}

bool method_flag(const PgConf *c, const char *method, const char *flag)
{
        return !is_basebackup(method) && is_true(method_key(c, method, flag));
}

bool methods_keep_data(const PgConf *c)
{
        _cleanup_(node_freep) Node *list = methods_list(c);

        return list && method_flag(c, list->children->text, "keep_data");
}

bool methods_need_no_source(const PgConf *c)
{
        _cleanup_(node_freep) Node *list = methods_list(c);

        NODE_FOREACH(m, list)
                if (method_flag(c, m->text, "no_leader"))
                        return true;
        return false;
}

const char *method_command(const PgConf *c, const char *method)
{
        const Node *n = method_key(c, method, "command");

        return n && !str_empty(n->text) ? n->text : method;
}

/* ---- arguments ---- */

static bool is_one_of(const char *key, const char *const *names)
{
        for (; *names; names++)
                if (str_equal(*names, key))
                        return true;
        return false;
}

const char *method_value_text(const Node *n)
{
        if (n->kind == NODE_BOOL)
                return n->integer ? "True" : "False"; /* as Patroni's scripts have always seen it */
        return n->text ? n->text : "None";
}

static int add_rest(const Node *section, const char *const *dropped, Node *argv)
{
        int r = 0;

        NODE_FOREACH(n, section)
                if (r >= 0 && n->kind != NODE_MAP && n->kind != NODE_LIST &&
                    !is_one_of(n->key, dropped))
                        r = add_pair(argv, n->key, method_value_text(n));
        return r;
}

int method_add_params(const PgConf *c, const char *method, const char *data_dir,
                      const char *connstring, Node *argv)
{
        static const char *const all[] = { "command", "scope", "role", "datadir", "connstring", NULL };
        static const char *const bare[] = { "command",   "scope",     "role",      "datadir",
                                            "connstring", "no_params", "no_leader", "keep_data", NULL };
        _cleanup_(node_freep) Node *section = pgconf_merged(c, method);
        bool no_params = method_flag(c, method, "no_params");
        int r = 0;

        if (!no_params) {
                r = add_pair(argv, "scope", c->scope);
                if (r >= 0)
                        r = add_pair(argv, "role", "replica");
                if (r >= 0)
                        r = add_pair(argv, "datadir", data_dir);
                if (r >= 0)
                        r = add_pair(argv, "connstring", connstring);
        }
        return r < 0 ? r : add_rest(section, no_params ? bare : all, argv);
}

/* ---- options ---- */

static int add_option(Node *argv, const char *name, const Node *value)
{
        char text[256];

        if (value && value->kind == NODE_BOOL && !value->integer)
                return 0;
        if (value && value->text && value->kind != NODE_BOOL)
                return add_pair(argv, name, value->text);
        snprintf(text, sizeof text, "--%s", name);
        return add_text(argv, text);
}

static int try_option(Node *argv, const char *name, const Node *value,
                      const char *const *forbidden, methods_warn_t warn)
{
        char text[256];

        if (!is_one_of(name, forbidden))
                return add_option(argv, name, value);
        snprintf(text, sizeof text, "option '%s' is not allowed, left out", name);
        warn(text);
        return 0;
}

int options_add(Node *argv, const Node *options, const char *const *forbidden, methods_warn_t warn)
{
        int r = 0;

        for (const Node *o = options ? options->children : NULL; o && r >= 0; o = o->next) {
                if (options->kind == NODE_MAP)
                        r = try_option(argv, o->key, o, forbidden, warn);
                else if (o->kind == NODE_MAP && o->children)
                        r = try_option(argv, o->children->key, o->children, forbidden, warn);
                else if (!str_empty(o->text))
                        r = try_option(argv, o->text, NULL, forbidden, warn);
        }
        return r;
}

/* The server's compression leaves a directory of plain files here, the client's does not. */
static bool compresses_at_the_server(const Node *options)
{
        NODE_FOREACH(o, options) {
                const Node *pair = o->kind == NODE_MAP ? o->children : o;
                if (pair && pair->key && str_equal(pair->key, "compress"))
                        return pair->text && str_after_prefix(pair->text, "server");
        }
        return false;
}

int methods_add_basebackup_options(const PgConf *c, Node *argv, methods_warn_t warn)
{
        static const char *const forbidden[] = {
                "pgdata",  "format", "wal-method", "xlog-method", "gzip",     "version",
                "dbname",  "host",   "port",       "username",    "password", "compress", NULL,
        };
        const char *allowed[ELEMENTSOF(forbidden)];
        const Node *options = pgconf_setting(c, METHOD_BASEBACKUP);

        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++)
                allowed[i] = forbidden[i];
        if (c->version >= 150000 && compresses_at_the_server(options))
                allowed[ELEMENTSOF(forbidden) - 2] = NULL;
        return options_add(argv, options, allowed, warn);
}
