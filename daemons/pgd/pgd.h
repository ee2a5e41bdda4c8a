/*
 * Pgd: everything that is done to Postgres on this node.
 *
 * The mind's order names a state; engine.c asks plan.c for the next step towards it, starts that
 * step, and asks again when the step, the server or the order changes. One step runs at a time.
 *
 * Owns:      the server, the launcher's line, connections to Postgres, the tool in flight, its table
 *            in systemd's fd store.
 * Invariant: a postmaster becomes primary only under a permit of its epoch that runs, and none of
 *            an epoch that was revoked. When the permit ends, the primary is stopped from this
 *            program's own timer.
 * Threads:   none.
 */
#pragma once

#include <inttypes.h>
#include <sys/types.h>

#include "config/tree.h"
#include "io/config.h"
#include "io/hand.h"
#include "io/loop.h"
#include "io/store.h"
#include "pgd/callback.h"
#include "pgd/conn.h"
#include "pgd/control.h"
#include "pgd/divergence.h"
#include "pgd/launch.h"
#include "pgd/pgconf.h"
#include "pgd/plan.h"
#include "pgd/server.h"
#include "pgd/slots.h"

/* What a restart of pgd must not forget; in the fd store. Plain data. */
typedef struct PgdTable {
        pid_t pid; /* of the postmaster the rest is about; 0: none */
        uint64_t leaf;
        Epoch leaf_over;
        uint64_t cgroup;
        uint32_t role; /* Role */
        bool promote_sent;
        bool held;
        bool fresh;
        bool sync_managed;
        bool half_made;
        usec_t anew;
        Epoch revoked;
        MsgPermit permit;
        char following[NAME_SIZE];
        CallbackMemory called;
} PgdTable;

#define PGD_TABLE_VERSION 4

typedef struct Pgd {
        sd_event *event;
        const HandOptions *options;
        Hand *hand;
        Launch *launch;
        Server *server;
        Config *config;
        Node *dynamic;  /* the dynamic configuration; NULL: not known yet */
        Settings settings;
        uint64_t config_revision;
        Store *store;
        PgdTable *table;

        /* from the configuration file */
        const Node *section; /* postgresql */
        const char *data_dir, *config_dir;
        char socket_dir[URL_SIZE]; /* our own, in unix_socket_directories */
        char superuser[IDENT_SIZE];
        uint16_t port;

        /* about the installed server */
        Node *known;       /* parameter names; NULL until read */
        char *socket_dirs; /* its unix_socket_directories */
        uint32_t version;

        PgState pg;
        Slots slots;   /* of the last probe */
        bool feedback; /* hot_standby_feedback is forced on in the files */
        Control control;
        bool control_known;
        char conninfo_live[1024]; /* primary_conninfo as the server has it */
        char conninfo_wanted[1024];

        /* the order */
        MsgOrder order;
        usec_t order_since;
        bool order_told;  /* its RESULT was sent */
        bool refused;     /* the journal was told that it cannot be carried out, also one that was once */
        char sync_names[SYNC_LIST_SIZE];
        bool sync_managed; /* we own synchronous_standby_names */
        bool unread; /* a server found running has not answered its first probe yet */
        Epoch leaf_over;  /* revoked before the server's leaf was made; 0: not known */
        bool leaf_unseen; /* the launcher has not opened the server's leaf for us: processes may be in it */

        /* the step in flight */
        Step step;
        usec_t step_since;
        usec_t stop_within; /* Plan's */
        Tool *tool;
        void (*give_up)(struct Pgd *p); /* what else the step must end when it is given up; or NULL */
        bool keep_recovery_settings; /* files_write(): those in postgresql.auto.conf stay */
        Hook pre_promote, before_stop; /* HOOK_NONE: not run yet */
        bool half_made;     /* a bootstrap or clone has begun and not ended: what is there goes */
        bool archived;      /* STEP_ARCHIVE is done, and no server ran since */
        bool learning;      /* what is installed is being asked */
        struct {            /* step-start.c: the start in flight; there is one at a time */
                bool standby;
                Node *argv;
                uint64_t leaf;
                bool unborn; /* the launcher was told; it comes also if the start is given up: nothing begins before */
                uint64_t revoke; /* seq of a REVOKE that waits for that; 0: none */
        } start;
        usec_t retry_at;
        unsigned failures;
        bool reloaded;   /* STEP_RECONFIGURE: done, the next probe shows it */
        bool conf_stale; /* files must be written and the server told */

        /* the comparison with the order's leader */
        Tri diverged;
        bool twin; /* by a timeline of a number of the leader's, where pg_rewind sees nothing */
        unsigned check_failures, rewind_failures;
        LocalWal local;
        uint32_t leader_timeline;

        MsgPermit permit;

        Conn *heartbeat; /* probes only */
        Conn *admin;     /* everything else */
        bool probe_again;
        usec_t settling_until; /* probed often until then; 0: not */
        usec_t wake_at; /* a promotion that is not over by then is woken */
        uint64_t asked[16]; /* PROBEs to answer; 0: free */
        bool recovery_waits; /* PlanInput's */
        Pending raised; /* a standby's, at the last writing of its files */
        usec_t pending_at, pending_often_until; /* when the server is asked what waits for a restart */
        Timer probe_timer, permit_timer, retry_timer, birth_timer, state_timer, found_timer, look_timer;
        Stall stall;

        Cluster *cluster; /* the last snapshot; NULL: none yet */
        PermitAction lapsing; /* what was last done about the permit's end */
        struct Chores *chores;
        struct Scripts *scripts;
        struct Verify *verify;
        CallbackMemory called;
        uint32_t history_timeline; /* of the HISTORY last sent */
} Pgd;

