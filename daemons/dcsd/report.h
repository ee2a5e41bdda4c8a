/*
 * Report: what the mind is told without having asked: CLUSTER when a key has changed, LINK when the
 * state of the connection has; and what the log and the unit's status line say of it.
 *
 * Owns:      the last CLUSTER packet, the last LINK, the judgement whether the DCS is up.
 * Invariant: several changes within one turn of the loop make one CLUSTER.
 * Threads:   none.
 */
#pragma once

#include "dcsd/lease.h"
#include "dcsd/watch.h"
#include "io/link.h"

typedef struct Report Report;

typedef struct ReportCalls {
        void (*send)(const MsgHeader *m, void *userdata); /* to the mind, if there is one */
        void (*decoded)(const Cluster *c, void *userdata); /* the cluster as just sent */
} ReportCalls;

/* first: the settings in force until the DCS has a configuration. All else stays the caller's. */
int report_new(Report **ret, sd_event *event, const Etcd *e, const Cache *cache, const Watch *w,
               const Lease *l, Stall *stall, const Settings *first, const ReportCalls *calls,
               void *userdata);
Report *report_free(Report *r);
DEFINE_CLEANUP(Report *, report_free)

void report_keys_changed(Report *r);
void report_state_changed(Report *r);

/* The lease or the leader key is lost: part of LINK until a renewal succeeds or the epoch ends. */
void report_lease_lost(Report *r, const char *reason);
void report_lease_well(Report *r);

/* A new mind: LINK, and CLUSTER if there is one. */
void report_everything(Report *r);

/* As last sent; NULL: nothing was read yet. */
const Cluster *report_cluster(const Report *r);
