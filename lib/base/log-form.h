/*
 * log-form: how a line of the log looks where there is no journal: `log.type`, `format`, `dateformat` and
 * `static_fields` of a patroni.yml. Pure.
 *
 * A format is Python's, of fields as %(message)s. With JSON only its fields count; %(levelname=level)s
 * is one under another name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LOG_FORM_SIZE 512
#define LOG_FORM_DEFAULT "%(asctime)s %(levelname)s: %(message)s"

typedef struct LogForm {
        bool json;
        char format[LOG_FORM_SIZE];
        char dateformat[64];         /* strftime's; empty: 2026-11-25 09:03:49,123 */
        char statics[LOG_FORM_SIZE]; /* with JSON: members that each line ends with, as JSON */
} LogForm;

typedef struct LogRecord {
        const char *date;
        const char *level; /* Python's name */
        const char *program;
        const char *pid;
        const char *message;
} LogRecord;

/* One line, without its end; what does not fit is cut. */
void log_form_line(const LogForm *form, const LogRecord *record, char *buf, size_t size);

/* Appends s as JSON's string. */
void log_form_quote(char *buf, size_t size, const char *s);
