#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
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

typedef struct Ear {
        int fd; /* -1: not needed so far */
        sd_event_source *source;
} Ear;

struct Arp {
        sd_event *event;
        Ear v4, v6;
        ArpProbe *probes;
};

struct ArpProbe {
        Arp *arp;
        ArpProbe *next;
        LinkInfo link;
        Address address;
        arp_answered_t answered;
        void *userdata;
};

static uint16_t protocol_of(int family)
{
        return family == AF_INET ? ETH_P_ARP : ETH_P_IPV6;
}

/* ---- the sockets ---- */

static int set_filter(int fd, const struct sock_filter *code, size_t n)
{
        struct sock_fprog filter = { .len = (unsigned short)n, .filter = (struct sock_filter *)code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0;
}

/* Between two probes it hears nothing. */
static int listen_to(int fd, int family, bool hears)
{
        static const struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
        static const struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, UINT16_MAX) };
        static const struct sock_filter neighbours[] = {
                /* 0 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct ip6_hdr, ip6_nxt)),
                /* 1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4), /* else 6 */
                /* 2 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ip6_hdr)),
                /* 3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0), /* 5 */
                /* 4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),  /* else 6 */
                /* 5 */ BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
                /* 6 */ BPF_STMT(BPF_RET | BPF_K, 0),
        };

        if (!hears)
                return set_filter(fd, nothing, ELEMENTSOF(nothing));
        return family == AF_INET ? set_filter(fd, all, ELEMENTSOF(all))
                                 : set_filter(fd, neighbours, ELEMENTSOF(neighbours));
}

static void hear(ArpProbe *p, const uint8_t *packet, size_t n, const struct sockaddr_ll *from)
{
        uint8_t mac[6];
        bool named;

        if (p->address.family == AF_INET) {
                named = arp_decode(packet, n, p->address.v4, p->link.mac, mac);
        } else {
                named = nd_decode(packet, n, &p->address.v6, p->link.mac, from->sll_addr);
                memcpy(mac, from->sll_addr, sizeof mac);
        }
        if (named)
                p->answered(mac, p->userdata);
}

static int on_packet(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        Arp *a = userdata;
        _Alignas(8) uint8_t packet[256];
        struct sockaddr_ll from;
        socklen_t len = sizeof from;

        ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &len);
        if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
                return 0;
        for (ArpProbe *p = a->probes; p; p = p->next)
                if (p->link.index == from.sll_ifindex &&
                    htons(protocol_of(p->address.family)) == from.sll_protocol)
                        hear(p, packet, (size_t)n, &from);
        return 0;
}

/* Without a protocol until it is bound: one that listens already would wait to be bound anew. */
static int open_ear(Arp *a, int family, Ear *ear)
{
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol_of(family)) };
        int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        int r = listen_to(fd, family, false);
        if (r >= 0 && bind(fd, (struct sockaddr *)&sll, sizeof sll) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_add_io(a->event, &ear->source, fd, EPOLLIN, on_packet, a);
        if (r < 0) {
                fd_close(fd);
                return r;
        }
        ear->fd = fd;
        return 0;
}

/* Its descriptor, or negative errno. */
static int ear_of(Arp *a, int family)
{
        Ear *ear = family == AF_INET ? &a->v4 : &a->v6;
        int r = ear->fd < 0 ? open_ear(a, family, ear) : 0;

        return r < 0 ? r : ear->fd;
}

/* ---- what is sent ---- */

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

int arp_announce(Arp *a, const LinkInfo *link, const Address *address)
{
        static const struct in6_addr all_nodes = { .s6_addr = { 0xff, 0x02, [15] = 0x01 } };

        if (!link->has_mac)
                return 0; /* loopback, tunnels: nobody to tell */
        int fd = ear_of(a, address->family);
        if (fd < 0)
                return fd;
        if (address->family == AF_INET6)
                return send_nd(fd, link, ND_NEIGHBOR_ADVERT, &address->v6, &all_nodes, &address->v6, true);
        int r = send_arp(fd, link, ARPOP_REQUEST, address->v4, address->v4);
        return r < 0 ? r : send_arp(fd, link, ARPOP_REPLY, address->v4, address->v4);
}

int arp_probe_ask(ArpProbe *p)
{
        static const struct in6_addr nobody = { 0 };

        if (!p->link.has_mac)
                return 0;
        int fd = ear_of(p->arp, p->address.family);
        if (fd < 0)
                return fd;
        if (p->address.family == AF_INET)
                return send_arp(fd, &p->link, ARPOP_REQUEST, (struct in_addr){ 0 },
                                p->address.v4);
        struct in6_addr group = nd_solicited_node(&p->address.v6);
        return send_nd(fd, &p->link, ND_NEIGHBOR_SOLICIT, &nobody, &group, &p->address.v6,
                       false);
}

/* ---- the objects ---- */

static bool is_asked(const Arp *a, int family)
{
        for (const ArpProbe *p = a->probes; p; p = p->next)
                if (p->address.family == family)
                        return true;
        return false;
}

int arp_probe_new(ArpProbe **ret, Arp *a, const LinkInfo *link, const Address *address,
                  arp_answered_t answered, void *userdata)
{
        int fd = ear_of(a, address->family);
        int r = fd < 0 ? fd : listen_to(fd, address->family, true);

        if (r < 0)
                return r;
        ArpProbe *p = malloc(sizeof *p);
        if (!p)
                return -ENOMEM;
        *p = (ArpProbe){ .arp = a, .next = a->probes, .link = *link, .address = *address,
                         .answered = answered, .userdata = userdata };
        *ret = a->probes = p;
        return 0;
}

ArpProbe *arp_probe_free(ArpProbe *p)
{
        if (p) {
                Arp *a = p->arp;
                int family = p->address.family;
                ArpProbe **at = &a->probes;

                while (*at != p)
                        at = &(*at)->next;
                *at = p->next;
                free(p);
                if (!is_asked(a, family))
                        (void)listen_to(ear_of(a, family), family, false); /* what it hears is ignored */
        }
        return NULL;
}

int arp_new(Arp **ret, sd_event *e)
{
        Arp *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        *a = (Arp){ .event = sd_event_ref(e), .v4.fd = -1, .v6.fd = -1 };
        *ret = a;
        return 0;
}

Arp *arp_free(Arp *a)
{
        if (a) {
                a->v4.source = sd_event_source_disable_unref(a->v4.source);
                a->v6.source = sd_event_source_disable_unref(a->v6.source);
                fd_close(a->v4.fd);
                fd_close(a->v6.fd);
                sd_event_unref(a->event);
                free(a);
        }
        return NULL;
}
