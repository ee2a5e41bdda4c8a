#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"

#define LINE_SIZE 2048
#define FIELDS_MAX 16
#define FIELD_SIZE 512

static struct {
        const char *program;
        bool journal;
        int level;
        LogForm form;
        char permanent[4][FIELD_SIZE];
        size_t n_permanent;
} target = { .program = "palisade", .level = LOG_INFO, .form = { .format = LOG_FORM_DEFAULT } };

static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;
        char text[64];

        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return false;
        snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        return str_equal(stream, text);
}

void log_open(const char *program)
{
        const char *level = getenv("PALISADE_LOG_LEVEL"), *type = getenv("PALISADE_LOG_TYPE");
        const char *format = getenv("PALISADE_LOG_FORMAT");
        LogForm form = { .json = type && str_equal(type, "json") };

        /* Whoever set them has seen that they fit. */
        (void)STR_SET(form.format, str_empty(format) ? LOG_FORM_DEFAULT : format);
        (void)STR_SET(form.dateformat, getenv("PALISADE_LOG_DATEFORMAT"));
        (void)STR_SET(form.statics, getenv("PALISADE_LOG_STATIC_FIELDS"));
        target.program = program;
        target.journal = stderr_is_journal();
        target.form = form;
        if (level)
                (void)log_set_level(level); /* a bad one was refused by whoever set it */
}

bool log_is_journal(void)
{
        return target.journal;
}

void log_set_form(const LogForm *form)
{
        target.form = *form;
}

/* Fails only for want of memory: then a child's lines have the form of before. */
void log_export_form(const LogForm *form)
{
        (void)setenv("PALISADE_LOG_TYPE", form->json ? "json" : "plain", 1);
        (void)setenv("PALISADE_LOG_FORMAT", form->format, 1);
        (void)setenv("PALISADE_LOG_DATEFORMAT", form->dateformat, 1);
        (void)setenv("PALISADE_LOG_STATIC_FIELDS", form->statics, 1);
}

void log_set_field(const char *key, const char *text)
{
        if (target.n_permanent == ELEMENTSOF(target.permanent))
                return;
        snprintf(target.permanent[target.n_permanent++], FIELD_SIZE, "%s=%s", key, text);
}

static const struct {
        const char *name;
        int priority;
} levels[] = {
        { "CRITICAL", LOG_CRIT }, { "ERROR", LOG_ERR },       { "WARNING", LOG_WARNING },
        { "WARN", LOG_WARNING },  { "NOTICE", LOG_NOTICE },   { "INFO", LOG_INFO },
        { "DEBUG", LOG_DEBUG },
};

int log_set_level(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (str_equal_nocase(levels[i].name, name)) {
                        target.level = levels[i].priority;
                        return 0;
                }
        return -EINVAL;
}

/* Python knows no NOTICE: what others read as INFO is called so there. */
static const char *python_level(int priority)
{
        if (priority == LOG_NOTICE)
                return "INFO";
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (levels[i].priority == priority)
                        return levels[i].name;
        return "INFO";
}

static void to_journal(int priority, const char *id, LogFields fields, const char *message)
{
        static char text[FIELDS_MAX][FIELD_SIZE];
        static char line[LINE_SIZE + 16];
        struct iovec iov[FIELDS_MAX + ELEMENTSOF(target.permanent) + 4];
        int n = 0;

        snprintf(line, sizeof line, "MESSAGE=%s", message);
        iov[n++] = (struct iovec){ line, strlen(line) };
        snprintf(text[0], FIELD_SIZE, "PRIORITY=%d", priority);
        iov[n++] = (struct iovec){ text[0], strlen(text[0]) };
        snprintf(text[1], FIELD_SIZE, "SYSLOG_IDENTIFIER=%s", target.program);
        iov[n++] = (struct iovec){ text[1], strlen(text[1]) };
        if (id) {
                snprintf(text[2], FIELD_SIZE, "MESSAGE_ID=%s", id);
                iov[n++] = (struct iovec){ text[2], strlen(text[2]) };
        }
        for (size_t i = 0; i < target.n_permanent; i++)
                iov[n++] = (struct iovec){ target.permanent[i], strlen(target.permanent[i]) };
        for (size_t i = 0; i < fields.n && i + 3 < FIELDS_MAX; i++) {
                const LogField *f = &fields.rows[i];
                if (f->text)
                        snprintf(text[i + 3], FIELD_SIZE, "%s=%s", f->key, f->text);
                else
                        snprintf(text[i + 3], FIELD_SIZE, "%s=%" PRIu64, f->key, f->number);
                iov[n++] = (struct iovec){ text[i + 3], strlen(text[i + 3]) };
        }
        (void)sd_journal_sendv(iov, n); /* nowhere left to complain */
}

static const char *asctime_text(char *buf, size_t size, usec_t now)
{
        time_t sec = (time_t)(now / USEC_PER_SEC);
        struct tm tm;
        size_t n;

        localtime_r(&sec, &tm);
        if (target.form.dateformat[0]) {
                n = strftime(buf, size, target.form.dateformat, &tm);
                return n ? buf : "";
        }
        n = strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(buf + n, size - n, ",%03u", (unsigned)(now / USEC_PER_MSEC % 1000));
        return buf;
}

static void to_stdout(int priority, const char *message)
{
        static char line[LINE_SIZE * 2];
        char date[64], pid[16];

        snprintf(pid, sizeof pid, "%d", (int)getpid());
        LogRecord record = { .date = asctime_text(date, sizeof date, now_wall()),
                             .level = python_level(priority),
                             .program = target.program,
                             .pid = pid,
                             .message = message };
        log_form_line(&target.form, &record, line, sizeof line - 1);
        strcat(line, "\n"); /* there is room */
        if (write(STDOUT_FILENO, line, strlen(line)) < 0)
                return; /* nowhere left to complain */
}

int log_full(int priority, int error, const char *message_id, LogFields fields, const char *format,
             ...)
{
        static char message[LINE_SIZE];
        int saved = errno;
        va_list ap;

        if (error < 0)
                error = -error;
        if (priority <= target.level) {
                errno = error ? error : saved;
                va_start(ap, format);
                vsnprintf(message, sizeof message, format, ap);
                va_end(ap);
                if (target.journal)
                        to_journal(priority, message_id, fields, message);
                else
                        to_stdout(priority, message);
        }
        errno = saved;
        return -error;
}
