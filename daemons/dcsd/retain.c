#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "dcsd/retain.h"

static void note(Retain *t, const char *slot, usec_t seen, bool again)
{
        RetainRow *free_row = NULL;

        for (size_t i = 0; i < RETAIN_MAX; i++) {
                RetainRow *row = &t->rows[i];
                if (str_equal(row->slot, slot)) {
                        row->seen = again ? seen : row->seen;
                        return;
                }
                if (!free_row && !row->slot[0])
                        free_row = row;
        }
        if (free_row && STR_SET(free_row->slot, slot))
                free_row->seen = seen;
        else if (free_row)
                *free_row = (RetainRow){ 0 }; /* longer than any slot's name */
}

static void note_members(Retain *t, const Cluster *c, usec_t now)
{
        char slot[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++)
                if (!c->members[i].tags.nostream) {
                        member_slot_name(c->members[i].name, slot);
                        note(t, slot, now, true);
                }
}

static void forget(Retain *t, usec_t ttl, usec_t now)
{
        for (size_t i = 0; i < RETAIN_MAX; i++)
                if (t->rows[i].slot[0] && usec_sub(now, t->rows[i].seen) > ttl)
                        t->rows[i] = (RetainRow){ 0 };
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

Node *retain_slots(Retain *t, const Cluster *c, const Node *status, const Node *permanent,
                   usec_t now)
{
        _cleanup_(node_freep) Node *list = NULL;
        const char *names[RETAIN_MAX];
        size_t n = 0;

        NODE_FOREACH(s, node_get(status, "retain_slots"))
                if (s->text)
                        note(t, s->text, now, false);
        note_members(t, c, now);
        forget(t, c->settings.member_slots_ttl, now);
        if (c->settings.member_slots_ttl == 0)
                return NULL;

        for (size_t i = 0; i < RETAIN_MAX; i++)
                if (t->rows[i].slot[0] && !node_get(permanent, t->rows[i].slot))
                        names[n++] = t->rows[i].slot;
        if (n == 0)
                return NULL;
        qsort(names, n, sizeof names[0], by_text);
        list = node_new(NODE_LIST);
        for (size_t i = 0; list && i < n; i++)
                if (node_put(list, NULL, node_new_string(names[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}
