/* Who waits for a look at the server, and how many looks that takes. pgd and the mouth are played by the test. */
#include "palisaded/palisaded.h"
#include "test-lib.h"

static Palisaded p;
static unsigned probes, told;
static uint64_t last_told;
static hands_answer_t answer;

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_, hands_answer_t done,
                       void *userdata)
{
        assert_int_equal(id, HAND_PGD);
        assert_int_equal(m->type, MSG_PROBE);
        assert_ptr_equal(userdata, &p);
        answer = done;
        return ++probes;
}

void api_respond(Api *a _unused_, uint64_t seq, unsigned http, const char *text _unused_)
{
        assert_int_equal(http, 200);
        last_told = seq;
        told++;
}

static int set_up(void **state _unused_)
{
        p = (Palisaded){ 0 };
        probes = told = 0;
        return 0;
}

static void ask(uint64_t seq)
{
        MsgRequest m = WIRE_INIT(MsgRequest, MSG_REQUEST);

        m.h.seq = seq;
        probe_request(&p, &m);
}

static void pgd_answers(void)
{
        MsgResult r = WIRE_INIT(MsgResult, MSG_RESULT);

        answer(&r, &p);
}

static void test_each_in_peace(void **state _unused_)
{
        for (uint64_t seq = 1; seq <= 3; seq++) {
                ask(seq);
                assert_int_equal(probes, seq);
                assert_int_equal(told, seq - 1);
                pgd_answers();
                assert_int_equal(last_told, seq);
                assert_int_equal(told, seq);
        }
}

/* A look that began before somebody asked may be older than what he knows. */
static void test_who_comes_meanwhile_waits_for_the_next(void **state _unused_)
{
        ask(1);
        ask(2);
        ask(3);
        assert_int_equal(probes, 1);
        pgd_answers();
        assert_int_equal(last_told, 1);
        assert_int_equal(probes, 2);
        ask(4);
        pgd_answers();
        assert_int_equal(last_told, 3);
        assert_int_equal(told, 3);
        assert_int_equal(probes, 3);
        pgd_answers();
        assert_int_equal(last_told, 4);
        assert_int_equal(probes, 3);
        ask(5);
        assert_int_equal(probes, 4);
}

static void test_a_crowd(void **state _unused_)
{
        const unsigned most = ELEMENTSOF(p.probes.waiting);

        for (unsigned i = 1; i <= most + 10; i++)
                ask(i);
        assert_int_equal(told, 10);
        assert_int_equal(last_told, most + 10);
        pgd_answers();
        pgd_answers();
        assert_int_equal(told, most + 10);
        assert_int_equal(last_told, most);
        assert_int_equal(probes, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_each_in_peace, set_up),
                cmocka_unit_test_setup(test_who_comes_meanwhile_waits_for_the_next, set_up),
                cmocka_unit_test_setup(test_a_crowd, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
