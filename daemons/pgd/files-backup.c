/* Copies of the configuration in PGDATA, which travel with every clone (PATRONI-SPEC §3.6). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/pgd.h"

#define COPY_MAX (4U << 20)

static const char *const kept[] = { "postgresql.conf", "postgresql.base.conf", "pg_hba.conf",
                                    "pg_ident.conf" };

static void paths(const Pgd *p, const char *name, char original[PATH_MAX], char backup[PATH_MAX])
{
        snprintf(original, PATH_MAX, "%s/%s", p->config_dir, name);
        snprintf(backup, PATH_MAX, "%s/%s.backup", p->data_dir, name);
}

/* 0 also where there is nothing to copy, or it is there already. */
static int copy(const Pgd *p, const char *from, const char *to)
{
        char *text, *there = NULL;
        size_t size, there_size = 0;
        int r = read_file_at(AT_FDCWD, from, COPY_MAX, &text, &size);

        if (r < 0)
                return r == -ENOENT ? 0 : log_warning_errno(r, "Cannot read %s: %m", from);
        bool same = read_file_at(AT_FDCWD, to, COPY_MAX, &there, &there_size) >= 0 &&
                    size == there_size && memcmp(text, there, size) == 0;
        r = same ? 0 : write_file_atomic(to, text, size, files_mode(p));
        free(there);
        free(text);
        return r < 0 ? log_warning_errno(r, "Cannot write %s: %m", to) : 0;
}

void files_backup(const Pgd *p)
{
        char original[PATH_MAX], backup[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                paths(p, kept[i], original, backup);
                (void)copy(p, original, backup); /* told; the server runs without it */
        }
}

void files_restore(const Pgd *p)
{
        char original[PATH_MAX], backup[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                paths(p, kept[i], original, backup);
                if (access(original, F_OK) >= 0 || access(backup, F_OK) < 0)
                        continue;
                if (copy(p, backup, original) >= 0)
                        log_info("%s was missing: taken from %s", original, backup);
        }
        snprintf(original, sizeof original, "%s/pg_ident.conf", p->config_dir);
        if (access(original, F_OK) < 0 &&
            write_file_atomic(original, "", 0, files_mode(p)) < 0)
                log_warning("Cannot make %s", original);
}
