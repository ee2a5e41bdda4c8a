#include <stdio.h>
#include <string.h>

#include "base/log-form.h"
#include "base/macros.h"
#include "base/str.h"

#define FIELD_NAME_SIZE 64

typedef struct Field {
        char name[FIELD_NAME_SIZE];
        char as[FIELD_NAME_SIZE]; /* its name in JSON */
} Field;

static void append(char *buf, size_t size, const char *s)
{
        size_t n = strlen(buf);

        (void)str_copy(buf + n, size - n, s); /* a long line is cut */
}

/* %(name)s at p: what follows it; NULL: there is none. */
static const char *read_field(const char *p, Field *ret)
{
        const char *close = p[0] == '%' && p[1] == '(' ? strchr(p, ')') : NULL;

        if (!close)
                return NULL;
        size_t n = (size_t)(close - p - 2), m = strcspn(p + 2, "=)");
        const char *as = m < n ? p + 2 + m + 1 : p + 2;
        if (!str_copy_n(ret->name, sizeof ret->name, p + 2, m) ||
            !str_copy_n(ret->as, sizeof ret->as, as, (size_t)(close - as)))
                return NULL;
        p = close + 1;
        p += strspn(p, "-+ 0123456789.");
        return p + (*p == 's' || *p == 'd');
}

/* NULL: a field of Python's that says nothing here. */
static const char *value_of(const LogRecord *r, const char *name)
{
        const struct {
                const char *name, *value;
        } values[] = {
                { "asctime", r->date }, { "levelname", r->level }, { "message", r->message },
                { "process", r->pid },  { "name", r->program },    { "module", r->program },
        };

        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                if (str_equal(values[i].name, name))
                        return values[i].value;
        return NULL;
}

static void plain_line(const LogForm *form, const LogRecord *record, char *buf, size_t size)
{
        for (const char *p = form->format; *p;) {
                Field f;
                const char *after = read_field(p, &f);
                const char *value = after ? value_of(record, f.name) : NULL;
                append(buf, size, value ? value : (char[2]){ *p, 0 });
                p = value ? after : p + 1;
        }
}

void log_form_quote(char *buf, size_t size, const char *s)
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

static void json_line(const LogForm *form, const LogRecord *record, char *buf, size_t size)
{
        const char *between = "";

        append(buf, size, "{");
        for (const char *p = form->format; *p;) {
                Field f;
                const char *after = read_field(p, &f);
                const char *value = after ? value_of(record, f.name) : NULL;
                p = after ? after : p + 1;
                if (!value)
                        continue;
                append(buf, size, between);
                log_form_quote(buf, size, f.as);
                append(buf, size, ": ");
                if (str_equal(f.name, "process"))
                        append(buf, size, value);
                else
                        log_form_quote(buf, size, value);
                between = ", ";
        }
        if (form->statics[0]) {
                append(buf, size, between);
                append(buf, size, form->statics);
        }
        append(buf, size, "}");
}

void log_form_line(const LogForm *form, const LogRecord *record, char *buf, size_t size)
{
        buf[0] = 0;
        if (form->json)
                json_line(form, record, buf, size);
        else
                plain_line(form, record, buf, size);
}
