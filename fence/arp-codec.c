#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#include "fence/arp-codec.h"

/* ---- IPv4 ---- */

struct ether_arp arp_encode(const uint8_t mac[6], uint16_t op, struct in_addr sender,
                            struct in_addr target)
{
        struct ether_arp arp = {
                .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETH_P_IP), .ar_hln = 6,
                            .ar_pln = 4, .ar_op = htons(op) },
        };

        memcpy(arp.arp_sha, mac, 6);
        memcpy(arp.arp_spa, &sender, 4);
        memcpy(arp.arp_tpa, &target, 4);
        if (op == ARPOP_REPLY)
                memset(arp.arp_tha, 0xff, 6);
        return arp;
}

bool arp_decode(const void *packet, size_t size, struct in_addr address, const uint8_t own[6],
                uint8_t ret_mac[6])
{
        const struct ether_arp *arp = packet;

        if (size < sizeof *arp || memcmp(arp->arp_spa, &address, 4) != 0 ||
            memcmp(arp->arp_sha, own, 6) == 0)
                return false;
        memcpy(ret_mac, arp->arp_sha, 6);
        return true;
}

/* ---- IPv6 ---- */

/* RFC 4443 §2.3: over the pseudo header too. */
static uint16_t icmp6_checksum(const Icmp6Packet *p, size_t payload)
{
        const uint8_t *bytes = (const uint8_t *)&p->ip.ip6_src;
        uint32_t sum = (uint32_t)payload + IPPROTO_ICMPV6;

        /* Source, destination and payload stand behind one another in the packet. */
        for (size_t i = 0; i < 32 + payload; i += 2)
                sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t)~sum);
}

size_t nd_encode(Icmp6Packet *ret, uint8_t type, const struct in6_addr *from,
                 const struct in6_addr *to, const struct in6_addr *target, const uint8_t *mac)
{
        size_t payload = sizeof(struct nd_neighbor_advert) + (mac ? sizeof ret->option : 0);
        Icmp6Packet p = { 0 };

        p.ip.ip6_vfc = 6 << 4;
        p.ip.ip6_plen = htons((uint16_t)payload);
        p.ip.ip6_nxt = IPPROTO_ICMPV6;
        p.ip.ip6_hlim = 255;
        p.ip.ip6_src = *from;
        p.ip.ip6_dst = *to;
        p.nd.nd_na_type = type;
        p.nd.nd_na_target = *target;
        if (type == ND_NEIGHBOR_ADVERT)
                p.nd.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
        if (mac) {
                p.option[0] = ND_OPT_TARGET_LINKADDR;
                p.option[1] = 1;
                memcpy(p.option + 2, mac, 6);
        }
        p.nd.nd_na_cksum = icmp6_checksum(&p, payload);
        *ret = p;
        return sizeof p.ip + payload;
}

bool nd_decode(const void *packet, size_t size, const struct in6_addr *address,
               const uint8_t own[6], const uint8_t from[6])
{
        const Icmp6Packet *nd = packet;

        return size >= sizeof nd->ip + sizeof nd->nd && nd->ip.ip6_nxt == IPPROTO_ICMPV6 &&
               nd->nd.nd_na_type == ND_NEIGHBOR_ADVERT &&
               memcmp(&nd->nd.nd_na_target, address, 16) == 0 && memcmp(from, own, 6) != 0;
}

struct in6_addr nd_solicited_node(const struct in6_addr *a)
{
        struct in6_addr m = { .s6_addr = { 0xff, 0x02, [11] = 0x01, [12] = 0xff } };

        memcpy(&m.s6_addr[13], &a->s6_addr[13], 3);
        return m;
}
