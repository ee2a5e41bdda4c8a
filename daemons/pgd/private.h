/*
 * Private: a server while its cluster is being made: to recover what was restored, to make roles, to
 * run the user's script. It listens on nothing but a socket in pgd's own directory, which nobody but
 * the server's own user can enter, so it can be out of recovery before there is a leader: no client
 * can reach it.
 *
 * Owns:      its process, as a tool: it ends with the step that started it.
 * Threads:   none.
 */
#pragma once

#include "pgd/pgd.h"

/*
 * Starts it with these settings ("--name=value"; NULL: none) on top. done: 0 when it is out of
 * recovery, however long that takes; negative, before or after that: it has ended, and why.
 */
int private_start(Pgd *p, const Node *settings, void (*done)(Pgd *p, int r, const char *why));

/* A connection string to it, and the environment that goes with it. */
int private_conninfo(Pgd *p, char *dsn, size_t size, char *env, size_t env_size);

/* Stops it, fast; done, and only that, is called: 0 when it has shut down cleanly. */
void private_stop(Pgd *p, void (*done)(Pgd *p, int r, const char *why));

/* Kills it, without a word. */
void private_kill(Pgd *p);
