#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/yaml.h"
#include "ctl/edits.h"

static const char parameters[] = "postgresql.parameters.";

/* Maps that hold something are searched and made; others are replaced. NULL: out of memory. */
static Node *map_at(Node *map, const char *key)
{
        Node *child = node_get(map, key);

        if (child && child->kind == NODE_MAP)
                return child;
        return node_put(map, key, node_new(NODE_MAP)) < 0 ? NULL : node_get(map, key);
}

/* Takes value; NULL removes. rest: what is left of path here. */
static int set_path(Node *map, const char *path, const char *rest, Node *value)
{
        size_t n = strcspn(rest, ".");
        char key[256];
        bool parameter = (size_t)(rest - path) == sizeof parameters - 1 &&
                         str_after_prefix(path, parameters);
        bool last = rest[n] == 0 || parameter;

        if (last)
                n = strlen(rest);
        if (!str_copy_n(key, sizeof key, rest, n)) {
                node_free(value);
                return -EINVAL;
        }
        if (last) {
                if (value)
                        return node_put(map, key, value);
                node_remove(map, key);
                return 0;
        }
        Node *child = map_at(map, key);
        if (!child) {
                node_free(value);
                return -ENOMEM;
        }
        int r = set_path(child, path, rest + n + 1, value);
        if (r >= 0 && !child->children)
                node_remove(map, key);
        return r;
}

static int refuse(char *error, const char *what, const char *pair, const char *why)
{
        snprintf(error, EDITS_ERROR_SIZE, "%s '%.100s'%s%.160s", what, pair, *why ? ": " : "", why);
        return -EINVAL;
}

int edits_set(Node *document, const char *prefix, const char *pair, char error[EDITS_ERROR_SIZE])
{
        const char *equals = strchr(pair, '=');
        char path[512], why[YAML_ERROR_SIZE] = "";
        Node *value = NULL;

        if (!equals || equals == pair)
                return refuse(error, "KEY=VALUE is wanted, not", pair, "");
        int n = snprintf(path, sizeof path, "%s%.*s", prefix, (int)(equals - pair), pair);
        if (n < 0 || (size_t)n >= sizeof path)
                return refuse(error, "too long:", pair, "");
        while (n > 0 && path[n - 1] == ' ')
                path[--n] = 0;
        if (n == 0 || path[0] == '.' || path[n - 1] == '.' || strstr(path, ".."))
                return refuse(error, "no path of keys:", pair, "");
        int r = yaml_parse(equals + 1, strlen(equals + 1), &value, why);
        if (r < 0)
                return r == -ENOMEM ? r : refuse(error, "no value in", pair, why);
        if (value->kind == NODE_NULL)
                value = node_free(value);
        r = set_path(document, path, path, value);
        return r == -EINVAL ? refuse(error, "too long:", pair, "") : r;
}

static int add_changes(Node *patch, const Node *before, const Node *after)
{
        int r = 0;

        NODE_FOREACH(old, before)
        if (r >= 0 && !node_get(after, old->key))
                r = node_put(patch, old->key, node_new(NODE_NULL));
        NODE_FOREACH(new, after) {
                const Node *old = node_get(before, new->key);
                if (r < 0 || (old && node_equal(old, new)))
                        continue;
                if (old && old->kind == NODE_MAP && new->kind == NODE_MAP)
                        r = node_put(patch, new->key, edits_patch(old, new));
                else
                        r = node_put(patch, new->key, node_copy(new));
        }
        return r;
}

Node *edits_patch(const Node *before, const Node *after)
{
        _cleanup_(node_freep) Node *patch = node_new(NODE_MAP);

        if (!patch || add_changes(patch, before, after) < 0)
                return NULL;
        return TAKE_PTR(patch);
}
