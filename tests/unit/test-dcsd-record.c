#include <errno.h>

#include "base/str.h"
#include "dcsd/record.h"
#include "test-dcsd.h"
#include "wire/wire.h"

#define P "/service/x/"

typedef struct World {
        Cache *cache;
        Cluster cluster;
        Paths paths;
        Retain retain;
        Member self;
        RecordContext context;
} World;

static int setup(void **state)
{
        World *w = calloc(1, sizeof *w);

        w->cache = cache_new(P);
        paths_init(&w->paths, P, "n1");
        w->cluster.settings = SETTINGS_DEFAULT;
        w->context = (RecordContext){ .cache = w->cache, .cluster = &w->cluster,
                                      .self = &w->self, .paths = &w->paths, .retain = &w->retain,
                                      .now = 1000 * USEC_PER_SEC };
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        cache_free(w->cache);
        free(w);
        return 0;
}

static void put(World *w, const char *key, const char *value, uint64_t revision)
{
        Kv kv = make_kv(key, value, revision, revision, 0);

        (void)cache_put(w->cache, &kv);
}

/* A RECORD with this value; the caller frees plan->value. */
static int record(World *w, RecordKey key, uint64_t revision, const void *value, size_t size,
                  RecordPlan *plan)
{
        MsgRecord *m = calloc(1, sizeof *m + size + 1);
        char text[REASON_SIZE];

        wire_header(&m->h, MSG_RECORD, sizeof *m + size);
        m->key = key;
        m->revision = revision;
        if (size > 0)
                memcpy(m->value, value, size);
        *plan = (RecordPlan){ 0 };
        int r = record_plan(m, &w->context, plan, text);
        assert_true(r != -EINVAL || text[0]);
        free(m);
        return r;
}

#define PLAN(w, key, revision, value, plan) record(w, key, revision, &(value), sizeof(value), plan)

static void test_initialize(void **state)
{
        World *w = *state;
        InitializeKey claim = { .state = INITIALIZE_RUNNING };
        InitializeKey done = { .state = INITIALIZE_DONE, .sysid = 7711114259498795507ULL };
        InitializeKey absent = { 0 }, invalid = { .state = INITIALIZE_INVALID };
        RecordPlan plan;

        assert_int_equal(PLAN(w, RECORD_INITIALIZE, 0, claim, &plan), 0);
        assert_true(plan.is_claim);
        assert_string_equal(plan.value, "");
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_INITIALIZE, 5, done, &plan), 0);
        assert_false(plan.is_claim);
        assert_string_equal(plan.value, "7711114259498795507");
        assert_string_equal(plan.key, P "initialize");
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_INITIALIZE, 0, absent, &plan), 0);
        assert_null(plan.value);
        assert_true(plan.is_there);
        assert_int_equal(PLAN(w, RECORD_INITIALIZE, 0, invalid, &plan), -EINVAL);
        /* an equal value never makes a claim ours */
        put(w, P "initialize", "", 5);
        assert_int_equal(PLAN(w, RECORD_INITIALIZE, 0, claim, &plan), 0);
        assert_false(plan.is_there);
        free(plan.value);
}

static void test_config(void **state)
{
        World *w = *state;
        static const char text[] = "{\"ttl\": 30, \"x\": null}", list[] = "[1]";
        RecordPlan plan;

        assert_int_equal(record(w, RECORD_CONFIG, 0, NULL, 0, &plan), 0);
        assert_non_null(strstr(plan.value, "\"ttl\":10,"));
        assert_int_equal(plan.revision, 0);
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_CONFIG, 7, text, &plan), 0);
        assert_string_equal(plan.value, "{\"ttl\":30,\"x\":null}");
        assert_int_equal(plan.revision, 7);
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_CONFIG, 7, list, &plan), -EINVAL);
        /* what the mind saw as absent, because it is no object */
        put(w, P "config", "oops", 9);
        assert_int_equal(record(w, RECORD_CONFIG, 0, NULL, 0, &plan), 0);
        assert_int_equal(plan.revision, 9);
        free(plan.value);
        assert_int_equal(record_config_revision(w->cache, RECORD_ANY_REVISION), RECORD_ANY_REVISION);
}

