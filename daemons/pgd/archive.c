#include <string.h>

#include "base/macros.h"
#include "pgd/archive.h"

#define READY ".ready"

static bool add(char *buf, size_t size, size_t *used, const char *text)
{
        size_t n = strlen(text);

        if (*used + n >= size)
                return false;
        memcpy(buf + *used, text, n + 1);
        *used += n;
        return true;
}

bool archive_format(const char *command, const char *file, char *buf, size_t size)
{
        size_t used = 0;
        bool ok = size > 0;

        if (ok)
                buf[0] = 0;
        for (; *command && ok; command++) {
                char next = command[0] == '%' ? command[1] : 0;
                if (next == 'p')
                        ok = add(buf, size, &used, "pg_wal/") && add(buf, size, &used, file);
                else if (next == 'f')
                        ok = add(buf, size, &used, file);
                else if (next == '%')
                        ok = add(buf, size, &used, "%");
                else
                        ok = add(buf, size, &used, (const char[]){ *command, 0 });
                command += next == 'p' || next == 'f' || next == '%';
        }
        return ok;
}

size_t archive_ready_length(const char *entry)
{
        size_t n = strlen(entry), end = sizeof READY - 1;

        return n > end && strcmp(entry + n - end, READY) == 0 ? n - end : 0;
}
