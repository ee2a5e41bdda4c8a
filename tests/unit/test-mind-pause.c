/* Standing without a deadline: said in the DCS before it is so, and for as long. The hands are played by the test. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7
#define WRITES_MAX 8

static Palisaded p;
static Cluster cluster; /* node0 is this node */
static struct {
        RecordKey key; /* CONFIG: the request that api_config_record() was given */
        StandingKey standing;
        ResumeKey resume;
        hands_answer_t answer;
        void *userdata;
} writes[WRITES_MAX]; /* since the last look */
static size_t n_writes;
static uint32_t told_http; /* 0: nothing */
static char told[REASON_SIZE];

static void note(RecordKey key, const void *value, hands_answer_t answer, void *userdata)
{
        assert_true(n_writes < WRITES_MAX);
        writes[n_writes].key = key;
        if (key == RECORD_STANDING)
                writes[n_writes].standing = *(const StandingKey *)value;
        if (key == RECORD_RESUME)
                writes[n_writes].resume = *(const ResumeKey *)value;
        writes[n_writes].answer = answer;
        writes[n_writes++].userdata = userdata;
}

void duties_record(Palisaded *m _unused_, const RecordOrder *o, hands_answer_t answer, void *userdata)
{
        note(o->key, o->value, answer, userdata);
}

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_, hands_answer_t answer,
                       void *userdata)
{
        assert_int_equal(id, HAND_DCSD);
        assert_int_equal(m->type, MSG_RECORD);
        note(RECORD_CONFIG, NULL, answer, userdata);
        return 1;
}

MsgRecord *api_config_record(const MsgRequest *m _unused_)
{
        MsgRecord *r = calloc(1, sizeof *r);

        assert_non_null(r);
        *r = WIRE_INIT(MsgRecord, MSG_RECORD);
        return r;
}

void api_respond(Api *a _unused_, uint64_t seq, unsigned http, const char *text)
{
        assert_int_equal(seq, 3);
        told_http = http;
        (void)STR_SET(told, text);
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

void authority_stand(Palisaded *m _unused_) {}
void palisaded_think(Palisaded *m _unused_) {}

static void set_pg(FactPg pg)
{
        p.facts.value[FACT_PG] = pg;
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .settings = SETTINGS_DEFAULT };
        cluster.settings.pause = true;
        p = (Palisaded){ .cluster = &cluster, .link.state = LINK_UP,
                         .authority = { .epoch = EPOCH, .permit = { .epoch = EPOCH, .deadline = 1 } },
                         .fence.epoch = EPOCH };
        (void)STR_SET(p.node.name, "node0");
        p.facts.value[FACT_HANDS] = HANDS_KNOWN;
        set_pg(PG_PRIMARY);
        n_writes = 0;
        told_http = 0;
        return 0;
}

static int tear_down(void **state _unused_)
{
        free(p.pause.request);
        return 0;
}

/* How the write of this number ended. */
static void answer(size_t i, Outcome outcome)
{
        MsgResult r = { .outcome = outcome, .text = "a condition is not met" };

        writes[i].answer(&r, writes[i].userdata);
}

/* Exactly one write since the last look, and this one; it is answered. */
static void expect_standing(bool standing, Outcome outcome)
{
        assert_int_equal(n_writes, 1);
        assert_int_equal(writes[0].key, RECORD_STANDING);
        assert_string_equal(writes[0].standing.name, "node0");
        assert_int_equal(writes[0].standing.standing, standing);
        answer(0, outcome);
        n_writes = 0;
}

static void see_standing(const char *names)
{
        (void)STR_SET(cluster.standing, names);
}

/* The world's word that our deadlines are gone, or in force. */
static void permit_stands(bool permit, bool fence)
{
        p.authority.permit.standing = permit;
        p.fence.standing = fence;
}

static void run(void)
{
        pause_run(&p);
}

/* ---- the key ---- */