static void add_member(World *w, const char *name, bool nostream)
{
        Member *m = &w->cluster.members[w->cluster.n_members++];

        *m = (Member){ .tags = TAGS_DEFAULT };
        m->tags.nostream = nostream;
        (void)STR_SET(m->name, name);
}

static void test_status(void **state)
{
        World *w = *state;
        StatusKey *key = calloc(1, sizeof *key);
        RecordPlan plan;

        key->optime = 5;
        key->n_slots = 1;
        (void)STR_SET(key->slots[0].name, "n2");
        key->slots[0].lsn = 4;
        add_member(w, "N-2", false);
        add_member(w, "n1", false);
        add_member(w, "quiet", true);
        put(w, P "status", "{\"optime\":1,\"retain_slots\":[\"gone\",\"perm\"]}", 4);
        put(w, P "config", "{\"slots\":{\"perm\":{}}}", 3);
        assert_int_equal(PLAN(w, RECORD_STATUS, RECORD_ANY_REVISION, *key, &plan), 0);
        assert_string_equal(plan.value, "{\"optime\":5,\"slots\":{\"n2\":4},"
                                        "\"retain_slots\":[\"gone\",\"n1\",\"n_2\"]}");
        assert_false(plan.is_there);
        put(w, P "status", "{\"retain_slots\":[\"gone\",\"n1\",\"n_2\"],\"slots\":{\"n2\":\"4\"},"
                           "\"optime\":5}", 5);
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_STATUS, RECORD_ANY_REVISION, *key, &plan), 0);
        assert_true(plan.is_there);
        free(plan.value);

        /* half an hour later nobody waits for "gone" any more */
        w->context.now += 1801 * USEC_PER_SEC;
        put(w, P "status", "{\"optime\":5,\"retain_slots\":[\"gone\"]}", 6);
        assert_int_equal(PLAN(w, RECORD_STATUS, RECORD_ANY_REVISION, *key, &plan), 0);
        assert_non_null(strstr(plan.value, "\"retain_slots\":[\"n1\",\"n_2\"]"));
        free(plan.value);

        w->cluster.settings.member_slots_ttl = 0;
        assert_int_equal(PLAN(w, RECORD_STATUS, RECORD_ANY_REVISION, *key, &plan), 0);
        assert_null(strstr(plan.value, "retain"));
        free(plan.value);
        free(key);
}

static void test_optime(void **state)
{
        World *w = *state;
        char *value;

        put(w, P "status", "{\"optime\":1,\"slots\":{\"a\":2},\"other\":3,\"retain_slots\":[\"a\"]}", 4);
        assert_int_equal(record_optime(&w->context, 9, &value), 0);
        assert_string_equal(value, "{\"optime\":9,\"slots\":{\"a\":2},\"retain_slots\":[\"a\"]}");
        free(value);
}

static void test_sync(void **state)
{
        World *w = *state;
        SyncKey *key = calloc(1, sizeof *key);
        RecordPlan plan;

        (void)STR_SET(key->leader, "n1");
        assert_int_equal(PLAN(w, RECORD_SYNC, 0, *key, &plan), 0);
        assert_string_equal(plan.value, "{\"leader\":\"n1\",\"quorum\":0,\"sync_standby\":null}");
        put(w, P "sync", plan.value, 4);
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_SYNC, 3, *key, &plan), 0);
        assert_false(plan.is_there); /* another revision than the one decided on */
        free(plan.value);
        assert_int_equal(PLAN(w, RECORD_SYNC, 4, *key, &plan), 0);
        assert_true(plan.is_there);
        free(plan.value);
        key->leader[0] = 0;
        assert_int_equal(PLAN(w, RECORD_SYNC, 4, *key, &plan), 0);
        assert_null(plan.value);
        assert_false(plan.is_there);
        free(key);
}

