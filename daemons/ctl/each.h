/*
 * each: verbs that go to every chosen member by itself: which members, are they meant, and one call.
 */
#pragma once

#include "ctl/ctl.h"
#include "ctl/members.h"

/* By name and --role; every member where neither is given. patronictl wants the cluster's name first. */
bool each_is_chosen(const Ctl *c, const Picture *p, const Node *member);

/* Told: a name that is no member's, a role that is none, nobody left. */
int each_check(const Ctl *c, const Picture *p);

/* "Are you sure you want to <what> members a, b?" */
int each_confirm(const Ctl *c, const Picture *p, const char *what);

/* The name of the node that we ask; empty: it does not say. */
void each_own_name(Ctl *c, char *buf, size_t size);

/*
 * One call to that member; to `own` over the way we came, which may be the socket and need no
 * password. reply_done() as after client_call(); CTL_FAILED, told: it has no URL, and no reply.
 */
int each_call(Ctl *c, const Node *member, const char *own, Call *call, Reply *ret);

/* Shows the members, asks, and does it to each that is chosen; an exit code. */
int each_do(Ctl *c, const char *what, int (*one)(Ctl *c, const Node *member, const char *own));

/* "Failed: <what> for member x, status code=503, (text)"; answers CTL_FAILED. */
int each_failed(const char *what, const Node *member, const Reply *r);
