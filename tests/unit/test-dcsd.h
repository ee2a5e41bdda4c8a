/* What every cmocka file wants, and small makers for the tests of dcsd. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/json.h"
#include "dcsd/reply.h"

/* A document that must parse. The caller frees. */
static inline Node *json(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

/* The text of a Node, which is freed. The caller frees the text. */
static inline char *text_of(Node *n)
{
        char *text;

        assert_non_null(n);
        text = json_format(n, JSON_COMPACT);
        node_free(n);
        assert_non_null(text);
        return text;
}

#define assert_json(node, expected)                                                                \
        do {                                                                                       \
                char *text_ = text_of(node);                                                       \
                assert_string_equal(text_, expected);                                              \
                free(text_);                                                                       \
        } while (0)

static inline Kv make_kv(const char *key, const char *value, uint64_t create, uint64_t mod,
                         int64_t lease)
{
        return (Kv){ .key = strdup(key), .value = strdup(value), .value_size = strlen(value),
                     .create_revision = create, .mod_revision = mod, .lease = lease };
}
