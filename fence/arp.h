/*
 * arp: asks a link who has an address, and tells it that we have it. IPv4 by ARP, IPv6 by neighbour
 * solicitation and advertisement.
 *
 * Owns:    a packet socket for ARP and one for IPv6, opened when first needed and then kept: the kernel
 *          closes one only after an RCU grace period, 10 to 50 ms in which the loop would stand still.
 * Threads: none.
 */
#pragma once

#include <systemd/sd-event.h>

#include "fence/netlink.h"

typedef struct Arp Arp;
typedef struct ArpProbe ArpProbe;

int arp_new(Arp **ret, sd_event *e);
Arp *arp_free(Arp *a); /* no probe is left */
DEFINE_CLEANUP(Arp *, arp_free)

/* Somebody else answered for it. mac: theirs. It does not free the probe. */
typedef void (*arp_answered_t)(const uint8_t mac[6], void *userdata);

/* Listens for answers about the address on the link until freed. */
int arp_probe_new(ArpProbe **ret, Arp *a, const LinkInfo *link, const Address *address,
                  arp_answered_t answered, void *userdata);
ArpProbe *arp_probe_free(ArpProbe *p);

/* Asks once: an ARP probe (RFC 5227), or a solicitation from the unspecified address (RFC 4862). */
int arp_probe_ask(ArpProbe *p);

/* "It is at our MAC", in every form that neighbours listen to. */
int arp_announce(Arp *a, const LinkInfo *link, const Address *address);
