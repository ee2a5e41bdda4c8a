#include "base/macros.h"
#include "base/str.h"
#include "config/later.h"

typedef struct LaterRow {
        const char *path;
        const char *text;
        const char *fine; /* a value that asks for nothing more than is done */
        bool is_error;
} LaterRow;

#define JOURNAL "lines go to the journal, or to stdout where there is none: files are kept by those"

static const LaterRow rows[] = {
        { "log.dir", JOURNAL, NULL, false },
        { "log.file_num", JOURNAL, NULL, false },
        { "log.file_size", JOURNAL, NULL, false },
        { "log.mode", JOURNAL, NULL, false },
        { "log.loggers", "there are no Python modules to set levels for: use log.level", NULL, false },
        { "log.traceback_level", "there are no Python exceptions to trace", NULL, false },
        { "log.max_queue_size", "lines are written as they come: there is no queue", "1000", false },
        { "bootstrap.users", "this version makes no users", NULL, false },
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
