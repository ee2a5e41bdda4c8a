/*
 * Every vector of facts through the decision.
 *
 * The full product of FACTS has some billion vectors. It is walked as a decision tree: facts
 * are fixed one after another, and the rows whose conditions still hold are carried along. As soon
 * as the first of them asks nothing of the facts not yet fixed, it decides every vector of that
 * branch, a "box". The boxes are disjoint, and their sizes must add up to the full product: so no
 * vector is left out. An invariant is a set of conditions and the intents allowed under them; a box
 * breaks it exactly if no fixed fact contradicts a condition and the intent is not among the
 * allowed. decide() itself is asked at several vectors of each box.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "decide/actuate.h"
#include "decide/rules.h"

#define IS(v) (uint16_t)(1u << (v))
#define NOT(v) (uint16_t)~(1u << (v))
#define NEITHER(v, w) (uint16_t)~(1u << (v) | 1u << (w))

#define INTENT(i) (1u << INTENT_##i)
#define ALL_INTENTS ((1u << INTENT_MAX) - 1)
#define NEVER(intents) (ALL_INTENTS & ~(uint32_t)(intents))
_Static_assert(INTENT_MAX < 32, "a bit for each intent");

#define PRIMARY_HERE                                                                               \
        (uint16_t)(1u << PG_PRIMARY | 1u << PG_ADOPTED | 1u << PG_PROMOTING |                      \
                   1u << PG_STARTING_PRIMARY)

/* What makes a primary of this node, or lets it go on as one. */
#define BEGIN_PRIMARY (INTENT(PROMOTE) | INTENT(START) | INTENT(RESTART))
#define LET_LEAD (BEGIN_PRIMARY | INTENT(LEAD) | INTENT(CLING) | INTENT(BECOME) | INTENT(CHECKPOINT))
#define FENCES (INTENT(REVOKE) | INTENT(CLEAR))
/* What takes a right at the DCS. */
#define TAKE (INTENT(BID) | INTENT(CLAIM) | INTENT(BOOTSTRAP))
#define WRITE_DCS (TAKE | INTENT(RECORD) | INTENT(CONFIGURE) | INTENT(RELEASE))

/* The lock, where this node has no epoch. */
#define NO_EPOCH (uint16_t)(IS(LOCK_FREE) | IS(LOCK_STALE) | IS(LOCK_OTHER))

typedef struct Condition {
        const char *name;
        uint16_t when[FACT_COUNT];
        uint32_t allowed; /* intents */
} Condition;

