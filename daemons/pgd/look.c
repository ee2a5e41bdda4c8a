/* PGDATA as it lies there: what can be told without a running server. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/program.h"
#include "pgd/pgd.h"
#include "pgd/programs.h"

#define CONTROL_WITHIN (10 * USEC_PER_SEC)

DataDir pgd_look_at_datadir(const Pgd *p)
{
        char path[PATH_MAX];
        DIR *d = opendir(p->data_dir);

        if (!d)
                return errno == ENOENT ? DATADIR_EMPTY : DATADIR_INACCESSIBLE;
        bool empty = true;
        for (struct dirent *e = readdir(d); e && empty; e = readdir(d))
                empty = e->d_name[0] == '.' || str_equal(e->d_name, "lost+found");
        closedir(d);
        if (empty)
                return DATADIR_EMPTY;
        snprintf(path, sizeof path, "%s/global/pg_control", p->data_dir);
        return access(path, R_OK) >= 0 ? DATADIR_VALID : DATADIR_BROKEN;
}

void pgd_tell_loss(const Pgd *p, DataDir is, const char *and_so)
{
        log_event(LOG_ERR, EVENT_DATA_LOST, FIELDS({ "PALISADE_DATA_DIR", p->data_dir, 0 }), "%s %s %s",
                  p->data_dir,
                  is == DATADIR_EMPTY    ? "is empty, or is gone,"
                  : is == DATADIR_BROKEN ? "has no readable pg_control"
                                         : "cannot be accessed",
                  and_so);
}

bool pgd_has_file(const Pgd *p, const char *name)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", p->data_dir, name);
        return access(path, F_OK) >= 0;
}

bool pgd_has_backup_label(const Pgd *p)
{
        return pgd_has_file(p, "backup_label");
}

int pgd_read_history(const Pgd *p, uint32_t timeline, History *ret)
{
        char path[PATH_MAX];
        struct stat st;
        char *text;
        size_t size;

        ret->n_lines = 0;
        if (timeline <= 1)
                return 0;
        snprintf(path, sizeof path, "%s/pg_wal/%08X.history", p->data_dir, timeline);
        int r = read_file_at(AT_FDCWD, path, 1 << 20, &text, &size);
        if (r < 0)
                return r;
        r = history_parse_file(text, size, ret);
        free(text);
        if (r >= 0 && ret->n_lines > 0 && stat(path, &st) >= 0) {
                HistoryLine *last = &ret->lines[ret->n_lines - 1];
                if (last->timeline == timeline - 1) {
                        last->wall_usec = (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC +
                                          (usec_t)st.st_mtim.tv_nsec / 1000;
                        (void)STR_SET(last->leader, config_name(p->config)); /* checked to fit */
                }
        }
        return r;
}

static void on_control(Pgd *p, ToolResult *result)
{
        char why[REASON_SIZE];

        if (result->r >= 0 && result->status == 0 && control_parse(result->output, &p->control) >= 0) {
                p->control_known = true;
                p->pg.control = p->control.state;
                p->pg.sysid = p->control.sysid;
                p->pg.control_timeline = p->control.timeline;
                p->pg.control_lsn = p->control.checkpoint_lsn;
                if (!server_runs(p->server))
                        p->pg.timeline = p->control.timeline;
        } else if (result->r < 0) { /* it told nothing: the launcher has ended, or time was up */
                run_describe(result, "pg_controldata", why, sizeof why);
                log_warning("%s; trying again", why);
                timer_set(&p->retry_timer, now_boottime() + USEC_PER_SEC);
                return;
        } else {
                run_describe(result, "pg_controldata", why, sizeof why);
                log_error("%s", why);
                p->pg.datadir = DATADIR_BROKEN;
        }
        p->pg.standby_signal = pgd_has_file(p, "standby.signal");
        pgd_changed(p);
        engine_advance(p);
}

void pgd_read_control(Pgd *p)
{
        char program[URL_SIZE];

        if (p->tool || p->pg.datadir != DATADIR_VALID)
                return;
        pgd_program(p, "pg_controldata", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, p->data_dir, NULL);
        int r = run_tool(p, argv, NULL, NULL, CONTROL_WITHIN, NULL, on_control);
        if (r < 0) {
                log_warning_errno(r, "Cannot run pg_controldata, trying again: %m");
                timer_set(&p->retry_timer, now_boottime() + USEC_PER_SEC);
        }
}

PgConf pgd_section(const Pgd *p)
{
        return (PgConf){ .local = p->section, .dynamic = node_get(p->dynamic, "postgresql"),
                         .scope = config_scope(p->config), .version = p->version };
}

const char *pgd_setting_text(const Pgd *p, const char *key)
{
        PgConf c = pgd_section(p);
        const Node *n = pgconf_setting(&c, key);

        return n && !str_empty(n->text) ? n->text : NULL;
}

void pgd_program(const Pgd *p, const char *name, char *buf, size_t size)
{
        const char *dir = node_get_text(p->section, "bin_dir");
        const char *renamed = node_get_text(node_get(p->section, "bin_name"), name);

        program_find(dir, renamed ? renamed : name, buf, size);
}
