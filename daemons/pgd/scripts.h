/*
 * Scripts: the user's programs that pgd runs: callbacks, which nobody waits for, and the hooks
 * before a promotion and before a stop, which are steps.
 *
 * Owns:      at most two callbacks in flight: the last one, and one on_reload.
 * Invariant: a callback that begins ends the one before it, whole group and all; a hung script
 *            delays nothing. Callbacks outlive pgd and write to the launcher's journal themselves.
 * Threads:   none.
 */
#pragma once

#include "pgd/callback.h"
#include "pgd/pgd.h"

typedef struct Scripts Scripts;

int scripts_new(Scripts **ret, Pgd *p);
Scripts *scripts_free(Scripts *s); /* callbacks go on */

/* Runs it, if one is configured. */
void scripts_call(Scripts *s, Callback what, Role role);

/* A command line with its program found in PATH: a list that arguments can be added to. */
int script_argv(const char *command, Node **ret);

/*
 * Runs argv as the step's tool, its output told in the journal under that name (a constant text);
 * env: up to two "K=V", or NULL.
 */
int script_run(Pgd *p, const char *name, const Node *argv, const char *const env[2], usec_t timeout,
               void (*done)(Pgd *p, ToolResult *result));
