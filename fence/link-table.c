#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "base/str.h"
#include "fence/link-table.h"

int address_parse(const char *text, Address *ret)
{
        Address a = { .family = AF_INET };

        if (inet_pton(AF_INET, text, &a.v4) == 1) {
                *ret = a;
                return 0;
        }
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, text, &a.v6) != 1)
                return -EINVAL;
        *ret = a;
        return 0;
}

bool address_equal(const Address *a, const Address *b)
{
        return a->family == b->family && memcmp(&a->v6, &b->v6, address_size(a)) == 0;
}

const LinkInfo *link_table_by_index(const LinkTable *t, int index)
{
        for (size_t i = 0; i < t->n_links; i++)
                if (t->links[i].index == index)
                        return &t->links[i];
        return NULL;
}

const LinkInfo *link_table_by_name(const LinkTable *t, const char *name)
{
        for (size_t i = 0; i < t->n_links; i++)
                if (str_equal(t->links[i].name, name))
                        return &t->links[i];
        return NULL;
}

static bool same_subnet(const AddressRow *row, const Address *a)
{
        const uint8_t *x = (const uint8_t *)&row->address.v6, *y = (const uint8_t *)&a->v6;
        unsigned bits = row->prefix;

        if (row->address.family != a->family || row->ours || bits >= address_size(a) * 8 || bits == 0)
                return false;
        if (memcmp(x, y, bits / 8) != 0)
                return false;
        uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));
        return bits % 8 == 0 || (x[bits / 8] & mask) == (y[bits / 8] & mask);
}

const LinkInfo *link_table_for(const LinkTable *t, const Address *a)
{
        for (size_t i = 0; i < t->n_addresses; i++)
                if (same_subnet(&t->addresses[i], a))
                        return link_table_by_index(t, t->addresses[i].index);
        return NULL;
}

const AddressRow *link_table_find(const LinkTable *t, const Address *a)
{
        for (size_t i = 0; i < t->n_addresses; i++)
                if (address_equal(&t->addresses[i].address, a))
                        return &t->addresses[i];
        return NULL;
}

/* A bridge tells of its ports in the same words: a port that leaves the bridge is no link that ends. */
static bool is_about_a_link(const struct nlmsghdr *h)
{
        const struct ifinfomsg *info = nlmsg_data(h);

        return info->ifi_family == AF_UNSPEC;
}

static void take_link(LinkTable *t, const struct nlmsghdr *h)
{
        const struct ifinfomsg *info = nlmsg_data(h);
        struct nlattr *name = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *info, IFLA_IFNAME);
        struct nlattr *mac = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *info, IFLA_ADDRESS);
        size_t i = 0;

        while (i < t->n_links && t->links[i].index != info->ifi_index)
                i++;
        if (h->nlmsg_type == RTM_DELLINK) {
                if (i < t->n_links)
                        t->links[i] = t->links[--t->n_links];
                return;
        }
        if (i == LINKS_MAX || !name)
                return;
        if (i == t->n_links)
                t->n_links++;
        LinkInfo *l = &t->links[i];
        *l = (LinkInfo){ .index = info->ifi_index,
                         .up = info->ifi_flags & IFF_UP && info->ifi_flags & IFF_RUNNING };
        (void)str_copy_n(l->name, sizeof l->name, nla_data(name),
                         strnlen(nla_data(name), (size_t)nla_len(name))); /* IFNAMSIZ */
        if (mac && nla_len(mac) == sizeof l->mac) {
                memcpy(l->mac, nla_data(mac), sizeof l->mac);
                l->has_mac = true;
        }
}

static bool is_ours(struct nlmsghdr *h)
{
        struct nlattr *proto = nlmsg_find_attr(h, sizeof(struct ifaddrmsg), IFA_PROTO);
        struct nlattr *label = nlmsg_find_attr(h, sizeof(struct ifaddrmsg), IFA_LABEL);

        if (proto && nla_len(proto) == 1 && *(uint8_t *)nla_data(proto) == PROTO_PALISADE)
                return true;
        if (!label || nla_len(label) < (int)sizeof LABEL_SUFFIX)
                return false;
        const char *text = nla_data(label);
        size_t len = strnlen(text, (size_t)nla_len(label));
        return len >= 4 && memcmp(text + len - 4, LABEL_SUFFIX, 4) == 0;
}

static void take_address(LinkTable *t, const struct nlmsghdr *h)
{
        const struct ifaddrmsg *ifa = nlmsg_data(h);
        struct nlattr *local = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *ifa, IFA_LOCAL);
        AddressRow row = { .address = { .family = ifa->ifa_family },
                           .index = (int)ifa->ifa_index,
                           .prefix = ifa->ifa_prefixlen,
                           .ours = is_ours((struct nlmsghdr *)h) };
        size_t i = 0;

        if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
                return;
        if (!local)
                local = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *ifa, IFA_ADDRESS);
        if (!local || (size_t)nla_len(local) != address_size(&row.address))
                return;
        memcpy(&row.address.v6, nla_data(local), address_size(&row.address));

        while (i < t->n_addresses && !(t->addresses[i].index == row.index &&
                                       address_equal(&t->addresses[i].address, &row.address)))
                i++;
        if (h->nlmsg_type == RTM_DELADDR) {
                if (i < t->n_addresses)
                        t->addresses[i] = t->addresses[--t->n_addresses];
                return;
        }
        if (i == ADDRESSES_MAX)
                return;
        if (i == t->n_addresses)
                t->n_addresses++;
        t->addresses[i] = row;
}

void link_table_take(LinkTable *t, const struct nlmsghdr *h)
{
        switch (h->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                if (nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)) && is_about_a_link(h))
                        take_link(t, h);
                break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
                if (nlmsg_valid_hdr(h, sizeof(struct ifaddrmsg)))
                        take_address(t, h);
                break;
        default: break;
        }
}
