/*
 * source: which member a replica is copied from, and which one it streams from. Pure.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"

/* How the remote cluster of a standby cluster is called; no member has such a name. */
#define REMOTE_NAME "(remote)"

/*
 * What the section standby_cluster says of it. False: it names no host, its WAL comes from an archive
 * alone; then *ret has no name either.
 */
bool source_remote(const Node *standby_cluster, Member *ret);

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
