/*
 * PgState: what pgd knows of the PostgreSQL server on this node, and what it is doing to it.
 *
 * A plain value; pgd sends it after each probe and at once when anything of consequence changed.
 * A zero means unknown everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lsn.h"
#include "base/usec.h"
#include "model/cluster.h"
#include "model/copy-progress.h"
#include "model/pending.h"

/* A row of pg_stat_replication. */
typedef struct Standby {
        char application_name[NAME_SIZE];
        char usename[IDENT_SIZE];
        char client_addr[48];
        char state[16];      /* "streaming", "catchup", … */
        char sync_state[16]; /* "async", "potential", "sync", "quorum" */
        int32_t sync_priority;
        Lsn write_lsn;
        Lsn flush_lsn;
        Lsn replay_lsn;
} Standby;

/* What pgd is doing; the order it carries out stands beside it. */
typedef enum PgOperation {
        PGOP_NONE = 0,
        PGOP_BOOTSTRAP,
        PGOP_CLONE,
        PGOP_START,
        PGOP_STOP,
        PGOP_PROMOTE,
        PGOP_REWIND,
        PGOP_CRASH_RECOVERY,
        PGOP_RECONFIGURE,
        PGOP_CHECKPOINT,
        PGOP_MAX,
} PgOperation;
DECLARE_NAMES(pg_operation, PgOperation)

typedef struct PgState {
        usec_t probed; /* CLOCK_BOOTTIME of the last answer of the server or its files */

        RunState run;
        Role role; /* by construction: what the postmaster was started as, or became by promote */
        Tri in_recovery;
        DataDir datadir;
        ControlState control;
        usec_t silent_since; /* no probe was answered since, not even by a refusal; 0: it answers */
        bool standby_signal; /* PGDATA/standby.signal exists */
        bool fresh;          /* made by bootstrap here and never started since */
        bool held;           /* the node has left: start nothing until ORDER_JOIN */
        bool promote_sent;   /* this postmaster was told to promote */
        bool accepts;        /* answers queries */
        bool checkpoint_pending; /* promoted, and the first checkpoint is not done yet */
        bool replay_paused;
        bool receiver_alive; /* the walreceiver streams */

        uint64_t sysid;
        uint32_t server_version; /* 150020 */
        uint32_t timeline;
        uint32_t control_timeline;
        Lsn flush_lsn;    /* primary: WAL flushed */
        Lsn receive_lsn;  /* standby: the larger of received and written */
        Lsn replay_lsn;
        Lsn leader_lsn;   /* standby: the sender's position as last heard (latest_end_lsn) */
        Lsn control_lsn;  /* latest checkpoint: after a clean stop, the shutdown checkpoint */
        Lsn control_prior_lsn; /* 0, or the position before a shutdown checkpoint that follows a switch */
        usec_t replay_wall_usec; /* commit time of the last transaction replayed */
        usec_t start_wall_usec;  /* pg_postmaster_start_time() */
        int32_t postmaster_pid;
        uint64_t leaf;        /* pg-<leaf>: the cgroup of this postmaster start; 0: none */
        uint64_t leaf_cgroup; /* its cgroup id */

        usec_t promotion_refused; /* when pre_promote last failed; 0: it did not */
        Epoch permit_epoch;
        usec_t permit_deadline;
        Epoch revoked_epoch; /* nothing of this epoch or an earlier one is begun any more */

        char following[NAME_SIZE];      /* the member primary_conninfo points at */
        ReplicationState replication_state;
        char sync_names[SYNC_LIST_SIZE]; /* synchronous_standby_names in force */
        bool sync_managed;               /* that value is ours, not the configuration's */
        Lsn sync_names_lsn;              /* flush position when that value took effect */
        usec_t checkpointed;             /* CLOCK_BOOTTIME of the last CHECKPOINT ordered and done */

        PgOperation operation;
        uint64_t order_seq;  /* the order the last result or operation belongs to */
        usec_t operation_since;
        CopyProgress progress;   /* of a clone */
        usec_t anew;         /* the last ORDER_FOLLOW of that number has begun to replace the data */
        int32_t failures;    /* failed attempts in a row at the current order */
        char detail[REASON_SIZE]; /* one line: the operation's step, or why the last one failed */

        Pending pending; /* parameters that wait for a restart */
        uint32_t n_slots;
        SlotLsn slots[CLUSTER_SLOTS_MAX]; /* those that this suite keeps, for /status */
        uint32_t n_standbys;
        Standby standbys[STANDBYS_MAX];
} PgState;

/* The position other nodes compare in a leader race: the larger of received and replayed. */
Lsn pg_standby_lsn(const PgState *pg);

/* It acts as primary, or may: what it was started or told to be counts, until it says more. */
bool pg_acts_as_primary(const PgState *pg);

/* A postmaster runs, or may run. */
bool pg_may_run(const PgState *pg);
