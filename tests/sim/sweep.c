/*
 * Every error class of etcd at every request of each operation (palisade-sim --errors).
 *
 * An operation runs undisturbed, once; at each request to etcd from its beginning on, the process forks
 * once for each class, and the child goes on with that request met by that class. What must hold at every
 * step is checked as ever (checks.c); in the end the operation has been done, or refused in words, writes
 * are taken and every member streams.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/sim/child.h"
#include "tests/sim/errors.h"
#include "tests/sim/sweep.h"

#define LOOK_EVERY (250 * MSEC)
#define LOOKS 4               /* in a row, until it is over */
#define LASTS (2 * SEC)       /* at the least */
#define BEGIN (60 * SEC)      /* after the world began */
#define RUN_WITHIN 20         /* seconds of the processor's time */

/* ---- operations ---- */

static const Host *leader_host(void)
{
        const Key *k = etcd_key(PREFIX "leader");
        int i = k ? host_index(k->value) : -1;

        return i >= 0 ? &world->hosts[i] : NULL;
}

typedef struct Operation {
        const char *name;
        int sync; /* as in Schedule */
        bool failsafe, watchdog, standby;
        bool from_start; /* the world's; else once it has settled */
        bool asks; /* an answer comes */
        FaultKind before; /* 20 s before: what it ends */
        FaultKind kind;
        bool (*is_there)(void); /* its effect; NULL: a leader and its standbys are all */
        uint64_t a, b;
        uint64_t lasts; /* at the least */
        enum { NOBODY, LEADER, OTHER } whom; /* the fault's host, or in `a` */
} Operation;

static const char *first_leader; /* when it began */

static bool another_leads(void)
{
        const Host *h = leader_host();

        return h && first_leader && !str_equal(h->name, first_leader);
}

static uint64_t begun_at(void);

/* Nobody waits for its answer: called off, as where nobody has all of the WAL in time, it clears its key. */
static bool scheduled_is_over(void)
{
        const Key *k = etcd_key(PREFIX "failover");

        return another_leads() || (world->now > begun_at() + 10 * SEC && k && str_equal(k->value, "{}"));
}

static bool was_paused(void)
{
        static bool seen;

        seen = seen || settings_now().pause;
        return seen && !settings_now().pause;
}

static bool is_resumed(void)
{
        return !settings_now().pause;
}

static bool is_standby(void)
{
        const Host *h = leader_host();

        return settings_now().standby_cluster && h && !h->pg.primary;
}

static bool is_promoted(void)
{
        const Host *h = leader_host();

        return !settings_now().standby_cluster && h && h->pg.primary;
}

static bool another_leads_standby(void)
{
        return another_leads() && is_standby();
}

static bool has_changed(void)
{
        return settings_now().timing.ttl == settings_of(world->schedule, 4).timing.ttl;
}

static bool sync_is_whole(void)
{
        const Key *k = etcd_key(PREFIX "sync");
        const char *bar = k ? strchr(k->value, '|') : NULL;

        return bar && strchr(bar, 'n');
}

