/* The BMC's bytes: IPMI 2.0, section 27; replies as QEMU's BMC gave them. */
#include "test-lib.h"
#include "watchdogd/ipmi-codec.h"

static void test_set(void **state _unused_)
{
        IpmiTimer t = ipmi_our_timer(5, IPMI_ACTION_RESET, false);
        uint8_t data[IPMI_SET_SIZE];
        static const uint8_t plain[] = { 0x04, 0x01, 0x00, 0x3e, 0x32, 0x00 };
        static const uint8_t nmi[] = { 0x04, 0x23, 0x01, 0x3e, 0x58, 0x02 };

        assert_int_equal(ipmi_encode_set(data, &t), sizeof plain);
        assert_memory_equal(data, plain, sizeof plain);
        t = ipmi_our_timer(60, IPMI_ACTION_POWER_CYCLE, true);
        assert_int_equal(ipmi_encode_set(data, &t), sizeof nmi);
        assert_memory_equal(data, nmi, sizeof nmi);
        t = ipmi_our_timer(3, IPMI_ACTION_RESET, true); /* no room for an NMI */
        (void)ipmi_encode_set(data, &t);
        assert_int_equal(data[1], 0x01);
        assert_int_equal(data[2], 0);
        t = ipmi_our_timer(100000, IPMI_ACTION_RESET, false); /* the most the BMC counts */
        assert_int_equal(t.initial, 0xffff);
}

static void test_answers(void **state _unused_)
{
        assert_int_equal(ipmi_decode_answer((const uint8_t[]){ 0 }, 1), IPMI_DONE);
        assert_int_equal(ipmi_decode_answer((const uint8_t[]){ 0x80 }, 1), IPMI_UNINITIALISED);
        assert_int_equal(ipmi_decode_answer((const uint8_t[]){ 0xcc }, 1), IPMI_REFUSED);
        assert_int_equal(ipmi_decode_answer((const uint8_t[]){ 0xc1 }, 1), IPMI_REFUSED);
        assert_int_equal(ipmi_decode_answer(NULL, 0), IPMI_MALFORMED);
}

static void test_get(void **state _unused_)
{
        static const uint8_t reply[] = { 0x00, 0xc4, 0x21, 0x02, 0x00, 0x58, 0x02, 0x2c, 0x01 };
        IpmiTimer t = { .use = 7 };

        for (size_t n = 0; n < sizeof reply; n++)
                assert_int_equal(ipmi_decode_get(reply, n, &t), IPMI_MALFORMED);
        assert_int_equal(t.use, 7); /* nothing was written */
        assert_int_equal(ipmi_decode_get(reply, sizeof reply, &t), IPMI_DONE);
        assert_int_equal(t.use, IPMI_USE_SMS_OS);
        assert_true(t.running && t.silent);
        assert_int_equal(t.action, IPMI_ACTION_RESET);
        assert_int_equal(t.pre_interrupt, 2);
        assert_int_equal(t.pre_sec, 2);
        assert_int_equal(t.initial, 600);
        assert_int_equal(t.remaining, 300);
        assert_int_equal(ipmi_decode_get((const uint8_t[]){ 0xc1 }, 1, &t), IPMI_REFUSED);
}

/* What the BMC had before us goes back as it was, and does not run. */
static void test_restored(void **state _unused_)
{
        static const uint8_t reply[] = { 0x00, 0x43, 0x13, 0x05, 0x00, 0x70, 0x17, 0x10, 0x00 };
        static const uint8_t again[] = { 0x03, 0x13, 0x05, 0x3e, 0x70, 0x17 };
        uint8_t data[IPMI_SET_SIZE];
        IpmiTimer had;

        assert_int_equal(ipmi_decode_get(reply, sizeof reply, &had), IPMI_DONE);
        assert_true(had.running);
        IpmiTimer t = ipmi_restored(&had);
        assert_false(t.running);
        (void)ipmi_encode_set(data, &t);
        assert_memory_equal(data, again, sizeof again);
}

/* Whatever SET says, GET would answer the same. */
static void test_round_trip(void **state _unused_)
{
        for (unsigned sec = 1; sec < 6553; sec += 7) {
                IpmiTimer t = ipmi_our_timer(sec, IPMI_ACTION_RESET, true), back;
                uint8_t data[IPMI_SET_SIZE], reply[IPMI_GET_SIZE] = { 0 };
                (void)ipmi_encode_set(data, &t);
                memcpy(reply + 1, data, sizeof data);
                assert_int_equal(ipmi_decode_get(reply, sizeof reply, &back), IPMI_DONE);
                assert_int_equal(back.initial, sec * 10);
                assert_int_equal(back.pre_sec, t.pre_sec);
                assert_int_equal(back.use, IPMI_USE_SMS_OS);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),      cmocka_unit_test(test_answers),
                cmocka_unit_test(test_get),      cmocka_unit_test(test_restored),
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
