/*
 * Has our WAL left the leader's?
 *
 * What is asked of the leader is asked by psql, as a tool: a name server or a half-dead host can
 * then stall nobody. Each answer leads to the next question; judge() ends them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/conninfo.h"
#include "pgd/pgd.h"

#define ASK_WITHIN (5 * USEC_PER_SEC)
#define WALDUMP_WITHIN (60 * USEC_PER_SEC)

static History leader_history, own_history;

static void check_failed(Pgd *p, const char *why)
{
        p->check_failures++;
        engine_step_done(p, -EIO, why);
}

static void tool_failed(Pgd *p, const ToolResult *result, const char *name)
{
        char why[REASON_SIZE];

        run_describe(result, name, why, sizeof why);
        check_failed(p, why);
}

static int ask(Pgd *p, const char *role, bool replication, const char *sql,
               void (*done)(Pgd *p, ToolResult *result))
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];

        pgd_program(p, "psql", program, sizeof program);
        int r = leader_conninfo(p, role, replication ? NULL : "postgres",
                               replication ? " connect_timeout=3 replication=1"
                                           : " connect_timeout=3",
                               dsn, sizeof dsn, env, sizeof env);
        if (r < 0)
                return r;
        _cleanup_(node_freep) Node *argv =
                run_argv(program, "-XAtqw", "-d", dsn, "-c", sql, NULL);
        return run_tool(p, argv, env, NULL, ASK_WITHIN, NULL, done);
}

static void judge(Pgd *p);

/* pg_waldump prints the checkpoint's record and then complains where the next one should be. */
static void on_waldump(Pgd *p, ToolResult *result)
{
        if (result->r < 0 || divergence_parse_waldump(result->error, &p->local.checkpoint_end) < 0) {
                tool_failed(p, result, "pg_waldump");
                return;
        }
        judge(p);
}

static int ask_checkpoint_end(Pgd *p)
{
        char program[URL_SIZE];

        pgd_program(p, "pg_waldump", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "-n", "2", NULL);
        int r = run_arg(argv, "-p%s/pg_wal", p->data_dir);
        if (r >= 0)
                r = run_arg(argv, "-t%u", p->local.timeline);
        if (r >= 0)
                r = run_arg(argv, "-s%s", LSN_TEXT(p->local.lsn));
        return r < 0 ? r : run_tool(p, argv, NULL, NULL, WALDUMP_WITHIN, NULL, on_waldump);
}

/*
 * A standby tries to connect once in wal_retrieve_retry_interval, 5 s, and its first attempt may have met a
 * leader that did not accept connections yet: synchronous commits would wait for the next. A reload wakes it.
 */
static void connect_now(Pgd *p)
{
        if (p->pg.accepts && !p->pg.receiver_alive)
                (void)server_signal(p->server, SIGHUP); /* gone: the next start connects */
}

static void judge(Pgd *p)
{
        Tri verdict = divergence_judge(&p->local, p->leader_timeline, &leader_history, &own_history);

        if (verdict == TRI_UNKNOWN && p->local.checkpoint_end == 0) {
                int r = ask_checkpoint_end(p);
                if (r < 0)
                        check_failed(p, strerror(-r));
                return;
        }
        p->diverged = verdict;
        p->twin = verdict == TRI_YES && (p->local.timeline == p->leader_timeline || p->local.other_start);
        p->check_failures = 0;
        log_info("our WAL (timeline %u, %s) has %s that of %s (timeline %u)", p->local.timeline,
                 LSN_TEXT(p->local.lsn), verdict == TRI_NO ? "not left" : "left",
                 p->order.leader.name, p->leader_timeline);
        if (verdict == TRI_NO)
                connect_now(p);
        engine_step_done(p, 0, "compared");
}

/* How our timeline begins, in hexadecimal; both are of the check in flight. */
static WalPiece start;
static char own_start[2 * WAL_PIECE_MOST + 1];

/* False: there is nothing to compare. */
static bool read_own_start(const Pgd *p)
{
        unsigned char bytes[WAL_PIECE_MOST];
        char path[PATH_MAX];

        if (!divergence_start(&p->local, &leader_history, &own_history, p->control.wal_file_size, &start))
                return false;
        snprintf(path, sizeof path, "%s/pg_wal/%s", p->data_dir, start.file);
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || pread(fd, bytes, start.size, start.offset) != (ssize_t)start.size)
                return false; /* recycled since, most likely */
        for (uint32_t i = 0; i < start.size; i++)
                snprintf(own_start + 2 * i, 3, "%02x", bytes[i]);
        return true;
}

