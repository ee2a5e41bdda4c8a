#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
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

/* What stands for %p, %f and %r; NULL: it stays as it is. */
typedef struct Escapes {
        const char *p, *f, *r;
} Escapes;

static const char *escape(const Escapes *e, char letter)
{
        switch (letter) {
        case 'p': return e->p;
        case 'f': return e->f;
        case 'r': return e->r;
        case '%': return "%";
        default: return NULL;
        }
}

static bool format(const char *command, const Escapes *e, char *buf, size_t size)
{
        size_t used = 0;
        bool ok = size > 0;

        if (ok)
                buf[0] = 0;
        for (; *command && ok; command++) {
                const char *text = *command == '%' ? escape(e, command[1]) : NULL;
                ok = add(buf, size, &used, text ? text : (const char[]){ *command, 0 });
                command += text != NULL;
        }
        return ok;
}

bool archive_format(const char *command, const char *file, char *buf, size_t size)
{
        char path[PATH_MAX];

        return (size_t)snprintf(path, sizeof path, "pg_wal/%s", file) < sizeof path &&
               format(command, &(Escapes){ .p = path, .f = file }, buf, size);
}

bool archive_format_restore(const char *command, const char *file, const char *path, char *buf, size_t size)
{
        return format(command, &(Escapes){ .p = path, .f = file, .r = "000000010000000000000001" }, buf, size);
}

bool archive_missing_file(const char *line, char ret[static WAL_FILE_SIZE])
{
        static const char before[] = "could not open file \"", dir[] = "/pg_wal/",
                          after[] = "\": No such file or directory";
        const size_t length = WAL_FILE_SIZE - 1;
        const char *path = strstr(line, before);
        const char *end = path ? strstr(path, after) : NULL;

        if (!end || (size_t)(end - path) < sizeof before - 1 + sizeof dir - 1 + length)
                return false;
        const char *file = end - length;
        if (strncmp(file - (sizeof dir - 1), dir, sizeof dir - 1) != 0 ||
            strspn(file, "0123456789ABCDEF") != length)
                return false;
        return str_copy_n(ret, WAL_FILE_SIZE, file, length);
}

size_t archive_ready_length(const char *entry)
{
        size_t n = strlen(entry), end = sizeof READY - 1;

        return n > end && strcmp(entry + n - end, READY) == 0 ? n - end : 0;
}