static const Condition invariants[] = {
        /* DESIGN 4: until every hand has told its state, start nothing and stop nothing. */
        { "hands unknown: wait", { [FACT_HANDS] = IS(HANDS_UNKNOWN) }, INTENT(WAIT) },
        { "another node of our name: wait", { [FACT_HANDS] = IS(HANDS_TWIN) },
          INTENT(WAIT) | INTENT(STAY_OUT) },
        { "a hand is away: nothing but the fence", { [FACT_HANDS] = IS(HANDS_AWAY) },
          INTENT(REVOKE) },
        { "postgres unknown: wait",
          { [FACT_PG] = IS(PG_UNKNOWN), [FACT_HANDS] = NOT(HANDS_AWAY) }, INTENT(WAIT) },

        /* DESIGN 2: nothing that is not known gives or keeps a right. */
        { "dcs not up: nothing is written, begun, taken or given up",
          { [FACT_DCS] = NOT(DCS_UP) },
          INTENT(WAIT) | INTENT(CLING) | INTENT(BECOME) | INTENT(STOP) | FENCES },
        { "lock unknown: nothing is begun, taken or released",
          { [FACT_LOCK] = IS(LOCK_UNKNOWN) },
          INTENT(WAIT) | INTENT(CLING) | INTENT(BECOME) | INTENT(STOP) | FENCES },
        { "permit not known to run: no primary is made, none leads under the lock",
          { [FACT_PERMIT] = NOT(PERMIT_RUNS) },
          NEVER(BEGIN_PRIMARY | INTENT(LEAD) | INTENT(CHECKPOINT) | INTENT(STEP_DOWN)) },
        { "fence not known to be untouched: no primary is made",
          { [FACT_FENCE] = NOT(FENCE_NONE) }, NEVER(BEGIN_PRIMARY) },
        { "data unknown: no start as primary", { [FACT_DATA] = IS(DATA_UNKNOWN) },
          NEVER(INTENT(START)) },
        { "rank unknown: a standby does not bid",
          { [FACT_RANK] = NOT(RANK_BEST), [FACT_PG] = IS(PG_STANDBY) }, NEVER(INTENT(BID)) },
        { "initialize unknown: no cluster is made", { [FACT_INIT] = IS(INIT_UNKNOWN) },
          NEVER(INTENT(CLAIM) | INTENT(BOOTSTRAP) | INTENT(RECORD) | INTENT(CONFIGURE)) },

        /* DESIGN 2, release: what is confirmed is over. */
        { "a confirmed fence is not asked for again: the key is released, or forgotten",
          { [FACT_FENCE] = IS(FENCE_CONFIRMED), [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_DCS] = IS(DCS_UP),
            [FACT_PG] = NOT(PG_UNKNOWN),
            [FACT_LOCK] = (uint16_t)(IS(LOCK_MINE) | IS(LOCK_KEPT) | IS(LOCK_LOST)) },
          NEVER(INTENT(REVOKE)) },

        /* DESIGN 2: only who holds the lock leads. */
        { "without the lock no primary is made, none leads",
          { [FACT_LOCK] = NOT(LOCK_MINE) },
          NEVER(BEGIN_PRIMARY | INTENT(LEAD) | INTENT(CHECKPOINT) | INTENT(STEP_DOWN) |
                INTENT(AWAIT)) },
        { "a primary whose lock is another's, or gone, is fenced, paused or not",
          { [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_DCS] = IS(DCS_UP), [FACT_PG] = PRIMARY_HERE,
            [FACT_LOCK] = IS(LOCK_LOST), [FACT_FENCE] = IS(FENCE_NONE) },
          INTENT(REVOKE) },
        { "a primary that never had the lock is fenced, but for pause",
          { [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_DCS] = IS(DCS_UP), [FACT_PG] = PRIMARY_HERE,
            [FACT_LOCK] = NO_EPOCH, [FACT_FENCE] = IS(FENCE_NONE), [FACT_PAUSE] = NOT(PAUSE_YES) },
          INTENT(REVOKE) },

        /* DESIGN 2, pause and failsafe. */
        { "retake: only a primary", { [FACT_PG] = NOT(PG_PRIMARY) }, NEVER(INTENT(RETAKE)) },
        { "retake: only what nobody holds", { [FACT_LOCK] = NEITHER(LOCK_KEPT, LOCK_FREE) },
          NEVER(INTENT(RETAKE)) },
        { "retake: a key that ended, only while the permit runs",
          { [FACT_LOCK] = IS(LOCK_KEPT), [FACT_PERMIT] = NOT(PERMIT_RUNS) },
          NEVER(INTENT(RETAKE)) },
        { "retake: a key never held, only in pause",
          { [FACT_LOCK] = IS(LOCK_FREE), [FACT_PAUSE] = NOT(PAUSE_YES) }, NEVER(INTENT(RETAKE)) },
        { "retake: not what is revoked",
          { [FACT_FENCE] = (uint16_t)(IS(FENCE_PENDING) | IS(FENCE_CONFIRMED) | IS(FENCE_YIELDING)) },
          NEVER(INTENT(RETAKE)) },
        { "paused: what people stopped stays stopped",
          { [FACT_PAUSE] = IS(PAUSE_YES), [FACT_PG] = IS(PG_STOPPED),
            [FACT_DATA] = NOT(DATA_FRESH), [FACT_LEAVING] = IS(LEAVING_NO),
            [FACT_HANDOVER] = IS(HANDOVER_NO) },
          NEVER(INTENT(START) | INTENT(FOLLOW) | INTENT(BID)) },
        { "paused: no data directory is made",
          { [FACT_PAUSE] = IS(PAUSE_YES), [FACT_PG] = IS(PG_ABSENT), [FACT_INIT] = NOT(INIT_OURS),
            [FACT_LEAVING] = IS(LEAVING_NO) },
          NEVER(INTENT(FOLLOW) | INTENT(CLAIM) | INTENT(BOOTSTRAP)) },
        { "paused: a running server without lock is not stopped",
          { [FACT_HANDS] = NOT(HANDS_AWAY), [FACT_PAUSE] = IS(PAUSE_YES), [FACT_LOCK] = (uint16_t)(IS(LOCK_FREE) | IS(LOCK_OTHER)),
            [FACT_PG] = (uint16_t)(PRIMARY_HERE | IS(PG_STANDBY)), [FACT_FENCE] = IS(FENCE_NONE),
            [FACT_LEAVING] = IS(LEAVING_NO), [FACT_PERMIT] = IS(PERMIT_NONE) },
          NEVER(INTENT(REFUSE) | INTENT(STOP) | FENCES) },
        { "a permit that is over is followed by REVOKE, whatever the dcs says",
          { [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_PG] = PRIMARY_HERE,
            [FACT_PERMIT] = IS(PERMIT_OVER), [FACT_FENCE] = IS(FENCE_NONE) },
          INTENT(REVOKE) },
        { "a permit that is over lets nobody lead on", { [FACT_PERMIT] = IS(PERMIT_OVER) },
          NEVER(INTENT(CLING) | INTENT(LEAD) | INTENT(BECOME) | BEGIN_PRIMARY) },
        { "only a primary leads on", { [FACT_PG] = (uint16_t)~PRIMARY_HERE },
          NEVER(INTENT(LEAD) | INTENT(CLING) | INTENT(BECOME)) },
        { "nobody is sent to a server that is not a primary yet",
          { [FACT_PG] = NEITHER(PG_PRIMARY, PG_ADOPTED) },
          NEVER(INTENT(LEAD) | INTENT(CLING) | INTENT(CHECKPOINT)) },
        { "nothing is written or ordered from what was not probed", { [FACT_PG] = IS(PG_ADOPTED) },
          INTENT(WAIT) | INTENT(CLING) | FENCES | INTENT(RELEASE) | INTENT(FORGET) |
                  INTENT(REFUSE) | INTENT(KEEP) },
        { "only a standby is promoted", { [FACT_PG] = NOT(PG_STANDBY) }, NEVER(INTENT(PROMOTE)) },
        { "only a stopped server is started", { [FACT_PG] = NOT(PG_STOPPED) },
          NEVER(INTENT(START)) },
        { "a standby's files are not started as primary", { [FACT_DATA] = IS(DATA_STANDBY) },
          NEVER(INTENT(START)) },
        { "who holds the lock leads, is becoming primary, hands over or gives it up",
          { [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_DCS] = IS(DCS_UP),
            [FACT_LOCK] = (uint16_t)(IS(LOCK_MINE) | IS(LOCK_STALE)) },
          INTENT(WAIT) | LET_LEAD | INTENT(LEAD_STANDBY) | INTENT(STEP_DOWN) | INTENT(AWAIT) | FENCES |
                  INTENT(RELEASE) },

        /* DESIGN 2, "Confirmed fence": unknown is not confirmed. */
        { "release and forget only once the fence is confirmed, but for what a standby leader has lost",
          { [FACT_FENCE] = NOT(FENCE_CONFIRMED), [FACT_KIND] = NOT(KIND_STANDBY) },
          NEVER(INTENT(RELEASE) | INTENT(FORGET)) },
        { "release only once the fence is confirmed", { [FACT_FENCE] = NOT(FENCE_CONFIRMED) },
          NEVER(INTENT(RELEASE)) },
        { "forget without a fence only what never had a permit",
          { [FACT_FENCE] = NOT(FENCE_CONFIRMED), [FACT_PERMIT] = NOT(PERMIT_NONE) },
          NEVER(INTENT(FORGET)) },
        { "forget without a fence only where nothing acts as primary",
          { [FACT_FENCE] = NOT(FENCE_CONFIRMED), [FACT_PG] = PRIMARY_HERE },
          NEVER(INTENT(FORGET)) },
        { "a standby cluster makes no primary", { [FACT_KIND] = IS(KIND_STANDBY) },
          NEVER(INTENT(PROMOTE) | INTENT(START)) },
        { "a standby leader has the lock, and no permit", { [FACT_LOCK] = NOT(LOCK_MINE) },
          NEVER(INTENT(LEAD_STANDBY)) },
        { "what was permitted does not stand by", { [FACT_PERMIT] = NOT(PERMIT_NONE) },
          NEVER(INTENT(LEAD_STANDBY)) },
        { "only a standby cluster has a standby leader", { [FACT_KIND] = NOT(KIND_STANDBY) },
          NEVER(INTENT(LEAD_STANDBY)) },
        { "a primary is no standby leader", { [FACT_PG] = PRIMARY_HERE },
          NEVER(INTENT(LEAD_STANDBY)) },
        { "release only a key that names us",
          { [FACT_LOCK] = NEITHER(LOCK_MINE, LOCK_STALE) }, NEVER(INTENT(RELEASE)) },
        { "what is revoked does not lead on",
          { [FACT_FENCE] = (uint16_t)(IS(FENCE_PENDING) | IS(FENCE_CONFIRMED) | IS(FENCE_YIELDING)) }, NEVER(LET_LEAD) },
        { "a fence in progress is pursued, and nothing else begins",
          { [FACT_HANDS] = IS(HANDS_KNOWN), [FACT_PG] = NOT(PG_UNKNOWN),
            [FACT_FENCE] = (uint16_t)(IS(FENCE_PENDING) | IS(FENCE_YIELDING)) },
          FENCES },
        { "who yields stops nothing", { [FACT_FENCE] = IS(FENCE_YIELDING) }, NEVER(INTENT(CLEAR)) },

        /* PATRONI-SPEC 2.6, 2.20: tags, pause, watchdog. Who made a cluster leads it. */
        { "barred: no bid but for the cluster just made here",
          { [FACT_RANK] = IS(RANK_BARRED), [FACT_DATA] = NOT(DATA_FRESH) }, NEVER(INTENT(BID)) },
        { "barred: no claim", { [FACT_RANK] = IS(RANK_BARRED) }, NEVER(INTENT(CLAIM)) },
        { "taken only while nobody holds the lock", { [FACT_LOCK] = NOT(LOCK_FREE) }, NEVER(TAKE) },
        { "no bid from a server that is neither a standby nor fresh",
          { [FACT_PG] = NOT(PG_STANDBY), [FACT_DATA] = NOT(DATA_FRESH) }, NEVER(INTENT(BID)) },
        { "behind: no bid", { [FACT_RANK] = IS(RANK_BEHIND), [FACT_PG] = IS(PG_STANDBY) },
          NEVER(INTENT(BID)) },

        /* Other people's data. */
        { "another cluster's data neither leads nor joins", { [FACT_INIT] = IS(INIT_MISMATCH) },
          NEVER(BEGIN_PRIMARY | INTENT(LEAD) | INTENT(CHECKPOINT) | TAKE | INTENT(RETAKE) |
                INTENT(RECORD) | INTENT(CONFIGURE) | INTENT(FOLLOW)) },
        { "a cluster is made only by who won the right", { [FACT_INIT] = NOT(INIT_OURS) },
          NEVER(INTENT(BOOTSTRAP)) },
        { "the right is asked for only while nobody has it", { [FACT_INIT] = NOT(INIT_ABSENT) },
          NEVER(INTENT(CLAIM)) },
        { "only where there is no data yet", { [FACT_PG] = NOT(PG_ABSENT) },
          NEVER(INTENT(CLAIM) | INTENT(BOOTSTRAP)) },
        { "a configuration is not written over another", { [FACT_CONFIG] = NOT(CONFIG_ABSENT) },
          NEVER(INTENT(CONFIGURE)) },
        { "what cannot be read is left alone", { [FACT_PG] = IS(PG_BROKEN) },
          NEVER(BEGIN_PRIMARY | TAKE | INTENT(STOP)) },

        /* Handing over and leaving. */
        { "stepping down follows a checkpoint", { [FACT_HANDOVER] = NOT(HANDOVER_PREPARED) },
          NEVER(INTENT(STEP_DOWN)) },
        { "a handover does not start postgres again under the same lock",
          { [FACT_PG] = IS(PG_STOPPED),
            [FACT_HANDOVER] = (uint16_t)(IS(HANDOVER_WANTED) | IS(HANDOVER_PREPARED)) },
          NEVER(INTENT(START)) },
        { "a restart needs somebody who asked, and a checkpoint",
          { [FACT_HANDOVER] = NOT(HANDOVER_RESTARTING) }, NEVER(INTENT(RESTART)) },
        { "who leaves takes nothing new", { [FACT_LEAVING] = IS(LEAVING_YES) },
          NEVER(TAKE | INTENT(RETAKE) | INTENT(PROMOTE) | INTENT(FOLLOW)) },
        { "what could not be started in time is not tried for ever",
          { [FACT_PATIENCE] = IS(PATIENCE_OVER), [FACT_DCS] = IS(DCS_UP) },
          NEVER(BEGIN_PRIMARY | INTENT(BECOME)) },
};

