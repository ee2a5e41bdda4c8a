/*
 * health: the answer of every health check (PATRONI-SPEC §4.3), which load balancers act on.
 *
 * Pure: path, query and what is known at one instant give a status, 200 or 503.
 */
#pragma once

#include "apid/query.h"
#include "apid/view.h"

/* Any path at all: the words are looked for within it, in the table's order. */
unsigned health_check(const View *v, const char *path, const Query *q);

/* GET /liveness: the mind has decided something lately. */
unsigned health_liveness(const View *v);

/* GET /readiness: leads, or streams and is not too far behind. */
unsigned health_readiness(const View *v, const Query *q);
