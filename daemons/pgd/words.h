/*
 * words: a command line of the configuration, split as a POSIX shell splits it: blanks, both kinds
 * of quotes, backslash. Nothing is expanded, as in Patroni (PATRONI-SPEC part 6). Pure.
 */
#pragma once

#include "config/tree.h"

/* A list of texts. -EINVAL: a quote is not closed, or there is no word at all; -ENOMEM. */
int words_split(const char *command, Node **ret);