static const Operation operations[] = {
        { "bootstrap", .from_start = true },
        { "bootstrap, synchronous", .sync = 1, .from_start = true, .is_there = sync_is_whole },
        { "renewals", .watchdog = true, .lasts = 6 * SEC },
        { "renewals, failsafe_mode", .failsafe = true, .lasts = 6 * SEC },
        { "the leader loses its power", .watchdog = true, .kind = FAULT_POWER, .b = 30000, .whom = LEADER,
          .is_there = another_leads },
        { "the leader loses its power, synchronous", .sync = 1, .kind = FAULT_POWER, .b = 30000,
          .whom = LEADER, .is_there = another_leads },
        { "the leader loses its power, quorum", .sync = 2, .kind = FAULT_POWER, .b = 30000, .whom = LEADER,
          .is_there = another_leads },
        { "the leader's dcsd is killed", .kind = FAULT_KILL, .a = PROGRAM_DCSD, .whom = LEADER },
        { "the leader's mind is killed", .kind = FAULT_KILL, .a = PROGRAM_MIND, .whom = LEADER },
        { "etcd is lost for a while, failsafe_mode", .failsafe = true, .kind = FAULT_ETCD_LOST, .b = 15000,
          .lasts = 18 * SEC },
        { "switchover", .asks = true, .kind = FAULT_SWITCHOVER, .whom = OTHER, .is_there = another_leads },
        { "switchover, synchronous", .sync = 1, .asks = true, .kind = FAULT_SWITCHOVER,
          .is_there = another_leads },
        { "switchover in 5 s", .asks = true, .kind = FAULT_SWITCHOVER, .b = 5000,
          .is_there = scheduled_is_over },
        { "failover", .asks = true, .kind = FAULT_FAILOVER, .whom = OTHER, .is_there = another_leads },
        { "pause, and resume", .asks = true, .kind = FAULT_PAUSE, .b = 8000, .is_there = was_paused },
        { "resume", .asks = true, .before = FAULT_PAUSE, .kind = FAULT_RESUME, .is_there = is_resumed },
        { "leave of the leader", .asks = true, .kind = FAULT_LEAVE, .b = 600000, .whom = LEADER,
          .is_there = another_leads },
        { "leave and join of a replica", .kind = FAULT_LEAVE, .b = 5000, .whom = OTHER, .lasts = 8 * SEC },
        { "restart of the leader", .asks = true, .kind = FAULT_RESTART, .whom = LEADER },
        { "restart of a synchronous replica", .sync = 1, .asks = true, .kind = FAULT_RESTART, .whom = OTHER,
          .is_there = sync_is_whole },
        { "the synchronous standby loses its power", .sync = 1, .kind = FAULT_POWER, .b = 20000, .whom = OTHER,
          .is_there = sync_is_whole },
        { "ttl is changed", .asks = true, .kind = FAULT_CONFIG, .a = 4, .is_there = has_changed },
        { "demote-cluster", .asks = true, .kind = FAULT_DEMOTE, .b = 600000, .standby = true,
          .is_there = is_standby },
        { "switchover in a standby cluster", .asks = true, .before = FAULT_DEMOTE, .kind = FAULT_SWITCHOVER,
          .standby = true, .is_there = another_leads_standby },
        { "the standby leader loses its power", .before = FAULT_DEMOTE, .kind = FAULT_POWER, .b = 30000,
          .whom = LEADER, .standby = true, .is_there = another_leads_standby },
        { "promote-cluster", .asks = true, .before = FAULT_DEMOTE, .kind = FAULT_PROMOTE,
          .is_there = is_promoted },
};

/* ---- one run ---- */

typedef struct SweepTally {
        uint64_t requests;
        unsigned passed, failed;
} SweepTally;

static struct {
        const Operation *op;
        const SweepOptions *options;
        bool begun, is_child, was_done;
        uint64_t begun_at, k; /* requests since */
        uint64_t over_by;     /* true time; 0: no limit */
        unsigned looks;
        /* the parent's */
        unsigned passed, failed;
} run;

static uint64_t begun_at(void)
{
        return run.begun_at;
}

typedef struct Verdict {
        bool failed;
        char why[256];
} Verdict;

static uint64_t bound(void)
{
        return 2 * world->settings[world->newest].timing.ttl + 60 * SEC;
}

static bool all_stream(void)
{
        for (int i = 0; i < world->n_hosts; i++) {
                const Host *h = &world->hosts[i];
                bool leads = h == leader_host();
                if (!h->powered || (!h->left && !leads && !run.op->standby && !h->pg.streaming_since))
                        return false;
                if (!h->left && h->pg.phase != SERVER_UP)
                        return false;
        }
        return true;
}

static bool is_well(void)
{
        bool writes = world->now < world->last_ack + 3 * SEC;

        return leader_host() && all_stream() && (writes || settings_now().standby_cluster);
}

static bool is_answered(void)
{
        return !run.op->asks || world->answer.http != 0;
}

/* Once is enough: who leads after a failover that the error itself has brought about is another matter. */
static bool is_done(void)
{
        run.was_done = run.was_done || !run.op->is_there || run.op->is_there();
        return run.was_done;
}

