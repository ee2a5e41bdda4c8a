/*
 * arp: asks a link who has an address, and tells it that we have it. IPv4 by ARP, IPv6 by neighbour
 * solicitation and advertisement.
 *
 * Owns:    one packet socket for each probe in flight.
 * Threads: none.
 */
#pragma once

#include <systemd/sd-event.h>

#include "fence/netlink.h"

typedef struct ArpProbe ArpProbe;

/* Somebody else answered for it. mac: theirs. */
typedef void (*arp_answered_t)(const uint8_t mac[6], void *userdata);

/* Listens for answers about the address on the link until freed. */
int arp_probe_new(ArpProbe **ret, sd_event *e, const LinkInfo *link, const Address *a,
                  arp_answered_t answered, void *userdata);
ArpProbe *arp_probe_free(ArpProbe *p);
DEFINE_CLEANUP(ArpProbe *, arp_probe_free)

/* Asks once: an ARP probe (RFC 5227), or a solicitation from the unspecified address (RFC 4862). */
int arp_probe_ask(ArpProbe *p);

/* "It is at our MAC", in every form that neighbours listen to. */
int arp_announce(const LinkInfo *link, const Address *a);