/*
 * What facts_read() never says, for the search of dead rows: an epoch is behind every permit, fence
 * and lock of ours, and who leaves hands over.
 */
static const Condition impossible[] = {
        { "permit", { [FACT_PERMIT] = IS(PERMIT_UNKNOWN) }, 0 },
        { "fence", { [FACT_FENCE] = IS(FENCE_UNKNOWN) }, 0 },
        { "handover", { [FACT_HANDOVER] = IS(HANDOVER_UNKNOWN) }, 0 },
        { "candidate", { [FACT_CANDIDATE] = IS(CANDIDATE_UNKNOWN) }, 0 },
        { "leaving", { [FACT_LEAVING] = IS(LEAVING_UNKNOWN) }, 0 },
        { "patience", { [FACT_PATIENCE] = IS(PATIENCE_UNKNOWN) }, 0 },
        { "no epoch, no permit", { [FACT_LOCK] = NO_EPOCH, [FACT_PERMIT] = NOT(PERMIT_NONE) }, 0 },
        { "no epoch, no fence", { [FACT_LOCK] = NO_EPOCH, [FACT_FENCE] = NOT(FENCE_NONE) }, 0 },
        { "a kept key had a permit", { [FACT_LOCK] = IS(LOCK_KEPT),
                                       [FACT_PERMIT] = IS(PERMIT_NONE) }, 0 },
        { "pause is a key like others",
          { [FACT_PAUSE] = IS(PAUSE_UNKNOWN), [FACT_LOCK] = NOT(LOCK_UNKNOWN) }, 0 },
        { "so is the kind of cluster",
          { [FACT_KIND] = IS(KIND_UNKNOWN), [FACT_LOCK] = NOT(LOCK_UNKNOWN) }, 0 },
        { "leaving is handing over",
          { [FACT_LEAVING] = IS(LEAVING_YES), [FACT_HANDOVER] = IS(HANDOVER_NO) }, 0 },
        { "keys come together", { [FACT_LOCK] = IS(LOCK_UNKNOWN), [FACT_CONFIG] = IS(CONFIG_ABSENT),
                                  [FACT_INIT] = IS(INIT_UNKNOWN) }, 0 },
        { "no data", { [FACT_PG] = IS(PG_ABSENT),
                       [FACT_DATA] = (uint16_t)(IS(DATA_STANDBY) | IS(DATA_CRASHED) |
                                                IS(DATA_CLEAN)) }, 0 },
};

