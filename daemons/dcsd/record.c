#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "dcsd/decode.h"
#include "dcsd/encode.h"
#include "dcsd/record.h"

/* What one key's maker has to work with. */
typedef struct Maker {
        const MsgRecord *m;
        const RecordContext *c;
        RecordPlan *plan;
        char *text;
} Maker;

static int refuse(const Maker *k, const char *why)
{
        (void)str_copy(k->text, REASON_SIZE, why); /* ours are short */
        return -EINVAL;
}

/* Takes the node; NULL: out of memory. */
static int take_json(const Maker *k, Node *n)
{
        k->plan->value = n ? json_format(n, JSON_COMPACT) : NULL;
        node_free(n);
        return k->plan->value ? 0 : -ENOMEM;
}

static int make_initialize(const Maker *k)
{
        const InitializeKey *key = (const InitializeKey *)k->m->value;
        char text[24];

        switch (key->state) {
        case INITIALIZE_ABSENT: return 0;
        case INITIALIZE_INVALID: return refuse(k, "this is no state to write");
        case INITIALIZE_RUNNING:
                k->plan->is_claim = k->m->revision == 0;
                text[0] = 0;
                break;
        case INITIALIZE_DONE: snprintf(text, sizeof text, "%" PRIu64, key->sysid); break;
        }
        k->plan->value = strdup(text);
        return k->plan->value ? 0 : -ENOMEM;
}

static int make_config(const Maker *k)
{
        size_t size = k->m->h.size - sizeof *k->m;
        Node *n = NULL;
        int r;

        k->plan->revision = record_config_revision(k->c->cache, k->m->revision);
        if (size == 0)
                return take_json(k, encode_first_config(k->c->bootstrap_dcs));
        while (size > 0 && k->m->value[size - 1] == 0)
                size--;
        r = json_parse((const char *)k->m->value, size, false, &n, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || n->kind != NODE_MAP) {
                node_free(n);
                return refuse(k, "the configuration is no JSON object");
        }
        return take_json(k, n);
}

static int make_status(const Maker *k)
{
        _cleanup_(node_freep) Node *before = decode_object(cache_get(k->c->cache, "status"));
        _cleanup_(node_freep) Node *config = decode_object(cache_get(k->c->cache, "config"));
        static const char *const slots[] = { "permanent_replication_slots", "permanent_slots",
                                             "slots" };
        const Node *permanent = NULL;
        const StatusKey *key = (const StatusKey *)k->m->value;

        for (size_t i = 0; i < ELEMENTSOF(slots) && !permanent; i++)
                permanent = node_get(config, slots[i]);
        return take_json(k, encode_status(key, retain_slots(k->c->retain, k->c->cluster, before,
                                                            permanent, k->c->now)));
}

static int make_history(const Maker *k)
{
        const Kv *kv = cache_get(k->c->cache, "history");
        _cleanup_(node_freep) Node *before = NULL;

        if (kv && json_parse(kv->value, kv->value_size, false, &before, NULL) == -ENOMEM)
                return -ENOMEM;
        return take_json(k, encode_history((const History *)k->m->value, before,
                                           k->c->cluster->settings.max_timelines_history));
}

static int make_sync(const Maker *k)
{
        const SyncKey *key = (const SyncKey *)k->m->value;

        return key->leader[0] ? take_json(k, encode_sync(key)) : 0;
}

static int make_failover(const Maker *k)
{
        return take_json(k, encode_failover((const FailoverKey *)k->m->value));
}

/* Compared always: an earlier write of it must not take effect after a later one (doubt.h). */
static int make_failsafe(const Maker *k)
{
        const Kv *kv = cache_get(k->c->cache, "failsafe");
        _cleanup_(node_freep) Node *before = decode_object(kv);
        Node *map = encode_failsafe(k->c->cluster, k->c->self);

        k->plan->revision = kv ? kv->mod_revision : 0;
        NODE_FOREACH(n, map)
                k->plan->adds |= !node_get(before, n->key);
        return take_json(k, map);
}

