/* worker: jobs are done in the thread, in order, and the loop goes on meanwhile; one that hangs ends the program. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fdutil.h"
#include "io/worker.h"
#include "test-lib.h"

typedef struct TestJob {
        Job job;
        int number;
        usec_t takes;
        pthread_t thread;
} TestJob;

static sd_event *event;
static int done_so_far, last;

static void work(Job *job)
{
        TestJob *j = (TestJob *)job;

        j->thread = pthread_self();
        if (j->takes)
                usleep((useconds_t)j->takes);
}

static void done(Job *job)
{
        TestJob *j = (TestJob *)job;

        assert_int_equal(j->number, done_so_far++);
        assert_false(pthread_equal(j->thread, pthread_self()));
        if (j->number == last)
                assert_true(sd_event_exit(event, 0) >= 0);
        free(j);
}

static void give(Worker *w, int number, usec_t takes)
{
        TestJob *j = calloc(1, sizeof *j);

        assert_non_null(j);
        *j = (TestJob){ .job = { .work = work, .done = done }, .number = number, .takes = takes };
        worker_do(w, &j->job);
}

static int on_tick(sd_event_source *s, uint64_t usec _unused_, void *userdata)
{
        ++*(unsigned *)userdata;
        assert_true(sd_event_source_set_time_relative(s, 5 * USEC_PER_MSEC) >= 0);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static void test_in_order(void **state _unused_)
{
        _cleanup_(worker_freep) Worker *w = NULL;
        sd_event_source *ticks = NULL;
        unsigned ticked = 0;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(worker_new(&w, event, USEC_INFINITY), 0);
        last = 100;
        for (int i = 0; i <= last; i++)
                give(w, i, i == 0 ? 200 * USEC_PER_MSEC : 0);
        assert_true(sd_event_add_time_relative(event, &ticks, CLOCK_MONOTONIC, 0, 1000, on_tick, &ticked) >= 0);
        assert_true(sd_event_loop(event) >= 0);
        assert_int_equal(done_so_far, last + 1);
        assert_true(ticked > 2); /* while the first one slept */
        sd_event_source_disable_unref(ticks);
        w = worker_free(w);
        event = sd_event_unref(event);
}

/* Nothing was given; something is under way, and more waits. */
static void test_end(void **state _unused_)
{
        TestJob slow = { .job = { .work = work, .done = done }, .takes = 50 * USEC_PER_MSEC };
        TestJob never = slow;
        Worker *w = NULL;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(worker_new(&w, event, USEC_INFINITY), 0);
        assert_null(worker_free(w));
        assert_null(worker_free(NULL));
        assert_int_equal(worker_new(&w, event, USEC_INFINITY), 0);
        worker_do(w, &slow.job);
        worker_do(w, &never.job);
        worker_free(w);
        event = sd_event_unref(event);
}

/* A job that hangs ends the program, whatever the loop does meanwhile; one after the other has time of its own. */
static int run_with(usec_t each)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                Worker *w = NULL;
                if (sd_event_new(&event) < 0 || worker_new(&w, event, USEC_PER_SEC) < 0)
                        _exit(3);
                done_so_far = 0;
                last = 4;
                for (int i = 0; i <= last; i++)
                        give(w, i, each);
                _exit(sd_event_loop(event) < 0 ? 4 : 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void test_overdue(void **state _unused_)
{
        assert_int_equal(run_with(300 * USEC_PER_MSEC), 0); /* 1.5 s in all */
        assert_int_equal(run_with(60 * USEC_PER_SEC), EXIT_FAILURE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_in_order),
                cmocka_unit_test(test_end),
                cmocka_unit_test(test_overdue),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
