#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/tree.h"

Node *node_new(NodeKind kind)
{
        Node *n = calloc(1, sizeof *n);

        if (n)
                n->kind = kind;
        return n;
}

static Node *node_new_text(NodeKind kind, const char *text, int64_t integer)
{
        _cleanup_(node_freep) Node *n = node_new(kind);

        if (!n || !(n->text = strdup(text)))
                return NULL;
        n->integer = integer;
        return TAKE_PTR(n);
}

Node *node_new_string(const char *text)
{
        return node_new_text(NODE_STRING, text, 0);
}

Node *node_new_int(int64_t v)
{
        char text[24];

        snprintf(text, sizeof text, "%" PRId64, v);
        return node_new_text(NODE_INT, text, v);
}

Node *node_new_bool(bool v)
{
        return node_new_text(NODE_BOOL, v ? "true" : "false", v);
}

static void wipe_string(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

Node *node_free(Node *n)
{
        if (!n)
                return NULL;
        for (Node *c = n->children, *next; c; c = next) {
                next = c->next;
                node_free(c);
        }
        wipe_string(n->key);
        wipe_string(n->text);
        free(n);
        return NULL;
}

Node *node_copy(const Node *n)
{
        _cleanup_(node_freep) Node *copy = node_new(n->kind);

        if (!copy)
                return NULL;
        copy->line = n->line;
        copy->integer = n->integer;
        if (n->text && !(copy->text = strdup(n->text)))
                return NULL;
        NODE_FOREACH(c, n)
                if (node_put(copy, c->key, node_copy(c)) < 0)
                        return NULL;
        return TAKE_PTR(copy);
}

void node_remove(Node *map, const char *key)
{
        Node *before = NULL;

        for (Node *c = map->children; c; before = c, c = c->next) {
                if (!str_equal(c->key, key))
                        continue;
                if (before)
                        before->next = c->next;
                else
                        map->children = c->next;
                if (map->last == c)
                        map->last = before;
                node_free(c);
                return;
        }
}

int node_put(Node *parent, const char *key, Node *child)
{
        _cleanup_(node_freep) Node *owned = child;

        if (!owned)
                return -ENOMEM;
        if (key) {
                char *copy = strdup(key);
                if (!copy)
                        return -ENOMEM;
                wipe_string(owned->key);
                owned->key = copy;
                if (parent->kind == NODE_MAP)
                        node_remove(parent, key);
        }
        owned->next = NULL;
        if (parent->last)
                parent->last->next = owned;
        else
                parent->children = owned;
        parent->last = TAKE_PTR(owned);
        return 0;
}

static Node *get_n(const Node *n, const char *key, size_t len)
{
        if (!n || n->kind != NODE_MAP)
                return NULL;
        for (Node *c = n->children; c; c = c->next)
                if (strlen(c->key) == len && memcmp(c->key, key, len) == 0)
                        return c;
        return NULL;
}

Node *node_get(const Node *n, const char *key)
{
        return get_n(n, key, strlen(key));
}

Node *node_find(const Node *n, const char *dotted)
{
        Node *found = NULL;

        while (*dotted) {
                size_t len = strcspn(dotted, ".");
                found = get_n(n, dotted, len);
                if (!found)
                        return NULL;
                n = found;
                dotted += len + (dotted[len] == '.');
        }
        return found;
}

const char *node_get_text(const Node *n, const char *dotted)
{
        const Node *c = node_find(n, dotted);

        return c ? c->text : NULL;
}

bool node_get_bool(const Node *n, const char *dotted, bool fallback)
{
        const char *text = node_get_text(n, dotted);
        bool v;

        return text && str_to_bool(text, &v) >= 0 ? v : fallback;
}

int64_t node_get_int(const Node *n, const char *dotted, int64_t fallback)
{
        const Node *c = node_find(n, dotted);
        int64_t v;

        if (!c || !c->text)
                return fallback;
        if (c->kind == NODE_INT)
                return c->integer;
        return str_to_i64(c->text, &v) >= 0 ? v : fallback;
}

size_t node_count(const Node *n)
{
        size_t count = 0;

        NODE_FOREACH(c, n)
                count++;
        return count;
}

static bool scalar_equal(const Node *a, const Node *b)
{
        /* str() in Python: None, True and 'true' are three different texts, 100 and '100' one. */
        if ((a->kind == NODE_NULL) != (b->kind == NODE_NULL) ||
            (a->kind == NODE_BOOL) != (b->kind == NODE_BOOL))
                return false;
        return a->kind == NODE_NULL || str_equal(a->text, b->text);
}

static bool lists_equal(const Node *a, const Node *b)
{
        const Node *x = a->children, *y = b->children;

        for (; x && y; x = x->next, y = y->next)
                if (!node_equal(x, y))
                        return false;
        return !x && !y;
}

bool node_equal(const Node *a, const Node *b)
{
        if (!a || !b)
                return a == b;
        if (a->kind == NODE_LIST && b->kind == NODE_LIST)
                return lists_equal(a, b);
        if (a->kind == NODE_MAP && b->kind == NODE_MAP) {
                if (node_count(a) != node_count(b))
                        return false;
                NODE_FOREACH(c, a)
                        if (!node_equal(c, node_get(b, c->key)))
                                return false;
                return true;
        }
        if (a->kind >= NODE_MAP || b->kind >= NODE_MAP)
                return false;
        return scalar_equal(a, b);
}

int node_patch(Node *map, const Node *patch, bool *ret_changed)
{
        NODE_FOREACH(p, patch) {
                Node *mine = node_get(map, p->key);
                int r;

                if (p->kind == NODE_NULL) {
                        if (mine) {
                                node_remove(map, p->key);
                                *ret_changed = true;
                        }
                        continue;
                }
                if (mine && mine->kind == NODE_MAP && p->kind == NODE_MAP) {
                        r = node_patch(mine, p, ret_changed);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (mine && node_equal(mine, p))
                        continue;
                r = node_put(map, p->key, node_copy(p));
                if (r < 0)
                        return r;
                *ret_changed = true;
        }
        return 0;
}
