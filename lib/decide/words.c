#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "decide/words.h"

static const struct {
        const char *rule, *pattern;
} words[] = {
        { "dcs-lost", "DCS is not accessible" },
        { "permit-over", "demoted self because DCS is not accessible and I was a leader" },
        { "lock-lost", "demoted self because failed to update leader lock in DCS" },
        { "paused-primary", "PAUSE: continue to run as primary without lock" },
        { "paused-leader-stopped", "PAUSE: removed leader lock because postgres is not running" },
        { "paused-stopped", "PAUSE: postgres is not running" },
        { "paused-empty", "PAUSE: running with empty data directory" },
        { "primary-without-lock",
          "demoting self because I do not have the lock and I was a leader" },
        { "wrong-cluster", "system ID mismatch, node {name} belongs to a different cluster" },
        { "handover-checkpoint", "switchover: demoting myself" },
        { "standby-lead", "no action. I am ({name}), the standby leader with the lock" },
        { "lead", "no action. I am ({name}), the leader with the lock" },
        { "start-overdue", "stopped PostgreSQL because of startup timeout" },
        { "promote", "promoted self to leader by acquiring session lock" },
        { "start-failed", "removed leader key after trying and failing to start postgres" },
        { "start-in-place", "starting primary after failure" },
        { "follow", "no action. I am ({name}), a secondary, and following a leader ({leader})" },
        { "bid-fresh", "initialized a new cluster" },
        { "start-standby", "starting as a secondary" },
        { "race-behind", "following a different leader because i am not the healthiest node" },
        { "race-barred", "following a different leader because I am not allowed to promote" },
        { "broken", "data directory is not accessible" },
        { "bootstrap", "trying to bootstrap a new cluster" },
        { "clone-alone", "trying to bootstrap (without leader)" },
        { "wait-for-leader", "waiting for leader to bootstrap" },
};

const char *words_pattern(const Rule *rule)
{
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (str_equal(words[i].rule, rule->name))
                        return words[i].pattern;
        return NULL;
}

size_t words_count(void)
{
        return ELEMENTSOF(words);
}

bool words_of(const Rule *rule, const char *name, const char *leader, char *buf, size_t size)
{
        const char *p = words_pattern(rule);
        size_t n = 0;

        if (!p || size == 0)
                return false;
        while (*p && n < size - 1) {
                const char *after = str_after_prefix(p, "{name}"), *value = name;
                if (!after) {
                        after = str_after_prefix(p, "{leader}");
                        value = leader;
                }
                if (!after) {
                        buf[n++] = *p++;
                        continue;
                }
                size_t len = MIN(strlen(value), size - 1 - n);
                memcpy(buf + n, value, len);
                n += len;
                p = after;
        }
        buf[n] = 0;
        return true;
}
