/*
 * step-bootstrap: making a new cluster, by initdb or by a program of the user's; its parts say here
 * how it goes on.
 */
#pragma once

#include "pgd/pgd.h"

#define ROLES_UNSENDABLE "a user name or password holds what cannot be sent"

void bootstrap_failed(Pgd *p, const char *why); /* set aside, and refused */
void bootstrap_made(Pgd *p);

/* 1: the user's own method has begun; 0: none is configured; or negative errno. */
int restore_begin(Pgd *p);

/* initdb has made it, with its roles: the user's script, if there is one, and the end. */
void restore_post_bootstrap(Pgd *p);