/* Facts in the order in which they are fixed: what decides most comes first. */
static const FactId order[FACT_COUNT] = {
        FACT_HANDS, FACT_PG,   FACT_FENCE,   FACT_DCS,      FACT_LOCK,      FACT_PERMIT, FACT_KIND, FACT_INIT,
        FACT_PAUSE, FACT_DATA, FACT_RANK,    FACT_LEAVING,  FACT_HANDOVER,  FACT_PATIENCE,
        FACT_CANDIDATE, FACT_CONFIG,
};

typedef struct Walk {
        const Rule *rules;
        size_t n_rules;
        Facts facts;
        uint64_t n_vectors; /* covered by boxes */
        uint64_t n_boxes;
        bool lives[128]; /* a vector that facts_read() may make takes this row */
} Walk;

static uint64_t box_size(size_t fixed)
{
        uint64_t n = 1;

        for (size_t i = fixed; i < FACT_COUNT; i++)
                n *= fact_max(order[i]);
        return n;
}

static bool holds(const uint16_t *when, const Facts *f, size_t fixed)
{
        for (size_t i = 0; i < fixed; i++)
                if (when[order[i]] && !(when[order[i]] >> f->value[order[i]] & 1))
                        return false;
        return true;
}

static bool asks_no_more(const uint16_t *when, size_t fixed)
{
        for (size_t i = fixed; i < FACT_COUNT; i++)
                if (when[order[i]])
                        return false;
        return true;
}

