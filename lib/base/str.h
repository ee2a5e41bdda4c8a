/*
 * str: bounded strings and numbers in text.
 *
 * Fixed-size character arrays hold most of our strings; str_copy() keeps them terminated and says
 * when something did not fit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_equal(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline bool str_empty(const char *s)
{
        return !s || !*s;
}

/* The text after prefix, or NULL if s does not begin with it. */
const char *str_after_prefix(const char *s, const char *prefix);

/* Equal up to ASCII case, whatever the locale. */
bool str_equal_nocase(const char *a, const char *b);

/* Copies src (NULL: ""), always terminates. False if it was cut. */
bool str_copy(char *dst, size_t size, const char *src);
bool str_copy_n(char *dst, size_t size, const char *src, size_t n);
#define STR_SET(array, src) str_copy((array), sizeof(array), (src))

/* True if a NUL lies within size bytes: what a string from a packet must show before its use. */
bool str_terminated(const char *s, size_t size);

/* True if `name` is an element of a comma-separated list (blanks around commas ignored). */
bool str_list_contains(const char *list, const char *name);

/*
 * The next element of a comma-separated list, blanks kept, into buf; *list moves on behind it. One that
 * does not fit is left out. False at the end.
 */
bool str_list_next(const char **list, char *buf, size_t size);

/* Whole-string numbers: 0, or -EINVAL (not a number), -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);

/* on/true/yes/1 and off/false/no/0, any case. 0 or -EINVAL. */
int str_to_bool(const char *s, bool *ret);

/*
 * An amount with an optional unit. Memory: B kB MB GB TB (1024 steps, case matters), result in
 * bytes; time: us ms s min h d, result in microseconds, a bare number counting default_unit.
 * 0, -EINVAL or -ERANGE.
 */
int str_to_bytes(const char *s, uint64_t *ret);
int str_to_usec(const char *s, uint64_t default_unit_usec, uint64_t *ret);

/* Edit distance for "did you mean": insertions, deletions, changes, swaps; UINT_MAX if too long. */
unsigned str_distance(const char *a, const char *b);
