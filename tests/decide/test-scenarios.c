/*
 * The golden scenarios: each file of tests/decide/scenarios, named after what happened, says what
 * the facts are and which rule answers what.
 *
 *     # a line for people
 *     fact = value        one line for each fact that is not as on a healthy standby
 *     rule = name
 *     intent = name
 *
 * Called with the folder as its argument. Every row of the table but the last has a scenario.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "decide/rules.h"

#define TRIES_MAX 4096

typedef struct Scenario {
        const char *file;
        Facts facts;
        char rule[64];
        char intent[32];
} Scenario;

static bool tried[TRIES_MAX]; /* rows that some scenario reaches */

static const Facts healthy_standby = { .value = {
                                               [FACT_HANDS] = HANDS_KNOWN,
                                               [FACT_DCS] = DCS_UP,
                                               [FACT_LOCK] = LOCK_OTHER,
                                               [FACT_PERMIT] = PERMIT_NONE,
                                               [FACT_PG] = PG_STANDBY,
                                               [FACT_DATA] = DATA_STANDBY,
                                               [FACT_INIT] = INIT_MATCH,
                                               [FACT_CONFIG] = CONFIG_PRESENT,
                                               [FACT_RANK] = RANK_UNKNOWN,
                                               [FACT_FENCE] = FENCE_NONE,
                                               [FACT_HANDOVER] = HANDOVER_NO,
                                               [FACT_CANDIDATE] = CANDIDATE_WAITING,
                                               [FACT_LEAVING] = LEAVING_NO,
                                               [FACT_PATIENCE] = PATIENCE_LEFT,
                                               [FACT_PAUSE] = PAUSE_NO,
                                               [FACT_KIND] = KIND_PRIMARY,
                                       } };

static bool complain(const Scenario *s, const char *what, const char *word)
{
        fprintf(stderr, "%s: %s '%s'\n", s->file, what, word);
        return false;
}

static bool set_fact(Scenario *s, const char *name, const char *value)
{
        for (int f = 0; f < FACT_COUNT; f++) {
                if (!str_equal(fact_name((FactId)f), name))
                        continue;
                for (unsigned v = 0; v < fact_max((FactId)f); v++)
                        if (str_equal(fact_value_name((FactId)f, v), value)) {
                                s->facts.value[f] = (uint8_t)v;
                                return true;
                        }
                return complain(s, "no such value", value);
        }
        return complain(s, "no such fact", name);
}

static bool read_line(Scenario *s, char *line)
{
        char *equals = strstr(line, " = ");

        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || line[0] == 0)
                return true;
        if (!equals)
                return complain(s, "no assignment", line);
        *equals = 0;
        if (str_equal(line, "rule"))
                return STR_SET(s->rule, equals + 3);
        if (str_equal(line, "intent"))
                return STR_SET(s->intent, equals + 3);
        return set_fact(s, line, equals + 3);
}

static bool read_scenario(Scenario *s, const char *path)
{
        char line[256];
        bool ok = true;
        FILE *f = fopen(path, "re");

        if (!f)
                return complain(s, "cannot be opened", path);
        while (ok && fgets(line, sizeof line, f))
                ok = read_line(s, line);
        fclose(f);
        return ok;
}

static bool judge(const Scenario *s)
{
        Decision d = decide(&s->facts);
        size_t n;

        tried[d.rule - rules_table(&n)] = true;
        if (!str_equal(d.rule->name, s->rule))
                return complain(s, "another rule fires:", d.rule->name);
        if (!str_equal(intent_to_string(d.intent), s->intent))
                return complain(s, "another intent is answered:", intent_to_string(d.intent));
        return true;
}

static unsigned count_untried(void)
{
        size_t n;
        const Rule *rules = rules_table(&n);
        unsigned untried = 0;

        for (size_t i = 0; i < n - 1; i++)
                if (!tried[i]) {
                        fprintf(stderr, "no scenario reaches row %s\n", rules[i].name);
                        untried++;
                }
        return untried;
}

int main(int argc, char **argv)
{
        unsigned n = 0, bad = 0;
        DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

        if (!d) {
                fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
                return 2;
        }
        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                Scenario s = { .file = e->d_name, .facts = healthy_standby };
                char path[4096];
                if (e->d_name[0] == '.' || strchr(e->d_name, '~'))
                        continue;
                snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
                n++;
                bad += !read_scenario(&s, path) || !judge(&s);
        }
        closedir(d);
        bad += count_untried();
        printf("%u scenarios, %u wrong\n", n, bad);
        return n == 0 || bad > 0;
}
