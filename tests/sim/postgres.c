/*
 * PostgreSQL as a model: starts, stops and promotions that take time, crashes, freezes, files. Clients write
 * to whatever lets them; what becomes of that is in wal.c.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "tests/sim/postgres.h"

/* An event of this server's life; a later one has another. */
bool server_is_over(const Event *e)
{
        return (uint32_t)e->host->pg.life != (uint32_t)e->value;
}

void server_later(Host *h, uint64_t after, event_t fire, const void *what)
{
        sim_event(world->now + after, fire, NULL, h, (void *)what, h->pg.life);
}

bool server_is_frozen(const Host *h)
{
        return !h->powered || h->frozen > world->now || h->pg.frozen > world->now;
}

uint64_t server_thawed(const Host *h)
{
        return MAX(h->frozen, h->pg.frozen);
}

static uint64_t slowness(uint64_t usual)
{
        return usual + (world->now < world->slow_server_until ? sim_below(world->slow_server) : 0);
}

/* ---- what lets packets out ---- */

bool server_gate_is_open(const Host *h)
{
        const Leaf *l = h->pg.leaf >= 0 ? &h->leaves[h->pg.leaf] : NULL;

        return !l || !l->gated || host_clock(h, world->now) < l->gate;
}

bool postgres_may_acknowledge(const Host *h)
{
        const Postgres *pg = &h->pg;

        return pg->primary && (pg->phase == SERVER_UP || pg->lingers) && !server_is_frozen(h) &&
               server_gate_is_open(h);
}

/* ---- the end ---- */

static void on_emptied(Event *e)
{
        Host *h = e->host;
        Leaf *l = e->what;

        if (l->populated)
                return;
        leaf_changed(h, (int)(l - h->leaves));
}

static void empty_leaf(Host *h)
{
        Leaf *l = h->pg.leaf >= 0 ? &h->leaves[h->pg.leaf] : NULL;

        h->pg.lingers = false;
        if (!l)
                return;
        l->populated = false;
        sim_event(world->now + sim_below(2 * MSEC), on_emptied, NULL, h, l, 0);
}

static void on_lingered(Event *e)
{
        Host *h = e->host;

        if (server_is_over(e) || !h->pg.lingers)
                return;
        h->pg.life++;
        empty_leaf(h);
}

/* The postmaster is gone; its backends may live for a moment longer. */
static void end_server(Host *h, uint64_t backends_for)
{
        Postgres *pg = &h->pg;

        if (pg->phase == SERVER_DOWN && !pg->lingers)
                return;
        TRACE(h, "postgres", "ends at %llx", (unsigned long long)pg->lsn);
        bool was_down = pg->phase == SERVER_DOWN;
        pg->lingers = backends_for > 0 && pg->phase == SERVER_UP;
        pg->phase = SERVER_DOWN;
        pg->life++;
        pg->streaming_since = 0;
        pg->frozen = 0;
        pg->stuck = 0;
        for (int i = 0; i < world->n_hosts; i++) {
                pg->flushed[i] = 0;
                world->hosts[i].pg.flushed[h->index] = 0;
                if (world->hosts[i].pg.upstream == h->index)
                        world->hosts[i].pg.streaming_since = 0;
        }
        if (pg->lingers)
                server_later(h, backends_for, on_lingered, NULL);
        else
                empty_leaf(h);
        if (!was_down)
                server_gone_soon(h, pg->pid);
}

static void note_control(Host *h, bool orderly)
{
        Postgres *pg = &h->pg;

        if (!pg->primary && !pg->standby)
                pg->control = CONTROL_CRASH_RECOVERY; /* ended while it was recovering */
        else if (!orderly)
                pg->control = pg->primary ? CONTROL_PRODUCTION : CONTROL_ARCHIVE_RECOVERY;
        else
                pg->control = pg->primary ? CONTROL_SHUT_DOWN : CONTROL_SHUT_DOWN_IN_RECOVERY;
        if (pg->checkpoint_pending == 0 || orderly)
                pg->control_branch = pg->branch;
}

static void on_killed(Event *e)
{
        Host *h = e->host;

        if (server_is_over(e))
                return;
        if (h->pg.stuck > world->now) {
                server_later(h, MAX(h->frozen, h->pg.stuck) - world->now, on_killed, NULL);
                return;
        }
        if (h->pg.phase != SERVER_DOWN)
                note_control(h, false);
        end_server(h, 0);
}

void postgres_kill(Host *h)
{
        if (h->pg.phase != SERVER_DOWN || h->pg.lingers)
                server_later(h, sim_between(MSEC / 2, 20 * MSEC), on_killed, NULL);
}

void postgres_kill_postmaster(Host *h)
{
        if (h->pg.phase == SERVER_DOWN)
                return;
        note_control(h, false);
        end_server(h, sim_below(150 * MSEC));
}

