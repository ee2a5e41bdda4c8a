/* What people ask of the mind: when it is answered, and with what. The hands are played by the test. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define SCHEDULED 42 /* revision of the failover key */

static Palisaded p;
static Cluster cluster;
static struct {
        RecordOrder order;
        hands_answer_t answer;
        void *userdata;
        OrderWhat what; /* of pgd */
        uint64_t seq;
} asked; /* last, of dcsd or pgd */
static MsgResult told; /* last, to apid */
static unsigned n_told;

void duties_record(Palisaded *m _unused_, const RecordOrder *o, hands_answer_t answer, void *userdata)
{
        asked.order = *o;
        asked.answer = answer;
        asked.userdata = userdata;
}

uint64_t hands_request(Hands *h _unused_, HandId id _unused_, MsgHeader *m, usec_t timeout _unused_,
                       hands_answer_t answer, void *userdata)
{
        assert_int_equal(m->type, MSG_ORDER);
        asked.what = (OrderWhat)((MsgOrder *)m)->what;
        asked.answer = answer;
        asked.userdata = userdata;
        return m->seq = ++asked.seq;
}

void hands_send(Hands *h _unused_, HandId id, MsgHeader *m)
{
        if (id != HAND_APID || m->type != MSG_RESULT)
                return;
        told = *(MsgResult *)m;
        n_told++;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

/* Not asked for anything here. */
int timer_init(Timer *t _unused_, sd_event *e _unused_, const char *name _unused_, Stall *stall _unused_,
               timer_handler_t handler _unused_, void *userdata _unused_)
{
        return 0;
}

void timer_done(Timer *t _unused_) {}
PermitInput authority_input(const Palisaded *m _unused_)
{
        return (PermitInput){ 0 };
}

void explain_rows(const Palisaded *m _unused_, uint64_t r _unused_) {}
bool failsafe_is_active(const Palisaded *m _unused_, usec_t now _unused_)
{
        return false;
}

void failsafe_request(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
void handover_begin_leave(Palisaded *m _unused_) {}
bool palisaded_lacks_watchdog(const Palisaded *m _unused_)
{
        return false;
}

int palisaded_reload(Palisaded *m _unused_)
{
        return 0;
}

void palisaded_think(Palisaded *m _unused_) {}
void pause_resume(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
void probe_request(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
void reinit_request(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
void restart_cancel(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
void restart_request(Palisaded *m _unused_, const MsgRequest *r _unused_) {}
bool timing_fits(const Palisaded *m _unused_, Timing t _unused_, char *ret_why _unused_, size_t size _unused_)
{
        return true;
}

uint64_t race_send_ask(Palisaded *m _unused_, const PeerAddress *peers _unused_, uint32_t n _unused_,
                       usec_t within _unused_)
{
        return 1;
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .settings = SETTINGS_DEFAULT,
                             .failover = { .requested = true, .scheduled_wall_usec = 1, .mod_revision = SCHEDULED } };
        p = (Palisaded){ .cluster = &cluster };
        n_told = 0;
        asked.answer = NULL;
        asked.seq = 0;
        return api_new(&p.api, &p);
}

static int tear_down(void **state _unused_)
{
        p.api = api_free(p.api);
        return 0;
}

static void request(RequestKind kind)
{
        MsgRequest m = WIRE_INIT(MsgRequest, MSG_REQUEST);

        m.kind = kind;
        m.h.seq = 7;
        api_request(p.api, &m);
}

static void answer(Outcome outcome)
{
        MsgResult r = { .h.seq = asked.seq, .outcome = outcome, .text = "a condition is not met" };

        asked.answer(&r, asked.userdata);
}

/* Told when it is, and not before. */
static void test_cancelled(void **state _unused_)
{
        static const struct {
                Outcome outcome;
                uint32_t http;
        } rows[] = { { OUTCOME_DONE, 200 }, { OUTCOME_REFUSED, 409 }, { OUTCOME_UNKNOWN, 503 } };

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                request(REQUEST_CANCEL_SWITCHOVER);
                assert_int_equal(n_told, i);
                assert_int_equal(asked.order.key, RECORD_FAILOVER);
                assert_int_equal(asked.order.revision, SCHEDULED); /* not another one's that was written since */
                answer(rows[i].outcome);
                assert_int_equal(n_told, i + 1);
                assert_int_equal(told.http, rows[i].http);
                assert_int_equal(told.h.seq, 7);
        }
        assert_string_equal(told.text, "the DCS did not answer in time");
}

static void test_nothing_to_cancel(void **state _unused_)
{
        cluster.failover.scheduled_wall_usec = 0; /* one for now is under way */
        request(REQUEST_CANCEL_SWITCHOVER);
        assert_int_equal(told.http, 404);
        assert_null(asked.answer);
}

static void test_joined(void **state _unused_)
{
        p.leaving = true;
        request(REQUEST_JOIN);
        assert_false(p.leaving);
        assert_int_equal(n_told, 0);
        answer(OUTCOME_UNKNOWN);
        assert_int_equal(told.http, 503);
        request(REQUEST_JOIN);
        answer(OUTCOME_DONE);
        assert_int_equal(told.http, 200);
}

/* Until pgd holds the server stopped no more, it is told again, whoever asks. */
static void test_join_is_told_again(void **state _unused_)
{
        p.pg.pg.held = true;
        api_note_joined(&p); /* nobody has asked */
        assert_null(asked.answer);
        request(REQUEST_JOIN);
        uint64_t first = asked.seq;
        api_note_joined(&p);
        assert_int_equal(asked.seq, first); /* that is under way */
        answer(OUTCOME_UNKNOWN);
        assert_int_equal(n_told, 1);
        api_note_joined(&p);
        assert_int_equal(asked.seq, first + 1);
        assert_int_equal(asked.what, ORDER_JOIN);
        answer(OUTCOME_DONE);
        p.pg.pg.held = false;
        api_note_joined(&p);
        assert_int_equal(asked.seq, first + 1);
        asked.answer = NULL;

        palisaded_leave(&p);
        p.pg.pg.held = true;
        api_note_joined(&p);
        assert_null(asked.answer);
}

/* An answer to an order from before the last one, whose asker is gone: it says nothing. */
static void test_join_and_leave_at_once(void **state _unused_)
{
        request(REQUEST_JOIN);
        palisaded_leave(&p);
        assert_int_equal(told.http, 503);
        answer(OUTCOME_DONE);
        assert_int_equal(n_told, 1);
        assert_true(p.leaving);

        request(REQUEST_JOIN);
        hands_answer_t older = asked.answer;
        MsgResult r = { .h.seq = asked.seq, .outcome = OUTCOME_UNKNOWN };
        request(REQUEST_JOIN);
        older(&r, asked.userdata);
        assert_int_equal(n_told, 1);
        answer(OUTCOME_DONE);
        assert_int_equal(n_told, 3); /* both who asked */
        assert_int_equal(told.http, 200);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_nothing_to_cancel, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_joined, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_join_is_told_again, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_join_and_leave_at_once, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
