/*
 * Store: a table that outlives its program: a memfd in systemd's fd store, mapped here.
 *
 * What is written through store_data() is there again after a restart or upgrade; a stop of the
 * unit or a reboot forgets it (KERNEL-FACTS: the store is emptied when a unit goes inactive).
 * Without systemd (palisade run) it is plain memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

typedef struct Store Store;

/*
 * Finds the table `name` of exactly this size and version among the descriptors systemd passed, or
 * makes a zeroed one and stores it. *ret_found says which. 0 or negative errno.
 */
int store_open(Store **ret, const char *name, unsigned version, size_t size, bool *ret_found);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free)

void *store_data(Store *s);

/*
 * Further descriptors under a name of their own (a watchdog device, a map, a pidfd): put keeps a
 * duplicate in the store; take answers one passed at start, or -ENOENT. With poll off, as the
 * kernel's maps need it (FDPOLL=0).
 */
int store_put_fd(const char *name, int fd);
int store_take_fd(const char *name);
void store_remove_fd(const char *name);
