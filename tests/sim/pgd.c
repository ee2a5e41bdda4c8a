/*
 * pgd is the real one down to its steps (pgd.c, engine.c, authority.c, heartbeat.c, plan.c, step-run.c,
 * step-start.c). Here is what those steps act upon: connections, files, and the tools, over the
 * modelled PostgreSQL; the launcher and the postmaster are in pgd-server.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "pgd/chores.h"
#include "pgd/pgd.h"
#include "pgd/probe.h"
#include "pgd/methods.h"
#include "pgd/programs.h"
#include "pgd/scripts.h"
#include "pgd/verify.h"
#include "tests/sim/fds.h"
#include "tests/sim/sim.h"

static Host *host_of(const Pgd *p)
{
        return ((Program *)p->event)->host;
}

/* ---- connections ---- */

struct Conn {
        Program *program;
        bool busy;
        uint64_t number;
        conn_done_t done;
        void *userdata;
};

int conn_new(Conn **ret, sd_event *e, const char *name _unused_)
{
        *ret = calloc(1, sizeof **ret);
        (*ret)->program = (Program *)e;
        return 0;
}

Conn *conn_free(Conn *c)
{
        free(c);
        return NULL;
}

void conn_reset(Conn *c)
{
        c->busy = false;
        c->number++;
}

static void finish(Conn *c, const ConnAnswer *a)
{
        conn_done_t done = c->done;

        conn_reset(c);
        done(a, c->userdata);
}

static void on_conn_deadline(Event *e)
{
        Conn *c = e->what;
        ConnAnswer a = { .r = -ETIMEDOUT };

        if (c->busy && c->number == e->value)
                finish(c, &a);
}

static void on_conn_answer(Event *e)
{
        Conn *c = e->what;
        Host *h = e->host;
        ConnAnswer a = { 0 };

        if (!c->busy || c->number != e->value)
                return;
        if (h->pg.frozen > world->now) { /* it answers later, or its deadline ends it */
                sim_event(h->pg.frozen, on_conn_answer, e->program, NULL, c, e->value);
                sim_event(world->now + 3 * SEC, on_conn_deadline, e->program, NULL, c, e->value);
                return;
        }
        switch (h->pg.phase) {
        case SERVER_DOWN: a.r = -ENOTCONN; break;
        case SERVER_STARTING:
        case SERVER_STOPPING:
                a.r = -EIO;
                (void)STR_SET(a.sqlstate, "57P03");
                break;
        case SERVER_UP:
        case SERVER_PROMOTING: break;
        }
        finish(c, &a);
}

int conn_run(Conn *c, const char *sql, usec_t timeout _unused_, conn_done_t done, void *userdata)
{
        uint64_t lasts = sim_between(300, 3000);

        if (c->busy)
                return -EBUSY;
        if (strstr(sql, "CHECKPOINT"))
                lasts += sim_between(10 * MSEC, 400 * MSEC);
        if (strstr(sql, "pg_sleep"))
                lasts += 20 * MSEC;
        c->busy = true;
        c->number++;
        c->done = done;
        c->userdata = userdata;
        sim_event(world->now + lasts, on_conn_answer, c->program, NULL, c, c->number);
        return 0;
}

static void read_standbys(const Host *h, PgState *pg)
{
        pg->n_standbys = 0;
        for (int i = 0; i < world->n_hosts && pg->in_recovery == TRI_NO; i++) {
                const Host *o = &world->hosts[i];
                if (o->pg.upstream != h->index || !o->pg.streaming_since)
                        continue;
                Standby *s = &pg->standbys[pg->n_standbys++];
                *s = (Standby){ .write_lsn = h->pg.flushed[i], .flush_lsn = h->pg.flushed[i],
                                .replay_lsn = h->pg.flushed[i] };
                bool caught_up = h->pg.flushed[i] + (1 << 20) > h->pg.lsn;
                (void)STR_SET(s->application_name, o->name);
                (void)STR_SET(s->state, caught_up ? "streaming" : "catchup");
                (void)STR_SET(s->sync_state, !postgres_waits_for(h->pg.sync_names, o->name) ? "async"
                                             : str_after_prefix(h->pg.sync_names, "ANY ")    ? "quorum"
                                                                                             : "sync");
        }
}

const char *probe_sql(bool with_pending _unused_)
{
        return "probe";
}

int probe_read(const ConnAnswer *answer _unused_, PgState *pg, Slots *ret_slots _unused_,
               bool *recovery_waits _unused_, char *ret_conninfo, size_t size)
{
        const Host *h = running->host;
        const Postgres *m = &h->pg;
        bool streams = m->streaming_since != 0;

        pg->in_recovery = TRI(!m->primary);
        pg->control_timeline = world->branches[m->control_branch].timeline;
        pg->flush_lsn = m->primary ? m->lsn : 0;
        pg->replay_lsn = m->primary ? 0 : m->lsn;
        pg->receive_lsn = pg->replay_lsn;
        pg->receiver_alive = !m->primary && streams;
        pg->replication_state = pg->receiver_alive ? REPLICATION_STREAMING : REPLICATION_NONE;
        pg->timeline = world->branches[m->branch].timeline;
        pg->checkpoint_pending = m->primary && m->checkpoint_pending;
        pg->server_version = 150018;
        pg->sysid = m->sysid;
        (void)STR_SET(pg->sync_names, m->sync_names);
        read_standbys(h, pg);
        if (m->upstream >= 0)
                snprintf(ret_conninfo, size, "host=%s", world->hosts[m->upstream].name);
        else
                (void)str_copy(ret_conninfo, size, "");
        return 0;
}

