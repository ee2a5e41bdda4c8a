#include "base/macros.h"
#include "base/str.h"
#include "config/later.h"

typedef struct LaterRow {
        const char *path;
        const char *text;
        const char *fine; /* a value that asks for nothing more than is done */
        bool is_error;
} LaterRow;

static const LaterRow rows[] = {
        { "bootstrap.users", "this version makes no users", NULL, false },
        { "slots", "this version keeps no permanent slots", NULL, false },
        { "permanent_slots", "this version keeps no permanent slots", NULL, false },
        { "permanent_replication_slots", "this version keeps no permanent slots", NULL, false },
        { "ignore_slots", "this version leaves every slot alone that is not a member's", NULL, false },
};

/* Empty, false, or the one value that is fine, alone or as a list of one. */
static bool asks_for_nothing(const Node *n, const char *fine)
{
        bool on;

        if (n->kind == NODE_NULL)
                return true;
        if (n->kind == NODE_MAP || n->kind == NODE_LIST)
                return !n->children ||
                       (fine && !n->children->next && asks_for_nothing(n->children, fine));
        if (!n->text || !*n->text)
                return true;
        return (fine && str_equal(n->text, fine)) || (str_to_bool(n->text, &on) >= 0 && !on);
}

const char *later_told(const char *path, const Node *value, bool *ret_is_error)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (str_equal(rows[i].path, path) && !asks_for_nothing(value, rows[i].fine)) {
                        *ret_is_error = rows[i].is_error;
                        return rows[i].text;
                }
        return NULL;
}
