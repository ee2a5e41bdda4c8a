#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "decide/quorum.h"
#include "decide/sync-names.h"
#include "decide/sync.h"

typedef struct Candidate {
        const Standby *standby;
        const Member *member;
        int rank; /* of sync_state: smaller is better */
} Candidate;

typedef struct Names {
        size_t n;
        const char *names[STANDBYS_MAX];
} Names;

static const Member *find_member(const Cluster *c, const char *application_name)
{
        for (uint32_t i = 0; i < c->n_members; i++)
                if (str_equal_nocase(c->members[i].name, application_name))
                        return &c->members[i];
        return NULL;
}

static int sync_state_rank(const char *state)
{
        return str_equal(state, "sync") || str_equal(state, "quorum") ? 0
               : str_equal(state, "potential")                        ? 1
                                                                      : 2;
}

/* sync_priority, then sync_state, then the further LSN; those who may not lead come last. */
static int compare_candidates(const void *a, const void *b)
{
        const Candidate *x = a, *y = b;

        if (x->member->tags.nofailover != y->member->tags.nofailover)
                return x->member->tags.nofailover ? 1 : -1;
        if (x->member->tags.sync_priority != y->member->tags.sync_priority)
                return x->member->tags.sync_priority > y->member->tags.sync_priority ? -1 : 1;
        if (x->rank != y->rank)
                return x->rank - y->rank;
        if (x->standby->flush_lsn != y->standby->flush_lsn)
                return x->standby->flush_lsn > y->standby->flush_lsn ? -1 : 1;
        return strcmp(x->member->name, y->member->name); /* the same order on every call */
}

static bool counts(const Standby *s, const Member *m, const char *name)
{
        return m && m->state == RUN_RUNNING && !m->tags.nosync && !str_equal(m->name, name) &&
               str_equal(s->state, "streaming") && s->flush_lsn != 0;
}

static void choose(const Cluster *c, const PgState *pg, const char *name, Names *ret)
{
        bool quorum = c->settings.synchronous_mode == SYNC_MODE_QUORUM;
        Candidate all[STANDBYS_MAX];
        size_t n = 0;
        Lsn furthest = 0;

        for (uint32_t i = 0; i < pg->n_standbys; i++) {
                const Standby *s = &pg->standbys[i];
                const Member *m = find_member(c, s->application_name);
                if (!counts(s, m, name))
                        continue;
                all[n++] = (Candidate){ s, m, sync_state_rank(s->sync_state) };
                furthest = MAX(furthest, s->flush_lsn);
        }
        if (n == 1)
                furthest = pg->flush_lsn;
        qsort(all, n, sizeof *all, compare_candidates);

        ret->n = 0;
        for (size_t i = 0; i < n; i++) {
                int64_t limit = c->settings.maximum_lag_on_syncnode;
                bool enough = ret->n >= c->settings.synchronous_node_count;
                /* A quorum takes all that may lead, and others only where it lacks some. */
                if (enough && (!quorum || all[i].member->tags.nofailover))
                        break;
                if (limit > 0 && furthest > all[i].standby->flush_lsn + (uint64_t)limit)
                        continue;
                ret->names[ret->n++] = all[i].member->name;
        }
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void join(const Names *names, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = 0;
        for (size_t i = 0; i < names->n && used < size; i++)
                used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 0 ? "," : "",
                                         names->names[i]);
}

/* Nobody: nothing, or * in strict mode. */
static void names_value(const Names *names, bool strict, char *buf, size_t size)
{
        SyncNames value = { .need = (unsigned)names->n, .everybody = names->n == 0 && strict };

        for (; value.n < names->n; value.n++)
                (void)STR_SET(value.names[value.n], names->names[value.n]); /* same sizes */
        sync_names_format(&value, buf, size);
}

/*
 * Really synchronous now: listed already, or `sync` and past the position at which the parameter
 * took effect.
 */
static bool is_confirmed(const Cluster *c, const PgState *pg, const char *name)
{
        for (uint32_t i = 0; i < pg->n_standbys; i++) {
                const Standby *s = &pg->standbys[i];
                if (!str_equal_nocase(s->application_name, name))
                        continue;
                if (cluster_is_in_sync(c, name) && !str_equal_nocase(c->sync.leader, name))
                        return true;
                return str_equal(s->sync_state, "sync") && pg->sync_names_lsn != 0 &&
                       s->flush_lsn >= pg->sync_names_lsn;
        }
        return false;
}

static SyncPlan write_key(const Names *names)
{
        SyncPlan p = { .action = SYNC_WRITE_KEY };

        join(names, p.standbys, sizeof p.standbys);
        return p;
}

