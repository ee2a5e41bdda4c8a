/*
 * schema: checks a patroni.yml and the dynamic configuration against the tables of keys.h, walking
 * the document and the table, nothing else.
 *
 * Problems are told one by one with key, value, what is allowed, file and line. An unknown key is a
 * warning and names the nearest known one, since Patroni and later versions of us may know more.
 */
#pragma once

#include <stdbool.h>

#include "config/tree.h"
#include "model/settings.h"

typedef enum Severity { PROBLEM_WARNING, PROBLEM_ERROR } Severity;

typedef struct Problem {
        Severity severity;
        unsigned line;     /* 0: not about one line */
        const char *text;  /* one line, without file and line */
} Problem;

typedef void (*problem_handler_t)(const Problem *p, void *userdata);

/* How many errors there were; warnings do not count. */
unsigned schema_check_local(const Node *root, problem_handler_t tell, void *userdata);

/* The dynamic configuration: bootstrap.dcs, the DCS key `config`, bodies of PATCH /config. */
unsigned schema_check_dynamic(const Node *root, problem_handler_t tell, void *userdata);

/*
 * What of a dynamic configuration the suite acts on. A value that is no such number counts as left
 * out (schema_check_dynamic() tells); *ret_adjusted says whether the timing rules changed one.
 */
Settings settings_read(const Node *root, bool *ret_adjusted);
