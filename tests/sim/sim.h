/*
 * sim: a whole cluster in one process: the real minds, pgds, fenceds and petters of 2 to 7 nodes over
 * a modelled world (ASSUMPTIONS.md). One seed, one schedule, one trace.
 *
 * Two times: `now` of the world is true time, in microseconds; each host has a CLOCK_BOOTTIME of its
 * own, which drifts and begins anew at each boot. What a program asks is always its host's.
 *
 * Everything happens in events, one at a time, ordered by true time and then by when they were made.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "io/loop.h"
#include "wire/wire.h"

#define NODES_MAX 7
#define ETCD_MEMBERS 3
#define FOREVER UINT64_MAX
#define MSEC USEC_PER_MSEC
#define SEC USEC_PER_SEC
#define PREFIX "/service/main/"

typedef struct World World;
typedef struct Node_ Host; /* one machine */

/* ---- programs ---- */

typedef enum ProgramId {
        PROGRAM_MIND,
        PROGRAM_DCSD,
        PROGRAM_PGD,
        PROGRAM_FENCED,
        PROGRAM_WATCHDOGD,
        PROGRAM_MAX,
} ProgramId;

typedef struct Program {
        Host *host;
        ProgramId id;
        bool up;
        unsigned life;       /* counts starts: events of an earlier life are dropped */
        uint64_t stalled;    /* true time until which it does not run */
        void *state;         /* Palisaded, Dcsd, Pgd, Fenced, Petter */
        struct Hand *hand;   /* of pgd and fenced: their message tables */
} Program;

/* ---- events ---- */

typedef struct Event Event;
typedef void (*event_t)(Event *e);
struct Event {
        uint64_t at;
        event_t fire;
        Program *program; /* whose turn it is; NULL: the world's */
        unsigned life;
        Host *host;
        void *what;
        uint64_t value;
        uint32_t place; /* in the queue */
};

/* ---- PostgreSQL (postgres.c) ---- */

/* A line of WAL: it leaves its parent at `from`. The numbers that PostgreSQL gives may collide. */
typedef struct Branch {
        int parent; /* -1: the first */
        Lsn from;
        uint32_t timeline;
        int owner; /* who promoted */
} Branch;

typedef enum ServerPhase {
        SERVER_DOWN = 0,
        SERVER_STARTING,
        SERVER_UP,
        SERVER_PROMOTING,
        SERVER_STOPPING,
} ServerPhase;

typedef struct Postgres {
        /* on disk */
        DataDir datadir;
        bool signal_file;    /* standby.signal */
        bool backup_label;
        uint64_t sysid;
        int branch;
        Lsn lsn;            /* flushed */
        ControlState control;
        Lsn control_lsn;    /* latest checkpoint */
        int control_branch;

        /* running */
        ServerPhase phase;
        bool standby;       /* born with standby.signal, and not promoted since */
        bool primary;       /* out of recovery */
        uint64_t born;      /* counts births, also of those that end at once, since one runs */
        uint64_t pid;       /* of the one that runs, or ran last */
        bool lingers;       /* the postmaster is gone, its backends are not yet */
        uint64_t stuck;     /* until then it cannot be killed: it waits for a disk */
        uint64_t frozen;    /* until then it answers nothing, and acknowledges nothing */
        int upstream, upstream_next; /* whom primary_conninfo names, in the server and in its file; -1: nobody */
        uint64_t streaming_since; /* 0: it does not */
        uint64_t connects; /* counts tries to: an event of an earlier one is dropped */
        uint64_t started;
        uint64_t life;      /* counts starts and stops: events of an earlier one are dropped */
        char sync_names[SYNC_LIST_SIZE];
        char sync_next[SYNC_LIST_SIZE]; /* in the configuration file: at the next reload */
        Lsn flushed[NODES_MAX]; /* as its standbys have said; 0: not connected */
        Lsn acknowledged;
        bool stop_immediate;
        int leaf;           /* index into Host.leaves; -1: none */
        uint32_t checkpoint_pending; /* 0: no */
} Postgres;

/* ---- a host's kernel ---- */

typedef struct Leaf {
        uint64_t number; /* pg-<n>; 0: free */
        uint64_t cgroup; /* its id: never used twice */
        bool populated, gated;
        usec_t gate;     /* its deadline, the host's clock */
        sd_event_io_handler_t watch;
        void *watch_userdata;
        unsigned watch_life;
} Leaf;

