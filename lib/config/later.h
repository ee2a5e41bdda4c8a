/*
 * later: keys of a patroni.yml that are known, and that this version does not follow yet. They are
 * told, so that nobody believes in what is not done; what would do harm is refused. Pure.
 */
#pragma once

#include <stdbool.h>

#include "config/tree.h"

/* What there is to tell about this key (a dotted path) and value; NULL: nothing. */
const char *later_told(const char *path, const Node *value, bool *ret_is_error);
