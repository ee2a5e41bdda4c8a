/*
 * Cache: our copy of every key below /<namespace>/<scope>/.
 *
 * Pure. Fed by a range (load), by the watch (put, delete) and by our own writes, in any order:
 * what has the larger mod_revision wins, so that an event that comes late undoes nothing. A deleted
 * key leaves a tombstone behind for that purpose, until the next load.
 *
 * Owns:      the keys and values.
 * Invariant: revision never goes down, but by cache_clear().
 */
#pragma once

#include "base/macros.h"
#include "dcsd/reply.h"

#define CACHE_KEYS_MAX 4096

typedef struct Cache Cache;

/* prefix: the path all keys begin with; not copied. NULL: out of memory. */
Cache *cache_new(const char *prefix);
Cache *cache_free(Cache *c);
DEFINE_CLEANUP(Cache *, cache_free)

void cache_clear(Cache *c);

/*
 * Everything as of `revision`: n keys, whose contents are taken, also on failure. Keys written
 * later than that by ourselves stay. 1: something differs, 0: nothing does, -ENOSPC, -ENOMEM.
 */
int cache_load(Cache *c, Kv *kvs, size_t n, uint64_t revision);

/* A key with its whole path; contents are taken, also on failure. Answers as cache_load(). */
int cache_put(Cache *c, Kv *kv);
int cache_delete(Cache *c, const char *path, uint64_t revision);

/* The keys of a range's answer as of `revision`, or one event of a watch. -EBADMSG: it is none. */
int cache_take_range(Cache *c, const Node *doc, uint64_t revision);
int cache_take_event(Cache *c, const Node *event);

/*
 * The same for a write of our own that etcd confirmed with this revision, which others' events before it may not have
 * reached yet: the cache's stays. value: text.
 */
int cache_note_put(Cache *c, const char *path, const char *value, int64_t lease, uint64_t revision);

/* By the name below the prefix ("leader", "members/node1"); NULL: it is not there. */
const Kv *cache_get(const Cache *c, const char *name);

/* The next key at or after *at, with the name below the prefix; NULL: no more. Starts at 0. */
const Kv *cache_next(const Cache *c, size_t *at, const char **ret_name);

/* Every event up to this revision is in here, as far as we were told. */
uint64_t cache_revision(const Cache *c);

/* The watch has shown that nothing is missing up to this revision. */
void cache_set_revision(Cache *c, uint64_t revision);

/* What a range of the newest key answers while nothing was missed. */
size_t cache_count(const Cache *c);
uint64_t cache_newest(const Cache *c);
