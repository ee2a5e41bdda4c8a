/* link-table: links and addresses come, change and go as rtnetlink tells. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "fence/link-table.h"
#include "test-lib.h"

static LinkTable table;

static int setup(void **state _unused_)
{
        table = (LinkTable){ 0 };
        return 0;
}

static void take(struct nl_msg *msg)
{
        link_table_take(&table, nlmsg_hdr(msg));
        nlmsg_free(msg);
}

static void tell_link(int type, uint8_t family, int index, const char *name, unsigned flags,
                      const char *mac)
{
        struct ifinfomsg info = { .ifi_family = family, .ifi_index = index, .ifi_flags = flags };
        struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

        assert_int_equal(nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO), 0);
        if (name)
                assert_int_equal(nla_put(msg, IFLA_IFNAME, (int)strlen(name), name), 0); /* no NUL */
        if (mac)
                assert_int_equal(nla_put(msg, IFLA_ADDRESS, (int)strlen(mac), mac), 0);
        take(msg);
}

static Address address(const char *text)
{
        Address a;

        assert_int_equal(address_parse(text, &a), 0);
        return a;
}

static struct nl_msg *address_message(int type, int index, const char *text, uint8_t prefix)
{
        Address a = address(text);
        struct ifaddrmsg ifa = { .ifa_family = (uint8_t)a.family, .ifa_prefixlen = prefix,
                                 .ifa_index = (uint32_t)index };
        struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

        assert_int_equal(nlmsg_append(msg, &ifa, sizeof ifa, NLMSG_ALIGNTO), 0);
        /* IPv6 has no IFA_LOCAL unless there is a peer. */
        assert_int_equal(nla_put(msg, a.family == AF_INET ? IFA_LOCAL : IFA_ADDRESS,
                                 (int)address_size(&a), &a.v6), 0);
        return msg;
}

static const AddressRow *find(const char *text)
{
        Address a = address(text);

        return link_table_find(&table, &a);
}

static void test_links(void **state _unused_)
{
        tell_link(RTM_NEWLINK, AF_UNSPEC, 2, "eth0", IFF_UP | IFF_RUNNING, "\2\1\1\1\1\1");
        tell_link(RTM_NEWLINK, AF_UNSPEC, 3, "tun0", IFF_UP, "\1\1\1\1");
        const LinkInfo *l = link_table_by_name(&table, "eth0");
        assert_non_null(l);
        assert_int_equal(l->index, 2);
        assert_true(l->up && l->has_mac);
        l = link_table_by_index(&table, 3);
        assert_true(l && !l->up && !l->has_mac);
        assert_null(link_table_by_name(&table, "eth1"));

        tell_link(RTM_NEWLINK, AF_UNSPEC, 2, "wan", 0, NULL); /* renamed, and down */
        assert_null(link_table_by_name(&table, "eth0"));
        l = link_table_by_name(&table, "wan");
        assert_true(l && !l->up);
        tell_link(RTM_DELLINK, AF_UNSPEC, 2, "wan", 0, NULL);
        tell_link(RTM_DELLINK, AF_UNSPEC, 9, "never", 0, NULL);
        assert_null(link_table_by_index(&table, 2));
        assert_non_null(link_table_by_index(&table, 3));
        tell_link(RTM_NEWLINK, AF_UNSPEC, 4, NULL, 0, NULL); /* nameless */
        assert_null(link_table_by_index(&table, 4));
}

static void test_a_bridge_port_is_no_link(void **state _unused_)
{
        tell_link(RTM_NEWLINK, AF_UNSPEC, 2, "eth0", IFF_UP, NULL);
        tell_link(RTM_DELLINK, AF_BRIDGE, 2, "eth0", 0, NULL);
        assert_non_null(link_table_by_index(&table, 2));
}

