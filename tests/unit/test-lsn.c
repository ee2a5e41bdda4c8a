#include <errno.h>

#include "base/lsn.h"
#include "test-lib.h"

static void test_parse(void **state _unused_)
{
        static const struct {
                const char *text;
                Lsn lsn;
        } good[] = {
                { "0/0", 0 },
                { "0/3000060", 0x3000060 },
                { "16/B374D848", 0x16B374D848ULL },
                { "16/b374d848", 0x16B374D848ULL },
                { "FFFFFFFF/FFFFFFFF", UINT64_MAX },
                { "00000001/00000002", 0x100000002ULL },
                { "9A/F9", 0x9A000000F9ULL },
                { "af/9AF", 0xAF000009AFULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                Lsn lsn = 77;
                assert_int_equal(lsn_parse(good[i].text, &lsn), 0);
                assert_true(lsn == good[i].lsn);
        }
}

static void test_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "",    "/",         "0",           "0/",    "/0",         " 0/0",     "0/0 ", "0 /0",
                "0/g", "123456789/0", "0/123456789", "0x1/0", "0/0/0", "-1/0", "0/0\n", "G/1",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Lsn lsn = 77;
                assert_int_equal(lsn_parse(bad[i], &lsn), -EINVAL);
                assert_true(lsn == 77); /* written only on success */
        }
}

static void test_format(void **state _unused_)
{
        assert_string_equal(LSN_TEXT(0), "0/0");
        assert_string_equal(LSN_TEXT(0x3000060), "0/3000060");
        assert_string_equal(LSN_TEXT(0x16B374D848ULL), "16/B374D848");
        assert_string_equal(LSN_TEXT(UINT64_MAX), "FFFFFFFF/FFFFFFFF");
        assert_int_equal(strlen(LSN_TEXT(UINT64_MAX)) + 1, LSN_TEXT_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_format),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