static void print_facts(const Facts *f, size_t fixed)
{
        for (size_t i = 0; i < fixed; i++)
                print_error("  %s=%s", fact_name(order[i]),
                            fact_value_name(order[i], f->value[order[i]]));
        print_error("\n");
}

/* Can some vector of the box come from facts_read()? */
static bool box_is_possible(Facts *f, size_t fixed)
{
        for (size_t i = 0; i < ELEMENTSOF(impossible); i++)
                if (asks_no_more(impossible[i].when, fixed) && holds(impossible[i].when, f, fixed))
                        return false;
        if (fixed == FACT_COUNT)
                return true;
        for (unsigned v = 0; v < fact_max(order[fixed]); v++) {
                f->value[order[fixed]] = (uint8_t)v;
                if (box_is_possible(f, fixed + 1))
                        return true;
        }
        return false;
}

/* The free facts all at their lowest, all at their highest, and mixed. */
static void ask_decide(const Walk *w, size_t fixed, const Rule *expected)
{
        for (unsigned corner = 0; corner < 4; corner++) {
                Facts f = w->facts;
                for (size_t i = fixed; i < FACT_COUNT; i++) {
                        unsigned max = fact_max(order[i]);
                        f.value[order[i]] = (uint8_t)(corner == 0   ? 0
                                                      : corner == 1 ? max - 1
                                                                    : (w->n_boxes + i) % max);
                }
                Decision d = decide(&f);
                assert_ptr_equal(d.rule, expected);
                assert_int_equal(d.intent, expected->intent);
        }
}

