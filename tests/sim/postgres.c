/*
 * PostgreSQL as a model: positions and lines of WAL, streaming, synchronous commit, starts, stops and
 * promotions that take time, crashes, freezes. Clients write to whatever lets them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "tests/sim/sim.h"

/* An event of this server's life; a later one has another. */
static bool is_over(const Event *e)
{
        return (uint32_t)e->host->pg.life != (uint32_t)e->value;
}

static void later(Host *h, uint64_t after, event_t fire, const void *what)
{
        sim_event(world->now + after, fire, NULL, h, (void *)what, h->pg.life);
}

static bool is_frozen(const Host *h)
{
        return !h->powered || h->frozen > world->now || h->pg.frozen > world->now;
}

static uint64_t thawed(const Host *h)
{
        return MAX(h->frozen, h->pg.frozen);
}

static uint64_t slowness(uint64_t usual)
{
        return usual + (world->now < world->slow_server_until ? sim_below(world->slow_server) : 0);
}

/* ---- lines of WAL ---- */

static int new_branch(int parent, Lsn from, uint32_t timeline, int owner)
{
        if (world->n_branches == ELEMENTSOF(world->branches))
                abort();
        world->branches[world->n_branches] = (Branch){ parent, from, timeline, owner };
        return world->n_branches++;
}

/* Does WAL up to other_lsn on `other` contain everything up to lsn on `branch`? */
bool branch_contains(int branch, Lsn lsn, int other, Lsn other_lsn)
{
        while (other >= 0) {
                if (other == branch)
                        return lsn <= other_lsn;
                other_lsn = MIN(other_lsn, world->branches[other].from);
                other = world->branches[other].parent;
        }
        return lsn == 0;
}

/* ---- what lets packets out ---- */

static bool gate_is_open(const Host *h)
{
        const Leaf *l = h->pg.leaf >= 0 ? &h->leaves[h->pg.leaf] : NULL;

        return !l || !l->gated || host_clock(h, world->now) < l->gate;
}

bool postgres_may_acknowledge(const Host *h)
{
        const Postgres *pg = &h->pg;

        return pg->primary && (pg->phase == SERVER_UP || pg->lingers) && !is_frozen(h) &&
               gate_is_open(h);
}

/* ---- the end ---- */

static void on_emptied(Event *e)
{
        Host *h = e->host;
        Leaf *l = e->what;

        if (l->populated)
                return;
        leaf_emptied(h, (int)(l - h->leaves));
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

        if (is_over(e) || !h->pg.lingers)
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
        pg->stuck = false;
        for (int i = 0; i < world->n_hosts; i++) {
                pg->flushed[i] = 0;
                world->hosts[i].pg.flushed[h->index] = 0;
                if (world->hosts[i].pg.upstream == h->index)
                        world->hosts[i].pg.streaming_since = 0;
        }
        if (pg->lingers)
                later(h, backends_for, on_lingered, NULL);
        else
                empty_leaf(h);
        if (!was_down)
                server_gone_soon(h);
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

        if (is_over(e))
                return;
        if (h->pg.stuck && is_frozen(h)) {
                later(h, thawed(h) - world->now, on_killed, NULL);
                return;
        }
        if (h->pg.phase != SERVER_DOWN)
                note_control(h, false);
        end_server(h, 0);
}

