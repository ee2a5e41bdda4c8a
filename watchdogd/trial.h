/*
 * Trial: `palisade-watchdogd --test`, which resets this machine on purpose and remembers how long
 * that took; and `--list`, which only looks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct TrialOptions {
        const char *device; /* NULL: the one that would be chosen */
        unsigned timeout_sec;
        bool yes;           /* do not ask */
        bool power_cycle;
} TrialOptions;

/* Returns an exit status, or not at all. */
int trial_run(const TrialOptions *o);
int trial_list(void);

/* What the last test showed; empty: there was none. */
void trial_tell(char *ret, size_t size);