/* One key a member: its name follows the path. */
static int make_standing(const Maker *k)
{
        const StandingKey *key = (const StandingKey *)k->m->value;
        size_t n = strlen(k->plan->key);

        if (!key->name[0] || strchr(key->name, '/') ||
            !str_copy(k->plan->key + n, sizeof k->plan->key - n, key->name))
                return refuse(k, "this is no member's name");
        return key->standing ? take_json(k, encode_standing(key)) : 0;
}

static int make_resume(const Maker *k)
{
        const ResumeKey *key = (const ResumeKey *)k->m->value;

        return key->wanted ? take_json(k, encode_resume(key)) : 0;
}

static const struct {
        size_t path; /* in Paths */
        int (*make)(const Maker *k); /* leaves plan->value NULL to delete */
} keys[RECORD_MAX] = {
        [RECORD_INITIALIZE] = { offsetof(Paths, initialize), make_initialize },
        [RECORD_CONFIG] = { offsetof(Paths, config), make_config },
        [RECORD_STATUS] = { offsetof(Paths, status), make_status },
        [RECORD_HISTORY] = { offsetof(Paths, history), make_history },
        [RECORD_SYNC] = { offsetof(Paths, sync), make_sync },
        [RECORD_FAILOVER] = { offsetof(Paths, failover), make_failover },
        [RECORD_FAILSAFE] = { offsetof(Paths, failsafe), make_failsafe },
        [RECORD_STANDING] = { offsetof(Paths, standing), make_standing },
        [RECORD_RESUME] = { offsetof(Paths, resume), make_resume },
};

/* Equal as JSON, where both are; else as text. */
static bool reads_the_same(const Kv *kv, const char *value)
{
        _cleanup_(node_freep) Node *a = NULL, *b = NULL;

        if (str_equal(kv->value, value))
                return true;
        if (json_parse(kv->value, kv->value_size, false, &a, NULL) < 0 ||
            json_parse(value, strlen(value), false, &b, NULL) < 0)
                return false;
        return node_equal(a, b);
}

static bool is_there(const Kv *kv, const RecordPlan *plan)
{
        uint64_t revision = kv ? kv->mod_revision : 0;

        if (plan->is_claim || (plan->revision != RECORD_ANY_REVISION && plan->revision != revision))
                return false;
        return plan->value ? kv && reads_the_same(kv, plan->value) : !kv;
}

int record_plan(const MsgRecord *m, const RecordContext *c, RecordPlan *ret,
                char text[static REASON_SIZE])
{
        RecordPlan plan = { .revision = m->revision };
        Maker k = { .m = m, .c = c, .plan = &plan, .text = text };
        int r;

        text[0] = 0;
        if (m->key >= RECORD_MAX || !keys[m->key].make)
                return refuse(&k, "there is no such key");
        (void)STR_SET(plan.key, (const char *)c->paths + keys[m->key].path); /* same size */
        r = keys[m->key].make(&k);
        if (r < 0)
                return r;
        plan.is_there = is_there(cache_get(c->cache, plan.key + strlen(c->paths->prefix)), &plan);
        *ret = plan;
        return 0;
}

int record_optime(const RecordContext *c, Lsn optime, char **ret)
{
        _cleanup_(node_freep) Node *before = decode_object(cache_get(c->cache, "status"));
        _cleanup_(node_freep) Node *n = encode_optime(optime, before);

        *ret = n ? json_format(n, JSON_COMPACT) : NULL;
        return *ret ? 0 : -ENOMEM;
}

uint64_t record_config_revision(const Cache *c, uint64_t seen)
{
        const Kv *kv = cache_get(c, "config");
        _cleanup_(node_freep) Node *n = decode_object(kv);

        return seen == 0 && kv && !n ? kv->mod_revision : seen;
}