void postgres_kill(Host *h)
{
        if (h->pg.phase != SERVER_DOWN || h->pg.lingers)
                later(h, sim_between(MSEC / 2, 20 * MSEC), on_killed, NULL);
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

/* ---- streaming ---- */

static bool reaches(const Host *from, const Host *to)
{
        return !from->to_host[to->index] && !to->to_host[from->index] && from->powered && to->powered;
}

static bool can_stream(const Host *h, const Host *up)
{
        return up->pg.phase == SERVER_UP && !is_frozen(up) && !is_frozen(h) && reaches(h, up) &&
               gate_is_open(up) && (h->pg.phase == SERVER_UP) && !h->pg.primary &&
               branch_contains(h->pg.branch, h->pg.lsn, up->pg.branch, up->pg.lsn);
}

bool postgres_waits_for(const char *names, const char *name)
{
        const char *at = strstr(names, name);

        return strchr(names, '*') || (at && (at[2] == 0 || at[2] == ',' || at[2] == ')'));
}

/* "ANY 2 (n1,n2,n3)": the second furthest. */
static Lsn quorum_lsn(const Postgres *pg, unsigned need)
{
        Lsn best = UINT64_MAX;

        for (; need > 0; need--) {
                Lsn next = 0;
                unsigned same = 0;
                for (int i = 0; i < world->n_hosts; i++)
                        if (postgres_waits_for(pg->sync_names, world->hosts[i].name) && pg->flushed[i] < best)
                                next = MAX(next, pg->flushed[i]);
                for (int i = 0; i < world->n_hosts; i++)
                        same += postgres_waits_for(pg->sync_names, world->hosts[i].name) &&
                                pg->flushed[i] == next;
                best = next;
                need -= MIN(need - 1, same - 1);
        }
        return best;
}

/* Everything up to this was flushed wherever synchronous_standby_names asks for it. */
static Lsn synchronous_lsn(const Host *h)
{
        const Postgres *pg = &h->pg;
        Lsn least = UINT64_MAX, any = 0;

        if (!pg->sync_names[0])
                return pg->lsn;
        if (str_after_prefix(pg->sync_names, "ANY "))
                return quorum_lsn(pg, (unsigned)strtoul(pg->sync_names + 4, NULL, 10));
        for (int i = 0; i < world->n_hosts; i++) {
                any = MAX(any, pg->flushed[i]);
                if (postgres_waits_for(pg->sync_names, world->hosts[i].name))
                        least = MIN(least, pg->flushed[i]);
        }
        if (str_equal(pg->sync_names, "*"))
                return any;
        return least == UINT64_MAX ? 0 : least;
}

static void acknowledge(Host *h)
{
        Lsn lsn = MIN(synchronous_lsn(h), h->pg.lsn);

        if (lsn > h->pg.acknowledged && postgres_may_acknowledge(h)) {
                h->pg.acknowledged = lsn;
                check_acknowledged(h, lsn);
        }
}

static void on_feedback(Event *e)
{
        Host *up = e->host;
        int i = (int)(e->value >> 56);
        Lsn lsn = e->value & ((UINT64_C(1) << 56) - 1);

        if (up->pg.primary && up->pg.phase == SERVER_UP &&
            world->hosts[i].pg.streaming_since && world->hosts[i].pg.upstream == up->index &&
            !is_frozen(up)) {
                up->pg.flushed[i] = MAX(up->pg.flushed[i], lsn);
                acknowledge(up);
        }
}

static void take_wal(Host *h, const Host *up, Lsn lsn)
{
        h->pg.branch = up->pg.branch;
        h->pg.lsn = MAX(h->pg.lsn, lsn);
}

static void on_wal(Event *e)
{
        Host *h = e->host;
        int from = (int)(e->value >> 56);
        Lsn lsn = e->value & ((UINT64_C(1) << 56) - 1);
        Host *up = &world->hosts[from];

        if ((uint64_t)(uintptr_t)e->what != h->pg.streaming_since || h->pg.upstream != from ||
            h->pg.phase != SERVER_UP || h->pg.primary || !reaches(up, h))
                return;
        if (is_frozen(h)) {
                sim_event(thawed(h), on_wal, NULL, h, e->what, e->value);
                return;
        }
        take_wal(h, up, lsn);
        if (!up->pg.sync_names[0] && !up->pg.sync_next[0]) { /* no commit waits for it */
                up->pg.flushed[h->index] = MAX(up->pg.flushed[h->index], h->pg.lsn);
                return;
        }
        sim_event(world->now + sim_between(200, 1500), on_feedback, NULL, up, NULL,
                  (uint64_t)h->index << 56 | h->pg.lsn);
}

static void ship(Host *up)
{
        if (!gate_is_open(up) || is_frozen(up))
                return;
        for (int i = 0; i < world->n_hosts; i++) {
                Host *h = &world->hosts[i];
                if (h->pg.upstream != up->index || !h->pg.streaming_since || h == up)
                        continue;
                uint64_t late = sim_between(300, 2500);
                if (sim_chance(20))
                        late += sim_below(2 * SEC);
                sim_event(world->now + late, on_wal, NULL, h,
                          (void *)(uintptr_t)h->pg.streaming_since,
                          (uint64_t)up->index << 56 | up->pg.lsn);
        }
}

static void on_connect(Event *e);

static void connect_within(Host *h, uint64_t least, uint64_t most)
{
        later(h, sim_between(least, most), on_connect, (void *)(uintptr_t)++h->pg.connects);
}

static void on_connect(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (is_over(e) || (uintptr_t)e->what != pg->connects || pg->phase != SERVER_UP || pg->primary || pg->upstream < 0)
                return;
        Host *up = &world->hosts[pg->upstream];
        if (pg->streaming_since) { /* does it still? */
                if (!can_stream(h, up)) {
                        pg->streaming_since = 0;
                        up->pg.flushed[h->index] = 0;
                }
        } else if (can_stream(h, up)) {
                pg->streaming_since = world->now;
                sim_event(world->now + sim_between(5 * MSEC, 300 * MSEC), on_wal, NULL, h,
                          (void *)(uintptr_t)world->now,
                          (uint64_t)up->index << 56 | up->pg.lsn);
        }
        if (pg->streaming_since)
                connect_within(h, 2 * SEC, 3 * SEC);
        else
                connect_within(h, 50 * MSEC, SEC);
}

/* ---- clients ---- */

static void on_client(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (is_over(e) || !pg->primary || pg->phase != SERVER_UP)
                return;
        if (postgres_may_acknowledge(h)) {
                pg->lsn += sim_chance(50) ? sim_below(3 << 20) : 64 + sim_below(4096);
                ship(h);
                acknowledge(h);
        }
        bool busy = world->now < world->last_fault + 40 * SEC;
        later(h, busy ? sim_between(20 * MSEC, 500 * MSEC) : sim_between(SEC, 4 * SEC), on_client,
              NULL);
}

/* ---- starts and promotions ---- */

static void on_checkpointed(Event *e)
{
        if (!is_over(e)) {
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
        later(h, sim_between(MSEC, 100 * MSEC), on_client, NULL);
}

static void on_started(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (is_over(e) || pg->phase != SERVER_STARTING)
                return;
        if (is_frozen(h)) {
                later(h, thawed(h) - world->now, on_started, NULL);
                return;
        }
        TRACE(h, "postgres", "accepts as %s, timeline %u, %llx",
              pg->standby ? "standby" : "primary", world->branches[pg->branch].timeline,
              (unsigned long long)pg->lsn);
        if (pg->standby) {
                pg->phase = SERVER_UP;
                connect_within(h, 5 * MSEC, 100 * MSEC);
                return;
        }
        const Branch *b = &world->branches[pg->branch];
        if (b->owner != h->index) /* another one's line, gone on with: it splits, unnoticed */
                pg->branch = new_branch(pg->branch, pg->lsn, b->timeline, h->index);
        lead(h);
        check_promotion(h);
}

void postgres_spawn(Host *h, int leaf, bool standby)
{
        Postgres *pg = &h->pg;
        bool crashed = pg->control == CONTROL_PRODUCTION;

        pg->born++;

        if (pg->phase != SERVER_DOWN || pg->datadir != DATADIR_VALID || pg->lingers) {
                server_gone_soon(h);
                return;
        }
        pg->life++;
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
        (void)STR_SET(pg->sync_names, pg->sync_next);
        pg->upstream = pg->upstream_next;
        pg->control = standby ? CONTROL_ARCHIVE_RECOVERY : CONTROL_CRASH_RECOVERY;
        later(h, slowness(sim_between(40 * MSEC, crashed ? 2 * SEC : 500 * MSEC)), on_started, NULL);
}

static void on_promoted(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (is_over(e) || pg->phase != SERVER_PROMOTING)
                return;
        if (is_frozen(h)) {
                later(h, thawed(h) - world->now, on_promoted, NULL);
                return;
        }
        pg->branch = new_branch(pg->branch, pg->lsn, world->branches[pg->branch].timeline + 1,
                                h->index);
        pg->standby = pg->signal_file = false;
        pg->checkpoint_pending = 1;
        lead(h);
        later(h, slowness(sim_between(50 * MSEC, 3 * SEC)), on_checkpointed, NULL);
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

        if (is_over(e) || pg->phase != SERVER_STOPPING)
                return;
        if (is_frozen(h)) {
                later(h, thawed(h) - world->now, on_stopped, NULL);
                return;
        }
        if (pg->primary && !pg->stop_immediate) {
                pg->control_lsn = pg->lsn;
                pg->lsn += 120; /* the shutdown checkpoint, which goes to who is connected */
                for (int i = 0; i < world->n_hosts; i++) {
                        Host *other = &world->hosts[i];
                        if (other->pg.upstream == h->index && other->pg.streaming_since &&
                            other->pg.phase == SERVER_UP && !other->pg.primary &&
                            reaches(h, other) && gate_is_open(h) && !is_frozen(other))
                                take_wal(other, h, pg->lsn);
                }
        }
        note_control(h, !pg->stop_immediate);
        end_server(h, 0);
}

static void on_reloaded(Event *e)
{
        Postgres *pg = &e->host->pg;

        if (is_over(e) || pg->phase == SERVER_DOWN)
                return;
        (void)STR_SET(pg->sync_names, pg->sync_next);
        if (pg->upstream != pg->upstream_next && !pg->primary) {
                if (pg->upstream >= 0)
                        world->hosts[pg->upstream].pg.flushed[e->host->index] = 0;
                pg->upstream = pg->upstream_next;
                pg->streaming_since = 0;
                connect_within(e->host, 5 * MSEC, 50 * MSEC);
        }
        acknowledge(e->host);
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
                later(h, sig == SIGQUIT ? sim_between(5 * MSEC, 80 * MSEC)
                                        : slowness(sim_between(30 * MSEC, 400 * MSEC)), on_stopped,
                      NULL);
                break;
        case SIGHUP: later(h, sim_between(MSEC, 15 * MSEC), on_reloaded, NULL); break;
        case SIGUSR1:
                if (pg->phase != SERVER_UP || pg->primary)
                        return;
                check_gate_of_promotion(h);
                pg->phase = SERVER_PROMOTING;
                pg->streaming_since = 0;
                if (pg->upstream >= 0)
                        world->hosts[pg->upstream].pg.flushed[h->index] = 0;
                later(h, slowness(sim_between(30 * MSEC, SEC)), on_promoted, NULL);
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
        pg->branch = pg->control_branch = new_branch(-1, 0, 1, h->index);
        pg->control = CONTROL_SHUT_DOWN;
        pg->control_lsn = pg->lsn - 120;
        pg->signal_file = false;
}

/* By pg_basebackup or pg_rewind: false if that server does not let us. */
bool postgres_copy(Host *h, int from, bool need_primary)
{
        const Host *up = from >= 0 ? &world->hosts[from] : NULL;

        if (!up || !reaches(h, up) || up->pg.phase != SERVER_UP || is_frozen(up) ||
            !gate_is_open(up) || (need_primary && !up->pg.primary))
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

        if (!up || !reaches(h, up) || up->pg.phase != SERVER_UP || is_frozen(up) ||
            !gate_is_open(up) || !up->pg.primary)
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
