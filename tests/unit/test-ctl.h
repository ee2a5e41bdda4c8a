/* What the tests of palisadectl's files share: documents from JSON, and what was printed. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "config/json.h"

static inline Node *document(const char *json)
{
        Node *n = NULL;

        assert_int_equal(json_parse(json, strlen(json), false, &n, NULL), 0);
        return n;
}

/* FILE *f in the statements that follow; the caller frees *text after fclose(f). */
static inline FILE *to_memory(char **text)
{
        static size_t size;
        FILE *f = open_memstream(text, &size);

        assert_non_null(f);
        return f;
}

/* Closes f, compares, frees. */
static inline void assert_printed(FILE *f, char **text, const char *expected)
{
        assert_int_equal(fclose(f), 0);
        assert_string_equal(*text, expected);
        free(*text);
        *text = NULL;
}
