/*
 * keys: which keys a patroni.yml and the dynamic configuration may have, and what each may be: one
 * table each. schema.h checks documents by them. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum KeyKind {
        KEY_SECTION, /* a map whose keys are rows of their own */
        KEY_TEXT,
        KEY_BOOL,
        KEY_INT,     /* min..max */
        KEY_SECONDS, /* the same, and a unit may be given */
        KEY_WORD,    /* one of `words`, or a boolean that reads as one */
        KEY_HOSTPORT,
        KEY_MAP,  /* with any keys */
        KEY_LIST, /* or one text that stands for a list */
        KEY_ANY,
        KEY_METHOD,  /* a map for a method of that name; anything else is an unknown key */
        KEY_REFUSED, /* `words` says why */
} KeyKind;

typedef struct KeyRow {
        const char *path; /* dotted; * stands for any one key */
        KeyKind kind;
        bool required; /* where its section is there */
        int64_t min, max;
        const char *words;
} KeyRow;

const KeyRow *keys_local(size_t *ret_n);
const KeyRow *keys_dynamic(size_t *ret_n);
