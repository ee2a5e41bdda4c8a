#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/cache.h"

typedef struct Entry {
        Kv kv;
        bool deleted; /* a tombstone: kv has a key and a mod_revision only */
        bool listed;  /* in the load under way */
} Entry;

struct Cache {
        const char *prefix;
        size_t prefix_size;
        uint64_t revision;
        Entry *entries;
        size_t n, room;
};

Cache *cache_new(const char *prefix)
{
        Cache *c = calloc(1, sizeof *c);

        if (c) {
                c->prefix = prefix;
                c->prefix_size = strlen(prefix);
        }
        return c;
}

void cache_clear(Cache *c)
{
        for (size_t i = 0; i < c->n; i++)
                kv_done(&c->entries[i].kv);
        c->n = 0;
        c->revision = 0;
}

Cache *cache_free(Cache *c)
{
        if (c) {
                cache_clear(c);
                free(c->entries);
                free(c);
        }
        return NULL;
}

static Entry *find(const Cache *c, const char *path)
{
        for (size_t i = 0; i < c->n; i++)
                if (str_equal(c->entries[i].kv.key, path))
                        return &c->entries[i];
        return NULL;
}

/* Entries that `drop` picks go; order does not matter. */
static void remove_entries(Cache *c, bool (*drop)(const Entry *e, uint64_t revision),
                           uint64_t revision)
{
        for (size_t i = 0; i < c->n;) {
                if (drop(&c->entries[i], revision)) {
                        kv_done(&c->entries[i].kv);
                        c->entries[i] = c->entries[--c->n];
                } else {
                        i++;
                }
        }
}

static bool is_tombstone(const Entry *e, uint64_t revision)
{
        return e->deleted && e->kv.mod_revision <= revision;
}

static bool is_gone(const Entry *e, uint64_t revision)
{
        return !e->listed && e->kv.mod_revision <= revision;
}

static int add(Cache *c, Entry **ret)
{
        if (c->n == CACHE_KEYS_MAX)
                remove_entries(c, is_tombstone, UINT64_MAX);
        if (c->n == CACHE_KEYS_MAX)
                return -ENOSPC;
        if (c->n == c->room) {
                size_t room = c->room ? c->room * 2 : 32;
                Entry *entries = realloc(c->entries, room * sizeof *entries);
                if (!entries)
                        return -ENOMEM;
                c->entries = entries;
                c->room = room;
        }
        *ret = &c->entries[c->n++];
        **ret = (Entry){ 0 };
        return 0;
}

static bool same(const Kv *a, const Kv *b)
{
        return a->mod_revision == b->mod_revision && a->create_revision == b->create_revision &&
               a->lease == b->lease && a->value_size == b->value_size &&
               memcmp(a->value, b->value, a->value_size) == 0;
}

/* The event is from before what we have. The same revision again tells the rest of it. */
static bool is_late(const Entry *e, uint64_t revision)
{
        return e && (e->kv.mod_revision > revision ||
                     (e->deleted && e->kv.mod_revision == revision));
}

static int put(Cache *c, Kv *kv, Entry **ret)
{
        Entry *e = find(c, kv->key);
        int r;

        *ret = e;
        if (is_late(e, kv->mod_revision) || (e && !e->deleted && same(&e->kv, kv))) {
                kv_done(kv);
                return 0;
        }
        if (!e) {
                r = add(c, &e);
                if (r < 0) {
                        kv_done(kv);
                        return r;
                }
        }
        kv_done(&e->kv);
        e->kv = *kv;
        e->deleted = false;
        *kv = (Kv){ 0 };
        *ret = e;
        return 1;
}

static bool is_ours(const Cache *c, const char *path)
{
        return strncmp(path, c->prefix, c->prefix_size) == 0;
}

int cache_load(Cache *c, Kv *kvs, size_t n, uint64_t revision)
{
        size_t before = cache_count(c);
        int result = 0;

        for (size_t i = 0; i < c->n; i++)
                c->entries[i].listed = false;
        for (size_t i = 0; i < n; i++) {
                Entry *e = NULL;
                int r = result < 0 || !is_ours(c, kvs[i].key) ? 0 : put(c, &kvs[i], &e);
                if (e)
                        e->listed = true;
                if (r != 0)
                        result = r;
                kv_done(&kvs[i]);
        }
        if (result < 0)
                return result;
        remove_entries(c, is_gone, revision);
        cache_set_revision(c, revision);
        return result > 0 || cache_count(c) != before;
}