SyncPlan sync_plan_promotion(const Cluster *c, const char *name)
{
        static const Names nobody = { 0 };

        if (c->settings.synchronous_mode == SYNC_MODE_QUORUM)
                return quorum_plan_promotion(c, name);
        if (c->settings.synchronous_mode != SYNC_MODE_ON ||
            (str_equal(c->sync.leader, name) && c->sync.standbys[0] == 0))
                return (SyncPlan){ 0 };
        return write_key(&nobody);
}

static SyncPlan plan_off(const Cluster *c, const PgState *pg, const Names *none)
{
        SyncPlan p = { 0 };

        /* The key first: nobody may be promoted as synchronous who no longer is. */
        if (c->sync.mod_revision != 0 && c->sync.leader[0] != 0)
                p.action = SYNC_DELETE_KEY;
        else if (pg->sync_managed) /* the configuration's own value is none of our business */
                p.action = SYNC_SET_NAMES;
        names_value(none, false, p.names, sizeof p.names);
        return p;
}

static SyncPlan plan_quorum(const Cluster *c, const PgState *pg, const char *name)
{
        QuorumTarget target = { 0 };
        Names wanted;

        choose(c, pg, name, &wanted);
        for (; target.n < wanted.n; target.n++)
                target.names[target.n] = wanted.names[target.n];
        target.need = (unsigned)MIN(wanted.n, c->settings.synchronous_node_count);
        return quorum_plan(c, pg, name, &target);
}

SyncPlan sync_plan(const Cluster *c, const PgState *pg, const char *name)
{
        Names wanted = { 0 }, confirmed = { 0 }, kept = { 0 };
        SyncPlan p = { 0 };
        char listed[SYNC_LIST_SIZE];

        if (c->settings.synchronous_mode == SYNC_MODE_OFF)
                return plan_off(c, pg, &wanted);
        if (c->settings.synchronous_mode == SYNC_MODE_QUORUM)
                return plan_quorum(c, pg, name);
        /* First of all: nobody is synchronous yet. Nor is one voter of many, after quorum mode. */
        if (!str_equal(c->sync.leader, name) || c->sync.quorum != 0)
                return write_key(&kept);

        choose(c, pg, name, &wanted);
        qsort(wanted.names, wanted.n, sizeof *wanted.names, compare_names);
        for (size_t i = 0; i < wanted.n; i++) {
                if (is_confirmed(c, pg, wanted.names[i]))
                        confirmed.names[confirmed.n++] = wanted.names[i];
                if (is_confirmed(c, pg, wanted.names[i]) && cluster_is_in_sync(c, wanted.names[i]))
                        kept.names[kept.n++] = wanted.names[i];
        }

        /* Shrink the key, then set the parameter, then let the key grow to who has caught up. */
        join(&kept, listed, sizeof listed);
        if (!str_equal(listed, c->sync.standbys))
                return write_key(&kept);
        names_value(&wanted, c->settings.synchronous_mode_strict, p.names, sizeof p.names);
        if (!str_equal(p.names, pg->sync_names)) {
                p.action = SYNC_SET_NAMES;
                return p;
        }
        if (confirmed.n > kept.n)
                return write_key(&confirmed);
        return (SyncPlan){ 0 };
}

bool sync_names_before_promotion(const Cluster *c, const PgState *pg, const char *name, char *buf,
                                 size_t size)
{
        return c->settings.synchronous_mode == SYNC_MODE_QUORUM && c->sync.leader[0] &&
               quorum_names_at_start(c, name, buf, size) && !str_equal(buf, pg->sync_names);
}

void sync_names_at_start(const Cluster *c, const char *name, char *buf, size_t size)
{
        char list[SYNC_LIST_SIZE], *rest = list, *one;
        Names named = { 0 };

        if (c->settings.synchronous_mode == SYNC_MODE_QUORUM && c->sync.leader[0] &&
            quorum_names_at_start(c, name, buf, size))
                return;
        (void)STR_SET(list, c->sync.standbys); /* same size */
        /* Where the mode is off, or this is to be a standby cluster: the key goes first, and they may be elected by it. */
        if (str_equal(c->sync.leader, name) && c->settings.synchronous_mode != SYNC_MODE_QUORUM)
                while ((one = strsep(&rest, ",")) && named.n < STANDBYS_MAX)
                        if (*one)
                                named.names[named.n++] = one;
        names_value(&named, c->settings.synchronous_mode != SYNC_MODE_OFF &&
                                    c->settings.synchronous_mode_strict,
                    buf, size);
}