static void on_start(Pgd *p, ToolResult *result)
{
        if (result->r >= 0 && result->status == 1) { /* an older rewind user, who may not */
                log_info("cannot compare how timeline %u begins: %s", p->local.timeline, result->error);
        } else if (result->r < 0 || result->status != 0) {
                tool_failed(p, result, "reading how the timeline begins");
                return;
        } else {
                size_t n = strcspn(result->output, "\n"); /* 0: the leader has that file no more */
                p->local.other_start = n > 0 && (n != strlen(own_start) ||
                                                 memcmp(result->output, own_start, n) != 0);
        }
        judge(p);
}

/* As pg_rewind does it, whose user may call that function. */
static int ask_start(Pgd *p)
{
        char sql[256];

        snprintf(sql, sizeof sql,
                 "SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file('pg_wal/%s', %u, %u, true), 'hex')",
                 start.file, start.offset, start.size);
        return ask(p, "rewind", false, sql, on_start);
}

static void on_history(Pgd *p, ToolResult *result)
{
        const char *content = result->r >= 0 ? strchr(result->output, '|') : NULL;

        if (result->r < 0 || result->status != 0 || !content ||
            history_parse_file(content + 1, strlen(content + 1), &leader_history) < 0) {
                tool_failed(p, result, "TIMELINE_HISTORY");
                return;
        }
        if (!history_contains(&leader_history, &own_history) || !read_own_start(p)) {
                judge(p);
                return;
        }
        int r = ask_start(p);
        if (r < 0)
                check_failed(p, strerror(-r));
}

static void on_identify(Pgd *p, ToolResult *result)
{
        uint64_t sysid;
        char sql[64];
        Lsn lsn;

        if (result->r < 0 || result->status != 0 ||
            divergence_parse_identify(result->output, &sysid, &p->leader_timeline, &lsn) < 0) {
                tool_failed(p, result, "IDENTIFY_SYSTEM");
                return;
        }
        if (p->pg.sysid && sysid != p->pg.sysid) {
                check_failed(p, "the leader belongs to another cluster (system identifier)");
                return;
        }
        if (p->local.timeline > p->leader_timeline || p->leader_timeline == 1) {
                judge(p);
                return;
        }
        snprintf(sql, sizeof sql, "TIMELINE_HISTORY %u", p->leader_timeline);
        int r = ask(p, "replication", true, sql, on_history);
        if (r < 0)
                check_failed(p, strerror(-r));
}

static void on_recovery(Pgd *p, ToolResult *result)
{
        if (result->r < 0 || result->status != 0) {
                tool_failed(p, result, "asking the leader");
                return;
        }
        /* A standby cluster's leader is one, and so may be what a remote cluster lets us see of it. */
        if (result->output[0] != 'f' && !p->order.remote &&
            p->order.leader.role != ROLE_STANDBY_LEADER) {
                check_failed(p, "the leader is still in recovery");
                return;
        }
        int r = ask(p, "replication", true, "IDENTIFY_SYSTEM", on_identify);
        if (r < 0)
                check_failed(p, strerror(-r));
}

static void note_local(Pgd *p)
{
        const Control *c = &p->control;

        leader_history.n_lines = own_history.n_lines = 0;
        if (server_runs(p->server)) {
                p->local = (LocalWal){ .in_recovery = true, .timeline = p->pg.timeline, .lsn = p->pg.replay_lsn };
        } else if (control_was_primary(c) || c->min_recovery_lsn == 0) {
                p->local = (LocalWal){ .timeline = c->timeline, .lsn = c->checkpoint_lsn };
        } else {
                p->local = (LocalWal){ .in_recovery = true, .timeline = c->min_recovery_timeline,
                                       .lsn = c->min_recovery_lsn };
        }
}

/* Not there on timeline 1, or where it was never fetched: then there is nothing to compare. */
static void read_own_history(const Pgd *p)
{
        char path[PATH_MAX], *text;
        size_t size;

        snprintf(path, sizeof path, "%s/pg_wal/%08X.history", p->data_dir, p->local.timeline);
        if (read_file_at(AT_FDCWD, path, 1 << 20, &text, &size) < 0)
                return;
        if (history_parse_file(text, size, &own_history) < 0)
                own_history.n_lines = 0;
        free(text);
}

int step_check(Pgd *p)
{
        note_local(p);
        read_own_history(p);
        return ask(p, "rewind", false, "SELECT pg_is_in_recovery()", on_recovery);
}