int cache_put(Cache *c, Kv *kv)
{
        uint64_t revision = kv->mod_revision;
        Entry *e;

        if (!is_ours(c, kv->key)) {
                kv_done(kv);
                return 0;
        }
        int r = put(c, kv, &e);
        if (r >= 0)
                cache_set_revision(c, revision);
        return r;
}

int cache_note_put(Cache *c, const char *path, const char *value, int64_t lease, uint64_t revision)
{
        const Entry *e = find(c, path);
        Kv kv = {
                .key = strdup(path),
                .value = strdup(value),
                .value_size = strlen(value),
                .create_revision = e && !e->deleted ? e->kv.create_revision : revision,
                .mod_revision = revision,
                .lease = lease,
        };

        if (!kv.key || !kv.value || !is_ours(c, path)) {
                int r = kv.key && kv.value ? 0 : -ENOMEM;
                kv_done(&kv);
                return r;
        }
        return put(c, &kv, &(Entry *){ NULL });
}

int cache_delete(Cache *c, const char *path, uint64_t revision)
{
        Entry *e = find(c, path);
        int changed = 0;

        if (!is_ours(c, path) || is_late(e, revision))
                return 0;
        if (!e) {
                Kv kv = { .key = strdup(path) };
                int r = kv.key ? add(c, &e) : -ENOMEM;
                if (r < 0) {
                        kv_done(&kv);
                        return r;
                }
                e->kv = kv;
                e->deleted = true;
        }
        if (!e->deleted) {
                free(e->kv.value);
                e->kv = (Kv){ .key = e->kv.key };
                e->deleted = true;
                changed = 1;
        }
        e->kv.mod_revision = revision;
        cache_set_revision(c, revision);
        return changed;
}

const Kv *cache_get(const Cache *c, const char *name)
{
        for (size_t i = 0; i < c->n; i++)
                if (!c->entries[i].deleted &&
                    str_equal(c->entries[i].kv.key + c->prefix_size, name))
                        return &c->entries[i].kv;
        return NULL;
}

const Kv *cache_next(const Cache *c, size_t *at, const char **ret_name)
{
        for (; *at < c->n; (*at)++)
                if (!c->entries[*at].deleted) {
                        const Kv *kv = &c->entries[(*at)++].kv;
                        *ret_name = kv->key + c->prefix_size;
                        return kv;
                }
        return NULL;
}

uint64_t cache_revision(const Cache *c)
{
        return c->revision;
}

void cache_set_revision(Cache *c, uint64_t revision)
{
        c->revision = MAX(c->revision, revision);
}

size_t cache_count(const Cache *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++)
                n += !c->entries[i].deleted;
        return n;
}

uint64_t cache_newest(const Cache *c)
{
        uint64_t newest = 0;

        for (size_t i = 0; i < c->n; i++)
                if (!c->entries[i].deleted)
                        newest = MAX(newest, c->entries[i].kv.mod_revision);
        return newest;
}

/* ---- what etcd says ---- */

int cache_take_range(Cache *c, const Node *doc, uint64_t revision)
{
        const Node *list = node_get(doc, "kvs");
        size_t n = 0, count = node_count(list);
        Kv *kvs = calloc(count + 1, sizeof *kvs);
        int r = kvs ? 0 : -ENOMEM;

        NODE_FOREACH(node, list) {
                if (r < 0)
                        break;
                r = reply_kv(node, &kvs[n]);
                n += r >= 0;
        }
        if (r >= 0) {
                r = cache_load(c, kvs, n, revision);
        } else {
                while (kvs && n > 0)
                        kv_done(&kvs[--n]);
        }
        free(kvs);
        return r;
}

int cache_take_event(Cache *c, const Node *event)
{
        const Node *kv_node = node_get(event, "kv");
        const char *type = node_get_text(event, "type");
        Kv kv;
        int r;

        if (!kv_node)
                return -EBADMSG;
        r = reply_kv(kv_node, &kv);
        if (r < 0)
                return r;
        if (!type || !str_equal(type, "DELETE"))
                return cache_put(c, &kv);
        r = cache_delete(c, kv.key, kv.mod_revision);
        kv_done(&kv);
        return r;
}
