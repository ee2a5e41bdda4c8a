/* Schedules of faults: made from a seed, told in words, written down, read again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/errors.h"
#include "tests/sim/sim.h"

static const char *const names[FAULT_MAX] = {
        [FAULT_NONE] = "none",
        [FAULT_KILL] = "kill",
        [FAULT_STALL] = "stall",
        [FAULT_KILL_SERVER] = "kill-postmaster",
        [FAULT_CRASH_SERVER] = "crash-postgres",
        [FAULT_FREEZE_SERVER] = "freeze-postgres",
        [FAULT_POWER] = "power",
        [FAULT_FREEZE] = "freeze-host",
        [FAULT_CUT_ETCD] = "cut-etcd",
        [FAULT_CUT_ENDPOINT] = "cut-endpoint",
        [FAULT_CUT_HOST] = "cut-host",
        [FAULT_ISOLATE] = "isolate",
        [FAULT_LOSS] = "loss",
        [FAULT_ETCD_LEADER] = "etcd-leader",
        [FAULT_ETCD_STALL] = "etcd-stall",
        [FAULT_ETCD_LOST] = "etcd-lost",
        [FAULT_ETCD_MEMBER] = "etcd-member",
        [FAULT_ETCD_DEPOSED] = "etcd-deposed",
        [FAULT_ETCD_ERROR] = "etcd-error",
        [FAULT_DELAY] = "delay",
        [FAULT_WALL] = "wall-clock",
        [FAULT_DEVICE] = "device",
        [FAULT_SLOW_SERVER] = "slow-postgres",
        [FAULT_SWITCHOVER] = "switchover",
        [FAULT_FAILOVER] = "failover",
        [FAULT_PAUSE] = "pause",
        [FAULT_RESUME] = "resume",
        [FAULT_LEAVE] = "leave",
        [FAULT_CONFIG] = "config",
        [FAULT_DEMOTE] = "demote-cluster",
        [FAULT_PROMOTE] = "promote-cluster",
        [FAULT_CANCEL] = "cancel-switchover",
        [FAULT_RESTART] = "restart",
        [FAULT_LAUNCHER] = "launcher",
};

const char *fault_name(FaultKind kind)
{
        return names[kind];
}

/* ---- settings ---- */

#define TIMING(t, l, r) { (t) * SEC, (l) * SEC, (r) * SEC }

static const Timing timings[] = { TIMING(10, 2, 3), TIMING(30, 10, 10), TIMING(3, 1, 1),
                                  TIMING(5, 1, 1), TIMING(20, 5, 5) };

/* Most clusters run Patroni's defaults. */
static int any_timing(void)
{
        static const int of_20[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 0, 0, 0, 2, 3 };

        return of_20[sim_below(ELEMENTSOF(of_20))];
}

/* `which` as settings_of() takes it: that timing, with either way to be synchronous. */
static uint64_t change_to(const Schedule *s, int timing)
{
        int n = ELEMENTSOF(timings);

        return (uint64_t)((timing - s->timing + n) % n) + (sim_chance(500) ? (uint64_t)n : 0);
}

Settings settings_of(const Schedule *s, int which)
{
        Settings v = SETTINGS_DEFAULT;
        bool changed;

        v.asked = timings[(s->timing + which) % (int)ELEMENTSOF(timings)];
        v.timing = timing_adjust(v.asked, &changed);
        v.failsafe_mode = s->failsafe;
        v.synchronous_mode = s->sync == 2 && which % 2 == 0 ? SYNC_MODE_QUORUM
                             : s->sync                       ? SYNC_MODE_ON
                                                             : SYNC_MODE_OFF;
        v.synchronous_node_count = s->sync == 2 ? 1 + (uint32_t)(s->seed / 7 + (unsigned)which) % 2 : 1;
        v.synchronous_mode_strict = s->sync_strict;
        v.primary_start_timeout = 60 * SEC;
        return v;
}

/* ---- in words ---- */

