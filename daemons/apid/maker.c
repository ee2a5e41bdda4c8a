#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/maker.h"

static Node *put(Maker *m, Node *parent, const char *key, Node *child)
{
        if (!parent) {
                node_free(child);
                return NULL;
        }
        if (node_put(parent, key, child) < 0) {
                m->failed = true;
                return NULL;
        }
        return child;
}

void make_text(Maker *m, Node *parent, const char *key, const char *text)
{
        (void)put(m, parent, key, node_new_string(text)); /* failure is remembered, here and below */
}

void make_int(Maker *m, Node *parent, const char *key, int64_t v)
{
        (void)put(m, parent, key, node_new_int(v));
}

void make_bool(Maker *m, Node *parent, const char *key, bool v)
{
        (void)put(m, parent, key, node_new_bool(v));
}

void make_null(Maker *m, Node *parent, const char *key)
{
        (void)put(m, parent, key, node_new(NODE_NULL));
}

void make_copy(Maker *m, Node *parent, const char *key, const Node *n)
{
        (void)put(m, parent, key, node_copy(n));
}

void make_float(Maker *m, Node *parent, const char *key, double v)
{
        char text[64];
        Node *n = node_new(NODE_FLOAT);

        snprintf(text, sizeof text, "%.6f", v);
        for (size_t end = strlen(text); end > 1 && text[end - 1] == '0' && text[end - 2] != '.'; end--)
                text[end - 1] = 0;
        if (n && !(n->text = strdup(text)))
                n = node_free(n);
        (void)put(m, parent, key, n);
}

void make_wall(Maker *m, Node *parent, const char *key, usec_t wall_usec)
{
        char text[USEC_ISO_MAX];

        make_text(m, parent, key, usec_format_iso(text, sizeof text, wall_usec, ' '));
}

Node *make_map(Maker *m, Node *parent, const char *key)
{
        return put(m, parent, key, node_new(NODE_MAP));
}

Node *make_list(Maker *m, Node *parent, const char *key)
{
        return put(m, parent, key, node_new(NODE_LIST));
}

Node *make_root(Maker *m, NodeKind kind)
{
        Node *root = node_new(kind);

        m->failed = m->failed || !root;
        return root;
}

char *make_finish(const Maker *m, const Node *root, JsonStyle style)
{
        return m->failed || !root ? NULL : json_format(root, style);
}
