/*
 * usec: instants and amounts of time, in microseconds.
 *
 * An instant counts CLOCK_BOOTTIME unless its name says otherwise (wall_usec: since 1970). Nothing
 * here reads a clock: `now` is always handed in.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_INFINITY UINT64_MAX

/* a + b, and a - b not below 0; infinity stays infinity. */
usec_t usec_add(usec_t a, usec_t b);
usec_t usec_sub(usec_t a, usec_t b);

/*
 * Writes an amount as people say it ("350 ms", "2.31 s", "4 min 10 s", "never") into buf and
 * returns buf. USEC_TEXT_MAX bytes always suffice.
 */
#define USEC_TEXT_MAX 32
char *usec_format(char *buf, size_t size, usec_t amount);
#define USEC_TEXT(amount) usec_format((char[USEC_TEXT_MAX]){ 0 }, USEC_TEXT_MAX, amount)

/*
 * Writes a wall-clock instant as ISO 8601 in UTC with microseconds
 * ("2026-11-22T21:33:17.464908+00:00", separator sep between date and time) and returns buf.
 */
#define USEC_ISO_MAX 40
char *usec_format_iso(char *buf, size_t size, usec_t wall_usec, char sep);

/*
 * Reads "2026-11-22T21:33:17.464908+00:00": a date; 'T' or a blank and HH:MM, with or without
 * seconds and a fraction; 'Z', +HH:MM, +HHMM or +HH. 0, or -EINVAL. Without a zone the answer is 1
 * and *ret is read as if it were UTC: what that means is the caller's to know.
 */
int usec_parse_iso(const char *text, usec_t *ret_wall_usec);