#define LEAVES 8

typedef struct File {
        char path[64];
        char text[256];
} File;

struct Node_ {
        World *world;
        int index;
        char name[8];
        Tags tags;
        uint32_t watchdog_mode;
        Program programs[PROGRAM_MAX];
        bool powered;
        uint64_t booted;      /* true time of boottime 0 */
        int64_t drift;        /* parts in 2^20 */
        int64_t wall_offset;  /* of the wall clock, microseconds */
        uint64_t frozen;      /* true time until which the whole host does not run */
        Leaf leaves[LEAVES];
        int next_leaf;
        uint64_t leaf_number;
        Postgres pg;
        File files[4];        /* those under /run are gone with a boot */
        void *stores[3];      /* systemd's fd store: pgd's table, fenced's, watchdogd's */
        int store_leaf, store_gate; /* fds of fenced's in there; -1: none */
        void *apid;

        /* the watchdog device */
        bool device_broken, device_open, device_stored;
        bool launcher_dies; /* at the next birth */
        uint64_t device_petted; /* true time */
        usec_t device_within;

        /* connections */
        unsigned endpoint;    /* which etcd member it speaks to */
        bool to_etcd[ETCD_MEMBERS], from_etcd[ETCD_MEMBERS]; /* cut */
        bool to_host[NODES_MAX];                             /* cut: from here to there */
        unsigned loss; /* of its packets, per cent */

        bool left;         /* by an operator's wish */
        uint64_t ask_join; /* when it is asked to join again, as long as none answers; 0: it was not */
        /* checks */
        uint64_t hurt_until; /* something of this host was in no state to act */
        usec_t last_deadline;
        Epoch last_epoch, revoked_epoch; /* of its permits, of the REVOKEs of its minds */
        bool stands;          /* its last permit has no deadline */
        Epoch told_revoked;   /* by its pgds, since the host's boot */
        unsigned outlived;    /* looks in a row at which its primary had no permit, and fenced ran */
        unsigned defied;      /* or it was revoked, and pgd ran */
        uint64_t bids, bids_since; /* of its mind, in the second that began then */
        bool by_promise;     /* a permit of this epoch rested on failsafe mode */
};

/* ---- options and faults ---- */

typedef enum FaultKind {
        FAULT_NONE = 0,
        FAULT_KILL,       /* a program: a = ProgramId */
        FAULT_STALL,      /* a program: a = ProgramId, b = ms */
        FAULT_KILL_SERVER, /* the postmaster: SIGKILL */
        FAULT_CRASH_SERVER, /* it ends by itself: PANIC */
        FAULT_FREEZE_SERVER, /* b = ms */
        FAULT_POWER,      /* host off; b = ms until it boots again */
        FAULT_FREEZE,     /* the whole host pauses: b = ms */
        FAULT_CUT_ETCD,   /* a = bit mask: 1 to, 2 from; b = ms */
        FAULT_CUT_ENDPOINT, /* the same, for one etcd member: a | member << 4 */
        FAULT_CUT_HOST,   /* to host a; b = ms */
        FAULT_ISOLATE,    /* from everything: b = ms */
        FAULT_LOSS,       /* a = per cent; b = ms */
        FAULT_ETCD_LEADER, /* a leader change: a = ms without one */
        FAULT_ETCD_STALL, /* nothing is answered for b ms */
        FAULT_ETCD_LOST,  /* no majority for b ms */
        FAULT_ETCD_MEMBER, /* member a down for b ms */
        FAULT_ETCD_DEPOSED, /* its leader stalls and is deposed: answers keepalives for b ms */
        FAULT_ETCD_ERROR, /* one of errors.c's classes, a, meets the host's request after b more */
        FAULT_DELAY,      /* messages are slow for b ms: a = ms */
        FAULT_WALL,       /* wall clock steps by a seconds */
        FAULT_DEVICE,     /* the watchdog device breaks (a) or works again */
        FAULT_SLOW_SERVER, /* stops and promotions take a ms for b ms */
        FAULT_SWITCHOVER, /* a = to whom + 1, or 0; b = ms from now */
        FAULT_FAILOVER,   /* a = to whom */
        FAULT_PAUSE,
        FAULT_RESUME,
        FAULT_LEAVE,
        FAULT_CONFIG,     /* a = which settings */
        FAULT_DEMOTE,     /* the cluster is a standby cluster for b ms */
        FAULT_PROMOTE,    /* it is none any more */
        FAULT_CANCEL,     /* a switchover is scheduled (a, as above), and called off after b ms */
        FAULT_RESTART,    /* of postgres, in place: b = ms from now */
        FAULT_LAUNCHER,   /* it dies at its next birth and tells nobody; the child lives */
        FAULT_MAX,
} FaultKind;

