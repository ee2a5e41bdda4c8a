#include "base/str.h"
#include "model/pending.h"

void pending_add(Pending *p, const char *name, const char *old_value, const char *new_value)
{
        for (uint32_t i = 0; i < p->n; i++)
                if (str_equal(p->rows[i].name, name))
                        return;
        if (p->n == PENDING_MAX)
                return;
        PendingRow *row = &p->rows[p->n++];
        *row = (PendingRow){ 0 };
        (void)STR_SET(row->name, name); /* an identifier */
        (void)STR_SET(row->old_value, old_value); /* for people: may be cut */
        (void)STR_SET(row->new_value, new_value);
}
