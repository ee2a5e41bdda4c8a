/*
 * Worker: one thread for system calls that may wait, so that the event loop does not.
 *
 * Owns:      the thread, which takes jobs in the order in which they were given and knows nothing else.
 * Invariant: a job's work() runs in the thread and touches the job alone; its done() runs on the loop,
 *            in the same order.
 * Threads:   this is the only place that makes one.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/usec.h"

typedef struct Job Job;
struct Job { /* first in a struct of the giver's, whose it is again in done() */
        Job *next;
        void (*work)(Job *job);
        void (*done)(Job *job);
};

typedef struct Worker Worker;

/*
 * within: a job that takes longer ends the program, as systemd's watchdog does where the loop stands still:
 * whoever is started next begins anew. USEC_INFINITY: it may take as long as it likes.
 */
int worker_new(Worker **ret, sd_event *e, usec_t within);

/* Never fails and never waits. */
void worker_do(Worker *w, Job *job);

/* Waits for the work under way. What was not done by then never is: for the end of the program. */
Worker *worker_free(Worker *w);
DEFINE_CLEANUP(Worker *, worker_free)