void postgres_power_off(Host *h)
{
        Postgres *pg = &h->pg;

        if (pg->phase != SERVER_DOWN)
                note_control(h, false);
        end_server(h, 0);
        pg->lingers = false;
        pg->leaf = -1;
        if (pg->datadir == DATADIR_BROKEN)
                pg->datadir = DATADIR_EMPTY; /* a clone that was cut short: a person has cleared it */
}

/* ---- clients ---- */

static void on_client(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (server_is_over(e) || !pg->primary || pg->phase != SERVER_UP)
                return;
        if (postgres_may_acknowledge(h)) {
                pg->lsn += 64 + sim_below(sim_chance(50) ? 3 << 20 : 4096);
                wal_ship(h);
                wal_acknowledge(h);
        }
        bool busy = world->now < world->last_fault + 40 * SEC;
        server_later(h, busy ? sim_between(20 * MSEC, 500 * MSEC) : sim_between(SEC, 4 * SEC), on_client,
              NULL);
}

/* ---- starts and promotions ---- */

static void on_checkpointed(Event *e)
{
        if (!server_is_over(e)) {
                e->host->pg.checkpoint_pending = 0;
                e->host->pg.control_branch = e->host->pg.branch;
        }
}

static void lead(Host *h)
{
        Postgres *pg = &h->pg;

        pg->primary = true;
        pg->phase = SERVER_UP;
        pg->acknowledged = 0;
        pg->control = CONTROL_PRODUCTION;
        memset(pg->flushed, 0, sizeof pg->flushed);
        server_later(h, sim_between(MSEC, 100 * MSEC), on_client, NULL);
}

static void on_started(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (server_is_over(e) || pg->phase != SERVER_STARTING)
                return;
        if (server_is_frozen(h)) {
                server_later(h, server_thawed(h) - world->now, on_started, NULL);
                return;
        }
        TRACE(h, "postgres", "accepts as %s, timeline %u, %llx",
              pg->standby ? "standby" : "primary", world->branches[pg->branch].timeline,
              (unsigned long long)pg->lsn);
        if (pg->standby) {
                pg->phase = SERVER_UP;
                wal_connect_within(h, 5 * MSEC, 100 * MSEC);
                return;
        }
        const Branch *b = &world->branches[pg->branch];
        if (b->owner != h->index) /* another one's line, gone on with: it splits, unnoticed */
                pg->branch = branch_new(pg->branch, pg->lsn, b->timeline, h->index);
        lead(h);
        check_promotion(h);
}

void postgres_spawn(Host *h, int leaf, bool standby)
{
        Postgres *pg = &h->pg;
        bool crashed = pg->control == CONTROL_PRODUCTION;

        pg->born++;

        if (pg->phase != SERVER_DOWN || pg->datadir != DATADIR_VALID || pg->lingers) {
                server_gone_soon(h, pid_of_server(pg->born));
                return;
        }
        pg->life++;
        pg->pid = pid_of_server(pg->born);
        pg->phase = SERVER_STARTING;
        pg->primary = false;
        pg->standby = standby;
        pg->backup_label = false;
        pg->leaf = leaf;
        pg->frozen = 0;
        pg->started = world->now;
        pg->streaming_since = 0;
        pg->checkpoint_pending = 0;
        h->leaves[leaf].populated = true;
        leaf_changed(h, leaf);
        (void)STR_SET(pg->sync_names, pg->sync_next);
        pg->upstream = pg->upstream_next;
        pg->control = standby ? CONTROL_ARCHIVE_RECOVERY : CONTROL_CRASH_RECOVERY;
        server_later(h, slowness(sim_between(40 * MSEC, crashed ? 2 * SEC : 500 * MSEC)), on_started, NULL);
}

static void on_promoted(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (server_is_over(e) || pg->phase != SERVER_PROMOTING)
                return;
        if (server_is_frozen(h)) {
                server_later(h, server_thawed(h) - world->now, on_promoted, NULL);
                return;
        }
        pg->branch = branch_new(pg->branch, pg->lsn, world->branches[pg->branch].timeline + 1,
                                h->index);
        pg->standby = pg->signal_file = false;
        pg->checkpoint_pending = 1;
        lead(h);
        server_later(h, slowness(sim_between(50 * MSEC, 3 * SEC)), on_checkpointed, NULL);
        TRACE(h, "postgres", "promoted, timeline %u from %llx",
              world->branches[pg->branch].timeline, (unsigned long long)pg->lsn);
        world->n_promotions++;
        check_promotion(h);
}

/* ---- stops ---- */

