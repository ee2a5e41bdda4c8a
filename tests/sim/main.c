/* palisade-sim: runs schedules, shrinks those that fail, tells them as a story. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/sim/child.h"
#include "tests/sim/sim.h"
#include "tests/sim/sweep.h"

#define JOBS_MAX 64
#define PROGRESS_EVERY 10 /* seconds */

typedef struct Options {
        uint64_t first, last;
        Schedule base;
        double hours;
        unsigned jobs;
        bool trace, no_shrink, first_only, meet;
        const char *keep; /* a folder for what fails */
} Options;

static void usage(void)
{
        puts("Usage: palisade-sim [OPTION]… [CASE]…\n\n"
             "A cluster in one process, its real programs over a modelled world, under faults.\n\n"
             "  --seed N        one seed\n"
             "  --seeds A..B    from A to B\n"
             "  --nodes N       2 to 7; left out: by the seed\n"
             "  --hours H       how long each cluster lives; default 1\n"
             "  --jobs N        so many processes; how far they are stands on stderr every 10 s\n"
             "  --trace         tell everything\n"
             "  --calm          no faults\n"
             "  --meet          an operation, and faults that meet it, in one short life\n"
             "  --stale-revoke  with etcd's bug (ASSUMPTIONS.md)\n"
             "  --keep DIR      failing schedules, shrunk, into this folder\n"
             "  --no-shrink     do not look for a shorter schedule\n"
             "  --first         end with the first that fails\n"
             "  --errors        every error of etcd at every request of each operation:\n"
             "    --operation NAME, --class NAME, --request N    these alone\n"
             "    --twice       and at that host's next request again\n"
             "    --one-of N    a sample: one of N pairs of a request and an error\n\n"
             "A CASE is a schedule in a file. The exit code is 1 if anything failed.");
}

