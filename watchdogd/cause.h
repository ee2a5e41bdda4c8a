/*
 * Cause: why this host went down the last time, written before it does.
 *
 * Files in the state directory, each a few "key=value" lines: `reset`, written before a deliberate
 * reset and when petting stops, and taken back if the host lives on; `boot`, what that meant, told
 * for the whole boot; `test`, the last trial (trial.h).
 *
 * A disk may hang, and nothing here may: each write is a child's, waited for as long as is said.
 */
#pragma once

#include <stdbool.h>

#include "watchdogd/choose.h"

/*
 * Where the files are. known: what a process before us in this boot had found; NULL: look it up.
 * After a restart nothing here may read the disk: the device waits to be petted.
 */
void cause_open(const char *state_dir, const char *known);

/* Once a boot: works out from what the last one left why it ended, keeps it, and tells the journal. */
void cause_work_out(const Candidate *c, size_t n);

/* One line; empty: nothing is known of it. */
const char *cause_text(void);

/* "the permit of main (epoch 7) lapsed": what is about to reset this host. Waits at most `wait`. */
void cause_write(const char *what, usec_t wait);

/* The host lives on: what was written says nothing about the next boot. */
void cause_forget(void);

/* The id of this boot. */
const char *cause_boot_id(void);

/* Where a file of the state directory is. */
void cause_path(char *ret, size_t size, const char *file);

/* The value of a key in a file of the state directory; false: there is none. */
bool cause_read(const char *file, const char *key, char *ret, size_t size);

/* Replaces a file of the state directory by this text, synced. 0 or negative errno. May wait. */
int cause_replace(const char *file, const char *text);
