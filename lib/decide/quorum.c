#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "decide/quorum.h"
#include "decide/sync-names.h"

/* Members as bits: of everybody who is named anywhere. */
typedef uint64_t Set;

typedef struct Names {
        size_t n;
        char names[64][NAME_SIZE];
} Names;

typedef struct State {
        Set voters; /* of /sync, without the leader */
        unsigned quorum;
        Set sync; /* of the parameter */
        unsigned need;
} State;

static unsigned count(Set s)
{
        unsigned n = 0;

        for (; s; s &= s - 1)
                n++;
        return n;
}

/* 0: there is no room for one more. */
static Set bit_of(Names *names, const char *name)
{
        for (size_t i = 0; i < names->n; i++)
                if (str_equal_nocase(names->names[i], name))
                        return (Set)1 << i;
        if (names->n == ELEMENTSOF(names->names))
                return 0;
        (void)STR_SET(names->names[names->n], name); /* a member's name fits */
        return (Set)1 << names->n++;
}

static Set bits_of_list(Names *names, const char *list)
{
        char one[NAME_SIZE];
        Set s = 0;

        while (str_list_next(&list, one, sizeof one))
                s |= bit_of(names, one);
        return s;
}

/* What a commit waits for. In a value that is none of ours nobody can be counted on. */
static void read_parameter(Names *names, const char *text, State *ret)
{
        SyncNames value;

        if (sync_names_parse(text, &value) < 0 || value.everybody)
                return;
        for (size_t i = 0; i < value.n; i++)
                ret->sync |= bit_of(names, value.names[i]);
        ret->need = MIN(value.need, count(ret->sync));
}

static bool is_safe(const State *s)
{
        return s->voters == 0 || s->quorum + s->need >= count(s->voters | s->sync);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t sorted(const Names *names, Set s, const char *ret[64])
{
        size_t n = 0;

        for (size_t i = 0; i < names->n; i++)
                if (s >> i & 1)
                        ret[n++] = names->names[i];
        qsort(ret, n, sizeof *ret, compare_names);
        return n;
}

static SyncPlan write_key(const Names *names, Set voters, unsigned quorum)
{
        SyncPlan p = { .action = SYNC_WRITE_KEY, .quorum = voters ? quorum : 0 };
        const char *list[64];
        size_t n = sorted(names, voters, list), used = 0;

        for (size_t i = 0; i < n && used < sizeof p.standbys; i++) {
                size_t len = strlen(list[i]);
                if (used + len + 2 > sizeof p.standbys)
                        break;
                if (i > 0)
                        p.standbys[used++] = ',';
                memcpy(p.standbys + used, list[i], len + 1);
                used += len;
        }
        return p;
}

static void parameter_of(const Names *names, Set sync, unsigned need, bool strict, char *buf, size_t size)
{
        SyncNames value = { .any = true, .need = need, .everybody = sync == 0 && strict };
        const char *list[64];
        size_t n = sorted(names, sync, list);

        for (; value.n < n && value.n < STANDBYS_MAX; value.n++)
                (void)STR_SET(value.names[value.n], list[value.n]); /* same sizes */
        sync_names_format(&value, buf, size);
}

/* How many of them have everything up to where the parameter took effect. */
static unsigned confirmed(Names *names, const PgState *pg, Set sync)
{
        Set have = 0;

        for (uint32_t i = 0; i < pg->n_standbys && pg->sync_names_lsn != 0; i++)
                if (pg->standbys[i].flush_lsn >= pg->sync_names_lsn)
                        have |= bit_of(names, pg->standbys[i].application_name);
        return count(have & sync);
}

/* Whoever could be elected in `name`'s place. */
static Set others(const Cluster *c, Names *names, const char *name)
{
        Set voters = bits_of_list(names, c->sync.standbys), own = bit_of(names, name);

        if (c->sync.leader[0])
                voters |= bit_of(names, c->sync.leader);
        return voters & ~own;
}

/* Another leader's key: we were elected under it, and are no voter of our own. */
static SyncPlan take_over(const Cluster *c, Names *names, const char *name, State now)
{
        now.voters = others(c, names, name);
        return is_safe(&now) && c->sync.leader[0] ? write_key(names, now.voters, now.quorum)
                                                  : write_key(names, 0, 0);
}

/* The key must suit the parameter as it is and as it shall be. */
static SyncPlan make_room(const Names *names, const State *now, const State *want, bool effective)
{
        State s = { .voters = now->voters & want->sync, .quorum = effective ? 0 : now->quorum };
        unsigned for_now = count(s.voters | now->sync), for_want = count(s.voters | want->sync);

        s.quorum = MAX(s.quorum, for_now > now->need ? for_now - now->need : 0);
        s.quorum = MAX(s.quorum, for_want > want->need ? for_want - want->need : 0);
        if (s.quorum > count(s.voters))
                s.voters = 0; /* nobody could be elected anyway */
        return write_key(names, s.voters, s.quorum);
}

static bool same_key(const SyncPlan *p, Names *names, const State *now)
{
        return bits_of_list(names, p->standbys) == now->voters && p->quorum == now->quorum;
}

SyncPlan quorum_plan(const Cluster *c, const PgState *pg, const char *name, const QuorumTarget *target)
{
        Names names = { 0 };
        State now = { .voters = bits_of_list(&names, c->sync.standbys), .quorum = c->sync.quorum };
        State want = { .need = target->need };
        SyncPlan p = { 0 };

        read_parameter(&names, pg->sync_names, &now);
        for (size_t i = 0; i < target->n; i++)
                want.sync |= bit_of(&names, target->names[i]);
        want.need = MIN(want.need, count(want.sync));

        if (!str_equal(c->sync.leader, name))
                return take_over(c, &names, name, now);
        now.voters &= ~bit_of(&names, name);
        if (!is_safe(&now))
                return write_key(&names, 0, 0);

        unsigned have = confirmed(&names, pg, now.sync);
        parameter_of(&names, want.sync, want.need, c->settings.synchronous_mode_strict, p.names,
                     sizeof p.names);
        if (!str_equal(p.names, pg->sync_names)) {
                State then = { now.voters, now.quorum, want.sync, want.need };
                if (!is_safe(&then))
                        return make_room(&names, &now, &want, have >= now.need);
                p.action = SYNC_SET_NAMES;
                return p;
        }
        /* Commits since then wait for `need`; those before are wherever it is confirmed. */
        have = MIN(have, want.need);
        if (want.sync != 0 && have == 0)
                return (SyncPlan){ 0 };
        p = write_key(&names, want.sync, count(want.sync) - have);
        return same_key(&p, &names, &now) ? (SyncPlan){ 0 } : p;
}

SyncPlan quorum_plan_promotion(const Cluster *c, const char *name)
{
        Names names = { 0 };
        Set voters = others(c, &names, name);

        if (!c->sync.leader[0] || str_equal(c->sync.leader, name))
                return (SyncPlan){ 0 };
        return write_key(&names, c->sync.quorum > count(voters) ? 0 : voters, c->sync.quorum);
}

bool quorum_names_at_start(const Cluster *c, const char *name, char *buf, size_t size)
{
        Names names = { 0 };
        Set voters = others(c, &names, name);
        unsigned quorum = c->sync.quorum, n = count(voters);

        buf[0] = 0;
        if (n == 0 || quorum >= n)
                return false;
        parameter_of(&names, voters, n - quorum, false, buf, size);
        return true;
}
