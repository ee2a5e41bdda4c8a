/*
 * Netlink: this host's links and addresses, as the kernel tells them, and changes to our own.
 *
 * Owns:      two rtnetlink sockets (requests; events), a table of links and addresses.
 * Invariant: the table is what the kernel said last. Only addresses marked as ours (IFA_PROTO, and
 *            for IPv4 a label) are ever removed.
 * Threads:   none; requests are answered later, from the loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "fence/link-table.h"

typedef struct Netlink Netlink;

/* Something about links or addresses changed. */
typedef void (*netlink_changed_t)(void *userdata);

/* Reads the whole table before it returns. */
int netlink_new(Netlink **ret, sd_event *e, netlink_changed_t changed, void *userdata);
Netlink *netlink_free(Netlink *n);
DEFINE_CLEANUP(Netlink *, netlink_free)

const LinkInfo *netlink_link_by_name(const Netlink *n, const char *name);
const LinkInfo *netlink_link_by_index(const Netlink *n, int index);

/* The link that has an address whose subnet holds this one; ours do not count. NULL: none. */
const LinkInfo *netlink_link_for(const Netlink *n, const Address *a);

/* Is it on this host? *ret_ours: put there by us; *ret_index: on which link. */
bool netlink_find(const Netlink *n, const Address *a, bool *ret_ours, int *ret_index);

typedef void (*netlink_done_t)(int r, void *userdata);

/*
 * Adds the address to the link with that kernel lifetime, or gives the one that is there another.
 * /32 or /128, no prefix route, no duplicate detection by the kernel (ours came before).
 */
int netlink_hold(Netlink *n, int index, const Address *a, uint32_t seconds, netlink_done_t done,
                 void *userdata);

/* Removes it, unless it is known and not ours. */
int netlink_drop(Netlink *n, int index, const Address *a, netlink_done_t done, void *userdata);

/* Requests under way are answered to nobody any more. */
void netlink_forget(Netlink *n, const void *userdata);

/* Calls back for each of our addresses. */
void netlink_each_own(const Netlink *n, void (*each)(int index, const Address *a, void *userdata),
                      void *userdata);
