/* Schedules of faults that come of a seed: long ones, and short ones in which faults meet an operation. */
#include <stdlib.h>

#include "tests/sim/errors.h"
#include "tests/sim/sim.h"

/* Most clusters run Patroni's defaults. */
static int any_timing(void)
{
        static const int of_20[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 0, 0, 0, 2, 3 };

        return of_20[sim_below(ELEMENTSOF(of_20))];
}

/* `which` as settings_of() takes it: that timing, with either way to be synchronous. */
static uint64_t change_to(const Schedule *s, int timing)
{
        return (uint64_t)((timing - s->timing + TIMINGS) % TIMINGS) + (sim_chance(500) ? TIMINGS : 0);
}

static const struct {
        FaultKind kind;
        unsigned weight;
        uint64_t b_least, b_most; /* ms */
} weights[] = {
        { FAULT_KILL, 14, 0, 0 },
        { FAULT_STALL, 14, 20, 900 },
        { FAULT_STALL, 4, 900, 30000 },
        { FAULT_KILL_SERVER, 5, 0, 0 },
        { FAULT_CRASH_SERVER, 5, 0, 0 },
        { FAULT_FREEZE_SERVER, 4, 500, 40000 },
        { FAULT_POWER, 8, 3000, 60000 },
        { FAULT_FREEZE, 6, 100, 30000 },
        { FAULT_CUT_ETCD, 14, 200, 40000 },
        { FAULT_CUT_ENDPOINT, 6, 200, 40000 },
        { FAULT_CUT_HOST, 8, 200, 40000 },
        { FAULT_ISOLATE, 8, 200, 60000 },
        { FAULT_LOSS, 4, 1000, 30000 },
        { FAULT_ETCD_LEADER, 8, 0, 0 },
        { FAULT_ETCD_STALL, 6, 100, 10000 },
        { FAULT_ETCD_LOST, 5, 500, 60000 },
        { FAULT_ETCD_MEMBER, 5, 1000, 60000 },
        { FAULT_ETCD_DEPOSED, 6, 500, 15000 },
        { FAULT_DELAY, 4, 1000, 20000 },
        { FAULT_WALL, 3, 0, 0 },
        { FAULT_DEVICE, 2, 1000, 60000 },
        { FAULT_SLOW_SERVER, 4, 1000, 60000 },
        { FAULT_SWITCHOVER, 12, 0, 0 },
        { FAULT_FAILOVER, 2, 0, 0 },
        { FAULT_CANCEL, 2, 500, 60000 },
        { FAULT_PAUSE, 3, 5000, 90000 },
        { FAULT_LEAVE, 4, 5000, 60000 },
        { FAULT_CONFIG, 4, 0, 0 },
};

static Fault random_fault(const Schedule *s, uint64_t at)
{
        unsigned total = 0, pick;
        size_t i = 0;

        for (size_t k = 0; k < ELEMENTSOF(weights); k++)
                total += weights[k].weight;
        pick = (unsigned)sim_below(total);
        while (pick >= weights[i].weight)
                pick -= weights[i++].weight;
        Fault f = { .at = at, .kind = weights[i].kind, .host = (int)sim_below((uint64_t)s->hosts) };
        f.b = sim_between(weights[i].b_least, weights[i].b_most);
        if (f.b > 5000 && sim_chance(500))
                f.b /= 8;
        switch ((int)f.kind) {
        case FAULT_KILL:
        case FAULT_STALL: f.a = sim_below(PROGRAM_MAX); break;
        case FAULT_FREEZE_SERVER: f.a = sim_below(4) == 0; break;
        case FAULT_CUT_ETCD: f.a = 1 + sim_below(3); break;
        case FAULT_CUT_ENDPOINT: f.a = (1 + sim_below(3)) | sim_below(ETCD_MEMBERS) << 4; break;
        case FAULT_CUT_HOST: f.a = sim_below((uint64_t)s->hosts); break;
        case FAULT_LOSS: f.a = 5 + sim_below(60); break;
        case FAULT_ETCD_LEADER: f.a = 50 + sim_below(3000); break;
        case FAULT_ETCD_MEMBER: f.a = sim_below(ETCD_MEMBERS); break;
        case FAULT_DELAY: f.a = 10 + sim_below(800); break;
        case FAULT_WALL: f.a = sim_below(10000); break;
        case FAULT_SLOW_SERVER: f.a = 500 + sim_below(15000); break;
        case FAULT_SWITCHOVER:
        case FAULT_CANCEL: f.a = sim_below((uint64_t)s->hosts + 1); break;
        case FAULT_FAILOVER: f.a = sim_below((uint64_t)s->hosts); break;
        case FAULT_CONFIG: f.a = change_to(s, any_timing()); break;
        }
        if (f.kind == FAULT_PAUSE && !s->pauses)
                f.kind = FAULT_SWITCHOVER;
        if (f.kind == FAULT_CONFIG && at / 1000 % 2 == 0) {
                f.kind = FAULT_DEMOTE;
                f.b = at % 4 == 1 ? 300 + at % 2000 : 20000 + at % 100000;
        }
        if ((f.kind == FAULT_SWITCHOVER || f.kind == FAULT_KILL_SERVER) && at / 100 % 3 == 0)
                f.kind = FAULT_RESTART;
        if ((f.kind == FAULT_SWITCHOVER || f.kind == FAULT_RESTART) && at % 4 == 0)
                f.b = 1000 + at % 60000;
        if (f.kind == FAULT_KILL && at / 10 % 6 == 0)
                f.kind = FAULT_LAUNCHER;
        if (f.kind == FAULT_ETCD_LEADER && at / 10 % 2 == 0) {
                f.kind = FAULT_ETCD_ERROR;
                f.a = at % n_error_classes;
                f.b = at % 30;
        }
        if (f.kind >= FAULT_ETCD_LEADER && f.kind != FAULT_ETCD_ERROR && f.kind != FAULT_WALL && f.kind != FAULT_DEVICE &&
            f.kind != FAULT_LEAVE && f.kind != FAULT_RESTART && f.kind != FAULT_LAUNCHER)
                f.host = -1;
        return f;
}

