/*
 * What a stopped server has not archived yet: pg_rewind would remove it, and who follows by the
 * archive would wait for it. Whatever does not work is told, and the node goes on without.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/log.h"
#include "pgd/archive.h"
#include "pgd/pgd.h"

#define SETTING_WITHIN (30 * USEC_PER_SEC)
#define FILE_WITHIN (600 * USEC_PER_SEC)

/* One step at a time. */
static struct {
        char *command;
        Node *files;    /* list of texts, sorted */
        const Node *at; /* the one under way */
        unsigned done;
} job;

static void end(Pgd *p, const char *why)
{
        if (why)
                log_warning("%s: WAL that is not archived may be lost", why);
        else if (job.done > 0)
                log_notice("archived %u WAL file%s that the last run had left", job.done,
                           job.done == 1 ? "" : "s");
        free(job.command);
        job.command = NULL;
        job.files = node_free(job.files);
        job.done = 0;
        p->archived = true;
        engine_step_done(p, 0, "archived");
}

static void next(Pgd *p);

/* As the archiver marks it; a file that had no mark gets none. */
static void mark_done(const Pgd *p, const char *file)
{
        char ready[PATH_MAX], done[PATH_MAX];

        snprintf(ready, sizeof ready, "%s/pg_wal/archive_status/%s.ready", p->data_dir, file);
        snprintf(done, sizeof done, "%s/pg_wal/archive_status/%s.done", p->data_dir, file);
        if (rename(ready, done) < 0 && errno != ENOENT)
                log_warning_errno(errno, "Cannot rename %s: %m", ready);
}

static void on_file(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        if (result->r < 0 || result->status != 0) {
                run_describe(result, "archive_command", why, sizeof why);
                end(p, why);
                return;
        }
        mark_done(p, job.at->text);
        job.done++;
        job.at = job.at->next;
        next(p);
}

static void next(Pgd *p)
{
        char line[4096];

        if (!job.at) {
                end(p, NULL);
                return;
        }
        if (!archive_format(job.command, job.at->text, line, sizeof line)) {
                end(p, "archive_command is too long");
                return;
        }
        _cleanup_(node_freep) Node *argv = run_argv("/bin/sh", "-c", line, NULL);
        ToolSpec spec = { .argv = argv, .cwd = p->data_dir, .timeout = FILE_WITHIN, .is_users = true };
        if (run_spec(p, &spec, on_file) < 0)
                end(p, "archive_command cannot be run");
}

/* ---- which, and how ---- */

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_ready(const Pgd *p, Node *files)
{
        char path[PATH_MAX];
        char *names[1024]; /* more wait for the next start's archiver */
        size_t n = 0;
        int r = 0;

        snprintf(path, sizeof path, "%s/pg_wal/archive_status", p->data_dir);
        DIR *d = opendir(path);
        for (struct dirent *e = d ? readdir(d) : NULL; e && n < ELEMENTSOF(names); e = readdir(d)) {
                size_t length = archive_ready_length(e->d_name);
                if (length > 0 && (names[n] = strndup(e->d_name, length)))
                        n++;
        }
        if (d)
                (void)closedir(d); /* only read */
        qsort(names, n, sizeof names[0], by_name);
        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = node_put(files, NULL, node_new_string(names[i]));
                free(names[i]);
        }
        return r;
}

/* The shutdown checkpoint is in a file that is never full: it tells others where this one ended. */
static int add_last(const Pgd *p, Node *files)
{
        if (!p->order.remote || p->control.state != CONTROL_SHUT_DOWN || !p->control.redo_file[0])
                return 0;
        NODE_FOREACH(f, files)
                if (str_equal(f->text, p->control.redo_file))
                        return 0;
        return node_put(files, NULL, node_new_string(p->control.redo_file));
}

static char *first_line(const ToolResult *result)
{
        return result->r >= 0 && result->status == 0
                       ? strndup(result->output, strcspn(result->output, "\n"))
                       : NULL;
}

static void on_command(Pgd *p, ToolResult *result)
{
        job.command = first_line(result);
        job.files = node_new(NODE_LIST);
        if (!job.command || !job.files || add_ready(p, job.files) < 0 || add_last(p, job.files) < 0)
                end(p, "archive_command cannot be read");
        else if (!job.command[0])
                end(p, NULL); /* off, or a library that only the server can load */
        else {
                job.at = job.files->children;
                next(p);
        }
}

static int ask(Pgd *p, const char *setting, void (*done)(Pgd *p, ToolResult *result))
{
        char program[URL_SIZE];

        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "-D", p->data_dir, "-C", setting, NULL);
        int r = run_arg(argv, "--config-file=%s/postgresql.conf", p->config_dir);
        return r < 0 ? r : run_tool(p, argv, NULL, NULL, SETTING_WITHIN, NULL, done);
}

static void on_mode(Pgd *p, ToolResult *result)
{
        char *mode = first_line(result);

        if (!mode)
                end(p, "archive_mode cannot be read");
        else if (!str_equal(mode, "on") && !str_equal(mode, "always"))
                end(p, NULL);
        else if (ask(p, "archive_command", on_command) < 0)
                end(p, "archive_command cannot be read");
        free(mode);
}

int step_archive(Pgd *p)
{
        return ask(p, "archive_mode", on_mode);
}
