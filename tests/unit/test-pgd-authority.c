/* What pgd does by permits and their end, whatever it is at. The server and the engine are played by the test. */
#include <signal.h>

#include "io/fdutil.h"
#include "pgd/pgd.h"
#include "test-lib.h"

#define EPOCH 7

static PgdTable table;
static Pgd p;
static bool runs, primary, left_alone;
static unsigned kills, cancels, advances, answers, saves;
static int last_signal;

bool server_runs(const Server *s _unused_)
{
        return runs;
}

bool pgd_is_primary(const Pgd *pgd _unused_)
{
        return primary;
}

bool pgd_is_left_alone(const Pgd *pgd _unused_)
{
        return left_alone;
}

void server_kill(Server *s _unused_)
{
        kills++;
}

int server_signal(Server *s _unused_, int sig)
{
        last_signal = sig;
        return 0;
}

void engine_cancel(Pgd *pgd)
{
        cancels++;
        pgd->step = STEP_NONE;
}

void engine_advance(Pgd *pgd _unused_)
{
        advances++;
}

void pgd_changed(Pgd *pgd _unused_) {}

void pgd_set_run(Pgd *pgd, RunState run)
{
        pgd->pg.run = run;
}

void pgd_save(Pgd *pgd)
{
        saves++;
        pgd->table->revoked = pgd->pg.revoked_epoch;
}

Mind *hand_find(const Hand *h _unused_, const char *cluster _unused_)
{
        static Mind mind;

        return &mind;
}

