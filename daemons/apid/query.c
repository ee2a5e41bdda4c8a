#include "apid/query.h"

#include "base/str.h"

const char *query_get(const Query *q, const char *key)
{
        for (size_t i = 0; i < q->n; i++)
                if (str_equal(q->pairs[i].key, key))
                        return q->pairs[i].value;
        return NULL;
}
