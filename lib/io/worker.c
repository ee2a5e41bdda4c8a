#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/worker.h"

#define STACK_SIZE (256 * 1024)

typedef struct Jobs {
        Job *first, *last;
} Jobs;

struct Worker {
        pthread_t thread;
        bool runs;
        pthread_mutex_t lock; /* over the three below */
        pthread_cond_t given;
        Jobs waiting, finished;
        bool ends;
        int wake_fd; /* eventfd: something is finished */
        sd_event_source *source;
        usec_t within;
        size_t n_given; /* and not yet done */
        Timer overdue;  /* the first of them */
};

static void add(Jobs *jobs, Job *job)
{
        job->next = NULL;
        if (jobs->last)
                jobs->last->next = job;
        else
                jobs->first = job;
        jobs->last = job;
}

static Job *take_first(Jobs *jobs)
{
        Job *job = jobs->first;

        if (job)
                jobs->first = job->next;
        if (!jobs->first)
                jobs->last = NULL;
        return job;
}

/* Waits for the next one; NULL: the end. */
static Job *next_job(Worker *w)
{
        (void)pthread_mutex_lock(&w->lock); /* none of these can fail for locks of ours */
        while (!w->waiting.first && !w->ends)
                (void)pthread_cond_wait(&w->given, &w->lock);
        Job *job = w->ends ? NULL : take_first(&w->waiting);
        (void)pthread_mutex_unlock(&w->lock);
        return job;
}

static void *run(void *userdata)
{
        Worker *w = userdata;

        for (Job *job; (job = next_job(w));) {
                job->work(job);
                (void)pthread_mutex_lock(&w->lock);
                add(&w->finished, job);
                (void)pthread_mutex_unlock(&w->lock);
                (void)eventfd_write(w->wake_fd, 1); /* its counter does not get full */
        }
        return NULL;
}

/* The job under way has as long as one that begins now. */
static void watch(Worker *w)
{
        timer_set(&w->overdue, w->n_given > 0 ? usec_add(now_boottime(), w->within) : USEC_INFINITY);
}

static void on_overdue(Timer *t _unused_, usec_t now _unused_, void *userdata _unused_)
{
        log_error("a system call takes too long: ending, to be started again");
        _exit(EXIT_FAILURE);
}

void worker_do(Worker *w, Job *job)
{
        if (w->n_given++ == 0)
                watch(w);
        (void)pthread_mutex_lock(&w->lock);
        add(&w->waiting, job);
        (void)pthread_cond_signal(&w->given);
        (void)pthread_mutex_unlock(&w->lock);
}

static int on_finished(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        Worker *w = userdata;
        eventfd_t count;
        Job *job;

        (void)eventfd_read(fd, &count); /* what is finished is seen below */
        do {
                (void)pthread_mutex_lock(&w->lock);
                job = take_first(&w->finished);
                (void)pthread_mutex_unlock(&w->lock);
                if (job) {
                        w->n_given--;
                        watch(w);
                        job->done(job);
                }
        } while (job);
        return 0;
}

/* Signals are the loop's. */
static int start(Worker *w)
{
        pthread_attr_t attr;
        sigset_t all, before;

        sigfillset(&all);
        int r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;
        (void)pthread_attr_setstacksize(&attr, STACK_SIZE); /* else it is larger */
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);  /* cannot fail */
        r = pthread_create(&w->thread, &attr, run, w);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_attr_destroy(&attr);
        w->runs = r == 0;
        return -r;
}

int worker_new(Worker **ret, sd_event *e, usec_t within)
{
        _cleanup_(worker_freep) Worker *w = calloc(1, sizeof *w);

        if (!w)
                return -ENOMEM;
        w->within = within;
        (void)pthread_mutex_init(&w->lock, NULL); /* with glibc neither can fail */
        (void)pthread_cond_init(&w->given, NULL);
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->wake_fd < 0)
                return -errno;
        int r = sd_event_add_io(e, &w->source, w->wake_fd, EPOLLIN, on_finished, w);
        if (r >= 0)
                r = timer_init(&w->overdue, e, "overdue", NULL, on_overdue, w);
        if (r >= 0)
                r = start(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

Worker *worker_free(Worker *w)
{
        if (w) {
                (void)pthread_mutex_lock(&w->lock);
                w->ends = true;
                (void)pthread_cond_signal(&w->given);
                (void)pthread_mutex_unlock(&w->lock);
                if (w->runs)
                        (void)pthread_join(w->thread, NULL); /* it exists */
                w->source = sd_event_source_disable_unref(w->source);
                timer_done(&w->overdue);
                fd_close(w->wake_fd);
                (void)pthread_cond_destroy(&w->given);
                (void)pthread_mutex_destroy(&w->lock);
                free(w);
        }
        return NULL;
}
