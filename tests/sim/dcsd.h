/*
 * dcsd: a small shell over the real policy.c, wish.c and health.c, speaking to the modelled etcd.
 *
 * What lease.c, order.c, publish.c, watch.c and report.c do with JSON and HTTP is done here with the
 * model's texts and calls; what they decide is decided by the same cores.
 */
#pragma once

#include "dcsd/doubt.h"
#include "dcsd/health.h"
#include "dcsd/paths.h"
#include "dcsd/policy.h"
#include "dcsd/wish.h"
#include "tests/sim/etcd.h"

#define WISHES_MAX 16
#define ASKINGS_MAX 6

typedef struct Dcsd Dcsd;

typedef struct Wanted { /* an order to change something once */
        Dcsd *owner;
        bool used;
        uint64_t seq;
        usec_t deadline;
        Wish wish;
        char value[VALUE_SIZE], key[PATH_SIZE];
        usec_t ttl;
        PolicyProof proof;
        unsigned tries;
        bool lost, again, asking, waiting_for_lease;
        uint64_t call, change; /* the one under way, and the last that was to change something */
        bool carried_out;      /* as etcd knows */
        Timer timer;
} Wanted;

typedef struct Asking { /* of peers */
        Dcsd *owner;
        uint64_t key; /* 0: free */
        uint64_t seq;
        bool failsafe;
        Epoch epoch;
        usec_t sent, ttl;
        uint32_t kind, n, open;
        Peer peers[NODES_MAX];
        bool answered[NODES_MAX];
        Timer timer;
} Asking;

struct Dcsd {
        Program *program;
        Paths paths;
        const char *name;

        /* the lease */
        Policy policy;
        uint64_t call; /* in the lease lane; 0: none */
        Timer lease_timer, call_timer;
        usec_t failing_since;
        Wanted *fresh; /* the bid that waits for a fresh lease */
        Timer fresh_timer;

        /* the watch */
        Key keys[KEY_MAX];
        uint64_t revision, term;
        bool current, has_cluster;
        usec_t watch_broken, answered;
        uint64_t sync_call;
        Timer watch_timer;
        bool notified, flushing;

        Wanted wanted[WISHES_MAX];
        Doubt doubt; /* about /failsafe */
        Asking askings[ASKINGS_MAX];

        /* our member key */
        bool has_member;
        char member[VALUE_SIZE]; /* as it is to stand there */
        uint64_t publish_call;
        char published[VALUE_SIZE];
        Timer publish_timer, publish_again;

        Settings settings;
        Health health;
        MsgLink link;
        char lease_reason[64];
        Timer health_timer;
        Stall stall;
        bool joined;
        MsgCluster *packet;
};

/* dcsd.c */
Rpc *dcsd_rpc(Dcsd *d, RpcKind kind);
uint64_t dcsd_post(Rpc *r);
void dcsd_next_endpoint(Dcsd *d);
void dcsd_note_writes(Dcsd *d, const Txn *t, uint64_t revision);
void dcsd_report(Dcsd *d);
void dcsd_prove(Dcsd *d, const PolicyProof *proof);
void dcsd_publish_check(Dcsd *d);
bool dcsd_awaits(const Dcsd *d, const Rpc *r);
void dcsd_asked_again(Dcsd *d, const Rpc *r, usec_t at);

/* lease.c */
void lease_init(Dcsd *d);
void lease_answer(Dcsd *d, const Rpc *r);
void dcsd_pump(Dcsd *d);
bool dcsd_freshen(Dcsd *d, Wanted *o);
void dcsd_settle(Dcsd *d, Epoch before);

/* wishes.c */
Wanted *wish_new(Dcsd *d, uint64_t seq, usec_t deadline, WishKind kind);
void wish_send(Wanted *o);
void wish_end(Wanted *o, Outcome outcome, Epoch epoch, const char *text);
void wish_fresh(Wanted *o, const PolicyProof *proof, const char *reason);
void wish_answer(Wanted *o, const Rpc *r);
void wish_timer(Timer *t, usec_t now, void *userdata);

void publish_answer(Dcsd *d, const Rpc *r);
void publish_timer(Timer *t, usec_t now, void *userdata);
void publish_again(Timer *t, usec_t now, void *userdata);

/* view.c: the model's texts */
void view_member(const Member *m, char value[static VALUE_SIZE]);
void view_cluster(Dcsd *d);
uint64_t view_revision(const Dcsd *d, const char *key); /* 0: it is not there */
bool view_record(const Dcsd *d, const MsgRecord *m, char *key, char *value, bool *ret_delete,
                 uint64_t *ret_revision, bool *ret_is_claim);

/* apid.c */
void asks_peers(Dcsd *d, const MsgAskPeers *m);
void asks_failsafe(Dcsd *d, const MsgAskFailsafe *m);
void asks_answer(Asking *k, int index, const Peer *peer, bool accepted);
void asks_init(Dcsd *d);
void asks_forget_all(Dcsd *d);
void dcsd_result(Dcsd *d, uint64_t seq, Outcome outcome, Epoch epoch, const char *text);
void dcsd_tell(Dcsd *d, const MsgHeader *m);