/* Over, for now: done, or refused in words. */
static bool is_over(void)
{
        bool refused = run.op->asks && world->answer.http >= 400 && world->answer.text[0];

        return is_answered() && (is_done() || refused) && is_well();
}

static const char *what_is_missing(void)
{
        return !is_answered()           ? "it is not answered"
               : !leader_host()         ? "nobody leads"
               : !is_done()             ? "it is answered as done, and is not"
               : !all_stream()          ? "not every member streams"
                                        : "nobody takes writes";
}

static void on_look(Event *e _unused_)
{
        if (world->over)
                return;
        sim_event(world->now + LOOK_EVERY, on_look, NULL, NULL, NULL, 0);
        (void)is_done();
        run.looks = is_over() ? run.looks + 1 : 0;
        if (run.looks >= LOOKS && world->now >= run.begun_at + MAX(run.op->lasts, LASTS) && world->etcd->error.class == 0)
                world->over = true;
        else if (world->now > run.over_by)
                sim_fail("%.0f s after it began: %s (%u %s)", (double)(world->now - run.begun_at) / 1e6,
                         what_is_missing(), world->answer.http, world->answer.text);
}

static Fault fault_of(FaultKind kind, uint64_t a, uint64_t b)
{
        const Host *leader = leader_host();
        int l = leader ? leader->index : 0, other = (l + 1) % world->n_hosts;
        Fault f = { .kind = kind, .host = -1, .a = a, .b = b };

        if (kind == FAULT_SWITCHOVER)
                f.a = run.op->whom == OTHER ? (uint64_t)other + 1 : 0;
        else if (kind == FAULT_FAILOVER)
                f.a = (uint64_t)other;
        else if (run.op->whom != NOBODY)
                f.host = run.op->whom == LEADER ? l : other;
        return f;
}

static void begin(Event *e _unused_)
{
        const Host *leader = leader_host();
        const Operation *op = run.op;

        run.begun = true;
        run.begun_at = world->now;
        run.over_by = world->now + bound() + op->b * MSEC % (100 * SEC);
        world->answer.http = 0;
        first_leader = leader ? leader->name : NULL;
        if (op->kind != FAULT_NONE) {
                Fault f = fault_of(op->kind, op->a, op->b);
                fault_begin(&f);
        }
        sim_event(world->now + LOOK_EVERY, on_look, NULL, NULL, NULL, 0);
}

static void begin_before(Event *e _unused_)
{
        Fault f = { .kind = run.op->before, .host = -1, .b = 600000 };

        fault_begin(&f);
}

/* ---- at each request ---- */

static void read_verdict(int fd, Verdict *ret)
{
        if (read(fd, ret, sizeof *ret) != sizeof *ret) {
                ret->failed = true;
                (void)STR_SET(ret->why, "a program crashed, or turns without end");
        }
}

static void meet_here(unsigned class)
{
        error_arm(class, -1, 0, run.options->more);
        run.over_by = MAX(run.over_by, world->now + error_classes[class].lasts + bound());
        run.looks = 0;
}

static void try_class(unsigned class, const Rpc *r)
{
        Verdict v = { 0 };
        int fds[2], status;

        fflush(stdout);
        if (pipe(fds) < 0)
                abort();
        pid_t pid = child_fork();
        if (pid < 0)
                abort();
        if (pid == 0) {
                struct rlimit cpu = { RUN_WITHIN, RUN_WITHIN };
                (void)setrlimit(RLIMIT_CPU, &cpu);
                close(fds[0]);
                run.is_child = true;
                run.passed = (unsigned)fds[1]; /* where the verdict goes */
                error_hook = NULL;
                meet_here(class);
                return;
        }
        close(fds[1]);
        read_verdict(fds[0], &v);
        close(fds[0]);
        (void)waitpid(pid, &status, 0);
        run.passed += !v.failed;
        run.failed += v.failed;
        if (v.failed)
                printf("%s, request %" PRIu64 " (%s of %s), %s: %s\n  --errors%s --operation '%s' --request %" PRIu64
                       " --class '%s' --trace\n",
                       run.op->name, run.k, rpc_name(r), r->program->host->name, error_classes[class].name, v.why,
                       run.options->more ? " --twice" : "", run.op->name, run.k, error_classes[class].name);
}