static void test_addresses(void **state _unused_)
{
        take(address_message(RTM_NEWADDR, 2, "10.1.2.3", 24));
        take(address_message(RTM_NEWADDR, 2, "fd00::3", 64));
        struct nl_msg *msg = address_message(RTM_NEWADDR, 2, "10.1.2.9", 32);
        nla_put_u8(msg, IFA_PROTO, PROTO_PALISADE);
        take(msg);
        msg = address_message(RTM_NEWADDR, 2, "10.1.2.10", 32);
        nla_put_string(msg, IFA_LABEL, "eth0:pal"); /* a kernel without IFA_PROTO */
        take(msg);
        msg = address_message(RTM_NEWADDR, 2, "10.1.2.11", 32);
        nla_put_string(msg, IFA_LABEL, "eth0:1");
        take(msg);

        assert_false(find("10.1.2.3")->ours);
        assert_false(find("fd00::3")->ours);
        assert_true(find("10.1.2.9")->ours);
        assert_true(find("10.1.2.10")->ours);
        assert_false(find("10.1.2.11")->ours);
        take(address_message(RTM_DELADDR, 3, "10.1.2.9", 32)); /* on another link */
        assert_non_null(find("10.1.2.9"));
        take(address_message(RTM_DELADDR, 2, "10.1.2.9", 32));
        assert_null(find("10.1.2.9"));
        assert_int_equal(table.n_addresses, 4);
}

static const LinkInfo *link_for(const char *text)
{
        Address a = address(text);

        return link_table_for(&table, &a);
}

static void test_subnets(void **state _unused_)
{
        tell_link(RTM_NEWLINK, AF_UNSPEC, 2, "eth0", IFF_UP, NULL);
        tell_link(RTM_NEWLINK, AF_UNSPEC, 3, "eth1", IFF_UP, NULL);
        take(address_message(RTM_NEWADDR, 2, "10.1.2.3", 20)); /* 10.1.0.0 to 10.1.15.255 */
        take(address_message(RTM_NEWADDR, 3, "fd00::3", 64));
        assert_int_equal(link_for("10.1.15.200")->index, 2);
        assert_null(link_for("10.1.16.1"));
        assert_null(link_for("10.2.0.1"));
        assert_int_equal(link_for("fd00::ffff")->index, 3);
        assert_null(link_for("fd00:0:0:1::1"));

        take(address_message(RTM_NEWADDR, 2, "192.0.2.1", 32)); /* alone: no subnet */
        assert_null(link_for("192.0.2.1"));
        struct nl_msg *msg = address_message(RTM_NEWADDR, 2, "198.51.100.1", 24);
        nla_put_u8(msg, IFA_PROTO, PROTO_PALISADE); /* ours tells nothing of the network */
        take(msg);
        assert_null(link_for("198.51.100.2"));
}

static void test_what_is_malformed_is_passed_over(void **state _unused_)
{
        struct ifaddrmsg packet = { .ifa_family = AF_PACKET };
        struct nl_msg *msg = address_message(RTM_NEWADDR, 2, "10.1.2.3", 24);

        nlmsg_hdr(msg)->nlmsg_len = NLMSG_HDRLEN + 2; /* cut in its header */
        take(msg);
        msg = address_message(RTM_NEWADDR, 2, "10.1.2.3", 24);
        nlmsg_hdr(msg)->nlmsg_len -= 2; /* in its attribute */
        take(msg);
        msg = nlmsg_alloc_simple(RTM_NEWADDR, 0);
        nlmsg_append(msg, &packet, sizeof packet, NLMSG_ALIGNTO);
        take(msg);
        msg = address_message(RTM_NEWROUTE, 2, "10.1.2.3", 24);
        take(msg);
        assert_int_equal(table.n_addresses, 0);
        Address a;
        assert_int_equal(address_parse("10.1.2.3/24", &a), -EINVAL);
}

static void test_ceilings(void **state _unused_)
{
        char name[16], text[48];

        for (int i = 1; i <= LINKS_MAX + 3; i++) {
                snprintf(name, sizeof name, "dummy%d", i);
                tell_link(RTM_NEWLINK, AF_UNSPEC, i, name, 0, NULL);
        }
        for (int i = 0; i < ADDRESSES_MAX + 3; i++) {
                snprintf(text, sizeof text, "fd00::%x", i + 1);
                take(address_message(RTM_NEWADDR, 1, text, 128));
        }
        assert_int_equal(table.n_links, LINKS_MAX);
        assert_int_equal(table.n_addresses, ADDRESSES_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_links, setup),
                cmocka_unit_test_setup(test_a_bridge_port_is_no_link, setup),
                cmocka_unit_test_setup(test_addresses, setup),
                cmocka_unit_test_setup(test_subnets, setup),
                cmocka_unit_test_setup(test_what_is_malformed_is_passed_over, setup),
                cmocka_unit_test_setup(test_ceilings, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