void link_send_result(Link *l _unused_, uint64_t seq, Outcome outcome, const char *format _unused_, ...)
{
        assert_int_equal(seq, 99);
        assert_int_equal(outcome, OUTCOME_DONE);
        assert_true(saves > 0); /* a restart must not forget it */
        answers++;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

int timer_init(Timer *t _unused_, sd_event *e _unused_, const char *name _unused_, Stall *stall _unused_,
               timer_handler_t handler _unused_, void *userdata _unused_)
{
        return 0;
}

static int set_up(void **state _unused_)
{
        table = (PgdTable){ 0 };
        p = (Pgd){ .table = &table };
        runs = primary = true;
        left_alone = false;
        kills = cancels = advances = answers = saves = 0;
        last_signal = 0;
        return 0;
}

static MsgPermit permit(Epoch epoch, usec_t ends_in, usec_t stop_budget)
{
        return (MsgPermit){ .epoch = epoch, .deadline = now_boottime() + ends_in, .stop_budget = stop_budget };
}

static void test_revoked_primary(void **state _unused_)
{
        MsgPermit m = permit(EPOCH, 60 * USEC_PER_SEC, USEC_PER_SEC);

        authority_permit(&p, &m);
        assert_int_equal(p.pg.permit_epoch, EPOCH);
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(kills, 1);
        assert_int_equal(answers, 1);
        assert_int_equal(table.revoked, EPOCH);

        m.deadline += USEC_PER_SEC; /* one that was on its way */
        authority_permit(&p, &m);
        assert_true(p.permit.deadline < m.deadline);
}

/* A standby lives on; so does who acts under a later epoch. */
static void test_revoked_and_not_meant(void **state _unused_)
{
        MsgPermit m = permit(EPOCH, 60 * USEC_PER_SEC, USEC_PER_SEC);

        authority_permit(&p, &m);
        authority_revoke(&p, EPOCH - 1, 99);
        assert_int_equal(kills, 0);
        primary = false;
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(kills, 0);
        authority_revoke(&p, EPOCH - 3, 99); /* it never moves back */
        assert_int_equal(p.pg.revoked_epoch, EPOCH);
        assert_int_equal(answers, 3);
}

/* What would become a primary is given up before REVOKE is answered; anything else goes on. */
static void test_revoked_on_its_way(void **state _unused_)
{
        static const Step becoming[] = { STEP_START_PRIMARY, STEP_PROMOTE, STEP_PRE_PROMOTE };

        primary = false;
        for (size_t i = 0; i < ELEMENTSOF(becoming); i++) {
                p.step = becoming[i];
                authority_revoke(&p, EPOCH, 99);
                assert_int_equal(cancels, i + 1);
        }
        p.step = STEP_CLONE;
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(cancels, ELEMENTSOF(becoming));
        assert_int_equal(p.step, STEP_CLONE);
}

/* Its leaf may be known to fenced under the right that ends: another one then, but not at each time that REVOKE is said. */
static void test_a_standby_on_its_way_begins_again(void **state _unused_)
{
        primary = runs = false;
        p.step = STEP_START_STANDBY;
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(cancels, 1);
        assert_int_equal(advances, 1);
        p.step = STEP_START_STANDBY;
        authority_revoke(&p, EPOCH, 99);
        authority_revoke(&p, EPOCH - 1, 99);
        assert_int_equal(cancels, 1);
        assert_int_equal(advances, 1);
        assert_int_equal(answers, 3);
        p.step = STEP_CLONE;
        authority_revoke(&p, EPOCH + 1, 99);
        assert_int_equal(cancels, 1);
        assert_int_equal(advances, 1);
}

/* The launcher was told: a server will come, and has to be killed first. */
static void test_revoked_before_the_birth(void **state _unused_)
{
        p.step = STEP_START_PRIMARY;
        p.start.unborn = true;
        authority_revoke(&p, EPOCH, 98); /* the mind asks again */
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(answers, 0);
        p.start.unborn = false;
        authority_born(&p);
        authority_born(&p);
        assert_int_equal(answers, 1);
}

/* Not renewed: fast, immediate, killed, each where the time left asks for it. */
static void test_lapses(void **state _unused_)
{
        MsgPermit m = permit(EPOCH, 60 * USEC_PER_SEC, USEC_PER_SEC);

        authority_permit(&p, &m);
        assert_int_equal(last_signal, 0);
        assert_true(p.permit_timer.due < m.deadline);
        p.permit.deadline = now_boottime() + p.permit.stop_budget / 2;
        authority_arm(&p);
        assert_true(last_signal == SIGINT || last_signal == SIGQUIT);
        assert_int_equal(p.pg.run, RUN_STOPPING);
        assert_int_equal(kills, 0);
        p.permit.deadline = now_boottime();
        authority_arm(&p);
        assert_int_equal(kills, 1);

        left_alone = true; /* whom nobody manages */
        authority_arm(&p);
        assert_int_equal(kills, 1);
        assert_int_equal(p.permit_timer.due, USEC_INFINITY);
}

static void test_moves_back(void **state _unused_)
{
        MsgPermit m = permit(EPOCH, 60 * USEC_PER_SEC, USEC_PER_SEC), earlier = m;

        authority_permit(&p, &m);
        earlier.deadline -= 10 * USEC_PER_SEC;
        authority_permit(&p, &earlier);
        assert_int_equal(p.permit.deadline, m.deadline);
        earlier.epoch++;
        authority_permit(&p, &earlier); /* another right */
        assert_int_equal(p.permit.deadline, earlier.deadline);
}

/* A primary found running under a permit that nobody here knows has a grace, and no more. */
static void test_adopted(void **state _unused_)
{
        authority_adopt(&p);
        usec_t deadline = p.permit.deadline;
        assert_true(deadline > now_boottime());
        p.permit.epoch = EPOCH;
        p.permit.deadline = deadline + 60 * USEC_PER_SEC;
        authority_adopt(&p);
        assert_int_equal(p.permit.deadline, deadline + 60 * USEC_PER_SEC);
}

/* One that is found though its right is over: somebody else has started it. It goes at once. */
static void test_adopted_after_its_end(void **state _unused_)
{
        MsgPermit m = permit(EPOCH, 60 * USEC_PER_SEC, USEC_PER_SEC);

        authority_permit(&p, &m);
        runs = false;
        authority_revoke(&p, EPOCH, 99);
        assert_int_equal(kills, 0);
        runs = true;
        authority_adopt(&p);
        authority_arm(&p);
        assert_int_equal(kills, 1);
        assert_int_equal(p.pg.permit_epoch, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_revoked_primary, set_up),
                cmocka_unit_test_setup(test_revoked_and_not_meant, set_up),
                cmocka_unit_test_setup(test_revoked_on_its_way, set_up),
                cmocka_unit_test_setup(test_a_standby_on_its_way_begins_again, set_up),
                cmocka_unit_test_setup(test_revoked_before_the_birth, set_up),
                cmocka_unit_test_setup(test_lapses, set_up),
                cmocka_unit_test_setup(test_moves_back, set_up),
                cmocka_unit_test_setup(test_adopted, set_up),
                cmocka_unit_test_setup(test_adopted_after_its_end, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
