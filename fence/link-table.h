/*
 * link-table: this host's links and addresses, as rtnetlink's messages tell them.
 *
 * Pure. Invariant: the table is what was told last; what goes beyond its ceilings is left out.
 */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Address {
        int family;
        union {
                struct in_addr v4;
                struct in6_addr v6;
        };
} Address;

/* 0 or -EINVAL. */
int address_parse(const char *text, Address *ret);
bool address_equal(const Address *a, const Address *b);
static inline size_t address_size(const Address *a)
{
        return a->family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

typedef struct LinkInfo {
        int index;
        char name[16];
        bool up; /* IFF_UP and carrier */
        uint8_t mac[6];
        bool has_mac;
} LinkInfo;

#define LINKS_MAX 256
#define ADDRESSES_MAX 1024
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

typedef struct LinkTable {
        size_t n_links, n_addresses;
        LinkInfo links[LINKS_MAX];
        AddressRow addresses[ADDRESSES_MAX];
} LinkTable;

/* One message, as long as nlmsg_len says; what is about neither links nor addresses is passed over. */
void link_table_take(LinkTable *t, const struct nlmsghdr *h);

const LinkInfo *link_table_by_name(const LinkTable *t, const char *name);
const LinkInfo *link_table_by_index(const LinkTable *t, int index);

/* The link that has an address whose subnet holds this one; ours do not count. NULL: none. */
const LinkInfo *link_table_for(const LinkTable *t, const Address *a);

/* Is it on this host? NULL: no. */
const AddressRow *link_table_find(const LinkTable *t, const Address *a);
