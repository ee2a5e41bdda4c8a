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
        bool json;
        const char *format;
        const char *dateformat;
        char permanent[4][FIELD_SIZE];
        size_t n_permanent;
} target = { .program = "palisade", .level = LOG_INFO };

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

        target.program = program;
        target.journal = stderr_is_journal();
        target.format = getenv("PALISADE_LOG_FORMAT");
        if (str_empty(target.format))
                target.format = "%(asctime)s %(levelname)s: %(message)s";
        target.dateformat = getenv("PALISADE_LOG_DATEFORMAT");
        target.json = type && str_equal(type, "json");
        if (level)
                (void)log_set_level(level); /* a bad one was refused by whoever set it */
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

static void append(char *buf, size_t size, const char *s)
{
        size_t n = strlen(buf);

        (void)str_copy(buf + n, size - n, s); /* a long line is cut */
}

static const char *asctime_text(char *buf, size_t size, usec_t now)
{
        time_t sec = (time_t)(now / USEC_PER_SEC);
        struct tm tm;
        size_t n;

        localtime_r(&sec, &tm);
        if (!str_empty(target.dateformat)) {
                n = strftime(buf, size, target.dateformat, &tm);
                return n ? buf : "";
        }
        n = strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(buf + n, size - n, ",%03u", (unsigned)(now / USEC_PER_MSEC % 1000));
        return buf;
}

/* The value of one %(name)s of Python's formats; NULL: none that we know. */
static const char *format_value(const char *name, size_t n, const char *date, const char *level,
                                const char *pid, const char *message)
{
        const struct {
                const char *name, *value;
        } values[] = {
                { "asctime", date },   { "levelname", level },     { "message", message },
                { "process", pid },    { "name", target.program }, { "module", target.program },
        };
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                if (strlen(values[i].name) == n && memcmp(values[i].name, name, n) == 0)
                        return values[i].value;
        return NULL;
}

static void format_line(char *line, size_t size, const char *date, const char *level,
                        const char *message)
{
        char pid[16];

        snprintf(pid, sizeof pid, "%d", (int)getpid());
        line[0] = 0;
        for (const char *p = target.format; *p;) {
                const char *close = p[0] == '%' && p[1] == '(' ? strchr(p, ')') : NULL;
                const char *value = NULL;
                if (close)
                        value = format_value(p + 2, (size_t)(close - p - 2), date, level, pid,
                                             message);
                if (value) {
                        append(line, size, value);
                        p = close + 1;
                        p += strspn(p, "-+ 0123456789.");
                        p += *p == 's' || *p == 'd';
                } else {
                        append(line, size, (char[2]){ *p, 0 });
                        p++;
                }
        }
}

static void json_string(char *buf, size_t size, const char *s)
{
        append(buf, size, "\"");
        for (; *s; s++) {
                char piece[8] = { *s, 0 };
                if (*s == '"' || *s == '\\')
                        snprintf(piece, sizeof piece, "\\%c", *s);
                else if ((unsigned char)*s < 0x20)
                        snprintf(piece, sizeof piece, "\\u%04x", *s);
                append(buf, size, piece);
        }
        append(buf, size, "\"");
}

static void to_stdout(int priority, const char *message)
{
        static char line[LINE_SIZE * 2];
        char date_buf[64];
        const char *date = asctime_text(date_buf, sizeof date_buf, now_wall());
        const char *level = python_level(priority);

        if (target.json) {
                line[0] = 0;
                append(line, sizeof line, "{\"asctime\": ");
                json_string(line, sizeof line, date);
                append(line, sizeof line, ", \"levelname\": ");
                json_string(line, sizeof line, level);
                append(line, sizeof line, ", \"message\": ");
                json_string(line, sizeof line, message);
                append(line, sizeof line, "}");
        } else {
                format_line(line, sizeof line, date, level, message);
        }
        append(line, sizeof line, "\n");
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
