/* The mind's connections to its hands: a request is always answered, by the hand or in time, and never at once. */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/fdutil.h"
#include "io/listen.h"
#include "palisaded/hands.h"
#include "test-lib.h"

static sd_event *event;
static Hands *hands;
static char runtime[] = "/tmp/palisade-hands-XXXXXX";
static unsigned n_answers, n_connected, n_lost;
static MsgResult last;

static void on_answer(const MsgResult *r, void *userdata)
{
        assert_ptr_equal(userdata, &last);
        last = *r;
        n_answers++;
}

static void on_result(Link *l, const MsgHeader *h, int *fds _unused_, size_t n _unused_, void *seat)
{
        assert_ptr_equal(hands_userdata(seat), &last);
        assert_true(hands_answered(hands, hands_id_of(hands, l), (const MsgResult *)h));
}

static void on_connected(HandId id, void *userdata _unused_)
{
        assert_int_equal(id, HAND_FENCED);
        n_connected++;
}

static void on_lost(HandId id, void *userdata _unused_)
{
        assert_int_equal(id, HAND_FENCED);
        n_lost++;
}

static uint64_t dcs_id(void *userdata _unused_)
{
        return 77;
}

static const LinkHandler handlers[] = { { MSG_RESULT, on_result } };
static const HandsCalls calls = { .connected = on_connected, .lost = on_lost, .dcs_id = dcs_id };

static void turn_until(const unsigned *count, unsigned least)
{
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; *count < least;) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(event, 100 * USEC_PER_MSEC) >= 0);
        }
}

/* How long the answer took. */
static usec_t asked(usec_t timeout)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);
        usec_t began = now_boottime();
        unsigned before = n_answers;

        m.epoch = 7;
        uint64_t seq = hands_request(hands, HAND_FENCED, &m.h, timeout, on_answer, &last);
        assert_int_equal(n_answers, before); /* whoever asks has kept the number first */
        turn_until(&n_answers, before + 1);
        assert_int_equal(last.h.seq, seq);
        return now_boottime() - began;
}

static void test_requests(void **state _unused_)
{
        char path[128];
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        MsgHello hello;
        MsgRevoke revoke;

        /* Nobody is there: not so soon that whoever asks again at once would spin. */
        assert_true(asked(10 * USEC_PER_SEC) >= 100 * USEC_PER_MSEC);
        assert_int_equal(last.outcome, OUTCOME_UNKNOWN);
        assert_true(asked(20 * USEC_PER_MSEC) >= 20 * USEC_PER_MSEC);
        assert_false(hands_is_up(hands, HAND_FENCED));
        assert_true(hands_lost_since(hands, HAND_FENCED) > 0);

        snprintf(path, sizeof path, "%s/fenced.sock", runtime);
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        _cleanup_(closep) int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(listener, 1), 0);
        turn_until(&n_connected, 1);
        assert_true(hands_is_up(hands, HAND_FENCED));
        int fd = accept(listener, NULL, NULL);
        assert_int_equal(recv(fd, &hello, sizeof hello, 0), sizeof hello);
        assert_int_equal(hello.dcs_id, 77);
        assert_string_equal(hello.cluster, "main");

        /* It is there and says nothing. */
        assert_true(asked(50 * USEC_PER_MSEC) >= 50 * USEC_PER_MSEC);
        assert_int_equal(last.outcome, OUTCOME_UNKNOWN);
        assert_int_equal(recv(fd, &revoke, sizeof revoke, 0), sizeof revoke);
        assert_int_equal(revoke.epoch, 7);

        /* It answers; then again, which nobody waits for any more. */
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);
        unsigned before = n_answers;
        uint64_t seq = hands_request(hands, HAND_FENCED, &m.h, 60 * USEC_PER_SEC, on_answer, &last);
        assert_int_equal(recv(fd, &revoke, sizeof revoke, 0), sizeof revoke);
        assert_int_equal(revoke.h.seq, seq);
        MsgResult r = WIRE_INIT(MsgResult, MSG_RESULT);
        r.h.seq = seq;
        r.outcome = OUTCOME_DONE;
        assert_int_equal(send(fd, &r, sizeof r, 0), sizeof r);
        turn_until(&n_answers, before + 1);
        assert_int_equal(last.outcome, OUTCOME_DONE);
        assert_false(hands_answered(hands, HAND_FENCED, &r));

        /* It goes with a question unanswered. */
        (void)hands_request(hands, HAND_FENCED, &m.h, 60 * USEC_PER_SEC, on_answer, &last);
        close(fd);
        turn_until(&n_answers, before + 2);
        assert_int_equal(last.outcome, OUTCOME_UNKNOWN);
        assert_int_equal(n_lost, 1);
        turn_until(&n_connected, 2);
        unlink(path);
}

static unsigned n_crowd;
static uint64_t crowd[200];

/* Each by its own number, in time, and whoever asks again there is only heard later. */
static void on_crowd(const MsgResult *r, void *userdata)
{
        uint64_t *seq = userdata;
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        assert_int_equal(r->h.seq, *seq);
        assert_int_equal(r->outcome, OUTCOME_UNKNOWN);
        if (n_crowd++ < ELEMENTSOF(crowd))
                *seq = hands_request(hands, HAND_FENCED, &m.h, USEC_PER_MSEC, on_crowd, seq);
}

static void test_a_crowd(void **state _unused_)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        for (size_t i = 0; i < ELEMENTSOF(crowd); i++)
                crowd[i] = hands_request(hands, HAND_FENCED, &m.h, 60 * USEC_PER_SEC, on_crowd, &crowd[i]);
        assert_int_equal(n_crowd, 0);
        turn_until(&n_crowd, 2 * ELEMENTSOF(crowd));
        assert_int_equal(n_crowd, 2 * ELEMENTSOF(crowd));
}

static void test_forgotten(void **state _unused_)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);
        MsgResult r = WIRE_INIT(MsgResult, MSG_RESULT);

        r.h.seq = hands_request(hands, HAND_FENCED, &m.h, 60 * USEC_PER_SEC, on_crowd, NULL);
        hands_forget(hands, 0);
        hands_forget(hands, r.h.seq);
        assert_false(hands_answered(hands, HAND_FENCED, &r));
}

static int set_up(void **state _unused_)
{
        if (!mkdtemp(runtime) || sd_event_new(&event) < 0)
                return -1;
        return hands_new(&hands, event, runtime, "main", handlers, ELEMENTSOF(handlers), &calls, &last);
}

static int tear_down(void **state _unused_)
{
        hands = hands_free(hands);
        event = sd_event_unref(event);
        return rmdir(runtime);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_a_crowd),
                cmocka_unit_test(test_forgotten),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
