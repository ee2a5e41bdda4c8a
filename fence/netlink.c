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

#define REQUESTS_MAX 64

struct Netlink {
        struct nl_sock *requests, *events;
        sd_event_source *requests_source, *events_source;
        netlink_changed_t changed;
        void *userdata;
        LinkTable table;
        struct {
                uint32_t seq; /* 0: free */
                netlink_done_t done;
                void *userdata;
        } waiting[REQUESTS_MAX];
};

/* ---- the table ---- */

const LinkInfo *netlink_link_by_index(const Netlink *n, int index)
{
        return link_table_by_index(&n->table, index);
}

const LinkInfo *netlink_link_by_name(const Netlink *n, const char *name)
{
        return link_table_by_name(&n->table, name);
}

const LinkInfo *netlink_link_for(const Netlink *n, const Address *a)
{
        return link_table_for(&n->table, a);
}

bool netlink_find(const Netlink *n, const Address *a, bool *ret_ours, int *ret_index)
{
        const AddressRow *row = link_table_find(&n->table, a);

        if (!row)
                return false;
        *ret_ours = row->ours;
        *ret_index = row->index;
        return true;
}

void netlink_each_own(const Netlink *n, void (*each)(int index, const Address *a, void *userdata),
                      void *userdata)
{
        for (size_t i = 0; i < n->table.n_addresses; i++)
                if (n->table.addresses[i].ours)
                        each(n->table.addresses[i].index, &n->table.addresses[i].address, userdata);
}

static int on_valid(struct nl_msg *msg, void *arg)
{
        Netlink *n = arg;

        link_table_take(&n->table, nlmsg_hdr(msg));
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
        n->table.n_links = n->table.n_addresses = 0;
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
