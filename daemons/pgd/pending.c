#include "pgd/pending.h"

static void show(const PGresult *rows, int row, int column, char *buf, size_t size)
{
        pending_show(PQgetvalue(rows, row, column), PQgetvalue(rows, row, 3),
                     PQgetvalue(rows, row, 4), buf, size);
}

bool pending_read(const PGresult *rows, Pending *p)
{
        char old_value[PENDING_VALUE_SIZE], new_value[PENDING_VALUE_SIZE];
        bool recovery = false;

        if (PQnfields(rows) != 5)
                return false; /* an error stands in its place */
        for (int i = 0; i < PQntuples(rows); i++) {
                if (pending_is_recovery(PQgetvalue(rows, i, 0))) {
                        recovery = true;
                        continue;
                }
                show(rows, i, 1, old_value, sizeof old_value);
                show(rows, i, 2, new_value, sizeof new_value);
                pending_add(p, PQgetvalue(rows, i, 0), old_value, new_value);
        }
        return recovery;
}
