/*
 * options: the command line, by two tables: what options there are, and which verb takes which.
 */
#pragma once

#include "ctl/ctl.h"

/* -1: go on; else the exit code: help or version was printed, or the usage is wrong (told). */
int options_parse(Ctl *c, int argc, char **argv);
