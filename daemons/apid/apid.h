/*
 * Apid: the mouth of one cluster's node. It keeps what the mind last told and answers every request
 * from that; what changes something it passes on.
 *
 * Owns:      the mind's last messages, the permit as told (in systemd's fd store), the doors.
 * Invariant: a request is answered from memory at one instant; no answer waits for anything but a
 *            RESULT of the mind, and for that only until its deadline.
 * Threads:   none.
 */
#pragma once

#include "apid/doors.h"
#include "apid/view.h"
#include "io/hand.h"
#include "io/loop.h"
#include "io/store.h"

typedef struct Exchange Exchange;

/* A response that many requests share until what it says changes. */
typedef struct Memo {
        struct MHD_Response *response;
        uint64_t generation;
        bool permitted, cluster_valid;
} Memo;

typedef struct Apid {
        sd_event *event;
        HandOptions options;
        Setup *setup;
        Hand *hand;
        Doors *doors;
        Store *store;
        Timer opening;  /* the doors open when the mind has spoken, or at this */
        Timer deadline; /* of the exchange that may wait least */
        Timer linger;   /* palisade run: how long to stay without a mind */

        Right *right; /* in the store */
        bool status_known, pg_known;
        MsgStatus status;
        PgState pg;
        MsgCluster *cluster;
        size_t cluster_room;
        uint64_t generation; /* counts what was told: older memos are stale */

        Exchange *waiting; /* for the mind, in no order */
        uint64_t probe;    /* seq of the PROBE under way; 0: none */
        unsigned n_asked;  /* exchanges waiting, but for probes */
        Memo node[2];      /* the body of health checks: plain and over TLS */
        Memo empty[2];
} Apid;

int apid_new(Apid **ret, sd_event *e, const HandOptions *options);
Apid *apid_free(Apid *a);
DEFINE_CLEANUP(Apid *, apid_free)

View apid_view(const Apid *a);

/* NULL while no mind is connected. */
Link *apid_mind(const Apid *a);

/* SIGHUP, or POST /reload: the configuration file again. What is wrong with it is told and ignored. */
void apid_reload(Apid *a);
