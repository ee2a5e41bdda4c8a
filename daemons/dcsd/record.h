/*
 * record: what a RECORD of the mind wants written: which key, which text, compared with which
 * revision.
 *
 * Pure, but for the memory of slots (retain.h) that the caller keeps.
 */
#pragma once

#include "dcsd/cache.h"
#include "dcsd/paths.h"
#include "dcsd/retain.h"
#include "wire/msg.h"

typedef struct RecordContext {
        const Cache *cache;
        const Cluster *cluster; /* as last sent to the mind */
        const Member *self; /* as published */
        const Paths *paths;
        const Node *bootstrap_dcs; /* or NULL */
        Retain *retain;
        usec_t now;
} RecordContext;

typedef struct RecordPlan {
        char key[PATH_SIZE]; /* the path */
        char *value;       /* the caller frees; NULL deletes */
        uint64_t revision;
        bool is_claim;     /* the race for `initialize` */
        bool is_there;     /* the key reads so already: nothing to write */
        bool adds;         /* /failsafe: somebody whom the key does not name */
} RecordPlan;

/* 0, -EINVAL (text says why this cannot be written), -ENOMEM. */
int record_plan(const MsgRecord *m, const RecordContext *c, RecordPlan *ret,
                char text[static REASON_SIZE]);

/* /status for a release: the last one with this optime. 0 or -ENOMEM. */
int record_optime(const RecordContext *c, Lsn optime, char **ret);

/*
 * The revision to compare a key with, given what the mind saw: a config that is no JSON object
 * counts as absent there (revision 0), but etcd knows better.
 */
uint64_t record_config_revision(const Cache *c, uint64_t seen);
