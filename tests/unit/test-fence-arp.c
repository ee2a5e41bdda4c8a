/* arp-codec: what goes out on the link, byte for byte, and whose answer counts. */
#include <arpa/inet.h>

#include "fence/arp-codec.h"
#include "test-lib.h"

static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, other[6] = { 2, 0, 0, 0, 0, 2 };

static struct in6_addr v6(const char *text)
{
        struct in6_addr a;

        assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
        return a;
}

static void test_arp_request(void **state _unused_)
{
        static const uint8_t want[28] = { 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                                          0, 0, 0, 0, 0, 0, 10, 0, 0, 9 };
        struct in_addr target = { htonl(0x0a000009) }, nobody = { 0 };
        struct ether_arp arp = arp_encode(own, ARPOP_REQUEST, nobody, target);

        assert_int_equal(sizeof arp, sizeof want);
        assert_memory_equal(&arp, want, sizeof want);
        arp = arp_encode(own, ARPOP_REPLY, target, target);
        assert_memory_equal(arp.arp_tha, "\xff\xff\xff\xff\xff\xff", 6);
}

static void test_arp_answer(void **state _unused_)
{
        struct in_addr address = { htonl(0x0a000009) }, another = { htonl(0x0a000008) };
        struct ether_arp arp = arp_encode(other, ARPOP_REPLY, address, address);
        uint8_t mac[6] = { 0 };

        assert_true(arp_decode(&arp, sizeof arp, address, own, mac));
        assert_memory_equal(mac, other, 6);
        assert_false(arp_decode(&arp, sizeof arp - 1, address, own, mac)); /* cut */
        assert_false(arp_decode(&arp, sizeof arp, another, own, mac));
        assert_false(arp_decode(&arp, sizeof arp, address, other, mac)); /* it was us */
}

/* The receiver's own check: everything summed up, the checksum too, is all ones. */
static uint16_t sum_of(const Icmp6Packet *p, size_t payload)
{
        const uint8_t *b = (const uint8_t *)&p->ip.ip6_src;
        uint32_t sum = (uint32_t)payload + IPPROTO_ICMPV6;

        for (size_t i = 0; i < 32 + payload; i++)
                sum += i % 2 == 0 ? (uint32_t)b[i] << 8 : b[i];
        while (sum > 0xffff)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)sum;
}

static void test_neighbour_advertisement(void **state _unused_)
{
        struct in6_addr a = v6("fd00::9"), all = v6("ff02::1"), b = v6("fd00::8");
        Icmp6Packet p;

        assert_int_equal(nd_encode(&p, ND_NEIGHBOR_ADVERT, &a, &all, &a, own), 72);
        assert_int_equal(sum_of(&p, 32), 0xffff);
        assert_int_equal(p.ip.ip6_hlim, 255); /* RFC 4861: else nobody believes it */
        assert_int_equal(ntohs(p.ip.ip6_plen), 32);
        assert_memory_equal(p.option, "\x02\x01\x02\0\0\0\0\x01", 8);

        assert_true(nd_decode(&p, 72, &a, own, other));
        assert_true(nd_decode(&p, 64, &a, own, other)); /* without an option */
        assert_false(nd_decode(&p, 63, &a, own, other));
        assert_false(nd_decode(&p, 72, &b, own, other));
        assert_false(nd_decode(&p, 72, &a, own, own));
        p.ip.ip6_nxt = IPPROTO_UDP;
        assert_false(nd_decode(&p, 72, &a, own, other));
}

static void test_neighbour_solicitation(void **state _unused_)
{
        struct in6_addr a = v6("fd00::12:3456"), nobody = { 0 }, want = v6("ff02::1:ff12:3456");
        struct in6_addr group = nd_solicited_node(&a);
        Icmp6Packet p;

        assert_memory_equal(&group, &want, 16);
        assert_int_equal(nd_encode(&p, ND_NEIGHBOR_SOLICIT, &nobody, &group, &a, NULL), 64);
        assert_int_equal(sum_of(&p, 24), 0xffff);
        assert_false(nd_decode(&p, 64, &a, own, other)); /* a question is no answer */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arp_request),
                cmocka_unit_test(test_arp_answer),
                cmocka_unit_test(test_neighbour_advertisement),
                cmocka_unit_test(test_neighbour_solicitation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
