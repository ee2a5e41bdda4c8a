/*
 * schedule: what was asked for a certain time: is it that time?
 *
 * Pure. As Patroni judges (PATRONI-SPEC §2.9): what is too late by one and a half loop_waits has
 * passed, since whoever was to do it was away; nothing that is scheduled happens in a pause.
 */
#pragma once

#include "model/settings.h"

typedef enum Due { DUE_NOT_YET = 0, DUE_NOW, DUE_PASSED } Due;

/* *ret_wait: how long to wait before asking again; a wall clock may be set meanwhile. */
Due schedule_due(usec_t at_wall, usec_t now_wall, const Settings *settings, usec_t *ret_wait);