static void on_request(Rpc *r)
{
        const SweepOptions *o = run.options;

        if (!run.begun || world->over)
                return;
        run.k++;
        if (o->request != 0 && run.k != o->request)
                return;
        for (unsigned i = 0; i < n_error_classes && !run.is_child; i++) {
                const ErrorClass *c = &error_classes[i];
                if ((o->class && !str_equal(c->name, o->class)) || !error_fits(c, r) ||
                    (o->request == 0 && (run.k + i) % o->one_of != 0))
                        continue;
                if (o->request != 0 && o->class) { /* here, to be looked at */
                        error_hook = NULL;
                        meet_here(i);
                        return;
                }
                try_class(i, r);
        }
}

static _Noreturn void end_child(const World *w)
{
        Verdict v = { .failed = w->failed };

        (void)STR_SET(v.why, w->failure);
        fflush(stdout);
        _exit(write((int)run.passed, &v, sizeof v) == sizeof v ? 0 : 2);
}

static void run_operation(const Operation *op, const SweepOptions *o, SweepTally *ret)
{
        static World w;
        Schedule s = { .seed = o->seed, .hosts = o->nodes, .length = 3600 * SEC, .sync = op->sync, .failsafe = op->failsafe,
                       .watchdog = op->watchdog, .calm = true };

        memset(&run, 0, sizeof run);
        run.op = op;
        run.options = o;
        w.trace = o->trace;
        world_init(&w, &s);
        w.trace = o->trace;
        error_hook = on_request;
        if (op->from_start)
                begin(NULL);
        else
                sim_event(world->now + BEGIN, begin, NULL, NULL, NULL, 0);
        if (op->before != FAULT_NONE)
                sim_event(world->now + BEGIN - 20 * SEC, begin_before, NULL, NULL, NULL, 0);
        world_run(&w);
        if (run.is_child)
                end_child(&w);
        error_hook = NULL;
        if (w.failed)
                printf("%s, undisturbed: %s\n", op->name, w.failure);
        ret->requests = run.k;
        ret->passed = run.passed + !w.failed;
        ret->failed = run.failed + w.failed;
        world_done(&w);
}

/* ---- all of them ---- */

typedef struct Shared {
        unsigned next; /* which operation a job takes up next */
        SweepTally tallies[ELEMENTSOF(operations)];
} Shared;

static bool is_chosen(const Operation *op, const SweepOptions *o)
{
        return !o->operation || strstr(op->name, o->operation);
}

static void work(Shared *shared, const SweepOptions *o)
{
        unsigned i;

        while ((i = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED)) < ELEMENTSOF(operations))
                if (is_chosen(&operations[i], o))
                        run_operation(&operations[i], o, &shared->tallies[i]);
}

static int report(const SweepTally *tallies, const SweepOptions *o, bool broken)
{
        unsigned passed = 0, failed = broken;

        printf("%-45s %9s %7s %7s\n", "operation", "requests", "runs", "failed");
        for (size_t i = 0; i < ELEMENTSOF(operations); i++) {
                const SweepTally *t = &tallies[i];
                if (!is_chosen(&operations[i], o))
                        continue;
                printf("%-45s %9" PRIu64 " %7u %7u\n", operations[i].name, t->requests, t->passed + t->failed,
                       t->failed);
                passed += t->passed;
                failed += t->failed;
        }
        printf("%u classes of errors\n%u passed, %u failed, 0 skipped\n", n_error_classes, passed, failed);
        return failed > 0;
}

int sweep_run(const SweepOptions *o)
{
        Shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        bool broken = false;
        int status;

        if (shared == MAP_FAILED)
                return 2;
        for (unsigned i = 0; i < o->jobs; i++)
                if (child_fork() == 0) {
                        work(shared, o);
                        fflush(stdout);
                        _exit(0);
                }
        while (wait(&status) > 0)
                broken = broken || status != 0;
        return report(shared->tallies, o, broken);
}
