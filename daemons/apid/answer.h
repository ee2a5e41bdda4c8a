/*
 * Answer: status, type and body of one HTTP response, before anything of HTTP is involved.
 *
 * Pure. Owns its body. The texts and pages are Patroni's, byte for byte: scripts compare them
 * (PATRONI-SPEC §4.1).
 */
#pragma once

#include <stddef.h>

#include "base/macros.h"

typedef struct Answer {
        unsigned status; /* 0: none yet */
        const char *type; /* of the body; NULL: there is none */
        char *body;
        size_t size;
        const char *authenticate; /* WWW-Authenticate, or NULL */
} Answer;

extern const char type_json[];
extern const char type_text[];  /* what Patroni calls text/html */
extern const char type_plain[];

/* Takes body (NULL: out of memory, which becomes a 503). */
Answer answer_body(unsigned status, const char *type, char *body);
Answer answer_empty(unsigned status);
Answer answer_text(unsigned status, const char *format, ...) _printf_(2, 3);

/* The error page of a status; method is named by 501 and may be NULL for others. */
Answer answer_page(unsigned status, const char *method);

void answer_done(Answer *a);
