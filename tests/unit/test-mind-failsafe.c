/* Promises: given when they are kept in a file, and for long enough. The files are real; the API is played by the test. */
#include <stdlib.h>
#include <unistd.h>

#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

static Palisaded p;
static MsgCluster snapshot; /* n1 leads, this is n2 */
static char runtime[] = "/tmp/palisade-failsafe-XXXXXX";
static unsigned told_http;

void api_respond(Api *a _unused_, uint64_t seq _unused_, unsigned http, const char *text _unused_)
{
        told_http = http;
}

/* Not asked for anything here. */
PermitInput authority_input(const Palisaded *m _unused_)
{
        return (PermitInput){ .timing = TIMING_DEFAULT };
}

void duties_status(const Palisaded *m _unused_, StatusKey *ret _unused_) {}
void hands_send(Hands *h _unused_, HandId id _unused_, MsgHeader *m _unused_) {}
void palisaded_think(Palisaded *m _unused_) {}

uint64_t hands_request(Hands *h _unused_, HandId id _unused_, MsgHeader *m _unused_, usec_t timeout _unused_,
                       hands_answer_t answer _unused_, void *userdata _unused_)
{
        return 1;
}

static void path_of(const char *suffix, char *buf, size_t size)
{
        snprintf(buf, size, "%s/main.%s", runtime, suffix);
}

static void write_file(const char *suffix, const char *text)
{
        char path[64];

        path_of(suffix, path, sizeof path);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0600), 0);
}

/* As it is after a boot of the host, or a restart of the mind: /run is empty, or is not. */
static void begin(bool boot)
{
        char path[64];

        path_of("promise", path, sizeof path);
        if (boot)
                (void)unlink(path);
        p = (Palisaded){ .snapshot = &snapshot, .cluster = &snapshot.cluster, .cluster_name = "main" };
        p.known[HAND_PGD] = true;
        p.facts.value[FACT_PG] = PG_STANDBY;
        (void)STR_SET(p.node.name, "n2");
        failsafe_load(&p, runtime);
}

static int set_up(void **state _unused_)
{
        char path[64];

        snapshot.cluster = (Cluster){ .settings = SETTINGS_DEFAULT };
        snapshot.cluster.settings.failsafe_mode = true;
        snapshot.cluster.settings.timing.ttl = SEC(10);
        (void)STR_SET(snapshot.cluster.leader.name, "n1");
        (void)STR_SET(snapshot.cluster.failsafe_names, "n1,n2,n3");
        path_of("promised", path, sizeof path);
        (void)unlink(path);
        told_http = 0;
        begin(true);
        return 0;
}

static void n1_asks(usec_t ttl)
{
        MsgRequest m = WIRE_INIT(MsgRequest, MSG_REQUEST);

        (void)STR_SET(m.leader, "n1");
        m.timing.ttl = ttl;
        failsafe_request(&p, &m);
}

static bool is_quiet_at(usec_t at)
{
        return failsafe_barred(&p, at) != NULL;
}

static void test_a_promise_outlives_the_mind(void **state _unused_)
{
        failsafe_on_cluster(&p);
        n1_asks(SEC(10));
        assert_int_equal(told_http, 200);
        usec_t until = p.failsafe.kept.until;
        assert_true(until >= now_boottime() + SEC(9) && until <= now_boottime() + SEC(10));
        begin(false);
        assert_true(p.failsafe.known);
        assert_true(p.failsafe.kept.until == until);
        assert_string_equal(p.failsafe.kept.leader, "n1");
        assert_true(is_quiet_at(until - 1));
        assert_false(is_quiet_at(until));
}

/* A leader that cannot see the DCS counts on the ttl that it knows. */
static void test_for_the_longer_ttl(void **state _unused_)
{
        failsafe_on_cluster(&p);
        n1_asks(SEC(30));
        assert_true(is_quiet_at(now_boottime() + SEC(29)));
        assert_false(is_quiet_at(now_boottime() + SEC(30)));
        n1_asks(SEC(5));
        assert_true(is_quiet_at(now_boottime() + SEC(29)));
}

/* The promise is gone with /run, but how long the longest was is not. */
static void test_quiet_after_a_boot_for_as_long_as_was_promised(void **state _unused_)
{
        failsafe_on_cluster(&p);
        n1_asks(SEC(30));
        snapshot.cluster.settings.timing.ttl = SEC(5); /* lowered meanwhile */
        begin(true);
        failsafe_on_cluster(&p);
        assert_true(is_quiet_at(p.failsafe.started + SEC(30) - 1));
        assert_false(is_quiet_at(p.failsafe.started + SEC(30)));
}

static void test_quiet_after_a_boot_for_one_ttl(void **state _unused_)
{
        assert_true(is_quiet_at(now_boottime())); /* before the cluster is known */
        failsafe_on_cluster(&p);
        assert_true(is_quiet_at(p.failsafe.started + SEC(10) - 1));
        assert_false(is_quiet_at(p.failsafe.started + SEC(10)));
}

static void test_what_is_over_makes_no_start_quiet(void **state _unused_)
{
        failsafe_on_cluster(&p);
        n1_asks(SEC(30));
        p.failsafe.kept.until = now_boottime(); /* it has run out */
        failsafe_on_cluster(&p);
        begin(true);
        assert_true(p.failsafe.kept.until == 0);
}

static void test_files_that_are_torn(void **state _unused_)
{
        write_file("promise", "12345");
        write_file("promised", "soon\n");
        begin(false);
        assert_false(p.failsafe.known);
        failsafe_on_cluster(&p);
        assert_true(is_quiet_at(p.failsafe.started + SEC(10) - 1));
}

static void test_none_that_cannot_be_kept(void **state _unused_)
{
        failsafe_on_cluster(&p);
        usec_t quiet = p.failsafe.kept.until;
        (void)STR_SET(p.failsafe.length_path, "/nowhere/main.promised");
        n1_asks(SEC(30));
        assert_int_equal(told_http, 500);
        assert_true(p.failsafe.kept.until == quiet);
}

static void test_who_leads_or_may_does_not_promise(void **state _unused_)
{
        failsafe_on_cluster(&p);
        p.authority.bidding = true;
        n1_asks(SEC(10));
        assert_int_equal(told_http, 500);
        p.authority.bidding = false;
        p.facts.value[FACT_PG] = PG_UNKNOWN;
        n1_asks(SEC(10));
        assert_int_equal(told_http, 500);
        snapshot.cluster.settings.failsafe_mode = false;
        n1_asks(SEC(10));
        assert_int_equal(told_http, 502);
        assert_string_equal(p.failsafe.kept.leader, "");
}

static int make_folder(void **state _unused_)
{
        assert_non_null(mkdtemp(runtime));
        assert_int_equal(setenv("RUNTIME_DIRECTORY", runtime, 1), 0);
        assert_int_equal(setenv("STATE_DIRECTORY", runtime, 1), 0);
        return 0;
}

static int remove_folder(void **state _unused_)
{
        char path[64];

        path_of("promise", path, sizeof path);
        (void)unlink(path);
        path_of("promised", path, sizeof path);
        (void)unlink(path);
        return rmdir(runtime);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_promise_outlives_the_mind),
                TEST(test_for_the_longer_ttl),
                TEST(test_quiet_after_a_boot_for_as_long_as_was_promised),
                TEST(test_quiet_after_a_boot_for_one_ttl),
                TEST(test_what_is_over_makes_no_start_quiet),
                TEST(test_files_that_are_torn),
                TEST(test_none_that_cannot_be_kept),
                TEST(test_who_leads_or_may_does_not_promise),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