const char *fault_describe(const Fault *f, char *buf, size_t size)
{
        double s = (double)f->b / 1000;
        int n;
        static const char *const ways[] = { "no", "requests to", "answers from", "both ways to" };

        switch (f->kind) {
        case FAULT_KILL:
                snprintf(buf, size, "%s is killed", program_name((ProgramId)(f->a % PROGRAM_MAX)));
                break;
        case FAULT_STALL:
                snprintf(buf, size, "%s stands still for %.2f s",
                         program_name((ProgramId)(f->a % PROGRAM_MAX)), s);
                break;
        case FAULT_KILL_SERVER: snprintf(buf, size, "the postmaster is killed"); break;
        case FAULT_CRASH_SERVER: snprintf(buf, size, "postgres crashes"); break;
        case FAULT_FREEZE_SERVER:
                snprintf(buf, size, "postgres is frozen for %.2f s%s", s,
                         f->a & 1 ? ", and cannot be killed" : "");
                break;
        case FAULT_POWER: snprintf(buf, size, "loses its power for %.1f s", s); break;
        case FAULT_FREEZE: snprintf(buf, size, "the whole host stands still for %.2f s", s); break;
        case FAULT_CUT_ETCD:
                snprintf(buf, size, "cut off: %s etcd, for %.2f s", ways[f->a & 3], s);
                break;
        case FAULT_CUT_ENDPOINT:
                snprintf(buf, size, "cut off: %s etcd member %d, for %.2f s", ways[f->a & 3],
                         (int)((f->a >> 4) % ETCD_MEMBERS), s);
                break;
        case FAULT_CUT_HOST:
                snprintf(buf, size, "nothing arrives from it at n%d for %.2f s", (int)f->a, s);
                break;
        case FAULT_ISOLATE: snprintf(buf, size, "cut off from everybody for %.2f s", s); break;
        case FAULT_LOSS:
                snprintf(buf, size, "loses %d %% of its packets for %.2f s", (int)f->a, s);
                break;
        case FAULT_ETCD_LEADER:
                snprintf(buf, size, "etcd elects a new leader within %d ms", (int)f->a);
                break;
        case FAULT_ETCD_STALL: snprintf(buf, size, "etcd stands still for %.2f s", s); break;
        case FAULT_ETCD_LOST: snprintf(buf, size, "every etcd member is down for %.2f s", s); break;
        case FAULT_ETCD_MEMBER:
                snprintf(buf, size, "etcd member %d is down for %.2f s", (int)(f->a % ETCD_MEMBERS), s);
                break;
        case FAULT_ETCD_DEPOSED:
                snprintf(buf, size, "etcd's leader is deposed, and does not know it for %.2f s", s);
                break;
        case FAULT_ETCD_ERROR:
                snprintf(buf, size, "after %d requests to etcd: %s", (int)f->b,
                         error_classes[f->a % n_error_classes].name);
                break;
        case FAULT_DELAY:
                snprintf(buf, size, "messages take up to %d ms more for %.2f s", (int)f->a, s);
                break;
        case FAULT_WALL:
                snprintf(buf, size, "its wall clock steps by %d s", (int)f->a - 5000);
                break;
        case FAULT_DEVICE: snprintf(buf, size, "its watchdog device fails for %.1f s", s); break;
        case FAULT_SLOW_SERVER:
                snprintf(buf, size, "servers take up to %d ms more to start and stop, for %.1f s",
                         (int)f->a, s);
                break;
        case FAULT_SWITCHOVER:
                n = f->a ? snprintf(buf, size, "a switchover to n%d", (int)f->a - 1)
                         : snprintf(buf, size, "a switchover to anybody");
                if (f->b)
                        snprintf(buf + n, size - (size_t)n, ", in %.2f s", s);
                break;
        case FAULT_FAILOVER: snprintf(buf, size, "a failover to n%d by hand", (int)f->a); break;
        case FAULT_PAUSE: snprintf(buf, size, "the cluster is paused for %.1f s", s); break;
        case FAULT_LEAVE: snprintf(buf, size, "leaves, and joins again after %.1f s", s); break;
        case FAULT_CONFIG: snprintf(buf, size, "configuration %d", (int)f->a); break;
        case FAULT_RESTART:
                n = snprintf(buf, size, "postgres is restarted, as asked");
                if (f->b)
                        snprintf(buf + n, size - (size_t)n, ", in %.2f s", s);
                break;
        case FAULT_LAUNCHER: snprintf(buf, size, "the launcher dies at its next birth, whose child lives"); break;
        case FAULT_CANCEL: snprintf(buf, size, "a switchover is scheduled, and called off after %.2f s", s); break;
        case FAULT_DEMOTE: snprintf(buf, size, "a standby cluster for %.1f s", s); break;
        case FAULT_NONE:
        case FAULT_RESUME:
        case FAULT_PROMOTE:
        case FAULT_MAX: snprintf(buf, size, "%s", names[f->kind]); break;
        }
        return buf;
}

