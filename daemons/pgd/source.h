/*
 * source: which member a replica is copied from, and which one it streams from. Pure.
 */
#pragma once

#include "model/cluster.h"

/*
 * The n-th (n is any number, so that a caller may draw one) running member that offers itself by the
 * tag clonefrom; NULL: none, the leader then.
 */
const Member *source_to_clone(const Cluster *c, const char *own_name, const char *leader, unsigned n);

/*
 * The member named by the tag replicatefrom; NULL where it is the leader's turn: none is named, it
 * is this node or the leader, it is not there, or it would in the end stream from this node.
 */
const Member *source_to_follow(const Cluster *c, const char *own_name, const char *leader,
                               const char *replicatefrom);
