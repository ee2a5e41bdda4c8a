#include <errno.h>
#include <stdio.h>

#include "dcsd/cache.h"
#include "test-dcsd.h"

#define P "/service/x/"

static int put(Cache *c, const char *key, const char *value, uint64_t revision)
{
        Kv kv = make_kv(key, value, revision, revision, 0);

        return cache_put(c, &kv);
}

static void test_newer_wins(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);

        (void)state;
        assert_int_equal(put(c, P "leader", "n1", 5), 1);
        assert_int_equal(put(c, P "leader", "n1", 5), 0);
        assert_int_equal(put(c, P "leader", "old", 4), 0);
        assert_string_equal(cache_get(c, "leader")->value, "n1");
        assert_int_equal(put(c, P "leader", "n2", 6), 1);
        assert_string_equal(cache_get(c, "leader")->value, "n2");
        assert_int_equal(cache_revision(c), 6);
        assert_int_equal(put(c, "/elsewhere", "n2", 7), 0);
        assert_int_equal(cache_count(c), 1);
}

/* The event of a put comes after our own delete has been applied. */
static void test_late_events(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);

        (void)state;
        put(c, P "leader", "n1", 5);
        assert_int_equal(cache_delete(c, P "leader", 9), 1);
        assert_null(cache_get(c, "leader"));
        assert_int_equal(put(c, P "leader", "n1", 8), 0);
        assert_null(cache_get(c, "leader"));
        assert_int_equal(cache_delete(c, P "leader", 9), 0);
        assert_int_equal(put(c, P "leader", "n2", 10), 1);
        assert_int_equal(cache_delete(c, P "leader", 9), 0);
        assert_string_equal(cache_get(c, "leader")->value, "n2");
        /* a delete of a key never seen keeps the put before it out */
        assert_int_equal(cache_delete(c, P "sync", 12), 0);
        assert_int_equal(put(c, P "sync", "{}", 11), 0);
        assert_int_equal(cache_count(c), 1);
        assert_int_equal(cache_newest(c), 10);
}

static void test_own_write(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        Kv event = make_kv(P "leader", "n1", 3, 7, 44);

        (void)state;
        put(c, P "leader", "n1", 3);
        assert_int_equal(cache_note_put(c, P "leader", "n1", 44, 7), 1);
        assert_int_equal(cache_get(c, "leader")->create_revision, 3);
        assert_int_equal(cache_get(c, "leader")->lease, 44);
        assert_int_equal(cache_put(c, &event), 0);
        assert_int_equal(cache_note_put(c, P "status", "{}", 0, 8), 1);
        assert_int_equal(cache_get(c, "status")->create_revision, 8);
        assert_int_equal(cache_note_put(c, P "status", "{}", 0, 20), 1);
        assert_int_equal(cache_revision(c), 7); /* what others wrote up to 19 is not here yet */
}

static void test_load(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        Kv first[] = { make_kv(P "leader", "n1", 3, 3, 1), make_kv(P "config", "{}", 2, 2, 0) };
        Kv second[] = { make_kv(P "leader", "n1", 3, 3, 1), make_kv(P "new", "v", 8, 8, 0) };
        Kv same[] = { make_kv(P "leader", "n1", 3, 3, 1), make_kv(P "new", "v", 8, 8, 0) };

        (void)state;
        assert_int_equal(cache_load(c, first, 2, 4), 1);
        assert_int_equal(cache_count(c), 2);
        put(c, P "own", "later", 20); /* ours, after the range was answered */
        assert_int_equal(cache_load(c, second, 2, 10), 1);
        assert_null(cache_get(c, "config"));
        assert_non_null(cache_get(c, "new"));
        assert_non_null(cache_get(c, "own"));
        assert_int_equal(cache_load(c, same, 2, 11), 0);
        assert_int_equal(cache_revision(c), 20);
        assert_int_equal(cache_load(c, NULL, 0, 30), 1);
        assert_int_equal(cache_count(c), 0);
        cache_clear(c);
        assert_int_equal(cache_revision(c), 0);
}

static void test_ceiling(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        char key[64];
        int r = 0;

        (void)state;
        for (unsigned i = 0; i < CACHE_KEYS_MAX; i++) {
                snprintf(key, sizeof key, P "k%u", i);
                assert_int_equal(put(c, key, "", i + 1), 1);
        }
        r = put(c, P "one more", "", 9999);
        assert_int_equal(r, -ENOSPC);
        cache_delete(c, P "k0", 10000);
        assert_int_equal(put(c, P "one more", "", 10001), 1);
}

static void test_iterate(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        const char *name;
        size_t at = 0;

        (void)state;
        put(c, P "a", "", 1);
        put(c, P "b", "", 2);
        cache_delete(c, P "a", 3);
        assert_non_null(cache_next(c, &at, &name));
        assert_string_equal(name, "b");
        assert_null(cache_next(c, &at, &name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_newer_wins), cmocka_unit_test(test_late_events),
                cmocka_unit_test(test_own_write),  cmocka_unit_test(test_load),
                cmocka_unit_test(test_ceiling),    cmocka_unit_test(test_iterate),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
