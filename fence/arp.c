#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fence/arp-codec.h"
#include "fence/arp.h"
#include "io/fdutil.h"

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct ArpProbe {
        int fd;
        sd_event_source *source;
        LinkInfo link;
        Address address;
        arp_answered_t answered;
        void *userdata;
};

static uint16_t protocol_of(const Address *a)
{
        return a->family == AF_INET ? ETH_P_ARP : ETH_P_IPV6;
}

static int open_packet_socket(const LinkInfo *link, uint16_t protocol)
{
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol),
                                   .sll_ifindex = link->index };
        _cleanup_(closep) int fd =
                socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol));

        if (fd < 0 || bind(fd, (struct sockaddr *)&sll, sizeof sll) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int send_packet(int fd, const LinkInfo *link, uint16_t protocol, const uint8_t to[6],
                       const void *packet, size_t size)
{
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol),
                                   .sll_ifindex = link->index, .sll_halen = 6 };

        memcpy(sll.sll_addr, to, 6);
        return sendto(fd, packet, size, 0, (struct sockaddr *)&sll, sizeof sll) < 0 ? -errno : 0;
}

static int send_arp(int fd, const LinkInfo *link, uint16_t op, struct in_addr sender,
                    struct in_addr target)
{
        struct ether_arp arp = arp_encode(link->mac, op, sender, target);

        return send_packet(fd, link, ETH_P_ARP, broadcast, &arp, sizeof arp);
}

static int send_nd(int fd, const LinkInfo *link, uint8_t type, const struct in6_addr *from,
                   const struct in6_addr *to, const struct in6_addr *target, bool with_mac)
{
        uint8_t mac[6] = { 0x33, 0x33 };
        Icmp6Packet p;
        size_t size = nd_encode(&p, type, from, to, target, with_mac ? link->mac : NULL);

        memcpy(mac + 2, &to->s6_addr[12], 4);
        return send_packet(fd, link, ETH_P_IPV6, mac, &p, size);
}

int arp_announce(const LinkInfo *link, const Address *a)
{
        static const struct in6_addr all_nodes = { .s6_addr = { 0xff, 0x02, [15] = 0x01 } };
        _cleanup_(closep) int fd = -1;

        if (!link->has_mac)
                return 0; /* loopback, tunnels: nobody to tell */
        fd = open_packet_socket(link, protocol_of(a));
        if (fd < 0)
                return fd;
        if (a->family == AF_INET6)
                return send_nd(fd, link, ND_NEIGHBOR_ADVERT, &a->v6, &all_nodes, &a->v6, true);
        int r = send_arp(fd, link, ARPOP_REQUEST, a->v4, a->v4);
        return r < 0 ? r : send_arp(fd, link, ARPOP_REPLY, a->v4, a->v4);
}

int arp_probe_ask(ArpProbe *p)
{
        static const struct in6_addr nobody = { 0 };

        if (!p->link.has_mac)
                return 0;
        if (p->address.family == AF_INET)
                return send_arp(p->fd, &p->link, ARPOP_REQUEST, (struct in_addr){ 0 },
                                p->address.v4);
        struct in6_addr group = nd_solicited_node(&p->address.v6);
        return send_nd(p->fd, &p->link, ND_NEIGHBOR_SOLICIT, &nobody, &group, &p->address.v6,
                       false);
}

static int on_packet(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        ArpProbe *p = userdata;
        _Alignas(8) uint8_t packet[256];
        struct sockaddr_ll from;
        socklen_t len = sizeof from;
        uint8_t mac[6];

        ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &len);
        if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
                return 0;
        bool named;
        if (p->address.family == AF_INET) {
                named = arp_decode(packet, (size_t)n, p->address.v4, p->link.mac, mac);
        } else {
                named = nd_decode(packet, (size_t)n, &p->address.v6, p->link.mac, from.sll_addr);
                memcpy(mac, from.sll_addr, sizeof mac);
        }
        if (named)
                p->answered(mac, p->userdata);
        return 0;
}

int arp_probe_new(ArpProbe **ret, sd_event *e, const LinkInfo *link, const Address *a,
                  arp_answered_t answered, void *userdata)
{
        _cleanup_(arp_probe_freep) ArpProbe *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (ArpProbe){ .fd = -1, .link = *link, .address = *a, .answered = answered,
                         .userdata = userdata };
        p->fd = open_packet_socket(link, protocol_of(a));
        if (p->fd < 0)
                return p->fd;
        int r = sd_event_add_io(e, &p->source, p->fd, EPOLLIN, on_packet, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

ArpProbe *arp_probe_free(ArpProbe *p)
{
        if (p) {
                p->source = sd_event_source_disable_unref(p->source);
                fd_close(p->fd);
                free(p);
        }
        return NULL;
}
