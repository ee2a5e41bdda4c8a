#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/str.h"
#include "fence/netlink.h"
#include "io/log.h"

#define LINKS_MAX 256
#define ADDRESSES_MAX 1024
#define REQUESTS_MAX 64

#define PROTO_PALISADE 0x50 /* IFA_PROTO of what we add; kernels before 5.18 ignore it */
#define LABEL_SUFFIX ":pal" /* and there the label tells (IPv4 only) */
#ifndef IFA_PROTO
#define IFA_PROTO 11
#endif

typedef struct AddressRow {
        Address address;
        int index;
        uint8_t prefix;
        bool ours;
} AddressRow;

struct Netlink {
        struct nl_sock *requests, *events;
        sd_event_source *requests_source, *events_source;
        netlink_changed_t changed;
        void *userdata;
        size_t n_links, n_addresses;
        LinkInfo links[LINKS_MAX];
        AddressRow addresses[ADDRESSES_MAX];
        struct {
                uint32_t seq; /* 0: free */
                netlink_done_t done;
                void *userdata;
        } waiting[REQUESTS_MAX];
};

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

/* ---- the table ---- */

const LinkInfo *netlink_link_by_index(const Netlink *n, int index)
{
        for (size_t i = 0; i < n->n_links; i++)
                if (n->links[i].index == index)
                        return &n->links[i];
        return NULL;
}

const LinkInfo *netlink_link_by_name(const Netlink *n, const char *name)
{
        for (size_t i = 0; i < n->n_links; i++)
                if (str_equal(n->links[i].name, name))
                        return &n->links[i];
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

const LinkInfo *netlink_link_for(const Netlink *n, const Address *a)
{
        for (size_t i = 0; i < n->n_addresses; i++)
                if (same_subnet(&n->addresses[i], a))
                        return netlink_link_by_index(n, n->addresses[i].index);
        return NULL;
}

bool netlink_find(const Netlink *n, const Address *a, bool *ret_ours, int *ret_index)
{
        for (size_t i = 0; i < n->n_addresses; i++)
                if (address_equal(&n->addresses[i].address, a)) {
                        *ret_ours = n->addresses[i].ours;
                        *ret_index = n->addresses[i].index;
                        return true;
                }
        return false;
}

void netlink_each_own(const Netlink *n, void (*each)(int index, const Address *a, void *userdata),
                      void *userdata)
{
        for (size_t i = 0; i < n->n_addresses; i++)
                if (n->addresses[i].ours)
                        each(n->addresses[i].index, &n->addresses[i].address, userdata);
}

static void take_link(Netlink *n, const struct nlmsghdr *h)
{
        const struct ifinfomsg *info = nlmsg_data(h);
        struct nlattr *name = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *info, IFLA_IFNAME);
        struct nlattr *mac = nlmsg_find_attr((struct nlmsghdr *)h, sizeof *info, IFLA_ADDRESS);
        size_t i = 0;

        while (i < n->n_links && n->links[i].index != info->ifi_index)
                i++;
        if (h->nlmsg_type == RTM_DELLINK) {
                if (i < n->n_links)
                        n->links[i] = n->links[--n->n_links];
                return;
        }
        if (i == LINKS_MAX || !name)
                return;
        if (i == n->n_links)
                n->n_links++;
        LinkInfo *l = &n->links[i];
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

static void take_address(Netlink *n, const struct nlmsghdr *h)
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

        while (i < n->n_addresses && !(n->addresses[i].index == row.index &&
                                       address_equal(&n->addresses[i].address, &row.address)))
                i++;
        if (h->nlmsg_type == RTM_DELADDR) {
                if (i < n->n_addresses)
                        n->addresses[i] = n->addresses[--n->n_addresses];
                return;
        }
        if (i == ADDRESSES_MAX)
                return;
        if (i == n->n_addresses)
                n->n_addresses++;
        n->addresses[i] = row;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
        const struct nlmsghdr *h = nlmsg_hdr(msg);
        Netlink *n = arg;

        switch (h->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                if (nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)))
                        take_link(n, h);
                break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
                if (nlmsg_valid_hdr(h, sizeof(struct ifaddrmsg)))
                        take_address(n, h);
                break;
        default: break;
        }
        return NL_OK;
}

/* ---- requests ---- */

static void answer(Netlink *n, uint32_t seq, int r)
{
        for (size_t i = 0; seq && i < REQUESTS_MAX; i++)
                if (n->waiting[i].seq == seq) {
                        n->waiting[i].seq = 0;
                        if (n->waiting[i].done)
                                n->waiting[i].done(r, n->waiting[i].userdata);
                        return;
                }
}

static int on_ack(struct nl_msg *msg, void *arg)
{
        answer(arg, nlmsg_hdr(msg)->nlmsg_seq, 0);
        return NL_OK;
}

static int on_error(struct sockaddr_nl *who _unused_, struct nlmsgerr *err, void *arg)
{
        answer(arg, err->msg.nlmsg_seq, err->error);
        return NL_SKIP;
}

void netlink_forget(Netlink *n, const void *userdata)
{
        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (n->waiting[i].userdata == userdata)
                        n->waiting[i].done = NULL;
}

static int send_request(Netlink *n, struct nl_msg *msg, netlink_done_t done, void *userdata)
{
        for (size_t i = 0; i < REQUESTS_MAX; i++) {
                if (n->waiting[i].seq)
                        continue;
                int r = nl_send_auto(n->requests, msg);
                if (r < 0)
                        return -EIO;
                n->waiting[i].seq = nlmsg_hdr(msg)->nlmsg_seq;
                n->waiting[i].done = done;
                n->waiting[i].userdata = userdata;
                return 0;
        }
        return -EBUSY;
}