int conn_set_targets(Conn *c _unused_, const char *const *conninfos _unused_)
{
        return 0;
}

/* ---- chores, configuration, files ---- */

int chores_new(Chores **ret, Pgd *p _unused_)
{
        *ret = NULL;
        return 0;
}

Chores *chores_free(Chores *c _unused_)
{
        return NULL;
}

void chores_run(Chores *c _unused_) {}
void chores_before_start(Chores *c _unused_, bool standby _unused_) {}
void chores_at_promote(Chores *c _unused_) {}

bool chores_copies_wait(const Chores *c _unused_)
{
        return false;
}

void chores_reset(Chores *c _unused_) {}

int chores_set_target(Chores *c _unused_, const char *database _unused_, unsigned statement_msec _unused_)
{
        return 0;
}

void files_backup(const Pgd *p _unused_) {}

/* Its parameters are none that a server refuses. */
int verify_new(Verify **ret, Pgd *p _unused_)
{
        *ret = NULL;
        return 0;
}

Verify *verify_free(Verify *v _unused_)
{
        return NULL;
}

bool verify_wait(Verify *v _unused_)
{
        return false;
}

/* No scripts, no methods of the user's, no tags. */
int scripts_new(Scripts **ret, Pgd *p _unused_)
{
        *ret = NULL;
        return 0;
}

Scripts *scripts_free(Scripts *s _unused_)
{
        return NULL;
}

void scripts_call(Scripts *s _unused_, Callback what _unused_, Role role _unused_) {}

int step_pre_promote(Pgd *p _unused_)
{
        return -ENOSYS;
}

int step_before_stop(Pgd *p _unused_)
{
        return -ENOSYS;
}

bool methods_keep_data(const PgConf *c _unused_)
{
        return false;
}

bool methods_need_no_source(const PgConf *c _unused_)
{
        return false;
}

PgConf pgd_section(const Pgd *p)
{
        return (PgConf){ .local = p->section };
}

const char *pgd_setting_text(const Pgd *p _unused_, const char *key _unused_)
{
        return NULL;
}

const Member *files_upstream(const Pgd *p)
{
        return &p->order.leader;
}

bool pgconf_flag(const PgConf *c _unused_, const char *key _unused_, bool fallback _unused_)
{
        return true; /* use_pg_rewind, and both that allow a new clone */
}

void pgconf_split_listen(const char *listen _unused_, char *ret_addresses, size_t size _unused_,
                         uint16_t *ret_port)
{
        ret_addresses[0] = 0;
        *ret_port = 5432;
}

int settings_load(Pgd *p)
{
        p->data_dir = "/data";
        p->config_dir = "/data";
        return 0;
}

void settings_reload(Pgd *p _unused_) {}
void settings_read_cache(Pgd *p _unused_) {}
void settings_take_dynamic(Pgd *p _unused_, const MsgCluster *m _unused_) {}

void pgd_program(const Pgd *p _unused_, const char *name, char *buf, size_t size)
{
        (void)str_copy(buf, size, name);
}

Node *run_argv(const char *program _unused_, ...)
{
        return node_new(NODE_LIST);
}

int run_arg(Node *argv _unused_, const char *format _unused_, ...)
{
        return 0;
}

bool pgd_has_file(const Pgd *p, const char *name)
{
        return str_equal(name, "standby.signal") && host_of(p)->pg.signal_file;
}

bool pgd_has_backup_label(const Pgd *p)
{
        return host_of(p)->pg.backup_label;
}

DataDir pgd_look_at_datadir(const Pgd *p)
{
        return host_of(p)->pg.datadir;
}

void pgd_tell_loss(const Pgd *p _unused_, DataDir is _unused_, const char *and_so _unused_)
{
}

int pgd_read_history(const Pgd *p _unused_, uint32_t timeline, History *ret)
{
        ret->n_lines = 0;
        if (timeline <= 1)
                return 0;
        ret->n_lines = 1;
        ret->lines[0] = (HistoryLine){ .timeline = timeline - 1 };
        return 0;
}

int files_write(Pgd *p, bool standby, Node **ret_arguments)
{
        Postgres *pg = &host_of(p)->pg;

        if (ret_arguments)
                *ret_arguments = NULL;
        if (standby)
                pg->upstream_next = host_index(p->order.leader.name);
        if (p->sync_managed)
                (void)STR_SET(pg->sync_next, p->sync_names);
        else
                pg->sync_next[0] = 0;
        return 0;
}

int files_write_signal(Pgd *p, bool standby)
{
        host_of(p)->pg.signal_file = standby;
        return 0;
}

void files_want_conninfo(Pgd *p)
{
        int i = host_index(p->order.leader.name);

        if (p->order.what != ORDER_FOLLOW)
                return;
        if (i >= 0)
                snprintf(p->conninfo_wanted, sizeof p->conninfo_wanted, "host=%s",
                         p->order.leader.name);
        else
                p->conninfo_wanted[0] = 0;
}

int sim_open(const char *path, int flags, ...);
int sim_open(const char *path _unused_, int flags _unused_, ...)
{
        return FD_DEVICE + 2; /* PGDATA/promote */
}

/* ---- life ---- */

int pgd_start(Program *p)
{
        static HandOptions options = { .runtime = "/run", .cluster = "main" };
        Pgd *pgd;
        int r = pgd_new(&pgd, (sd_event *)p, &options);

        p->state = r < 0 ? NULL : pgd;
        return r;
}

void pgd_end(Program *p)
{
        pgd_tools_gone(p->host);
        p->state = pgd_free(p->state);
}