int pgd_new(Pgd **ret, sd_event *e, const HandOptions *options);
Pgd *pgd_free(Pgd *p);
DEFINE_CLEANUP(Pgd *, pgd_free)

/* ---- pgd.c: state ---- */

/* Something changed: tell the mind soon (once for all changes of this turn of the loop). */
void pgd_changed(Pgd *p);
void pgd_send_state(Pgd *p); /* now */
void pgd_set_run(Pgd *p, RunState run);
void pgd_save(Pgd *p); /* the table, from what is in force */
bool pgd_is_primary(const Pgd *p);

/* Paused, and no permit is in force: what runs here as primary does so by people's doing. */
bool pgd_is_left_alone(const Pgd *p);
void pgd_call_back(Pgd *p); /* the server answers, or changes its role: the user's callbacks */
void pgd_send_leaf(Pgd *p); /* the leaf and its descriptors, to the mind */

/* ---- adopt.c: a server that runs already ---- */

int adopt_init(Pgd *p);
int adopt_at_start(Pgd *p); /* the one that the pgd before us left running, if any */

/* Looks whether one runs that we do not know, and takes it over. True: so it was. */
bool adopt_found(Pgd *p);

/* ---- look.c: PGDATA as it lies there ---- */

bool pgd_has_file(const Pgd *p, const char *name);
DataDir pgd_look_at_datadir(const Pgd *p);

/* Tells that the files of a server are not there any more, and what that means for it. */
void pgd_tell_loss(const Pgd *p, DataDir is, const char *and_so);

/* The timeline history behind `timeline`, with when and by whom its last switch was made. */
int pgd_read_history(const Pgd *p, uint32_t timeline, History *ret);

bool pgd_has_backup_label(const Pgd *p);

/* The `postgresql` section, local and dynamic; a text of it (NULL: not set, or empty). */
PgConf pgd_section(const Pgd *p);
const char *pgd_setting_text(const Pgd *p, const char *key);

/* Reads pg_control by pg_controldata; engine_advance() follows. */
void pgd_read_control(Pgd *p);

/* The path of one of PostgreSQL's programs (bin_dir, bin_name). */
void pgd_program(const Pgd *p, const char *name, char *buf, size_t size);

/* ---- settings.c ---- */

int settings_load(Pgd *p);        /* the file; a bad one is told and changes nothing */
void settings_reload(Pgd *p);     /* and put into force */
void settings_read_cache(Pgd *p); /* the dynamic part as last known, until the DCS says */
void settings_write_cache(const Pgd *p); /* what the DCS said, for the next start; PGDATA must be valid */
void settings_take_dynamic(Pgd *p, const MsgCluster *m);

/* ---- engine.c: order -> steps ---- */

void engine_order(Pgd *p, const MsgOrder *order);
void engine_advance(Pgd *p);
void engine_take_remote(Pgd *p); /* the order's leader, where that is the remote cluster */

/* It is to hold a standby cluster's lock: its role is told as that of the standby leader. */
bool pgd_leads_standby(const Pgd *p);

static inline bool step_is_stop(Step s)
{
        return s == STEP_STOP_FAST || s == STEP_STOP_IMMEDIATE;
}

/* The step in flight is over; r < 0: it failed, text says why. */
void engine_step_done(Pgd *p, int r, const char *text);

/* Gives up the step in flight, without a word to the mind. */
void engine_cancel(Pgd *p);