typedef struct Fault {
        uint64_t at; /* ms */
        FaultKind kind;
        int host; /* -1: none */
        uint64_t a, b;
} Fault;

#define FAULTS_MAX 4096

typedef struct Plan_ {
        uint64_t seed;
        int hosts;
        uint64_t length;  /* microseconds */
        int sync; /* 1: on, 2: quorum, and on by turns */
        bool failsafe, sync_strict, watchdog, pauses, stale_revoke, calm;
        int timing;       /* which ttl/loop_wait/retry_timeout */
        size_t n_faults;
        Fault *faults;
} Schedule;

/* ---- the world ---- */

typedef struct Rng {
        uint64_t s[2];
} Rng;

typedef struct Etcd_ Etcd_;

struct World {
        uint64_t now;
        Rng rng;
        Schedule *schedule;
        size_t n_begun; /* of its faults */
        int n_hosts;
        Host hosts[NODES_MAX];
        Etcd_ *etcd;
        struct Queue *queue;
        Settings settings[16]; /* "S<n>" is the value of /config */
        uint32_t n_settings;

        Branch branches[16384];
        int n_branches;

        uint64_t slow_messages, slow_messages_until; /* faults in force */
        uint64_t slow_server, slow_server_until;

        /* checks */
        bool failed;
        char failure[256];
        uint64_t last_fault; /* true time: when the last one is over */
        uint64_t last_ack;
        uint64_t failover_until; /* by hand, which may lose rows */
        uint64_t named_until; /* somebody is named: whom a person names goes, lag or not */
        bool want_pause, want_standby;
        bool over; /* the run ends before its time: what it was made for has come about */
        struct {
                unsigned http; /* 0: none so far */
                char text[REASON_SIZE];
        } answer; /* the last that an operator got */
        uint64_t standby_since;  /* true time; 0: /config does not say so */
        uint64_t standby_config; /* by this revision of it: one that ends and begins between two looks is a new one */
        uint64_t asked;          /* when an operator last asked for the end of a pause */
        uint32_t newest;         /* of the settings */
        int acked_branch;
        Lsn acked_lsn;           /* under synchronous_mode */
        bool sync_void;          /* a failover by hand may have lost some */
        uint64_t n_events, n_acks, n_promotions, n_bites, n_failovers;
        bool trace;
};

extern World *world; /* the one that runs */
extern Program *running; /* whose turn it is */

/* world.c */
/* Returns its number, by which it can be taken back until it happens. */
uint32_t sim_event(uint64_t at, event_t fire, Program *p, Host *h, void *what, uint64_t value);
void sim_cancel(uint32_t event);
usec_t host_clock(const Host *h, uint64_t at);
usec_t host_wall(const Host *h);
uint64_t host_true(const Host *h, usec_t clock); /* FOREVER stays */
uint64_t sim_random(void);
uint64_t sim_below(uint64_t n);
bool sim_chance(unsigned in_1000);
uint64_t sim_between(uint64_t low, uint64_t high);
bool program_runs(const Program *p); /* up, and neither it nor its host is stalled */
void program_start(Program *p);
void program_end(Program *p);        /* dies; not started again by this */
void program_kill(Program *p);       /* dies, systemd starts it again */
void host_power_off(Host *h, uint64_t off_for);
void world_run(World *w);
void world_init(World *w, Schedule *s);
void world_done(World *w);
void trace_line(const Host *h, const char *who, const char *format, ...) _printf_(3, 4);
void sim_fail(const char *format, ...) _printf_(1, 2);
#define TRACE(host, who, ...)                                                                      \
        do {                                                                                       \
                if (world->trace)                                                                  \
                        trace_line(host, who, __VA_ARGS__);                                        \
        } while (0)

