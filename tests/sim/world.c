/* The order of events, clocks, programs that start and end, hosts that lose their power. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/etcd.h"
#include "tests/sim/sim.h"

#define STILL_MOST 20000 /* events at one instant: more are a loop */
#define RESTART_AFTER (100 * MSEC) /* RestartSec= of our units */

World *world;
Program *running;

/*
 * A heap of four children to a node, of keys; what happens at this very instant waits in a ring beside
 * it, which keeps its order. An event knows its place, so that a timer that is set anew leaves nothing.
 */
typedef struct Due {
        unsigned __int128 key; /* its time, and then its number */
        uint32_t event;
} Due;

#define IN_RING UINT32_MAX

typedef struct Queue {
        uint64_t number;
        size_t n, room; /* of the heap */
        Due *heap;
        Event *events; /* as many as the heap has room for */
        uint32_t *unused;
        uint32_t ring[1024]; /* events at `now` */
        unsigned first, n_ring;
        size_t n_events, n_unused;
} Queue;

/* ---- chance ---- */

uint64_t sim_random(void)
{
        uint64_t a = world->rng.s[0], b = world->rng.s[1];

        world->rng.s[0] = b;
        a ^= a << 23;
        world->rng.s[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
        return world->rng.s[1] + b;
}

uint64_t sim_below(uint64_t n)
{
        return n ? (uint64_t)(((unsigned __int128)sim_random() * n) >> 64) : 0;
}

uint64_t sim_between(uint64_t low, uint64_t high)
{
        return low + sim_below(high - low + 1);
}

bool sim_chance(unsigned in_1000)
{
        return sim_below(1000) < in_1000;
}

/* ---- events ---- */

static void *grown(void *p, size_t room, size_t size)
{
        p = realloc(p, room * size);
        if (!p)
                abort();
        return p;
}

static uint32_t new_event(Queue *q)
{
        if (q->n_unused > 0)
                return q->unused[--q->n_unused];
        if (q->n_events == q->room) {
                q->room = q->room ? q->room * 2 : 1024;
                q->heap = grown(q->heap, q->room, sizeof *q->heap);
                q->events = grown(q->events, q->room, sizeof *q->events);
                q->unused = grown(q->unused, q->room, sizeof *q->unused);
        }
        return (uint32_t)q->n_events++;
}

static void put(Queue *q, size_t i, Due due)
{
        q->heap[i] = due;
        q->events[due.event].place = (uint32_t)i;
}

static void rise(Queue *q, size_t i, Due due)
{
        while (i > 0 && due.key < q->heap[(i - 1) / 4].key) {
                put(q, i, q->heap[(i - 1) / 4]);
                i = (i - 1) / 4;
        }
        put(q, i, due);
}

static void sink(Queue *q, size_t i, Due due)
{
        for (;;) {
                size_t child = 4 * i + 1, end = MIN(child + 4, q->n), best = child;
                if (child >= q->n)
                        break;
                while (++child < end)
                        if (q->heap[child].key < q->heap[best].key)
                                best = child;
                if (q->heap[best].key > due.key)
                        break;
                put(q, i, q->heap[best]);
                i = best;
        }
        put(q, i, due);
}

static void enqueue(Queue *q, uint32_t i)
{
        Event *e = &q->events[i];

        /* What was queued for this instant before it came stands in the heap, and goes first. */
        if (e->at == world->now && q->n_ring < ELEMENTSOF(q->ring)) {
                e->place = IN_RING;
                q->ring[(q->first + q->n_ring++) % ELEMENTSOF(q->ring)] = i;
        } else {
                rise(q, q->n++, (Due){ (unsigned __int128)e->at << 64 | ++q->number, i });
        }
}

uint32_t sim_event(uint64_t at, event_t fire, Program *p, Host *h, void *what, uint64_t value)
{
        Queue *q = world->queue;
        uint32_t i = new_event(q);

        q->events[i] = (Event){ .at = MAX(at, world->now), .fire = fire, .program = p,
                                .life = p ? p->life : 0, .host = h ? h : p ? p->host : NULL,
                                .what = what, .value = value };
        enqueue(q, i);
        return i;
}

static void forget(Queue *q, uint32_t i)
{
        q->unused[q->n_unused++] = i;
}

static void take_out(Queue *q, size_t place)
{
        Due last = q->heap[--q->n];

        if (place == q->n)
                return;
        if (place > 0 && last.key < q->heap[(place - 1) / 4].key)
                rise(q, place, last);
        else
                sink(q, place, last);
}

void sim_cancel(uint32_t i)
{
        Queue *q = world->queue;

        if (q->events[i].place == IN_RING) {
                q->events[i].fire = NULL;
        } else {
                take_out(q, q->events[i].place);
                forget(q, i);
        }
}

static bool is_empty(const Queue *q)
{
        return q->n == 0 && q->n_ring == 0;
}

static uint32_t pop(Queue *q)
{
        uint32_t i;

        if (q->n_ring > 0 && (q->n == 0 || q->heap[0].key >> 64 > world->now)) {
                i = q->ring[q->first];
                q->first = (q->first + 1) % ELEMENTSOF(q->ring);
                q->n_ring--;
        } else {
                i = q->heap[0].event;
                take_out(q, 0);
        }
        return i;
}

/* ---- clocks ---- */

usec_t host_clock(const Host *h, uint64_t at)
{
        int64_t age = (int64_t)(at - h->booted);

        return (usec_t)(age + ((age * h->drift) >> 20));
}

usec_t host_wall(const Host *h)
{
        return (usec_t)((int64_t)(1700000000 * SEC + world->now) + h->wall_offset);
}

/* The first true instant at which the host's clock shows this. */
uint64_t host_true(const Host *h, usec_t clock)
{
        if (clock >= FOREVER / 2)
                return FOREVER;
        int64_t age = (int64_t)(((__int128)clock << 20) / ((1 << 20) + h->drift));
        uint64_t at = h->booted + (uint64_t)age;

        while (host_clock(h, at) < clock)
                at++;
        return at;
}

/* ---- what is told ---- */

void trace_line(const Host *h, const char *who, const char *format, ...)
{
        va_list ap;

        printf("%10.3f  %-3s %-9s ", (double)(world->now - 1000 * SEC) / 1e6, h ? h->name : "",
               who);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

void sim_fail(const char *format, ...)
{
        va_list ap;
        int n;

        if (world->failed)
                return;
        world->failed = true;
        n = snprintf(world->failure, sizeof world->failure, "at %.3f s: ",
                     (double)(world->now - 1000 * SEC) / 1e6);
        va_start(ap, format);
        vsnprintf(world->failure + n, sizeof world->failure - (size_t)n, format, ap);
        va_end(ap);
        TRACE(NULL, "FAILED", "%s", world->failure);
}

/* ---- programs ---- */

static const struct {
        const char *name;
        int (*start)(Program *p);
        void (*end)(Program *p);
} kinds[PROGRAM_MAX] = {
        [PROGRAM_MIND] = { "mind", mind_start, mind_end },
        [PROGRAM_DCSD] = { "dcsd", dcsd_start, dcsd_end },
        [PROGRAM_PGD] = { "pgd", pgd_start, pgd_end },
        [PROGRAM_FENCED] = { "fenced", fenced_start, fenced_end },
        [PROGRAM_WATCHDOGD] = { "watchdogd", watchdogd_start, watchdogd_end },
};

const char *program_name(ProgramId id)
{
        return kinds[id].name;
}

bool program_runs(const Program *p)
{
        return p->up && p->host->powered && MAX(p->stalled, p->host->frozen) <= world->now;
}

void program_start(Program *p)
{
        Program *before = running;

        if (p->up || !p->host->powered)
                return;
        p->up = true;
        p->life++;
        p->stalled = 0;
        running = p;
        TRACE(p->host, kinds[p->id].name, "starts");
        if (kinds[p->id].start(p) < 0)
                abort();
        running = before;
}

static void on_start(Event *e)
{
        program_start(e->what);
}

void program_end(Program *p)
{
        Program *before = running;

        if (!p->up)
                return;
        TRACE(p->host, kinds[p->id].name, "ends");
        p->up = false;
        p->life++;
        running = p;
        kinds[p->id].end(p);
        running = before;
        if (p->id == PROGRAM_MIND)
                seam_mind_gone(p);
        else
                seam_hand_gone(p);
}

static void start_later(Program *p, uint64_t after)
{
        sim_event(world->now + after, on_start, NULL, p->host, p, 0);
}

void program_kill(Program *p)
{
        if (!p->up)
                return;
        program_end(p);
        start_later(p, RESTART_AFTER + sim_between(20 * MSEC, 200 * MSEC));
}

/* ---- hosts ---- */

static void forget_run(Host *h)
{
        for (size_t i = 0; i < ELEMENTSOF(h->files); i++)
                if (strncmp(h->files[i].path, "/var/", 5) != 0)
                        h->files[i] = (File){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(h->stores); i++) {
                free(h->stores[i]);
                h->stores[i] = NULL;
        }
        h->store_leaf = h->store_gate = -1;
        memset(h->leaves, 0, sizeof h->leaves);
        h->device_open = h->device_stored = false;
}

static void boot(Host *h)
{
        h->powered = true;
        h->booted = world->now - 20 * SEC;
        h->last_epoch = h->revoked_epoch = h->told_revoked = 0;
        h->hurt_until = MAX(h->hurt_until, world->now + 2 * SEC);
        TRACE(h, "host", "boots");
        for (int i = 0; i < PROGRAM_MAX; i++)
                start_later(&h->programs[i], sim_between(10 * MSEC, 900 * MSEC));
}

static void on_boot(Event *e)
{
        if (!e->host->powered)
                boot(e->host);
}

void host_power_off(Host *h, uint64_t off_for)
{
        if (!h->powered)
                return;
        TRACE(h, "host", "loses its power");
        h->powered = false;
        h->frozen = 0;
        for (int i = 0; i < PROGRAM_MAX; i++)
                program_end(&h->programs[i]);
        postgres_power_off(h);
        forget_run(h);
        sim_event(world->now + off_for, on_boot, NULL, h, NULL, 0);
}

/* ---- the run ---- */

static void step(Queue *q, uint32_t i)
{
        Event e = q->events[i];
        Program *p = e.program;
        uint64_t until = p ? MAX(p->stalled, p->host->frozen) : 0;

        if (p && p->up && p->life == e.life && until > world->now) {
                q->events[i].at = until;
                enqueue(q, i);
                return;
        }
        forget(q, i);
        if (!e.fire || (p && (!p->up || p->life != e.life)))
                return;
        running = p;
        e.fire(&e);
        if (running && running->id == PROGRAM_DCSD)
                dcsd_flush(running);
        running = NULL;
        check_step();
}

void world_run(World *w)
{
        uint64_t end = 1000 * SEC + w->schedule->length, still = 0;
        Queue *q = w->queue;

        while (!is_empty(q) && !w->failed && !w->over) {
                uint32_t i = pop(q);
                const Event *e = &q->events[i];
                if (e->at >= end) {
                        enqueue(q, i);
                        break;
                }
                still = e->at == w->now ? still + 1 : 0;
                if (still == STILL_MOST)
                        sim_fail("%s turns without end", e->program ? program_name(e->program->id) : "the world");
                w->now = e->at;
                w->n_events++;
                step(q, i);
        }
        w->now = end;
}

static void host_init(Host *h, int i)
{
        *h = (Host){ .world = world, .index = i };
        snprintf(h->name, sizeof h->name, "n%d", i);
        h->tags = TAGS_DEFAULT;
        h->drift = (int64_t)sim_below(2 * 1000) - 1000; /* a thousandth at the most */
        h->wall_offset = (int64_t)sim_below(2 * SEC) - (int64_t)SEC;
        h->watchdog_mode = world->schedule->watchdog ? (sim_chance(300) ? WATCHDOG_REQUIRED
                                                                        : WATCHDOG_AUTOMATIC)
                                                     : WATCHDOG_OFF;
        h->store_leaf = h->store_gate = -1;
        for (int k = 0; k < PROGRAM_MAX; k++)
                h->programs[k] = (Program){ .host = h, .id = (ProgramId)k };
        apid_init(h);
        postgres_init(h);
        boot(h);
}

static void choose_tags(void)
{
        int n = world->n_hosts;

        if (n >= 3 && sim_chance(300)) {
                Tags *t = &world->hosts[n - 1].tags;
                t->nofailover = true;
                t->failover_priority = 0;
        }
        if (n >= 4 && sim_chance(200))
                world->hosts[1].tags.nosync = true;
        if (n >= 3 && sim_chance(200))
                world->hosts[0].tags.failover_priority = 5;
}

static void next_fault(void);

static void on_fault(Event *e)
{
        next_fault();
        fault_begin(e->what);
}

static void next_fault(void)
{
        const Schedule *s = world->schedule;
        Fault *f = &s->faults[world->n_begun];

        if (world->n_begun++ < s->n_faults)
                sim_event(1000 * SEC + f->at * MSEC, on_fault, NULL, NULL, f, 0);
}

void world_init(World *w, Schedule *s)
{
        memset(w, 0, offsetof(World, branches));
        memset((char *)w + offsetof(World, n_branches), 0, sizeof *w - offsetof(World, n_branches));
        world = w;
        w->schedule = s;
        w->rng.s[0] = s->seed * 0x9e3779b97f4a7c15u + 1;
        w->rng.s[1] = s->seed ^ 0xd1b54a32d192ed03u;
        for (int i = 0; i < 16; i++)
                (void)sim_random();
        w->now = 1000 * SEC;
        w->last_fault = w->now;
        w->n_hosts = s->hosts;
        w->queue = calloc(1, sizeof *w->queue);
        w->settings[0] = settings_of(s, 0);
        w->n_settings = 1;
        etcd_init();
        for (int i = 0; i < w->n_hosts; i++)
                host_init(&w->hosts[i], i);
        choose_tags();
        seams_init();
        checks_init();
        next_fault();
}

void world_done(World *w)
{
        w->trace = false;
        for (int i = 0; i < w->n_hosts; i++) {
                Host *h = &w->hosts[i];
                h->powered = false;
                for (int k = 0; k < PROGRAM_MAX; k++)
                        program_end(&h->programs[k]);
                forget_run(h);
                free(h->apid);
        }
        while (!is_empty(w->queue)) {
                Event e = w->queue->events[pop(w->queue)];
                rpc_forget(&e);
                call_forget(&e);
                peer_forget(&e);
                fault_forget(&e);
        }
        seams_done();
        etcd_done();
        free(w->queue->heap);
        free(w->queue->events);
        free(w->queue->unused);
        free(w->queue);
}
