/*
 * WAL of the modelled servers: its lines, streaming, and what a commit waits for. A new position is told to
 * whoever streams from here, comes back as flushed, and is acknowledged when enough of them have it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/postgres.h"

/* ---- lines of WAL ---- */

int branch_new(int parent, Lsn from, uint32_t timeline, int owner)
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

/* ---- streaming ---- */

bool server_reaches(const Host *from, const Host *to)
{
        return !from->to_host[to->index] && !to->to_host[from->index] && from->powered && to->powered;
}

static bool can_stream(const Host *h, const Host *up)
{
        return up->pg.phase == SERVER_UP && !server_is_frozen(up) && server_gate_is_open(up) &&
               h->pg.phase == SERVER_UP && !server_is_frozen(h) && !h->pg.primary && server_reaches(h, up) &&
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

void wal_acknowledge(Host *h)
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
            !server_is_frozen(up)) {
                up->pg.flushed[i] = MAX(up->pg.flushed[i], lsn);
                wal_acknowledge(up);
        }
}

void wal_take(Host *h, const Host *up, Lsn lsn)
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
            h->pg.phase != SERVER_UP || h->pg.primary || !server_reaches(up, h))
                return;
        if (server_is_frozen(h)) {
                sim_event(server_thawed(h), on_wal, NULL, h, e->what, e->value);
                return;
        }
        wal_take(h, up, lsn);
        if (!up->pg.sync_names[0] && !up->pg.sync_next[0]) { /* no commit waits for it */
                up->pg.flushed[h->index] = MAX(up->pg.flushed[h->index], h->pg.lsn);
                return;
        }
        sim_event(world->now + sim_between(200, 1500), on_feedback, NULL, up, NULL,
                  (uint64_t)h->index << 56 | h->pg.lsn);
}

void wal_ship(Host *up)
{
        if (!server_gate_is_open(up) || server_is_frozen(up))
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

void wal_connect_within(Host *h, uint64_t least, uint64_t most)
{
        server_later(h, sim_between(least, most), on_connect, (void *)(uintptr_t)++h->pg.connects);
}

static void on_connect(Event *e)
{
        Host *h = e->host;
        Postgres *pg = &h->pg;

        if (server_is_over(e) || (uintptr_t)e->what != pg->connects || pg->phase != SERVER_UP || pg->primary ||
            pg->upstream < 0)
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
                wal_connect_within(h, 2 * SEC, 3 * SEC);
        else
                wal_connect_within(h, 50 * MSEC, SEC);
}