static void check_box(Walk *w, size_t fixed, size_t row)
{
        const Rule *rule = &w->rules[row];

        w->n_boxes++;
        w->n_vectors += box_size(fixed);
        for (size_t i = 0; i < ELEMENTSOF(invariants); i++) {
                const Condition *c = &invariants[i];
                if (c->allowed >> rule->intent & 1 || !holds(c->when, &w->facts, fixed))
                        continue;
                print_error("\"%s\" is broken by row %s, which answers %s:\n", c->name, rule->name,
                            intent_to_string(rule->intent));
                print_facts(&w->facts, fixed);
                fail();
        }
        ask_decide(w, fixed, rule);
        Facts possible = w->facts;
        if (!w->lives[row])
                w->lives[row] = box_is_possible(&possible, fixed);
}

/* row: the first that the facts fixed so far do not contradict; those before it they do, whatever follows. */
static void walk(Walk *w, size_t fixed, size_t row)
{
        while (row < w->n_rules && !holds(w->rules[row].when, &w->facts, fixed))
                row++;
        assert_true(row < w->n_rules); /* the last row matches everything */
        if (asks_no_more(w->rules[row].when, fixed)) {
                check_box(w, fixed, row);
                return;
        }
        for (unsigned v = 0; v < fact_max(order[fixed]); v++) {
                w->facts.value[order[fixed]] = (uint8_t)v;
                walk(w, fixed + 1, row);
        }
}

/* Once for all tests. */
static const Walk *walk_all(void)
{
        static Walk w;
        static bool done;

        if (!done) {
                w = (Walk){ 0 };
                w.rules = rules_table(&w.n_rules);
                assert_true(w.n_rules <= ELEMENTSOF(w.lives));
                walk(&w, 0, 0);
                done = true;
        }
        return &w;
}

/* Each fact stands in `order` once, and the boxes are all there is. */
static void test_nothing_is_left_out(void **state _unused_)
{
        bool seen[FACT_COUNT] = { false };
        uint64_t product = 1;

        for (size_t i = 0; i < FACT_COUNT; i++) {
                assert_false(seen[order[i]]);
                seen[order[i]] = true;
                product *= fact_max(order[i]);
        }
        assert_true(product == 4ULL * 3 * 7 * 4 * 11 * 5 * 6 * 3 * 5 * 5 * 6 * 3 * 3 * 3 * 3 * 3);
        const Walk *w = walk_all();
        assert_true(w->n_vectors == product);
        print_message("%llu vectors in %llu boxes\n", (unsigned long long)w->n_vectors,
                      (unsigned long long)w->n_boxes);
}

/* Every row but the last is taken by some vector that can be; the last one by none. */
static void test_no_dead_row(void **state _unused_)
{
        const Walk *w = walk_all();

        for (size_t i = 0; i < w->n_rules - 1; i++) {
                if (!w->lives[i])
                        print_error("row %s is never taken\n", w->rules[i].name);
                assert_true(w->lives[i]);
        }
        assert_string_equal(w->rules[w->n_rules - 1].name, "no-rule");
        assert_false(w->lives[w->n_rules - 1]);
}

