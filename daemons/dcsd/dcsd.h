/*
 * Dcsd: the suite's only speaker of etcd, and its asker of peers.
 *
 * Owns:      the configuration, the hand, and one of each: etcd client, cache, watch, lease, orders,
 *            member key, askings, report.
 * Invariant: nothing is renewed or written but what the mind has asked for.
 * Threads:   none.
 */
#pragma once

#include "io/hand.h"

typedef struct Dcsd Dcsd;

int dcsd_new(Dcsd **ret, sd_event *event, const HandOptions *options);
Dcsd *dcsd_free(Dcsd *d);
DEFINE_CLEANUP(Dcsd *, dcsd_free)
