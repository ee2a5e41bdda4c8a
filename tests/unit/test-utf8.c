#include "base/utf8.h"
#include "test-lib.h"

static void test_characters(void **state _unused_)
{
        static const struct {
                const char *s;
                size_t n; /* 1 and no ASCII: a stray byte */
                uint32_t code;
        } rows[] = {
                { "a", 1, 'a' },
                { "\177x", 1, 0x7f },
                { "\302\200", 2, 0x80 },
                { "\337\277", 2, 0x7ff },
                { "\340\240\200", 3, 0x800 },
                { "\355\237\277", 3, 0xd7ff },
                { "\356\200\200", 3, 0xe000 },
                { "\357\277\277", 3, 0xffff },
                { "\360\220\200\200", 4, 0x10000 },
                { "\364\217\277\277", 4, 0x10ffff },
                /* alone, cut, broken off */
                { "\200", 1, 0x80 },
                { "\303", 1, 0xc3 },
                { "\303x", 1, 0xc3 },
                { "\342\202", 1, 0xe2 },
                { "\360\237\230x", 1, 0xf0 },
                /* in more bytes than needed */
                { "\300\200", 1, 0xc0 },
                { "\301\277", 1, 0xc1 },
                { "\340\200\242", 1, 0xe0 },
                { "\340\237\277", 1, 0xe0 },
                { "\360\217\277\277", 1, 0xf0 },
                /* surrogates; beyond the last one; no lead byte */
                { "\355\240\200", 1, 0xed },
                { "\355\277\277", 1, 0xed },
                { "\364\220\200\200", 1, 0xf4 },
                { "\365\200\200\200", 1, 0xf5 },
                { "\370\200\200\200\200", 1, 0xf8 },
                { "\377", 1, 0xff },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint32_t code = 0;
                assert_int_equal(utf8_next(rows[i].s, &code), rows[i].n);
                assert_int_equal(code, rows[i].code);
                assert_int_equal(utf8_valid(rows[i].s), rows[i].n > 1 || rows[i].code < 0x80);
        }
        assert_true(utf8_valid(""));
        assert_true(utf8_valid("N\303\266de \342\202\254"));
        assert_false(utf8_valid("N\303\266de \342\202"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_characters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