static void test_failsafe(void **state)
{
        World *w = *state;
        RecordPlan plan;

        w->cluster.n_members = 3;
        (void)STR_SET(w->cluster.members[0].name, "n1");
        (void)STR_SET(w->cluster.members[0].api_url, "http://10.0.0.1:8008/patroni");
        (void)STR_SET(w->cluster.members[1].name, "n2"); /* of which nobody can ask anything */
        (void)STR_SET(w->cluster.members[2].name, "n3");
        (void)STR_SET(w->cluster.members[2].api_url, "https://[fd00::3]:8008/patroni");
        assert_int_equal(record(w, RECORD_FAILSAFE, RECORD_ANY_REVISION, NULL, 0, &plan), 0);
        assert_string_equal(plan.key, P "failsafe");
        assert_string_equal(plan.value, "{\"n1\":\"http://10.0.0.1:8008/patroni\","
                                        "\"n3\":\"https://[fd00::3]:8008/patroni\"}");
        assert_false(plan.is_there);
        put(w, P "failsafe", plan.value, 4);
        free(plan.value);
        assert_int_equal(record(w, RECORD_FAILSAFE, RECORD_ANY_REVISION, NULL, 0, &plan), 0);
        assert_true(plan.is_there);
        free(plan.value);

        /* The key of the leader, who writes it, was lost: it must not be left out of its own map. */
        w->cluster.n_members = 1;
        (void)STR_SET(w->self.name, "n2");
        (void)STR_SET(w->self.api_url, "http://10.0.0.2:8008/patroni");
        assert_int_equal(record(w, RECORD_FAILSAFE, RECORD_ANY_REVISION, NULL, 0, &plan), 0);
        assert_string_equal(plan.value, "{\"n1\":\"http://10.0.0.1:8008/patroni\","
                                        "\"n2\":\"http://10.0.0.2:8008/patroni\"}");
        free(plan.value);
}

static void test_standing(void **state)
{
        World *w = *state;
        StandingKey key = { .standing = 1, .epoch = 77 };
        ResumeKey resume = { .wanted = 1 };
        RecordPlan plan;

        assert_int_equal(PLAN(w, RECORD_STANDING, RECORD_ANY_REVISION, key, &plan), -EINVAL);
        (void)STR_SET(key.name, "../leader");
        assert_int_equal(PLAN(w, RECORD_STANDING, RECORD_ANY_REVISION, key, &plan), -EINVAL);
        (void)STR_SET(key.name, "n2");
        assert_int_equal(PLAN(w, RECORD_STANDING, RECORD_ANY_REVISION, key, &plan), 0);
        assert_string_equal(plan.key, P "palisade/standing/n2");
        assert_string_equal(plan.value, "{\"epoch\":77}");
        put(w, P "palisade/standing/n2", plan.value, 5);
        free(plan.value);
        key.standing = 0;
        assert_int_equal(PLAN(w, RECORD_STANDING, RECORD_ANY_REVISION, key, &plan), 0);
        assert_null(plan.value);
        assert_false(plan.is_there);

        (void)STR_SET(resume.by, "n1");
        assert_int_equal(PLAN(w, RECORD_RESUME, RECORD_ANY_REVISION, resume, &plan), 0);
        assert_string_equal(plan.key, P "palisade/resume");
        assert_string_equal(plan.value, "{\"by\":\"n1\"}");
        free(plan.value);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_initialize, setup, teardown),
                cmocka_unit_test_setup_teardown(test_config, setup, teardown),
                cmocka_unit_test_setup_teardown(test_status, setup, teardown),
                cmocka_unit_test_setup_teardown(test_optime, setup, teardown),
                cmocka_unit_test_setup_teardown(test_sync, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failsafe, setup, teardown),
                cmocka_unit_test_setup_teardown(test_standing, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
