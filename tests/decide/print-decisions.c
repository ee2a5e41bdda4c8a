/* Prints docs/DECISIONS.md from the rule table; `make update-decisions` writes it. */
#include <stdio.h>

#include "base/macros.h"
#include "decide/actuate.h"
#include "decide/rules.h"

static const char *const goals[] = {
        [GOAL_NOTHING] = "as it is",     [GOAL_FOLLOW] = "follow",
        [GOAL_PROMOTE] = "promote",      [GOAL_START] = "start as primary",
        [GOAL_CHECKPOINT] = "checkpoint", [GOAL_STOP] = "stop",
        [GOAL_BOOTSTRAP] = "bootstrap", [GOAL_RESTART] = "restart as primary",
};

static const char *const holdings[] = {
        [HOLD_NOTHING] = "let it run out",
        [HOLD_MEMBER] = "as member",
        [HOLD_LOCK] = "with the lock",
        [HOLD_AS_BEFORE] = "as before",
};

static const char *const acts[] = {
        [ACT_NONE] = "",
        [ACT_ASK] = "ask the peers",
        [ACT_ASK_CANDIDATE] = "ask the candidate",
        [ACT_BID] = "bid for the leader key",
        [ACT_RETAKE] = "bid, leading on meanwhile",
        [ACT_CLAIM] = "claim `initialize`",
        [ACT_RECORD_SYSID] = "write `initialize`",
        [ACT_WRITE_CONFIG] = "write `config`",
        [ACT_RELEASE] = "delete the leader key",
        [ACT_FORGET] = "forget the epoch",
        [ACT_REVOKE] = "REVOKE to every hand",
};

static void print_facts(void)
{
        printf("## Facts\n\n"
               "What `facts_read()` makes of all that is known. `unknown` is what has not been told\n"
               "yet, and gives no right.\n\n"
               "| fact | values |\n|---|---|\n");
        for (int f = 0; f < FACT_COUNT; f++) {
                printf("| %s |", fact_name((FactId)f));
                for (unsigned v = 0; v < fact_max((FactId)f); v++)
                        printf("%s %s", v > 0 ? "," : "", fact_value_name((FactId)f, v));
                printf(" |\n");
        }
}

/* "fact: value or value", or "fact: not value" where that is shorter. */
static void print_condition(FactId id, uint16_t mask)
{
        unsigned max = fact_max(id), set = 0;

        for (unsigned v = 0; v < max; v++)
                set += mask >> v & 1;
        bool negate = set == max - 1;
        const char *or = negate ? " not " : " ";
        printf("%s:", fact_name(id));
        for (unsigned v = 0; v < max; v++)
                if ((mask >> v & 1) != negate) {
                        printf("%s%s", or, fact_value_name(id, v));
                        or = " or ";
                }
}

static void print_rule(size_t i, const Rule *rule)
{
        const char *separator = "";

        printf("| %zu | %s | ", i + 1, rule->name);
        for (int f = 0; f < FACT_COUNT; f++)
                if (rule->when[f]) {
                        printf("%s", separator);
                        print_condition((FactId)f, rule->when[f]);
                        separator = "; ";
                }
        printf("%s | %s | %s |\n", *separator ? "" : "always", intent_to_string(rule->intent),
               rule->reason);
}

static void print_rules(void)
{
        size_t n;
        const Rule *rules = rules_table(&n);

        printf("\n## Rules\n\n"
               "Read downward: the first row whose every condition holds decides. A fact that a row\n"
               "does not name may have any value.\n\n"
               "| | rule | when | intent | because |\n|---|---|---|---|---|\n");
        for (size_t i = 0; i < n; i++)
                print_rule(i, &rules[i]);
}

static void print_intents(void)
{
        printf("\n## Intents\n\n"
               "What an intent means: for PostgreSQL, for the lease, beside it, and for clients: only\n"
               "where *serves* stands does the API answer as leader and the virtual address stay.\n\n"
               "| intent | PostgreSQL | the lease is renewed | and | clients |\n|---|---|---|---|---|\n");
        for (int i = 0; i < INTENT_MAX; i++) {
                Actions a = actuate((Intent)i);
                printf("| %s | %s | %s | %s | %s |\n", intent_to_string((Intent)i), goals[a.goal],
                       holdings[a.hold], acts[a.act],
                       a.serve                      ? "serves"
                       : a.hold == HOLD_AS_BEFORE ? "as before"
                                                    : "");
        }
}

int main(void)
{
        printf("# Decisions\n\n"
               "Printed from the table in `lib/decide/rules.c` by `make update-decisions`; not edited.\n"
               "`palisadectl explain` shows the facts of a running node, the rule that fired, and what\n"
               "would fire if one fact were another.\n\n");
        print_facts();
        print_rules();
        print_intents();
        return ferror(stdout) || fflush(stdout) == EOF;
}
