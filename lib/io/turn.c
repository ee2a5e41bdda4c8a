#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/turn.h"

typedef struct Cost {
        usec_t cpu;
        usec_t wall;
        usec_t queued; /* ready to run, while others did */
        long blocked;  /* voluntary context switches: a system call that waited */
} Cost;

/* USEC_INFINITY: not asked for. */
static usec_t limit(void)
{
        static usec_t known;
        uint64_t msec;

        if (known == 0) {
                const char *text = getenv("PALISADE_TURN_LIMIT");
                known = text && str_to_u64(text, &msec) >= 0 && msec > 0 ? msec * USEC_PER_MSEC
                                                                        : USEC_INFINITY;
        }
        return known;
}

/* The kernel's count of how long this thread waited for a CPU; 0: not known here. */
static usec_t read_queued(void)
{
        static int fd = -1;
        unsigned long long running, queued;
        char text[64];

        if (fd < 0)
                fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        if (n <= 0)
                return 0;
        text[n] = 0;
        return sscanf(text, "%llu %llu", &running, &queued) == 2 ? queued / 1000 : 0;
}

static Cost read_clocks(void)
{
        struct timespec cpu = { 0 };
        struct rusage usage = { 0 };

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu); /* neither can fail for ourselves */
        (void)getrusage(RUSAGE_THREAD, &usage);
        return (Cost){ .cpu = (usec_t)cpu.tv_sec * USEC_PER_SEC + (usec_t)cpu.tv_nsec / 1000,
                       .wall = now_boottime(),
                       .queued = read_queued(),
                       .blocked = usage.ru_nvcsw };
}

static void note(const Cost *before, const Cost *after)
{
        static usec_t worst_cpu, worst_wait;
        usec_t cpu = after->cpu - before->cpu;
        usec_t others = after->queued - before->queued;
        /* Without a switch of its own it was merely kept waiting by others. */
        usec_t wait = after->blocked > before->blocked
                              ? usec_sub(after->wall - before->wall, cpu + others)
                              : 0;

        if (cpu >= limit() && cpu > worst_cpu) {
                worst_cpu = cpu;
                log_notice("turn: a callback used %.1f ms of CPU", (double)cpu / 1000);
        }
        if (wait >= limit() && wait > worst_wait) {
                worst_wait = wait;
                log_notice("turn: a callback was blocked for %.1f ms", (double)wait / 1000);
        }
}

int turn_dispatch(sd_event *e)
{
        if (limit() == USEC_INFINITY)
                return sd_event_dispatch(e);
        Cost before = read_clocks();
        int r = sd_event_dispatch(e);
        Cost after = read_clocks();
        note(&before, &after);
        return r;
}
