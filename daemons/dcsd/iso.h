/* iso: instants as ISO 8601 writes them, in the forms that stand in the DCS. */
#pragma once

#include "base/usec.h"

/*
 * "2030-01-01T00:00:00+00:00": date, 'T' or blank, time with or without a fraction, and the zone:
 * 'Z', "+HH:MM", "+HHMM" or "+HH". 0, or -EINVAL; also without a zone, because then nobody knows
 * which instant is meant.
 */
int iso_parse(const char *text, usec_t *ret_wall_usec);
