/*
 * arp-codec: the packets by which a link is asked who has an address, and told that we have it.
 *
 * Pure. What is read may be anything that stands on the link.
 */
#pragma once

#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Icmp6Packet {
        struct ip6_hdr ip;
        struct nd_neighbor_advert nd; /* a solicitation has the same layout */
        uint8_t option[8];            /* our MAC */
} __attribute__((packed)) Icmp6Packet;

/* op: ARPOP_REQUEST; or ARPOP_REPLY, to everybody. */
struct ether_arp arp_encode(const uint8_t mac[6], uint16_t op, struct in_addr sender,
                            struct in_addr target);

/* Somebody with another MAC than `own` says that the address is his. */
bool arp_decode(const void *packet, size_t size, struct in_addr address, const uint8_t own[6],
                uint8_t ret_mac[6]);

/* A solicitation or an advertisement; mac: ours, told along, or NULL. Answers its size. */
size_t nd_encode(Icmp6Packet *ret, uint8_t type, const struct in6_addr *from,
                 const struct in6_addr *to, const struct in6_addr *target, const uint8_t *mac);

/* The same for IPv6. from: the MAC that the link says it came from. */
bool nd_decode(const void *packet, size_t size, const struct in6_addr *address,
               const uint8_t own[6], const uint8_t from[6]);

/* The group in which whoever has that address listens: ff02::1:ffXX:XXXX. */
struct in6_addr nd_solicited_node(const struct in6_addr *a);