static void test_key_before_it_stands(void **state _unused_)
{
        run();
        run();
        assert_false(pause_stands(&p));
        assert_int_equal(writes[0].standing.epoch, EPOCH);
        expect_standing(true, OUTCOME_UNKNOWN); /* one at a time */
        run();
        expect_standing(true, OUTCOME_DONE);
        assert_false(pause_stands(&p)); /* it is what the watch brings that counts */
        see_standing("node0");
        run();
        assert_true(pause_stands(&p));
        assert_int_equal(n_writes, 0);
}

static void test_none_without_pause_or_primary(void **state _unused_)
{
        cluster.settings.pause = false;
        run();
        cluster.settings.pause = true;
        set_pg(PG_STANDBY);
        run();
        set_pg(PG_UNKNOWN);
        run();
        set_pg(PG_PRIMARY);
        cluster.resuming = true;
        run();
        cluster.resuming = false;
        p.link.state = LINK_DOWN;
        run();
        assert_int_equal(n_writes, 0);
}

/* The pause is over: the key goes when the mind's own word and the fence's are both of deadlines. */
static void test_armed_before_the_key_goes(void **state _unused_)
{
        see_standing("node0");
        permit_stands(true, true);
        cluster.settings.pause = false;
        run();
        permit_stands(false, true);
        run();
        permit_stands(false, false);
        p.fence.epoch = EPOCH - 1;
        run();
        p.fence.epoch = EPOCH;
        p.authority.permit.deadline = 0;
        run();
        assert_int_equal(n_writes, 0);
        p.authority.permit.deadline = 1;
        run();
        expect_standing(false, OUTCOME_UNKNOWN);
        run();
        expect_standing(false, OUTCOME_DONE);
        see_standing("");
        run();
        assert_int_equal(n_writes, 0);
}

/* What is started under a right without a deadline has none: the key of a stopped primary waits for that, too. */
static void test_stopped_primary(void **state _unused_)
{
        see_standing("node0");
        permit_stands(true, true);
        set_pg(PG_STOPPING);
        run();
        assert_true(pause_stands(&p));
        set_pg(PG_STOPPED);
        run();
        assert_false(pause_stands(&p));
        assert_int_equal(n_writes, 0);
        p.authority.permit.standing = false;
        run();
        expect_standing(false, OUTCOME_DONE);
        set_pg(PG_PRIMARY); /* it has begun to go: no word of this key may count before a new one is written */
        run();
        expect_standing(true, OUTCOME_UNKNOWN);
        assert_false(pause_stands(&p));
        run();
        expect_standing(true, OUTCOME_DONE);
        assert_true(pause_stands(&p));
}

static void test_stopped_without_a_right(void **state _unused_)
{
        see_standing("node0");
        permit_stands(true, true);
        set_pg(PG_STOPPED);
        p.authority.revoked = true;
        run();
        expect_standing(false, OUTCOME_DONE);
}

static void test_who_stands(void **state _unused_)
{
        char name[NAME_SIZE];

        assert_null(pause_who_stands(&p, name, sizeof name));
        see_standing("node0");
        assert_null(pause_who_stands(&p, name, sizeof name));
        see_standing("node0,node2");
        assert_string_equal(pause_who_stands(&p, name, sizeof name), "node2");
        p.cluster = NULL;
        assert_null(pause_who_stands(&p, name, sizeof name));
}

/* ---- resume ---- */

static void resume(bool force)
{
        MsgRequest m = WIRE_INIT(MsgRequest, MSG_REQUEST);

        m.h.seq = 3;
        m.force = force;
        pause_resume(&p, &m);
}

static void test_resume_when_nobody_stands(void **state _unused_)
{
        static const struct {
                Outcome outcome;
                uint32_t http;
        } rows[] = { { OUTCOME_DONE, 200 }, { OUTCOME_REFUSED, 409 }, { OUTCOME_UNKNOWN, 503 } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                n_writes = told_http = 0;
                resume(false);
                assert_int_equal(n_writes, 1);
                assert_int_equal(writes[0].key, RECORD_CONFIG);
                assert_int_equal(told_http, 0);
                answer(0, rows[i].outcome);
                assert_int_equal(told_http, rows[i].http);
        }
}