/* ---- heartbeat.c: what the server says ---- */

int heartbeat_init(Pgd *p);
void heartbeat_soon(Pgd *p); /* probe at once */
void heartbeat_asked(Pgd *p, uint64_t seq); /* and answer RESULT behind the state it brings */
void heartbeat_schedule(Pgd *p);
void heartbeat_set_targets(Pgd *p);

/* Where that connection goes, what ends its statements, and what else it asks for (" -c name=value"). */
int heartbeat_target(const Pgd *p, Conn *c, const char *database, unsigned statement_msec,
                     const char *options);

void heartbeat_settings_changed(Pgd *p); /* files were written, the server told */

/* ---- authority.c: permits ---- */

void authority_permit(Pgd *p, const MsgPermit *permit);
void authority_revoke(Pgd *p, Epoch epoch, uint64_t seq); /* answers RESULT */
void authority_born(Pgd *p); /* or never will be: a REVOKE may wait for that */
void authority_adopt(Pgd *p); /* a server that runs at our start */
int authority_init(Pgd *p);
void authority_arm(Pgd *p);

/* ---- steps; each answers 0 (begun, engine_step_done() follows) or negative errno ---- */

int step_bootstrap(Pgd *p);
int step_clone(Pgd *p);
int step_remove(Pgd *p);
int step_crash_recovery(Pgd *p);
int step_check(Pgd *p);
int step_archive(Pgd *p);
int step_rewind(Pgd *p);
int step_start(Pgd *p, bool standby);
void step_start_gate(Pgd *p, const MsgGate *gate);
void step_start_overdue(Pgd *p);
int step_start_init(Pgd *p);
int step_reconfigure(Pgd *p);
int step_pre_promote(Pgd *p);
int step_promote(Pgd *p);
int step_before_stop(Pgd *p);
int step_stop(Pgd *p, bool immediate);
void step_stop_overdue(Pgd *p);
int step_checkpoint(Pgd *p);

/* ---- files.c ---- */

/* Writes postgresql.conf, pg_hba.conf, pg_ident.conf and pgpass for that role.
 * *ret_arguments (may be NULL): the command line's settings. */
int files_write(Pgd *p, bool standby, Node **ret_arguments);

/* 0600, or 0640 where the data directory lets its group in. */
mode_t files_mode(const Pgd *p);

/* ---- files-backup.c ---- */

void files_backup(const Pgd *p);  /* after a start that succeeded: NAME.backup in PGDATA */
void files_restore(const Pgd *p); /* what is missing, from there */

/* ---- files.c ---- */

/* standby.signal there, or not there. */
int files_write_signal(Pgd *p, bool standby);

/* Whom a standby streams from: the member of the tag replicatefrom, else the order's leader. */
const Member *files_upstream(const Pgd *p);

/* primary_conninfo for that member into conninfo_wanted; empty without one. */
void files_want_conninfo(Pgd *p);

/*
 * A connection string to the order's leader for a tool, and the "PGPASSFILE=…" to run it with.
 * role: of postgresql.authentication (the superuser's where it has none); dbname may be NULL.
 */
int leader_conninfo(Pgd *p, const char *role, const char *dbname, const char *extra, char *buf,
                    size_t size, char *env, size_t env_size);

/* The same to another member. */
int member_conninfo(Pgd *p, const Member *member, const char *role, const char *dbname,
                    const char *extra, char *buf, size_t size, char *env, size_t env_size);

/* ---- run.c: one tool, as part of the step in flight ---- */

/* argv: list, owned by the caller. */
int run_tool(Pgd *p, const Node *argv, const char *extra_env, const char *input, usec_t timeout,
             tool_line_t on_line, void (*done)(Pgd *p, ToolResult *result));
int run_spec(Pgd *p, ToolSpec *spec, void (*done)(Pgd *p, ToolResult *result));
Node *run_argv(const char *program, ...) __attribute__((sentinel));
int run_arg(Node *argv, const char *format, ...) _printf_(2, 3);

/*
 * fetch.c: a WAL file from the archive into the stopped server's pg_wal. 0: done follows, with 0 or negative
 * errno and the reason.
 */
typedef void (*fetch_done_t)(Pgd *p, int r, const char *why);
int fetch_wal(Pgd *p, const char *restore_command, const char *file, fetch_done_t done);

/* A tool_line_t: what pg_basebackup and pg_rewind say of how far they are; other lines are none of it. */
void run_progress(const char *line, void *p);

/* How a tool failed, in one line. */
void run_describe(const ToolResult *result, const char *name, char *buf, size_t size);
