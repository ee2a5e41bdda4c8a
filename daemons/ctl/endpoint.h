/*
 * endpoint: which node is asked: the one whose socket is here, or the URL given.
 */
#pragma once

#include "ctl/ctl.h"

/* -1: c->client is there; else the exit code (told). */
int endpoint_open(Ctl *c);
void endpoint_close(Ctl *c);
