/*
 * A WAL file from the archive into a stopped server's pg_wal, by restore_command. It comes under the name
 * that the server itself uses for that, and is there as a whole or not at all.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/log.h"
#include "pgd/archive.h"
#include "pgd/pgd.h"

#define FETCH_WITHIN (600 * USEC_PER_SEC)
#define ARRIVING "pg_wal/RECOVERYXLOG"

/* One at a time, as part of the step in flight. */
static struct {
        char file[WAL_FILE_SIZE];
        fetch_done_t done;
} job;

static void arriving_path(const Pgd *p, char *buf, size_t size)
{
        snprintf(buf, size, "%s/" ARRIVING, p->data_dir);
}

/* It may be cut, or something else altogether: the size tells, as it does the server. */
static int put_in_place(const Pgd *p, const char *arrived)
{
        char path[PATH_MAX];
        struct stat st;

        if (stat(arrived, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size != (off_t)p->control.wal_file_size)
                return -EBADMSG;
        snprintf(path, sizeof path, "%s/pg_wal/%s", p->data_dir, job.file);
        return rename(arrived, path) < 0 ? -errno : 0;
}

static void on_fetched(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE] = "", arrived[PATH_MAX];
        int r = 0;

        arriving_path(p, arrived, sizeof arrived);
        if (result->r < 0 || result->status != 0) {
                r = -EIO;
                run_describe(result, "restore_command", why, sizeof why);
        } else {
                r = put_in_place(p, arrived);
                if (r < 0)
                        snprintf(why, sizeof why, "restore_command brought no WAL file of %u bytes: %s",
                                 p->control.wal_file_size, strerror(-r));
        }
        if (r < 0)
                (void)unlink(arrived); /* the next fetch begins with that, too */
        else
                log_info("fetched WAL file %s from the archive", job.file);
        job.done(p, r, why);
}

int fetch_wal(Pgd *p, const char *restore_command, const char *file, fetch_done_t done)
{
        char line[4096], arrived[PATH_MAX];

        if (!archive_format_restore(restore_command, file, ARRIVING, line, sizeof line))
                return -E2BIG;
        arriving_path(p, arrived, sizeof arrived);
        if (unlink(arrived) < 0 && errno != ENOENT)
                return -errno;
        (void)STR_SET(job.file, file); /* a name from archive_missing_file() */
        job.done = done;
        _cleanup_(node_freep) Node *argv = run_argv("/bin/sh", "-c", line, NULL);
        ToolSpec spec = { .argv = argv, .cwd = p->data_dir, .timeout = FETCH_WITHIN, .is_users = true };
        return run_spec(p, &spec, on_fetched);
}
