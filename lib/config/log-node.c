#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config/log-node.h"

static bool add_field(char *buf, size_t size, const char *name, const char *as)
{
        size_t n = strlen(buf);

        return (size_t)snprintf(buf + n, size - n, "%%(%s%s%s)s ", name, as ? "=" : "", as ? as : "") < size - n;
}

/* Names, or {name: what it is called}. */
static bool read_fields(const Node *list, char *buf, size_t size)
{
        buf[0] = 0;
        NODE_FOREACH(n, list) {
                if (n->text && !add_field(buf, size, n->text, NULL))
                        return false;
                NODE_FOREACH(renamed, n)
                        if (renamed->text && !add_field(buf, size, renamed->key, renamed->text))
                                return false;
        }
        return buf[0] != 0;
}

/* Scalars only. */
static void read_statics(const Node *map, LogForm *form)
{
        char text[LOG_FORM_SIZE * 2] = "";

        NODE_FOREACH(n, map) {
                size_t used = strlen(text);
                if (!n->text)
                        continue;
                if (used > 0)
                        (void)str_copy(text + used, sizeof text - used, ", "); /* what is cut is too long below */
                log_form_quote(text, sizeof text, n->key);
                used = strlen(text);
                (void)str_copy(text + used, sizeof text - used, ": ");
                if (n->kind == NODE_STRING) {
                        log_form_quote(text, sizeof text, n->text);
                } else {
                        used = strlen(text);
                        (void)str_copy(text + used, sizeof text - used, n->text);
                }
        }
        if (!STR_SET(form->statics, text))
                form->statics[0] = 0;
}

void log_node_read(const Node *log, LogForm *ret)
{
        const char *type = node_get_text(log, "type");
        const Node *format = node_get(log, "format");
        LogForm form = { .json = type && str_equal_nocase(type, "json") };
        bool given = format && format->kind == NODE_LIST && form.json
                             ? read_fields(format, form.format, sizeof form.format)
                             : format && !str_empty(format->text) && STR_SET(form.format, format->text);

        if (!given)
                (void)STR_SET(form.format, LOG_FORM_DEFAULT); /* it fits */
        if (!STR_SET(form.dateformat, node_get_text(log, "dateformat")))
                form.dateformat[0] = 0;
        if (form.json)
                read_statics(node_get(log, "static_fields"), &form);
        *ret = form;
}
