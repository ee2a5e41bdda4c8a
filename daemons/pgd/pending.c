#include "pgd/pending.h"

static void show(const PGresult *rows, int row, int column, char *buf, size_t size)
{
        pending_show(PQgetvalue(rows, row, column), PQgetvalue(rows, row, 3),
                     PQgetvalue(rows, row, 4), buf, size);
}

void pending_read(const PGresult *rows, Pending *p)
{
        char old_value[PENDING_VALUE_SIZE], new_value[PENDING_VALUE_SIZE];

        if (PQnfields(rows) != 5)
                return; /* an error stands in its place */
        for (int i = 0; i < PQntuples(rows); i++) {
                show(rows, i, 1, old_value, sizeof old_value);
                show(rows, i, 2, new_value, sizeof new_value);
                pending_add(p, PQgetvalue(rows, i, 0), old_value, new_value);
        }
}
