#include <string.h>

#include "base/str.h"
#include "model/cluster.h"

const Member *cluster_find_member(const Cluster *c, const char *name)
{
        for (uint32_t i = 0; i < c->n_members; i++)
                if (str_equal(c->members[i].name, name))
                        return &c->members[i];
        return NULL;
}

/* str_list_contains() without regard to case. */
static bool list_has_nocase(const char *list, const char *name)
{
        char item[NAME_SIZE];

        while (str_list_next(&list, item, sizeof item))
                if (str_equal_nocase(item, name))
                        return true;
        return false;
}

bool cluster_is_in_sync(const Cluster *c, const char *name)
{
        return str_equal_nocase(c->sync.leader, name) || list_has_nocase(c->sync.standbys, name);
}