/* ---- from a seed ---- */

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
#define MEET_LONGEST 20000
#define MEET_AFTER 250000 /* time to recover in: with the longest ttl and the longest fault, checks.c */

/* 1 to `most`, each power of two as likely as the next. */
static uint64_t any_order(uint64_t most)
{
        unsigned orders = 1;

        while (most >> orders)
                orders++;
        return 1 + sim_below(MAX(most >> sim_below(orders), (uint64_t)1));
}

static bool is_operation(FaultKind kind)
{
        switch ((int)kind) {
        case FAULT_SWITCHOVER:
        case FAULT_FAILOVER:
        case FAULT_CANCEL:
        case FAULT_RESTART:
        case FAULT_PAUSE:
        case FAULT_LEAVE:
        case FAULT_CONFIG:
        case FAULT_DEMOTE: return true;
        default: return false;
        }
}

static Fault meeting_fault(const Schedule *s, uint64_t at, bool operation)
{
        Fault f;

        do
                f = random_fault(s, operation ? at + sim_below(2000) : at); /* some kinds are of a time */
        while (operation && !is_operation(f.kind));
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
        s->timing = (int)sim_below(ELEMENTSOF(timings));
        s->failsafe = sim_chance(400);
        s->sync = (int)sim_below(3);
        s->sync_strict = s->sync && sim_chance(250);
        s->watchdog = sim_chance(500);
        s->pauses = sim_chance(500);
        if (s->hosts == 0)
                s->hosts = (int)sim_between(2, 5);
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

/* ---- as a text ---- */

void schedule_print(const Schedule *s, const char *path, const char *why)
{
        FILE *f = path ? fopen(path, "w") : stdout;
        char text[128];

        if (!f)
                return;
        fprintf(f, "# %s\n", why);
        fprintf(f, "seed %" PRIu64 " nodes %d seconds %" PRIu64 " timing %d failsafe %d sync %d strict %d "
                   "watchdog %d revoke %d\n",
                s->seed, s->hosts, s->length / SEC, s->timing, s->failsafe, s->sync, s->sync_strict,
                s->watchdog, s->stale_revoke);
        for (size_t i = 0; i < s->n_faults; i++) {
                const Fault *x = &s->faults[i];
                char host[8] = "";
                if (x->host >= 0)
                        snprintf(host, sizeof host, "n%d: ", x->host);
                fprintf(f, "%9.3f %s %d %" PRIu64 " %" PRIu64 " # %s%s\n", (double)x->at / 1000,
                        names[x->kind], x->host, x->a, x->b, host,
                        fault_describe(x, text, sizeof text));
        }
        if (path)
                fclose(f);
}

static FaultKind kind_of(const char *name)
{
        for (int i = 0; i < FAULT_MAX; i++)
                if (str_equal(names[i], name))
                        return (FaultKind)i;
        return FAULT_NONE;
}

int schedule_load(Schedule *s, const char *path)
{
        FILE *f = fopen(path, "r");
        char line[256], name[32];
        uint64_t seconds;
        double at;
        int flags[5];

        if (!f)
                return -errno;
        s->faults = calloc(FAULTS_MAX, sizeof *s->faults);
        while (fgets(line, sizeof line, f)) {
                Fault x = { 0 };
                if (line[0] == '#' || line[0] == '\n')
                        continue;
                if (sscanf(line, "seed %" SCNu64 " nodes %d seconds %" SCNu64 " timing %d failsafe %d "
                                 "sync %d strict %d watchdog %d revoke %d",
                           &s->seed, &s->hosts, &seconds, &s->timing, &flags[0], &flags[1], &flags[2],
                           &flags[3], &flags[4]) == 9) {
                        s->length = seconds * SEC;
                        s->failsafe = flags[0];
                        s->sync = flags[1];
                        s->sync_strict = flags[2];
                        s->watchdog = flags[3];
                        s->stale_revoke = flags[4];
                } else if (s->n_faults < FAULTS_MAX &&
                           sscanf(line, "%lf %31s %d %" SCNu64 " %" SCNu64, &at, name, &x.host, &x.a,
                                  &x.b) == 5 &&
                           (x.kind = kind_of(name)) != FAULT_NONE) {
                        x.at = (uint64_t)(at * 1000 + 0.5);
                        s->faults[s->n_faults++] = x;
                } else {
                        fprintf(stderr, "%s: cannot be read: %s", path, line);
                        fclose(f);
                        return -EINVAL;
                }
        }
        fclose(f);
        return s->hosts >= 2 && s->hosts <= NODES_MAX ? 0 : -EINVAL;
}
