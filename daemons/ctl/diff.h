/*
 * diff: how one text becomes another, as a unified diff with three lines around each change.
 * Pure, but for the stream it prints to.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* False: they are equal, nothing was printed. paint: removed red, added green. */
bool diff_print(FILE *f, const char *before, const char *after, bool paint);