/* A row asks only for values that are there, has a name of its own, a reason and a known intent. */
static void test_rows_are_sound(void **state _unused_)
{
        size_t n;
        const Rule *rules = rules_table(&n);

        for (size_t i = 0; i < n; i++) {
                assert_true(rules[i].name[0] && rules[i].reason[0]);
                assert_true(rules[i].intent < INTENT_MAX);
                assert_string_not_equal(intent_to_string(rules[i].intent), "?");
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(rules[k].name, rules[i].name);
                for (int f = 0; f < FACT_COUNT; f++) {
                        unsigned all = (1u << fact_max((FactId)f)) - 1;
                        assert_true(!rules[i].when[f] || (rules[i].when[f] & all));
                }
        }
}

/* What each intent may mean for the hands, whatever the rows are. */
static void test_actions(void **state _unused_)
{
        for (int i = 0; i < INTENT_MAX; i++) {
                Actions a = actuate((Intent)i);
                uint32_t bit = 1u << i;
                /* clients are sent here only by who holds the lock, or gets it back */
                assert_true(!a.serve || i == INTENT_LEAD_STANDBY ||
                            (a.permit && (a.hold == HOLD_LOCK || i == INTENT_RETAKE)));
                /* a standby leader holds the lock alone: no permit goes out */
                assert_true(i != INTENT_LEAD_STANDBY || (!a.permit && a.hold == HOLD_LOCK));
                assert_int_equal(a.serve, (bit & (INTENT(LEAD) | INTENT(CLING) | INTENT(RETAKE) |
                                                  INTENT(LEAD_STANDBY) | INTENT(CHECKPOINT))) != 0);
                /* a primary is made only while the lock is renewed */
                assert_int_equal(a.goal == GOAL_PROMOTE, i == INTENT_PROMOTE);
                assert_int_equal(a.goal == GOAL_START, i == INTENT_START);
                assert_int_equal(a.goal == GOAL_RESTART, i == INTENT_RESTART);
                assert_true(a.goal != GOAL_RESTART || a.hold == HOLD_LOCK);
                assert_true((a.goal != GOAL_PROMOTE && a.goal != GOAL_START) || a.hold == HOLD_LOCK);
                /* a revoked right is not renewed, and only RELEASE deletes the key */
                assert_int_equal(a.hold == HOLD_NOTHING, (bit & (FENCES | INTENT(RELEASE))) != 0);
                assert_int_equal(a.act == ACT_RELEASE, i == INTENT_RELEASE);
                assert_int_equal(a.act == ACT_REVOKE, (bit & FENCES) != 0);
                assert_int_equal(a.act == ACT_BID, i == INTENT_BID);
                assert_int_equal(a.act == ACT_RETAKE, i == INTENT_RETAKE);
                assert_int_equal(a.act == ACT_FORGET, i == INTENT_FORGET);
                assert_int_equal(a.act == ACT_CLAIM, i == INTENT_CLAIM);
                assert_int_equal(a.goal == GOAL_BOOTSTRAP, i == INTENT_BOOTSTRAP);
        }
        Actions wait = actuate(INTENT_WAIT);
        assert_int_equal(wait.goal, GOAL_NOTHING);
        assert_int_equal(wait.hold, HOLD_AS_BEFORE);
        assert_int_equal(wait.act, ACT_NONE);
}

static uint16_t asked(const Rule *rule, size_t fact)
{
        uint16_t all = (uint16_t)((1u << fact_max((FactId)fact)) - 1);

        return rule->when[fact] ? rule->when[fact] & all : all;
}

/* No vector takes both rows: some fact cannot suit both, or a row above takes all that do. */
static bool are_apart(const Rule *rules, size_t i)
{
        const Rule *a = &rules[i], *b = &rules[i + 1];

        for (size_t f = 0; f < FACT_COUNT; f++)
                if (!(asked(a, f) & asked(b, f)))
                        return true;
        for (size_t k = 0; k < i; k++) {
                bool takes_all = true;
                for (size_t f = 0; f < FACT_COUNT; f++)
                        takes_all = takes_all && !(asked(a, f) & asked(b, f) & ~asked(&rules[k], f));
                if (takes_all)
                        return true;
        }
        return false;
}

/* For the mutants: rows whose swap with the next one changes nothing. */
static void print_apart(void)
{
        size_t n;
        const Rule *rules = rules_table(&n);

        for (size_t i = 0; i + 1 < n; i++)
                if (are_apart(rules, i))
                        puts(rules[i].name);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_left_out),
                cmocka_unit_test(test_no_dead_row),
                cmocka_unit_test(test_rows_are_sound),
                cmocka_unit_test(test_actions),
        };

        if (argc == 2 && strcmp(argv[1], "--apart") == 0) {
                print_apart();
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
