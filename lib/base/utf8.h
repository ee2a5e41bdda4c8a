/* utf8: characters of UTF-8 (RFC 3629), strictly: no surrogates, none in more bytes than it needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at s (not its end) and its code point. A byte that begins none stands for itself, as
 * Latin-1. */
size_t utf8_next(const char *s, uint32_t *ret);

bool utf8_valid(const char *s);
