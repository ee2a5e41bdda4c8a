/*
 * Etcd: the client of etcd's v3 JSON gateway (PATRONI-SPEC §1.3). It knows where etcd is, which API
 * version it speaks, how to log in, and whom not to believe; keys and leases are others' matter.
 *
 * Owns:      the endpoints, the token, three lanes of connections, every call in flight.
 * Invariant: calls of one lane never wait for another lane's. An answer from another raft term than
 *            the newest seen, or from another cluster, never reaches a caller as ETCD_OK unnoticed.
 * Threads:   none.
 */
#pragma once

#include "dcsd/endpoints.h"
#include "dcsd/errors.h"
#include "dcsd/http.h"
#include "dcsd/reply.h"
#include "io/config.h"
#include "model/timing.h"

#define ETCD_ANSWER_MAX (4U << 20)

typedef struct Etcd Etcd;
typedef struct EtcdCall EtcdCall;

typedef enum EtcdLane {
        ETCD_LANE_LEASE = 0,
        ETCD_LANE_REQUEST,
        ETCD_LANE_WATCH,
        ETCD_LANE_MAX,
} EtcdLane;

typedef enum EtcdRepeat {
        ETCD_ONCE,          /* one attempt at the current endpoint */
        ETCD_REPEAT_UNSENT, /* elsewhere, as long as nothing can have happened: writes */
        ETCD_REPEAT,        /* elsewhere, until the deadline: reads */
} EtcdRepeat;

typedef struct EtcdAnswer {
        EtcdError error;
        const Node *doc; /* the first JSON document; may be NULL where error is not ETCD_OK */
        EtcdHeader header;
        const char *text;     /* of the error, for a person */
        const char *endpoint; /* who answered, or was asked last */
} EtcdAnswer;

typedef void (*etcd_done_t)(const EtcdAnswer *a, void *userdata);

/*
 * A document of a stream. Negative ends it, and `done` follows; a document that is itself an error
 * does not come here. Must not free its call.
 */
typedef int (*etcd_document_t)(const EtcdAnswer *a, void *userdata);

typedef struct EtcdWant {
        EtcdLane lane;
        const char *path;  /* "/kv/range" */
        char *body;        /* taken, also on failure; NULL: out of memory, -ENOMEM */
        usec_t deadline;
        EtcdRepeat repeat;
        etcd_document_t document; /* a stream: deadline is that of the first document */
        etcd_done_t done;
        void *userdata;
} EtcdWant;

/* Each comes from the loop by itself, never from within another function of this module. */
typedef struct EtcdCalls {
        /* The API version and the endpoints are known: calls may begin. Again after a reconnect. */
        void (*connected)(void *userdata);
        /* etcd_state() may have changed. */
        void (*changed)(void *userdata);
        /* An endpoint does not answer: whatever hangs on it should go elsewhere. */
        void (*endpoint_dead)(const char *url, void *userdata);
        /* This is another etcd than before: nothing that was read holds. */
        void (*cluster_changed)(void *userdata);
} EtcdCalls;

typedef struct EtcdState {
        bool connected;
        const char *endpoint;
        const char *server_version;
        const char *trouble; /* the last failure, as long as nothing has answered since */
        uint64_t cluster_id;
        uint64_t raft_term;
        usec_t answered; /* CLOCK_BOOTTIME; 0: never */
        unsigned n_endpoints;
} EtcdState;

/* config stays the caller's and must outlive the object, or etcd_reload(). -EINVAL: told. */
int etcd_new(Etcd **ret, sd_event *e, const Config *config, Stall *stall, const EtcdCalls *calls,
             void *userdata);
Etcd *etcd_free(Etcd *e);
DEFINE_CLEANUP(Etcd *, etcd_free)

/* Looks for an endpoint; calls->connected follows. */
void etcd_connect(Etcd *e);

/* Name, password and TLS files as they are in `config` now. */
void etcd_reload(Etcd *e, const Config *config);

/* The figures in force: timeouts and kernel settings follow from them. */
void etcd_set_timing(Etcd *e, const Timing *timing);

EtcdState etcd_state(const Etcd *e);

/* How long one attempt of an ordinary request may take. */
usec_t etcd_attempt_timeout(const Etcd *e);

/* `done` is called once, never from within this call. *ret may be kept for etcd_cancel(). */
int etcd_call(Etcd *e, EtcdCall **ret, EtcdWant want);

/* Cancels a call under way; NULL is fine. Not valid once done was called. */
EtcdCall *etcd_cancel(EtcdCall *c);
