#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "pgd/methods.h"
#include "pgd/restore.h"

static int add_pair(Node *argv, const char *key, const char *value)
{
        char text[4096];
        int n = snprintf(text, sizeof text, "--%s=%s", key, value);

        return n < 0 || (size_t)n >= sizeof text
                       ? -E2BIG
                       : node_put(argv, NULL, node_new_string(text));
}

bool restore_find(const Node *bootstrap, Restore *ret)
{
        const char *method = node_get_text(bootstrap, "method");

        if (str_empty(method) || str_equal(method, "initdb"))
                return false;
        *ret = (Restore){ .method = method, .section = node_get(bootstrap, method) };
        return !str_empty(node_get_text(ret->section, "command"));
}

static bool is_ours(const char *key)
{
        static const char *const ours[] = { "command", "no_params", "keep_existing_recovery_conf",
                                            "recovery_conf", "scope", "datadir" };

        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (str_equal(ours[i], key))
                        return true;
        return false;
}

int restore_add_params(const Restore *r, const char *scope, const char *data_dir, Node *argv)
{
        int result = 0;

        if (!node_get_bool(r->section, "no_params", false)) {
                result = add_pair(argv, "scope", scope);
                if (result >= 0)
                        result = add_pair(argv, "datadir", data_dir);
        }
        NODE_FOREACH(n, r->section)
                if (result >= 0 && !is_ours(n->key) && n->kind != NODE_MAP && n->kind != NODE_LIST)
                        result = add_pair(argv, n->key, method_value_text(n));
        return result;
}

RestoreRecovery restore_recovery(const Restore *r)
{
        const Node *conf = node_get(r->section, "recovery_conf");

        if (node_get_bool(r->section, "keep_existing_recovery_conf", false))
                return RESTORE_AS_LEFT;
        return conf && conf->children ? RESTORE_BY_CONF : RESTORE_NO_RECOVERY;
}

/* Of the recovery.conf of older servers: the signal file says it now. */
static bool is_setting(const Node *n)
{
        return n->text && n->kind != NODE_NULL && !str_equal(n->key, "standby_mode") &&
               !str_equal(n->key, "trigger_file") && !str_equal(n->key, "promote_trigger_file");
}

static bool pauses(const Node *conf)
{
        const char *action = node_get_text(conf, "recovery_target_action");
        bool has_target = false;

        NODE_FOREACH(n, conf)
                has_target = has_target || (str_after_prefix(n->key, "recovery_target") &&
                                            !str_equal(n->key, "recovery_target_timeline") &&
                                            !str_equal(n->key, "recovery_target_action"));
        return has_target && !(action && str_equal_nocase(action, "promote"));
}

int restore_add_settings(const Restore *r, Node *argv)
{
        const Node *conf = node_get(r->section, "recovery_conf");
        int result = 0;

        if (restore_recovery(r) == RESTORE_NO_RECOVERY)
                return 0;
        if (restore_recovery(r) == RESTORE_AS_LEFT || !pauses(conf))
                result = add_pair(argv, "hot_standby", "off");
        if (restore_recovery(r) == RESTORE_BY_CONF)
                NODE_FOREACH(n, conf)
                        if (result >= 0 && is_setting(n))
                                result = add_pair(argv, n->key, n->text);
        return result;
}
