/*
 * restore: making a new cluster from what the user's own program puts there (PATRONI-SPEC §2.4):
 * its command line, and the settings under which the restored server comes to its end of recovery.
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "pgd/pgconf.h"

typedef struct Restore {
        const char *method; /* bootstrap.method */
        const Node *section; /* bootstrap.<method> */
} Restore;

/* False: initdb makes the cluster. */
bool restore_find(const Node *bootstrap, Restore *ret);

/* Appends --scope, --datadir (unless no_params) and the section's other keys. 0 or -ENOMEM. */
int restore_add_params(const Restore *r, const char *scope, const char *data_dir, Node *argv);

/* recovery.signal and settings: as `recovery_conf` says; what the program left; or no recovery. */
typedef enum RestoreRecovery {
        RESTORE_NO_RECOVERY = 0,
        RESTORE_BY_CONF,
        RESTORE_AS_LEFT, /* keep_existing_recovery_conf */
} RestoreRecovery;
RestoreRecovery restore_recovery(const Restore *r);

/*
 * Appends --name=value for each of recovery_conf's settings, and hot_standby=off where recovery ends
 * by itself: no connection is needed before, and none of its limits counts then. 0 or -ENOMEM.
 */
int restore_add_settings(const Restore *r, Node *argv);