static bool any_steps(const Schedule *s)
{
        for (size_t i = 0; i < s->n_faults; i++)
                if (s->faults[i].kind == FAULT_WALL)
                        return true;
        return false;
}

static void do_at_once(Schedule *s)
{
        for (size_t i = 0; i < s->n_faults; i++) {
                Fault *f = &s->faults[i];
                if (f->kind == FAULT_CANCEL)
                        f->kind = FAULT_SWITCHOVER;
                if (f->kind == FAULT_SWITCHOVER || f->kind == FAULT_RESTART)
                        f->b = 0;
        }
}

/* What a schedule is made of comes of its seed alone. */
static void begin_chance(World *w, const Schedule *s)
{
        world = w; /* only for its chance */
        w->rng.s[0] = s->seed * 0xbf58476d1ce4e5b9u + 7;
        w->rng.s[1] = s->seed + 0x94d049bb133111ebu;
        for (int i = 0; i < 16; i++)
                (void)sim_random();
}

/* Bursts of faults, and after each of them time to recover in: on average two minutes in some schedules, an
   hour and three quarters in others, so that what only time brings is met too. */
void schedule_make(Schedule *s)
{
        World w = { 0 };
        World *before = world;
        uint64_t at = 90000, rest;
        static const uint64_t spreads[] = { 30, 300, 3000, 3000, 60000, 60000 }; /* ms: within one step of an operation, too */

        begin_chance(&w, s);
        s->timing = any_timing();
        s->failsafe = sim_chance(250);
        s->sync = sim_chance(450) ? 1 + s->seed % 2 : 0;
        s->sync_strict = s->sync && sim_chance(250);
        s->watchdog = sim_chance(600);
        s->pauses = sim_chance(300);
        if (s->hosts == 0)
                s->hosts = (int)sim_between(2, NODES_MAX);
        rest = UINT64_C(200000) << sim_below(7);
        s->faults = calloc(FAULTS_MAX, sizeof *s->faults);
        while (at * MSEC < s->length && s->n_faults + 16 < FAULTS_MAX && !s->calm) {
                uint64_t n = 1 + sim_below(sim_chance(200) ? 14 : 6);
                uint64_t spread = spreads[sim_below(ELEMENTSOF(spreads))];
                for (uint64_t i = 0; i < n; i++) {
                        s->faults[s->n_faults++] = random_fault(s, at);
                        at += sim_below(spread);
                }
                at += 30000 + sim_below(rest);
        }
        if (any_steps(s)) /* of a wall clock: what is scheduled would come at any time */
                do_at_once(s);
        world = before;
}

/* ---- an operation, and the faults that meet it ---- */

#define MEET_AT 95000 /* ms: every member streams by then */
#define MEET_LONGEST 40000
#define MEET_AFTER 270000 /* time to recover in: with the longest ttl and the longest fault, checks.c */

/* 1 to `most`, each power of two as likely as the next. */
static uint64_t any_order(uint64_t most)
{
        unsigned orders = 1;

        while (most >> orders)
                orders++;
        return 1 + sim_below(MAX(most >> sim_below(orders), (uint64_t)1));
}

static FaultKind any_operation(const Schedule *s)
{
        static const FaultKind kinds[] = { FAULT_PAUSE, FAULT_SWITCHOVER, FAULT_FAILOVER, FAULT_CANCEL, FAULT_RESTART,
                                           FAULT_LEAVE, FAULT_CONFIG, FAULT_DEMOTE };
        unsigned others = s->pauses ? 0 : 1;

        return kinds[others + sim_below(ELEMENTSOF(kinds) - others)];
}

static Fault meeting_fault(const Schedule *s, uint64_t at, bool operation)
{
        FaultKind kind = operation ? any_operation(s) : FAULT_NONE;
        Fault f;

        do
                f = random_fault(s, operation ? at + sim_below(2000) : at); /* some kinds are of a time */
        while (operation && f.kind != kind);
        f.at = at;
        if (f.b != 0 && f.kind != FAULT_ETCD_ERROR)
                f.b = any_order(MIN(f.b, (uint64_t)MEET_LONGEST));
        return f;
}

/* Once, in a short life: what long schedules seldom bring, since there the steps of an operation are rare. */
void schedule_meet(Schedule *s)
{
        World w = { 0 };
        World *before = world;
        static const uint64_t gaps[] = { 30, 300, 3000, 20000 }; /* ms */
        uint64_t at = MEET_AT;

        begin_chance(&w, s);
        s->timing = (int)sim_below(TIMINGS);
        s->failsafe = sim_chance(400);
        s->sync = (int)sim_below(3);
        s->sync_strict = s->sync && sim_chance(250);
        s->watchdog = sim_chance(500);
        s->pauses = sim_chance(500);
        if (s->hosts == 0)
                s->hosts = (int)sim_between(2, 6);
        s->faults = calloc(FAULTS_MAX, sizeof *s->faults);
        uint64_t n = 2 + sim_below(7), first = sim_below(n), gap = gaps[sim_below(ELEMENTSOF(gaps))];
        for (uint64_t i = 0; i < n; i++) {
                s->faults[s->n_faults++] = meeting_fault(s, at, i == first || sim_chance(200));
                at += any_order(gap);
        }
        s->length = (at + MEET_AFTER) * MSEC;
        if (any_steps(s))
                do_at_once(s);
        world = before;
}
