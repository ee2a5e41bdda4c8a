#include <errno.h>

#include "config/hostport.h"
#include "test-lib.h"

static void reads(const char *text, uint16_t fallback, const char *host, unsigned port)
{
        HostPort hp = { "before", 7 };

        assert_int_equal(hostport_parse(text, fallback, &hp), 0);
        assert_string_equal(hp.host, host);
        assert_int_equal(hp.port, port);
}

static void test_read(void **state _unused_)
{
        reads("10.0.0.1:8008", 0, "10.0.0.1", 8008);
        reads("db1.example.com:1", 0, "db1.example.com", 1);
        reads("*:8008", 0, "*", 8008);
        reads(":8008", 0, "", 8008);
        reads("[::1]:8008", 0, "::1", 8008);
        reads("[fd00::1]", 5432, "fd00::1", 5432);
        reads("db1", 2379, "db1", 2379);
        reads("db1:65535", 2379, "db1", 65535);
        reads("::1:8008", 0, "::1", 8008); /* the port follows the last colon */
}

static void test_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "db1", "", "db1:", "db1:0", "db1:65536", "db1:x", "db1:-1", "db1: 80", "db1:80 ",
                "[::1", "[::1]x:80", "[::1]80", "[::1]:", "*",
        };
        char longest[HOST_SIZE + 10];
        HostPort kept = { "before", 7 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                HostPort hp = { "before", 7 };
                assert_int_equal(hostport_parse(bad[i], 0, &hp), -EINVAL);
                assert_string_equal(hp.host, "before");
        }
        memset(longest, 'a', sizeof longest);
        memcpy(longest + HOST_SIZE - 1, ":80", 4);
        assert_int_equal(hostport_parse(longest, 0, &(HostPort){ 0 }), 0);
        memset(longest, 'a', sizeof longest);
        memcpy(longest + HOST_SIZE, ":80", 4); /* one byte more than there is room for */
        assert_int_equal(hostport_parse(longest, 0, &kept), -EINVAL);
        assert_string_equal(kept.host, "before");
}

static void test_address(void **state _unused_)
{
        assert_true(address_is_valid("10.0.0.100"));
        assert_true(address_is_valid("fd00::1"));
        assert_true(address_is_valid("::"));
        assert_false(address_is_valid("10.0.0.100/24"));
        assert_false(address_is_valid("10.0.0"));
        assert_false(address_is_valid("10.0.0.256"));
        assert_false(address_is_valid("[fd00::1]"));
        assert_false(address_is_valid("db1"));
        assert_false(address_is_valid(""));
        assert_false(address_is_valid(" 10.0.0.1"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_address),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
