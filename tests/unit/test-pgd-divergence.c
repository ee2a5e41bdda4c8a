/* The rules of PATRONI-SPEC 2.16. */
#include <errno.h>

#include "pgd/divergence.h"
#include "test-lib.h"

/* Timeline 1 ended at 1000, 2 at 2000; the leader is on 3. */
static const History history = {
        .n_lines = 2,
        .lines = { { .timeline = 1, .switch_lsn = 1000 }, { .timeline = 2, .switch_lsn = 2000 } },
};

static Tri judge(bool in_recovery, uint32_t timeline, Lsn lsn, Lsn checkpoint_end)
{
        LocalWal local = { in_recovery, timeline, lsn, checkpoint_end };

        return divergence_judge(&local, 3, &history, &(History){ 0 });
}

static void test_timelines(void **state _unused_)
{
        assert_int_equal(judge(true, 4, 1, 0), TRI_YES); /* ahead of the leader's */
        assert_int_equal(judge(true, 3, 99999, 0), TRI_NO);
        assert_int_equal(judge(false, 3, 99999, 0), TRI_NO);
        assert_int_equal(divergence_judge(&(LocalWal){ true, 2, 1, 0 }, 3,
                                          &(History){ .n_lines = 1, .lines = { { .timeline = 1 } } },
                                          &(History){ 0 }),
                         TRI_YES); /* the leader was never on ours */
}

/* Promoted where nobody saw it, and somebody else took the same number. */
static void test_twins(void **state _unused_)
{
        static const History own = { .n_lines = 2,
                                     .lines = { { .timeline = 1, .switch_lsn = 1000 },
                                                { .timeline = 2, .switch_lsn = 1990 } } };
        static const History parent = { .n_lines = 1,
                                        .lines = { { .timeline = 1, .switch_lsn = 990 } } };

        assert_int_equal(divergence_judge(&(LocalWal){ true, 3, 1995, 0 }, 3, &history, &own), TRI_YES);
        assert_int_equal(divergence_judge(&(LocalWal){ true, 3, 1995, 0 }, 3, &history, &history), TRI_NO);
        assert_int_equal(divergence_judge(&(LocalWal){ true, 2, 995, 0 }, 3, &history, &parent), TRI_YES);
}

static void test_foreign_files(void **state _unused_)
{
        assert_true(divergence_is_foreign("000000020000000000000005", 1));
        assert_true(divergence_is_foreign("0000000A0000000000000005.partial", 9));
        assert_true(divergence_is_foreign("00000002.history", 1));
        assert_false(divergence_is_foreign("000000020000000000000005", 2));
        assert_false(divergence_is_foreign("00000002.history", 2));
        assert_false(divergence_is_foreign("archive_status", 1));
        assert_false(divergence_is_foreign("00000002000000000000000500", 1));
        assert_false(divergence_is_foreign("000000020000000000000005.00000028.backup", 1));
        assert_false(divergence_is_foreign("", 1));
}

/* A standby: only what it replayed beyond the switch is foreign. */
static void test_standby(void **state _unused_)
{
        assert_int_equal(judge(true, 2, 1999, 0), TRI_NO);
        assert_int_equal(judge(true, 2, 2000, 0), TRI_NO);
        assert_int_equal(judge(true, 2, 2001, 0), TRI_YES);
        assert_int_equal(judge(true, 1, 1000, 0), TRI_NO);
        assert_int_equal(judge(true, 1, 1001, 0), TRI_YES);
}

/* A former primary: its shutdown checkpoint must end exactly where the leader began. */
static void test_former_primary(void **state _unused_)
{
        assert_int_equal(judge(false, 2, 2000, 0), TRI_YES);
        assert_int_equal(judge(false, 2, 1880, 0), TRI_UNKNOWN); /* the end is not known yet */
        assert_int_equal(judge(false, 2, 1880, 2000), TRI_NO);
        assert_int_equal(judge(false, 2, 1880, 1999), TRI_YES);
        assert_int_equal(judge(false, 2, 1880, 2120), TRI_YES);
}

static void test_identify(void **state _unused_)
{
        uint64_t sysid = 0;
        uint32_t timeline = 0;
        Lsn lsn = 0;
        static const char *const bad[] = {
                "", "7711", "7711|3", "7711|x|0/1|", "7711|0|0/1|", "7711|3|0|", "x|3|0/1|",
                "7711|4294967296|0/1|", "|||",
        };

        assert_int_equal(divergence_parse_identify("7711884278017416255|3|0/5000110|\n", &sysid,
                                                   &timeline, &lsn), 0);
        assert_true(sysid == 7711884278017416255ULL && timeline == 3 && lsn == 0x5000110);
        assert_int_equal(divergence_parse_identify("7711|12|16/B374D848|postgres", &sysid,
                                                   &timeline, &lsn), 0);
        assert_true(sysid == 7711 && timeline == 12 && lsn == 0x16B374D848ULL);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                timeline = 77;
                assert_int_equal(divergence_parse_identify(bad[i], &sysid, &timeline, &lsn),
                                 -EBADMSG);
                assert_int_equal(timeline, 77);
        }
}

static void test_waldump(void **state _unused_)
{
        Lsn end = 77;

        assert_int_equal(divergence_parse_waldump("pg_waldump: error: error in WAL record at "
                                                  "0/30000D8: invalid record length at 0/3000150: "
                                                  "wanted 24, got 0\n", &end), 0);
        assert_true(end == 0x3000150);
        assert_int_equal(divergence_parse_waldump("invalid record length at 1/AB: expected at "
                                                  "least 24, got 0", &end), 0); /* version 16 */
        assert_true(end == 0x1000000ABULL);
        end = 77;
        assert_int_equal(divergence_parse_waldump("", &end), -EBADMSG);
        assert_int_equal(divergence_parse_waldump("could not find file", &end), -EBADMSG);
        assert_int_equal(divergence_parse_waldump("invalid record length at nowhere", &end),
                         -EBADMSG);
        assert_true(end == 77);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_timelines), cmocka_unit_test(test_twins),
                cmocka_unit_test(test_foreign_files),      cmocka_unit_test(test_standby),
                cmocka_unit_test(test_former_primary), cmocka_unit_test(test_identify),
                cmocka_unit_test(test_waldump),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
