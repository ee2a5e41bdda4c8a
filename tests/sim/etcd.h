/*
 * etcd: the modelled DCS (ASSUMPTIONS.md). Three members, one linearizable store. Values are short
 * texts of our own instead of JSON (view.c).
 */
#pragma once

#include "dcsd/body.h"
#include "dcsd/errors.h"
#include "tests/sim/sim.h"

#define KEY_SIZE 48
#define VALUE_SIZE 192
#define FOUND_MAX 4

/* Each key has a place of its own, here and in each dcsd; those of members by their number. */
typedef enum KeyKind {
        KEY_MEMBER,
        KEY_STANDING = KEY_MEMBER + NODES_MAX,
        KEY_LEADER = KEY_STANDING + NODES_MAX,
        KEY_INITIALIZE,
        KEY_CONFIG,
        KEY_STATUS,
        KEY_HISTORY,
        KEY_SYNC,
        KEY_FAILOVER,
        KEY_FAILSAFE,
        KEY_RESUME,
        KEY_MAX,
} KeyKind;

typedef struct Key {
        char name[KEY_SIZE]; /* the whole path; empty: it was never there */
        char value[VALUE_SIZE];
        uint64_t create, mod;
        int64_t lease;
        bool there;
} Key;

typedef enum RpcKind { RPC_GRANT, RPC_KEEPALIVE, RPC_READ, RPC_TXN, RPC_SYNC, RPC_EVENT } RpcKind;

/* When the same request is sent again, by call.c of dcsd. */
typedef enum RpcRepeat { RPC_ONCE, RPC_REPEAT_UNSENT, RPC_REPEAT } RpcRepeat;

typedef struct RpcOp {
        OpWhat what;
        char key[KEY_SIZE], value[VALUE_SIZE];
        int64_t lease;
} RpcOp;

typedef struct RpcCompare {
        CompareWhat what;
        char key[KEY_SIZE], text[32];
        int64_t number;
} RpcCompare;

/* One call, from the moment it leaves to the end of its answer. */
typedef struct Rpc {
        Program *program;
        unsigned life;
        uint64_t call; /* the caller's number */
        unsigned member;
        RpcKind kind;
        int64_t lease;
        uint64_t ttl_sec;
        size_t n_compares, n_then, n_otherwise;
        uint64_t patience; /* true time after which nobody processes it any more */
        RpcRepeat repeat;
        usec_t deadline;   /* of the caller's clock, for repeating */
        unsigned attempts, logins;
        usec_t pause;

        /* the answer */
        EtcdError error;
        uint64_t revision, term;
        bool succeeded;
        size_t n_found;
        Key found[FOUND_MAX];

        RpcCompare compares[TXN_COMPARES_MAX];
        RpcOp then[TXN_OPS_MAX], otherwise[TXN_OPS_MAX];
} Rpc;

/* An error that waits for its request (errors.h). */
typedef struct EtcdArmed {
        unsigned class; /* + 1; 0: none */
        int host;       /* -1: any */
        uint64_t skip, until;
        unsigned more; /* of the host's requests after it that meet it, too */
} EtcdArmed;

struct Etcd_ {
        uint64_t revision, term;
        unsigned leader;
        bool down[ETCD_MEMBERS];
        uint64_t without_leader, stalled; /* until then */
        int deposed; /* which member is a deposed leader that does not know it; -1: none */
        uint64_t deposed_until, deposed_term;
        int64_t next_lease;
        size_t n_leases; /* those behind are free */
        struct EtcdLease {
                int64_t id; /* 0: free */
                uint64_t ttl, ends, extra, watched;
                uint64_t known; /* when the deposed leader believes it ends; 0: it does not know it */
        } leases[1024]; /* each grant whose answer was lost leaves one, until it ends */
        Key keys[KEY_MAX];
        EtcdArmed error;
};

/* Copies the texts of a transaction. */
void rpc_set_txn(Rpc *r, const Txn *t);

/* Sends it (takes it over). dcsd_answer() is called in its program, or never. */
void etcd_send(Rpc *r);
void dcsd_answer(Program *p, Rpc *r);
void wish_carried_out(const Rpc *r);

/* call.c of dcsd, before anybody else sees an answer. True: it is asked again (and taken over). */
bool call_goes_on(Rpc *r);
void call_forget(const Event *e);

/* For errors.c: a request without its way there and back. */
void etcd_carry_out(Rpc *r);
void etcd_answer_deposed(Rpc *r);
void etcd_revoke(int64_t lease);
const char *rpc_name(const Rpc *r);

/* A watch may deliver what has changed from that member to this host now. */
bool etcd_reaches(const Host *h, unsigned member);
void dcsd_notify(Program *p); /* the store has changed */

const Key *etcd_key(const char *name);
Key *keys_find(Key *keys, const char *name);
void etcd_elect(uint64_t within);
void etcd_depose(uint64_t until);
void etcd_init(void);
void etcd_done(void);
bool etcd_has_quorum(void);
uint64_t etcd_lease_ends(int64_t id);
void rpc_forget(const Event *e);