/* Two steps: the pause ends when no key in /standing is left. */
static void test_resume_waits_for_who_stands(void **state _unused_)
{
        see_standing("node2");
        resume(false);
        assert_int_equal(n_writes, 1);
        assert_int_equal(writes[0].key, RECORD_RESUME);
        assert_true(writes[0].resume.wanted);
        assert_string_equal(writes[0].resume.by, "node0");
        pause_on_look(&p, p.pause.deadline - 1);
        assert_int_equal(n_writes, 1);
        resume(false);
        assert_int_equal(told_http, 503);
        assert_string_equal(told, "a resume is under way");
        cluster.resuming = true;
        see_standing("");
        pause_on_cluster(&p);
        assert_int_equal(n_writes, 2);
        assert_int_equal(writes[1].key, RECORD_CONFIG);
        answer(1, OUTCOME_DONE);
        assert_int_equal(told_http, 200);
        assert_int_equal(n_writes, 3);
        assert_int_equal(writes[2].key, RECORD_RESUME);
        assert_false(writes[2].resume.wanted);
}

static void test_resume_names_who_does_not_answer(void **state _unused_)
{
        see_standing("node2");
        resume(false);
        pause_on_look(&p, p.pause.deadline);
        assert_int_equal(told_http, 503);
        assert_non_null(strstr(told, "node2 may still be a primary without a deadline"));
        assert_int_equal(n_writes, 2);
        assert_int_equal(writes[1].key, RECORD_RESUME);
        assert_false(writes[1].resume.wanted);
        pause_on_look(&p, p.pause.deadline + 1); /* it is over */
        assert_int_equal(n_writes, 2);
}

/* By force: others' keys go; our own goes as ever, after our deadlines are in force. */
static void test_resume_by_force(void **state _unused_)
{
        see_standing("node0,node2");
        resume(true);
        assert_int_equal(n_writes, 2);
        assert_int_equal(writes[0].key, RECORD_STANDING);
        assert_string_equal(writes[0].standing.name, "node2");
        assert_false(writes[0].standing.standing);
        assert_int_equal(writes[1].key, RECORD_CONFIG);
        answer(1, OUTCOME_DONE);
        assert_int_equal(told_http, 200);
}

/* Between the look and the write somebody said that he stands: done is when he stands no more. */
static void test_resume_met_by_a_new_key(void **state _unused_)
{
        resume(false);
        see_standing("node2");
        answer(0, OUTCOME_DONE);
        assert_int_equal(told_http, 0);
        see_standing("");
        pause_on_look(&p, p.pause.deadline - 1);
        assert_int_equal(told_http, 200);

        told_http = 0;
        resume(false);
        see_standing("node2");
        answer(1, OUTCOME_DONE);
        pause_on_look(&p, p.pause.deadline);
        assert_int_equal(told_http, 503);
        assert_non_null(strstr(told, "the pause is over, but node2"));
}

static void test_resume_without_the_dcs(void **state _unused_)
{
        p.link.state = LINK_DOWN;
        resume(false);
        assert_int_equal(told_http, 503);
        assert_int_equal(n_writes, 0);
}

/* Whose resume was cut short by a death: whoever sees its key too long ends it. */
static void test_resume_of_a_dead_member(void **state _unused_)
{
        usec_t most = cluster.settings.timing.ttl * 2 + SEC(3);

        cluster.resuming = true;
        pause_on_cluster(&p);
        assert_int_not_equal(p.pause.resuming_since, 0);
        pause_on_cluster(&p);
        assert_int_equal(n_writes, 0);
        p.pause.resuming_since -= most + 1;
        pause_on_cluster(&p);
        assert_int_equal(n_writes, 1);
        assert_int_equal(writes[0].key, RECORD_RESUME);
        assert_false(writes[0].resume.wanted);
        cluster.resuming = false;
        pause_on_cluster(&p);
        assert_int_equal(p.pause.resuming_since, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_key_before_it_stands, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_none_without_pause_or_primary, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_armed_before_the_key_goes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stopped_primary, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_stopped_without_a_right, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_who_stands, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_when_nobody_stands, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_waits_for_who_stands, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_names_who_does_not_answer, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_by_force, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_met_by_a_new_key, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_without_the_dcs, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume_of_a_dead_member, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