static void on_stopped(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (server_is_over(e) || pg->phase != SERVER_STOPPING)
                return;
        if (server_is_frozen(h)) {
                server_later(h, server_thawed(h) - world->now, on_stopped, NULL);
                return;
        }
        if (pg->primary && !pg->stop_immediate) {
                pg->control_lsn = pg->lsn;
                pg->lsn += 120; /* the shutdown checkpoint, which goes to who is connected */
                for (int i = 0; i < world->n_hosts; i++) {
                        Host *other = &world->hosts[i];
                        if (other->pg.upstream == h->index && other->pg.streaming_since &&
                            other->pg.phase == SERVER_UP && !other->pg.primary &&
                            server_reaches(h, other) && server_gate_is_open(h) && !server_is_frozen(other))
                                wal_take(other, h, pg->lsn);
                }
        }
        note_control(h, !pg->stop_immediate);
        end_server(h, 0);
}

static void on_reloaded(Event *e)
{
        Postgres *pg = &e->host->pg;

        if (server_is_over(e) || pg->phase == SERVER_DOWN)
                return;
        (void)STR_SET(pg->sync_names, pg->sync_next);
        if (pg->upstream != pg->upstream_next && !pg->primary) {
                if (pg->upstream >= 0)
                        world->hosts[pg->upstream].pg.flushed[e->host->index] = 0;
                pg->upstream = pg->upstream_next;
                pg->streaming_since = 0;
                wal_connect_within(e->host, 5 * MSEC, 50 * MSEC);
        }
        wal_acknowledge(e->host);
}

void postgres_signal(Host *h, int sig)
{
        Postgres *pg = &h->pg;

        switch (sig) {
        case SIGINT:
        case SIGQUIT:
                if (pg->phase == SERVER_STOPPING && (pg->stop_immediate || sig == SIGINT))
                        return;
                pg->phase = SERVER_STOPPING;
                pg->stop_immediate = sig == SIGQUIT;
                pg->life++;
                server_later(h, sig == SIGQUIT ? sim_between(5 * MSEC, 80 * MSEC)
                                        : slowness(sim_between(30 * MSEC, 400 * MSEC)), on_stopped,
                      NULL);
                break;
        case SIGHUP: server_later(h, sim_between(MSEC, 15 * MSEC), on_reloaded, NULL); break;
        case SIGUSR1:
                if (pg->phase != SERVER_UP || pg->primary)
                        return;
                check_gate_of_promotion(h);
                pg->phase = SERVER_PROMOTING;
                pg->streaming_since = 0;
                if (pg->upstream >= 0)
                        world->hosts[pg->upstream].pg.flushed[h->index] = 0;
                server_later(h, slowness(sim_between(30 * MSEC, SEC)), on_promoted, NULL);
                break;
        }
}

/* ---- files ---- */

void postgres_bootstrap(Host *h)
{
        Postgres *pg = &h->pg;

        pg->datadir = DATADIR_VALID;
        pg->sysid = sim_random() | 1;
        pg->lsn = 0x1000000;
        pg->branch = pg->control_branch = branch_new(-1, 0, 1, h->index);
        pg->control = CONTROL_SHUT_DOWN;
        pg->control_lsn = pg->lsn - 120;
        pg->signal_file = false;
}

/* By pg_basebackup or pg_rewind: false if that server does not let us. */
bool postgres_copy(Host *h, int from, bool need_primary)
{
        const Host *up = from >= 0 ? &world->hosts[from] : NULL;

        if (!up || !server_reaches(h, up) || up->pg.phase != SERVER_UP || server_is_frozen(up) ||
            !server_gate_is_open(up) || (need_primary && !up->pg.primary))
                return false;
        h->pg.datadir = DATADIR_VALID;
        h->pg.sysid = up->pg.sysid;
        h->pg.branch = h->pg.control_branch = up->pg.branch;
        h->pg.lsn = up->pg.lsn;
        h->pg.control = CONTROL_ARCHIVE_RECOVERY;
        h->pg.control_lsn = up->pg.lsn;
        return true;
}

/* Has this one's WAL left that one's? UNKNOWN: it cannot be asked. */
Tri postgres_diverged(const Host *h, int from)
{
        const Host *up = from >= 0 ? &world->hosts[from] : NULL;

        if (!up || !server_reaches(h, up) || up->pg.phase != SERVER_UP || server_is_frozen(up) ||
            !server_gate_is_open(up) || !up->pg.primary)
                return TRI_UNKNOWN;
        return TRI(!branch_contains(h->pg.branch, h->pg.lsn, up->pg.branch, up->pg.lsn));
}

void postgres_end_recovery(Host *h)
{
        h->pg.control = CONTROL_SHUT_DOWN;
        h->pg.control_lsn = h->pg.lsn;
        h->pg.lsn += 120;
        h->pg.signal_file = false;
}

void postgres_init(Host *h)
{
        h->pg = (Postgres){ .datadir = DATADIR_EMPTY, .branch = -1, .control_branch = -1,
                            .upstream = -1, .upstream_next = -1, .leaf = -1 };
}