static double clock_seconds(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void tell(Schedule *s, SimResult *r, const Options *o)
{
        char path[512];

        printf("seed %" PRIu64 ", %d nodes: FAILED %s\n", s->seed, s->hosts, r->why);
        fflush(stdout);
        if (!o->no_shrink) {
                shrink(s, r);
                printf("the shortest schedule found: %zu faults, and it fails %s\n", s->n_faults, r->why);
                schedule_print(s, NULL, r->why);
        }
        if (o->keep) {
                snprintf(path, sizeof path, "%s/seed-%" PRIu64 "-%d", o->keep, s->seed, s->hosts);
                schedule_print(s, path, r->why);
        }
        fflush(stdout);
}

static int one(Schedule *s, const Options *o, SimResult *total)
{
        SimResult r = run_schedule(s, o->trace);

        total->n_events += r.n_events;
        total->n_acks += r.n_acks;
        total->n_promotions += r.n_promotions;
        total->n_bites += r.n_bites;
        if (r.failed)
                tell(s, &r, o);
        return r.failed;
}

typedef struct Tally {
        SimResult sum;
        unsigned failed, runs;
        double seconds, node_hours; /* simulated */
} Tally;

/* Tells `fd` how far it is after each seed. */
static bool run_seeds(const Options *o, unsigned job, int fd)
{
        Tally t = { 0 };

        for (uint64_t seed = o->first + job; seed <= o->last; seed += o->jobs) {
                Schedule s = o->base;
                s.seed = seed;
                s.length = (uint64_t)(o->hours * 3600 * 1e6);
                if (o->meet)
                        schedule_meet(&s);
                else
                        schedule_make(&s);
                t.failed += (unsigned)one(&s, o, &t.sum);
                t.runs++;
                t.seconds += (double)s.length / 1e6;
                t.node_hours += (double)s.length / 3600e6 * s.hosts;
                free(s.faults);
                if (write(fd, &t, sizeof t) != sizeof t)
                        return false;
                if (t.failed && o->first_only)
                        break;
        }
        return true;
}

static Tally add(const Tally *jobs, unsigned n)
{
        Tally all = { 0 };

        for (const Tally *t = jobs; t < jobs + n; t++) {
                all.failed += t->failed;
                all.runs += t->runs;
                all.seconds += t->seconds;
                all.node_hours += t->node_hours;
                all.sum.n_acks += t->sum.n_acks;
                all.sum.n_events += t->sum.n_events;
                all.sum.n_promotions += t->sum.n_promotions;
                all.sum.n_bites += t->sum.n_bites;
        }
        return all;
}

/* A line now and then, for whoever waits. */
static void tell_progress(const Options *o, const Tally *jobs, double start)
{
        static double told;
        double now = clock_seconds();

        if (now < MAX(told, start) + PROGRESS_EVERY)
                return;
        told = now;
        Tally all = add(jobs, o->jobs);
        fprintf(stderr, "%u of %" PRIu64 " runs, %.0f node-hours in %.0f s, %u failed\n", all.runs,
                o->last - o->first + 1, all.node_hours, now - start, all.failed);
}

/* Until each job has closed its end; a job that broke off counts as failed. */
static void hear_jobs(const Options *o, struct pollfd *jobs, Tally *ret, double start)
{
        unsigned open = o->jobs;
        int status;

        while (open > 0 && poll(jobs, o->jobs, -1) >= 0) {
                for (unsigned i = 0; i < o->jobs; i++) {
                        Tally t;
                        if (!jobs[i].revents)
                                continue;
                        if (read(jobs[i].fd, &t, sizeof t) == sizeof t) {
                                ret[i] = t;
                                continue;
                        }
                        close(jobs[i].fd);
                        jobs[i].fd = -1; /* poll() passes it over */
                        open--;
                }
                tell_progress(o, ret, start);
        }
        while (wait(&status) > 0)
                ret[0].failed += status != 0;
}

static int run_jobs(const Options *o)
{
        struct pollfd jobs[JOBS_MAX];
        Tally tallies[JOBS_MAX] = { 0 };
        double start = clock_seconds();

        for (unsigned i = 0; i < o->jobs; i++) {
                int ends[2];
                if (pipe(ends) < 0)
                        return 2;
                if (child_fork() == 0)
                        _exit(run_seeds(o, i, ends[1]) ? 0 : 2);
                close(ends[1]);
                jobs[i] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
        }
        hear_jobs(o, jobs, tallies, start);
        Tally all = add(tallies, o->jobs);
        double took = clock_seconds() - start;
        printf("%u runs, %.0f node-hours in %.1f s (%.0f simulated seconds a second), %" PRIu64
               " events, %" PRIu64 " acknowledgements, %" PRIu64 " promotions, %" PRIu64
               " watchdog resets\n",
               all.runs, all.node_hours, took, all.seconds / took, all.sum.n_events,
               all.sum.n_acks, all.sum.n_promotions, all.sum.n_bites);
        printf("%u passed, %u failed, 0 skipped\n", all.runs - all.failed, all.failed);
        return all.failed > 0;
}

static int run_cases(const Options *o, char **paths)
{
        unsigned n = 0, failed = 0;

        for (; *paths; paths++, n++) {
                Schedule s = { 0 };
                SimResult r = { 0 };
                if (schedule_load(&s, *paths) < 0) {
                        fprintf(stderr, "palisade-sim: %s cannot be read\n", *paths);
                        return 2;
                }
                if (one(&s, o, &r)) {
                        printf("%s: it fails\n", *paths);
                        failed++;
                }
                free(s.faults);
        }
        printf("%u passed, %u failed, 0 skipped\n", n - failed, failed);
        return failed > 0;
}

int main(int argc, char **argv)
{
        enum { SEED = 256, SEEDS, NODES, HOURS, JOBS, TRACE_, CALM, MEET, REVOKE, KEEP, NO_SHRINK, FIRST, HELP,
               ERRORS, OPERATION, CLASS, REQUEST, ONE_OF, TWICE };
        static const struct option options[] = {
                { "seed", required_argument, NULL, SEED },   { "seeds", required_argument, NULL, SEEDS },
                { "nodes", required_argument, NULL, NODES }, { "hours", required_argument, NULL, HOURS },
                { "jobs", required_argument, NULL, JOBS },   { "trace", no_argument, NULL, TRACE_ },
                { "calm", no_argument, NULL, CALM },         { "keep", required_argument, NULL, KEEP },
                { "meet", no_argument, NULL, MEET },
                { "stale-revoke", no_argument, NULL, REVOKE },
                { "no-shrink", no_argument, NULL, NO_SHRINK },
                { "first", no_argument, NULL, FIRST },
                { "errors", no_argument, NULL, ERRORS },
                { "operation", required_argument, NULL, OPERATION },
                { "class", required_argument, NULL, CLASS },
                { "request", required_argument, NULL, REQUEST },
                { "twice", no_argument, NULL, TWICE },
                { "one-of", required_argument, NULL, ONE_OF },
                { "help", no_argument, NULL, HELP },         { NULL, 0, NULL, 0 },
        };
        Options o = { .first = 1, .last = 1, .hours = 1, .jobs = 1 };
        SweepOptions sweep = { .one_of = 1 };
        bool errors = false;
        int c;

        setenv("STATE_DIRECTORY", "/var/lib/palisaded", 1); /* of the minds: what a boot leaves, world.c */
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case SEED: o.first = o.last = strtoull(optarg, NULL, 10); break;
                case SEEDS:
                        if (sscanf(optarg, "%" SCNu64 "..%" SCNu64, &o.first, &o.last) != 2) {
                                usage();
                                return 2;
                        }
                        break;
                case NODES: o.base.hosts = atoi(optarg); break;
                case HOURS: o.hours = atof(optarg); break;
                case JOBS: o.jobs = (unsigned)CLAMP(atoi(optarg), 1, JOBS_MAX); break;
                case TRACE_: o.trace = true; break;
                case CALM: o.base.calm = true; break;
                case MEET: o.meet = true; break;
                case REVOKE: o.base.stale_revoke = true; break;
                case KEEP: o.keep = optarg; break;
                case NO_SHRINK: o.no_shrink = true; break;
                case FIRST: o.first_only = true; break;
                case ERRORS: errors = true; break;
                case OPERATION: sweep.operation = optarg; break;
                case CLASS: sweep.class = optarg; break;
                case REQUEST: sweep.request = strtoull(optarg, NULL, 10); break;
                case TWICE: sweep.more = 1; break;
                case ONE_OF: sweep.one_of = MAX(strtoull(optarg, NULL, 10), (uint64_t)1); break;
                case HELP: usage(); return 0;
                default: return 2;
                }
        if (o.base.hosts != 0 && (o.base.hosts < 2 || o.base.hosts > NODES_MAX)) {
                fprintf(stderr, "palisade-sim: --nodes must be 2 to %d\n", NODES_MAX);
                return 2;
        }
        if (errors) {
                sweep.jobs = o.jobs;
                sweep.seed = o.first;
                sweep.nodes = o.base.hosts ? o.base.hosts : 3;
                sweep.trace = o.trace;
                return sweep_run(&sweep);
        }
        return argv[optind] ? run_cases(&o, argv + optind) : run_jobs(&o);
}
