/*
 * logical: permanent logical slots: made on the primary, copied to standbys, moved there (PATRONI-SPEC
 * §2.18).
 *
 * Pure. Before version 16 no standby can make one: it reads the slot's state file from the primary,
 * stops, lays it down and starts. From then on it advances it to what /status says, so that a reader
 * goes on after a failover where it was. What such a slot needs of the catalogs the primary keeps only
 * from when hot_standby_feedback has told it: until then the copy is not safe.
 */
#pragma once

#include "pgd/slots.h"

#define LOGICAL_STATE_MAX 1024 /* of a state file: some 200 bytes */

typedef enum LogicalAction {
        LOGICAL_NOTHING = 0,
        LOGICAL_CREATE,  /* here, on the primary */
        LOGICAL_ADVANCE, /* on a standby, to lsn */
        LOGICAL_COPY,    /* from the primary */
} LogicalAction;

typedef struct LogicalPlan {
        LogicalAction action;
        char name[IDENT_SIZE];
        char database[IDENT_SIZE];
        char plugin[IDENT_SIZE];
        Lsn lsn;
} LogicalPlan;

/* The n-th slot, from 0, that needs that action; or LOGICAL_NOTHING. */
LogicalPlan logical_plan(const SlotsSeen *seen, const SlotsInput *in, LogicalAction action, unsigned n);

/* What was planned is of a slot that the configuration still has, and has so. */
bool logical_is_wanted(const SlotsSeen *seen, const SlotsInput *in, const LogicalPlan *p);

/* What a session that works on one asks for, on a server of that version. */
const char *logical_session(uint32_t version);

/* ---- a slot as the primary has it ---- */

typedef struct LogicalCopy {
        char name[IDENT_SIZE];
        char database[IDENT_SIZE];
        char plugin[IDENT_SIZE];
        Lsn restart, confirmed;
        uint32_t catalog_xmin;
        size_t size;
        uint8_t state[LOGICAL_STATE_MAX];
} LogicalCopy;

/*
 * The question for these slots, a list of their names with commas, to a server of that version; false: it
 * does not fit. Those that the server itself keeps in step (version 17) are left out, and those that have
 * lost their WAL.
 */
bool logical_copy_sql(const char *names, uint32_t version, char *buf, size_t size);

/* A line of its answer; 0 or -EBADMSG. */
int logical_read_copy(const char *line, LogicalCopy *ret);

/* Why it is not to be laid down here, or not yet: a constant text; NULL: it may. has_wal: WAL from
 * `restart` on is here. has_room: as many slots may be here; a server with too many does not start. */
const char *logical_copy_refused(const LogicalCopy *copy, const Node *dynamic, bool has_wal, bool has_room);

/* So many more slots may be here. */
bool logical_has_room(const Slots *slots, size_t more);

/* There are some, and what their readers have confirmed is replayed here. */
bool logical_copies_replayed(const LogicalCopy *copies, size_t n, Lsn replay_lsn);

/* A state file of a logical slot, to judge by its beginning. */
bool logical_is_state(const uint8_t *state, size_t size);

/* And whole, and of that name: a server that finds another one does not start. */
bool logical_is_whole(const uint8_t *state, size_t size, const char *name);

/* ---- is the copy safe ---- */

typedef struct LogicalReady {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                uint32_t on_primary; /* catalog_xmin of the primary's slot when feedback had begun; 0: not yet */
                bool safe;
        } rows[CLUSTER_SLOTS_MAX];
} LogicalReady;

/* Of the slots that are here now: new ones are unsafe, those gone are forgotten. */
void logical_note_ready(LogicalReady *ready, const SlotsSeen *seen, const Slots *slots);

/* The names that are not safe yet, with commas. False: there are none. */
bool logical_unsafe(const LogicalReady *ready, char *buf, size_t size);

/* The question to the primary: the catalog_xmin of those slots, and of the one feedback arrives at. */
bool logical_ready_sql(const char *names, const char *feedback_slot, char *buf, size_t size);

/*
 * Its answer, lines "name|catalog_xmin". A copy is safe when what feedback holds back on the primary has
 * passed what the primary's slot held back, and not what the copy needs. False: no feedback arrives.
 */
bool logical_read_ready(LogicalReady *ready, const Slots *slots, const char *feedback_slot,
                        const char *text, void (*safe)(const char *name, void *userdata), void *userdata);
