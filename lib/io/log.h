/*
 * log: one line for one thing that happened, to the journal with its fields, or to stdout in the
 * format of patroni.yml's `log:` section where there is no journal (palisade run).
 *
 * error: a person must act; warning: we coped; notice: role, lock or fence changed; info: start,
 * stop, reload; debug: the rest.
 *
 * Threads: none; the permanent fields are set once, in main().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "base/log-form.h"
#include "base/macros.h"
#include "io/events.h"

typedef struct LogField {
        const char *key;
        const char *text; /* NULL: number */
        uint64_t number;
} LogField;

typedef struct LogFields {
        const LogField *rows;
        size_t n;
} LogFields;

/* FIELDS({ "PALISADE_EPOCH", NULL, epoch }, { "PALISADE_RULE", rule, 0 }) */
#define FIELDS(...)                                                                                \
        ((LogFields){ (const LogField[]){ __VA_ARGS__ },                                           \
                      sizeof((const LogField[]){ __VA_ARGS__ }) / sizeof(LogField) })
#define NO_FIELDS ((LogFields){ NULL, 0 })

/*
 * Chooses the target: the journal if stderr is connected to it, else stdout as the environment
 * says (PALISADE_LOG_LEVEL, and what log_export_form() sets: what `palisade run` hands to its
 * children). program goes into SYSLOG_IDENTIFIER.
 */
void log_open(const char *program);
bool log_is_journal(void);

/* The form of lines that do not go to the journal; and the same for children to come. */
void log_set_form(const LogForm *form);
void log_export_form(const LogForm *form);

/* Goes with every line from now on; at most a handful. The text is copied. */
void log_set_field(const char *key, const char *text);

/* DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL (Python's names, any case). -EINVAL if none. */
int log_set_level(const char *name);

/* error: an errno (either sign) that %m prints; 0: none. Answers -|error|. */
int log_full(int priority, int error, const char *message_id, LogFields fields, const char *format,
             ...) _printf_(5, 6);

#define log_error(...) ((void)log_full(LOG_ERR, 0, NULL, NO_FIELDS, __VA_ARGS__))
#define log_warning(...) ((void)log_full(LOG_WARNING, 0, NULL, NO_FIELDS, __VA_ARGS__))
#define log_notice(...) ((void)log_full(LOG_NOTICE, 0, NULL, NO_FIELDS, __VA_ARGS__))
#define log_info(...) ((void)log_full(LOG_INFO, 0, NULL, NO_FIELDS, __VA_ARGS__))
#define log_debug(...) ((void)log_full(LOG_DEBUG, 0, NULL, NO_FIELDS, __VA_ARGS__))

#define log_error_errno(error, ...) log_full(LOG_ERR, error, NULL, NO_FIELDS, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, NULL, NO_FIELDS, __VA_ARGS__)
#define log_debug_errno(error, ...) log_full(LOG_DEBUG, error, NULL, NO_FIELDS, __VA_ARGS__)

/* An event of events.h with its fields. */
#define log_event(priority, id, fields, ...) ((void)log_full(priority, 0, id, fields, __VA_ARGS__))