static int put_address(struct nl_msg *msg, const Netlink *n, int index, const Address *a)
{
        struct ifaddrmsg ifa = {
                .ifa_family = (uint8_t)a->family,
                .ifa_prefixlen = (uint8_t)(address_size(a) * 8),
                .ifa_flags = IFA_F_NODAD,
                .ifa_index = (uint32_t)index,
        };
        const LinkInfo *l = netlink_link_by_index(n, index);
        char label[32];

        if (nlmsg_append(msg, &ifa, sizeof ifa, NLMSG_ALIGNTO) < 0 ||
            nla_put(msg, IFA_LOCAL, (int)address_size(a), &a->v6) < 0 ||
            nla_put(msg, IFA_ADDRESS, (int)address_size(a), &a->v6) < 0 ||
            nla_put_u8(msg, IFA_PROTO, PROTO_PALISADE) < 0)
                return -EMSGSIZE;
        snprintf(label, sizeof label, "%s" LABEL_SUFFIX, l ? l->name : "");
        if (a->family == AF_INET && l && strlen(label) < IFNAMSIZ &&
            nla_put_string(msg, IFA_LABEL, label) < 0)
                return -EMSGSIZE;
        return 0;
}

int netlink_hold(Netlink *n, int index, const Address *a, uint32_t seconds, netlink_done_t done,
                 void *userdata)
{
        struct ifa_cacheinfo life = { .ifa_prefered = seconds, .ifa_valid = seconds };
        struct nl_msg *msg =
                nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
        int r;

        if (!msg)
                return -ENOMEM;
        r = put_address(msg, n, index, a);
        if (r >= 0 && (nla_put(msg, IFA_CACHEINFO, sizeof life, &life) < 0 ||
                       nla_put_u32(msg, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE) < 0))
                r = -EMSGSIZE;
        if (r >= 0)
                r = send_request(n, msg, done, userdata);
        nlmsg_free(msg);
        return r;
}

int netlink_drop(Netlink *n, int index, const Address *a, netlink_done_t done, void *userdata)
{
        struct nl_msg *msg;
        bool ours;
        int on, r;

        /* One that was added a moment ago may not have shown yet. */
        if (netlink_find(n, a, &ours, &on) && !ours)
                return -ENOENT;
        msg = nlmsg_alloc_simple(RTM_DELADDR, NLM_F_ACK);
        if (!msg)
                return -ENOMEM;
        r = put_address(msg, n, index, a);
        if (r >= 0)
                r = send_request(n, msg, done, userdata);
        nlmsg_free(msg);
        return r;
}

/* ---- sockets ---- */

static int dump(struct nl_sock *sock, int type)
{
        struct rtgenmsg gen = { .rtgen_family = AF_UNSPEC };

        if (nl_send_simple(sock, type, NLM_F_DUMP, &gen, sizeof gen) < 0)
                return -EIO;
        int r = nl_recvmsgs_default(sock);
        return r < 0 ? -EIO : 0;
}

/* A fresh look at everything: at start, and when events were lost (ENOBUFS). */
static int read_all(Netlink *n)
{
        struct nl_sock *sock = nl_socket_alloc();
        int r;

        if (!sock)
                return -ENOMEM;
        nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, n);
        r = nl_connect(sock, NETLINK_ROUTE) < 0 ? -EIO : 0;
        n->n_links = n->n_addresses = 0;
        if (r >= 0)
                r = dump(sock, RTM_GETLINK);
        if (r >= 0)
                r = dump(sock, RTM_GETADDR);
        nl_socket_free(sock);
        return r;
}

static int on_events(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_,
                     void *userdata)
{
        Netlink *n = userdata;

        if (nl_recvmsgs_default(n->events) < 0 && read_all(n) < 0)
                log_error("Cannot read links and addresses of this host again");
        n->changed(n->userdata);
        return 0;
}

static int on_answers(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_,
                      void *userdata)
{
        Netlink *n = userdata;

        (void)nl_recvmsgs_default(n->requests); /* errors reach on_error() */
        return 0;
}

static int open_socket(Netlink *n, struct nl_sock **ret, sd_event *e, sd_event_source **ret_source,
                       sd_event_io_handler_t handler)
{
        struct nl_sock *sock = nl_socket_alloc();

        if (!sock)
                return -ENOMEM;
        *ret = sock;
        nl_socket_disable_seq_check(sock);
        nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, n);
        nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, n);
        nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, n);
        if (nl_connect(sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(sock) < 0)
                return -EIO;
        return sd_event_add_io(e, ret_source, nl_socket_get_fd(sock), EPOLLIN, handler, n);
}

int netlink_new(Netlink **ret, sd_event *e, netlink_changed_t changed, void *userdata)
{
        _cleanup_(netlink_freep) Netlink *n = calloc(1, sizeof *n);

        if (!n)
                return -ENOMEM;
        n->changed = changed;
        n->userdata = userdata;
        int r = open_socket(n, &n->events, e, &n->events_source, on_events);
        if (r >= 0)
                r = open_socket(n, &n->requests, e, &n->requests_source, on_answers);
        if (r >= 0 && nl_socket_add_memberships(n->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                                RTNLGRP_IPV6_IFADDR, 0) < 0)
                r = -EIO;
        if (r >= 0)
                r = read_all(n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Netlink *netlink_free(Netlink *n)
{
        if (n) {
                n->events_source = sd_event_source_disable_unref(n->events_source);
                n->requests_source = sd_event_source_disable_unref(n->requests_source);
                if (n->events)
                        nl_socket_free(n->events);
                if (n->requests)
                        nl_socket_free(n->requests);
                free(n);
        }
        return NULL;
}
