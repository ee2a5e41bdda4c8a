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
        LocalWal local = { .in_recovery = in_recovery, .timeline = timeline, .lsn = lsn,
                           .checkpoint_end = checkpoint_end };

        return divergence_judge(&local, 3, &history, &(History){ 0 });
}

static void test_timelines(void **state _unused_)
{
        assert_int_equal(judge(true, 4, 1, 0), TRI_YES); /* ahead of the leader's */
        assert_int_equal(judge(true, 3, 99999, 0), TRI_NO);
        assert_int_equal(judge(false, 3, 99999, 0), TRI_NO);
        assert_int_equal(divergence_judge(&(LocalWal){ .in_recovery = true, .timeline = 2, .lsn = 1 }, 3,
                                          &(History){ .n_lines = 1, .lines = { { .timeline = 1 } } },
                                          &(History){ 0 }),
                         TRI_YES); /* the leader was never on ours */
}

static Tri judge_with(uint32_t timeline, Lsn lsn, const History *own)
{
        return divergence_judge(&(LocalWal){ .in_recovery = true, .timeline = timeline, .lsn = lsn }, 3, &history, own);
}

/* Promoted where nobody saw it, and somebody else took the same number. */
static void test_twins(void **state _unused_)
{
        static const History own = { .n_lines = 2,
                                     .lines = { { .timeline = 1, .switch_lsn = 1000 },
                                                { .timeline = 2, .switch_lsn = 1990 } } };
        static const History parent = { .n_lines = 1,
                                        .lines = { { .timeline = 1, .switch_lsn = 990 } } };

        assert_int_equal(judge_with(3, 1995, &own), TRI_YES);
        assert_int_equal(judge_with(3, 1995, &history), TRI_NO);
        assert_int_equal(judge_with(2, 995, &parent), TRI_YES);
}

/* Promoted at the same place, too: only the records tell. */
static void test_same_start(void **state _unused_)
{
        LocalWal local = { .timeline = 3, .lsn = 2100, .other_start = true };

        assert_int_equal(divergence_judge(&local, 3, &history, &history), TRI_YES);
        local = (LocalWal){ .in_recovery = true, .timeline = 2, .lsn = 1100, .other_start = true };
        assert_int_equal(divergence_judge(&local, 3, &history, &(History){ 0 }), TRI_YES);
}

#define MB (1024 * 1024)

static const History none;

static void assert_start(Lsn from, Lsn to, uint32_t file_size, const char *file, uint32_t offset, uint32_t size)
{
        History own = { .n_lines = 2,
                        .lines = { { .timeline = 1, .switch_lsn = 1 }, { .timeline = 2, .switch_lsn = from } } };
        WalPiece piece = { .size = 77 };

        assert_true(divergence_start(&(LocalWal){ .timeline = 3, .lsn = to }, &none, &own, file_size, &piece));
        assert_string_equal(piece.file, file);
        assert_int_equal(piece.offset, offset);
        assert_int_equal(piece.size, size);
}

static void test_start_of_a_timeline(void **state _unused_)
{
        WalPiece piece = { .size = 77 };
        History own = history;

        assert_start(0x5000110, 0x6000000, 16 * MB, "000000030000000000000005", 0x110, 512);
        assert_start(0x5000110, 0x5000150, 16 * MB, "000000030000000000000005", 0x110, 0x40);
        assert_start(0x5FFFF00, 0x6000100, 16 * MB, "000000030000000000000005", 0xFFFF00, 0x100);
        assert_start(0xA5000110, 0xA6000000, 1024 * MB, "000000030000000000000002", 0x25000110, 512);
        assert_start(0x1FF000008, 0x1FF000009, 16 * MB, "0000000300000001000000FF", 8, 1);
        assert_start(0x1FFFFFFF8, 0x200000000, 1 * MB, "000000030000000100000FFF", 0xFFFF8, 8);

        /* what the leader has beyond the place where it left our timeline is none of that */
        History theirs = { .n_lines = 3, .lines = { history.lines[0], history.lines[1],
                                     { .timeline = 3, .switch_lsn = 2040 } } };
        assert_true(divergence_start(&(LocalWal){ .timeline = 3, .lsn = 3000 }, &theirs, &own, 16 * MB, &piece));
        assert_int_equal(piece.offset, 2000);
        assert_int_equal(piece.size, 40);
        piece.size = 77;

        assert_false(divergence_start(&(LocalWal){ .timeline = 3, .lsn = 2000 }, &none, &own, 16 * MB, &piece));
        assert_false(divergence_start(&(LocalWal){ .timeline = 2, .lsn = 3000 }, &none, &own, 16 * MB, &piece));
        assert_false(divergence_start(&(LocalWal){ .timeline = 3, .lsn = 3000 }, &none, &own, 0, &piece));
        own.n_lines = 0;
        assert_false(divergence_start(&(LocalWal){ .timeline = 1, .lsn = 3000 }, &none, &own, 16 * MB, &piece));
        assert_int_equal(piece.size, 77);
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
                cmocka_unit_test(test_same_start), cmocka_unit_test(test_start_of_a_timeline),
                cmocka_unit_test(test_foreign_files),      cmocka_unit_test(test_standby),
                cmocka_unit_test(test_former_primary), cmocka_unit_test(test_identify),
                cmocka_unit_test(test_waldump),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
