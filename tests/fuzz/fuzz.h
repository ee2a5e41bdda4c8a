/*
 * fuzz: what every target shares.
 *
 * A target is one function over any bytes. What it holds beyond "no crash" it claims by fuzz_claim().
 * libFuzzer calls it (tests/fuzz/run), or replay.c does (`make check`).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_claim(what)                                                                           \
        do {                                                                                       \
                if (!(what)) {                                                                     \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);        \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)

/* A copy that ends with its last byte, so that a sanitizer sees a read beyond. The caller frees. */
static inline void *fuzz_copy(const void *data, size_t size)
{
        char *copy = calloc(1, size ? size : 1);

        fuzz_claim(copy);
        if (size)
                memcpy(copy, data, size);
        return copy;
}

/* The same as a text: up to the first NUL, and one behind it. */
static inline char *fuzz_text(const void *data, size_t size)
{
        char *text = strndup(size ? data : "", size);

        fuzz_claim(text);
        return text;
}

/* Takes the text up to the next line end from *at; NULL: no more. Changes it. */
static inline char *fuzz_line(char **at)
{
        return *at ? strsep(at, "\n") : NULL;
}