/* seams.c */
void seam_hand_gone(Program *hand);
void seam_mind_gone(Program *mind);
void message_to_mind(Host *h, int hand, const MsgHeader *m, const int *fds, size_t n_fds);
void seams_init(void);
void seams_done(void);
const char *program_name(ProgramId id);

/* per program */
int mind_start(Program *p);
void mind_end(Program *p);
int dcsd_start(Program *p);
void dcsd_end(Program *p);
void dcsd_message(Program *p, const MsgHeader *m);
void dcsd_joined(Program *p);
void dcsd_left(Program *p);
void dcsd_flush(Program *p);
int pgd_start(Program *p);
void pgd_end(Program *p);
int fenced_start(Program *p);
void fenced_end(Program *p);
int watchdogd_start(Program *p);
void watchdogd_end(Program *p);
void watchdogd_message(Program *p, const MsgHeader *m);
void watchdogd_joined(Program *p);

/* apid.c */
void apid_message(Host *h, const MsgHeader *m);
void apid_mind_gone(Host *h);
void apid_init(Host *h);
void apid_request(Host *h, MsgRequest *m, const char *what); /* an operator's */
void peer_forget(const Event *e);

/* postgres.c */
void postgres_init(Host *h);
bool branch_contains(int branch, Lsn lsn, int other, Lsn other_lsn);
void postgres_spawn(Host *h, int leaf, bool standby);
void postgres_signal(Host *h, int sig);
void postgres_kill(Host *h); /* SIGKILL to all of it */
void postgres_kill_postmaster(Host *h);
void postgres_power_off(Host *h);
bool postgres_may_acknowledge(const Host *h); /* at this instant, through the gate */
void postgres_bootstrap(Host *h);
bool postgres_copy(Host *h, int from, bool need_primary);
Tri postgres_diverged(const Host *h, int from);
bool postgres_waits_for(const char *names, const char *name); /* synchronous_standby_names */
void postgres_end_recovery(Host *h);

/* tools.c */
void pgd_tools_gone(const Host *h);

static inline uint64_t pid_of_server(uint64_t born)
{
        return born % 30000 + 1000;
}

/* pgd.c, fenced.c: what the kernel tells */
void server_gone_soon(Host *h, uint64_t pid); /* pgd sees it within 1 ms */
void leaf_changed(Host *h, int leaf);

/* checks.c */
void check_step(void);
void check_config(void);
void check_promotion(Host *h);
void check_end_of_pause(const Host *h, const MsgRecord *m);
void check_resumed(const Host *h);
void check_cancelled(uint64_t request);
void check_bite(Host *h);
void check_acknowledged(Host *h, Lsn lsn);
void check_permit(Host *h, const MsgPermit *m);
void check_bid(Host *h);
void check_release(Host *h, Epoch epoch);
void check_disarm(Host *h);
void check_gate_of_promotion(const Host *h);
void check_remembers(Host *h, Epoch revoked);

void checks_init(void);

/* faults.c, schedule.c, seeds.c */
#define TIMINGS 5 /* of settings_of() */
const char *fault_name(FaultKind kind);
void schedule_make(Schedule *s);
void schedule_meet(Schedule *s); /* short: an operation, and faults within milliseconds of it */
void fault_begin(const Fault *f);
void fault_forget(const Event *e);
void operators_look(void);
const char *fault_describe(const Fault *f, char *buf, size_t size);
int schedule_load(Schedule *s, const char *path);
void schedule_print(const Schedule *s, const char *path, const char *why);
Settings settings_of(const Schedule *s, int which);
const Settings *settings_in_force(void); /* by /config; NULL: it is not there yet */
Settings settings_now(void);               /* or those that the cluster begins with */

/* shrink.c */
typedef struct Outcome_ {
        bool failed;
        char why[256];
        uint64_t n_events, n_acks, n_promotions, n_bites;
} SimResult;
SimResult run_schedule(Schedule *s, bool trace);
void shrink(Schedule *s, SimResult *r);

static inline int host_index(const char *name)
{
        return name[0] == 'n' && name[1] >= '0' && name[1] < '0' + NODES_MAX && !name[2]
                       ? name[1] - '0'
                       : -1;
}
