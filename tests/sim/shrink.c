/* One run, in a process of its own: what crashes there has failed. And the search for a shorter one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/sim/child.h"
#include "tests/sim/sim.h"

#define RUN_WITHIN 60 /* seconds of the processor's time: longer is a loop that never ends */
#define MEMORY_MOST (1u << 30)

static SimResult run_here(Schedule *s, bool trace)
{
        static World w;
        SimResult r = { 0 };

        w.trace = trace;
        world_init(&w, s);
        w.trace = trace;
        world_run(&w);
        r.failed = w.failed;
        (void)STR_SET(r.why, w.failure);
        r.n_events = w.n_events;
        r.n_acks = w.n_acks;
        r.n_promotions = w.n_promotions;
        r.n_bites = w.n_bites;
        world_done(&w);
        return r;
}

SimResult run_schedule(Schedule *s, bool trace)
{
        SimResult r = { .failed = true };
        int fds[2], status;

        fflush(stdout);
        if (pipe(fds) < 0)
                abort();
        pid_t pid = child_fork();
        if (pid == 0) {
                struct rlimit memory _unused_ = { MEMORY_MOST, MEMORY_MOST };
                struct rlimit cpu = { RUN_WITHIN, RUN_WITHIN };
                (void)setrlimit(RLIMIT_CPU, &cpu);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is as large as all addresses */
                (void)setrlimit(RLIMIT_AS, &memory); /* only a safeguard */
#endif
                r = run_here(s, trace);
                fflush(stdout);
                _exit(write(fds[1], &r, sizeof r) == sizeof r ? 0 : 2);
        }
        close(fds[1]);
        if (read(fds[0], &r, sizeof r) != sizeof r) {
                r = (SimResult){ .failed = true };
                (void)STR_SET(r.why, "a program crashed");
        }
        close(fds[0]);
        if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
                snprintf(r.why, sizeof r.why, "a program crashed (signal %d)", WTERMSIG(status));
        return r;
}

/* The same kind of failure: what stands behind the hour and before the names. */
static bool same(const SimResult *a, const SimResult *b)
{
        const char *x = strstr(a->why, " s: "), *y = strstr(b->why, " s: ");
        size_t words = 0, i = 0;

        if (!x || !y)
                return str_equal(a->why, b->why);
        while (x[i] && y[i] && words < 4) {
                bool digit = x[i] >= '0' && x[i] <= '9';
                if (x[i] != y[i] && !(digit && y[i] >= '0' && y[i] <= '9'))
                        return false;
                words += x[i] == ' ';
                i++;
        }
        return true;
}

static bool without(Schedule *s, size_t first, size_t n, SimResult *r)
{
        Fault *all = malloc(s->n_faults * sizeof *all);
        size_t before = s->n_faults;

        memcpy(all, s->faults, before * sizeof *all);
        memmove(&s->faults[first], &s->faults[first + n], (before - first - n) * sizeof *all);
        s->n_faults = before - n;
        SimResult now = run_schedule(s, false);
        bool keep = now.failed && same(r, &now);
        if (keep) {
                *r = now;
        } else {
                memcpy(s->faults, all, before * sizeof *all);
                s->n_faults = before;
        }
        free(all);
        return keep;
}

void shrink(Schedule *s, SimResult *r)
{
        double at = 0;

        /* What comes after the failure does not matter. */
        if (sscanf(r->why, "at %lf", &at) == 1) {
                size_t n = 0;
                while (n < s->n_faults && (double)s->faults[n].at / 1000 <= at)
                        n++;
                s->n_faults = n;
                s->length = MIN(s->length, (uint64_t)((at + 1) * 1e6));
        }
        for (size_t size = MAX(s->n_faults / 2, (size_t)1); s->n_faults > 0; size /= 2) {
                for (size_t i = 0; i + size <= s->n_faults;)
                        if (!without(s, i, size, r))
                                i += size;
                if (size <= 1)
                        break;
        }
}
