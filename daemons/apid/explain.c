#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/explain.h"
#include "apid/maker.h"
#include "base/str.h"

#define WIDTH 80

char *explain_json(const MsgRow *rows, size_t n)
{
        Maker m = { 0 };
        _cleanup_(node_freep) Node *root = make_root(&m, NODE_MAP);

        for (size_t i = 0; i < n; i++) {
                Node *list = node_get(root, rows[i].section);
                if (!list)
                        list = make_list(&m, root, rows[i].section);
                Node *row = make_map(&m, list, NULL);
                make_text(&m, row, "key", rows[i].key);
                make_text(&m, row, "value", rows[i].value);
                if (rows[i].note[0])
                        make_text(&m, row, "note", rows[i].note);
        }
        return make_finish(&m, root, JSON_SPACED);
}

/* The widest of a section's keys or values, up to a limit. */
static int widest(const MsgRow *rows, size_t n, bool values, int limit)
{
        int width = 0;

        for (size_t i = 0; i < n; i++) {
                int len = (int)strlen(values ? rows[i].value : rows[i].key);
                if (len <= limit)
                        width = MAX(width, len);
        }
        return width;
}

/* Words that do not fit go to the next line, below the first. */
static void put_wrapped(FILE *f, const char *text, int indent)
{
        while (*text) {
                int room = MAX(WIDTH - indent, 20), n = (int)strlen(text);
                if (n > room)
                        for (n = room; n > 0 && text[n] != ' '; n--)
                                ;
                if (n == 0)
                        n = (int)strcspn(text, " "); /* one long word */
                fprintf(f, "%*s%.*s\n", indent, "", n, text);
                text += n + (int)strspn(text + n, " ");
        }
}

static void put_section(FILE *f, const MsgRow *rows, size_t n)
{
        int keys = widest(rows, n, false, 32), values = widest(rows, n, true, 24);

        fprintf(f, "%s\n", rows[0].section);
        for (size_t i = 0; i < n; i++) {
                int used = 4 + MAX(keys, (int)strlen(rows[i].key)) +
                           MAX(values, (int)strlen(rows[i].value));
                if (!rows[i].note[0]) {
                        fprintf(f, "  %-*s  %s\n", keys, rows[i].key, rows[i].value);
                } else if (used + 2 + (int)strlen(rows[i].note) <= WIDTH) {
                        fprintf(f, "  %-*s  %-*s  %s\n", keys, rows[i].key, values, rows[i].value,
                                rows[i].note);
                } else {
                        fprintf(f, "  %-*s  %s\n", keys, rows[i].key, rows[i].value);
                        put_wrapped(f, rows[i].note, keys + 4);
                }
        }
}

char *explain_text(const MsgRow *rows, size_t n)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0, end; i < n; i = end) {
                for (end = i + 1; end < n && str_equal(rows[end].section, rows[i].section); end++)
                        ;
                if (i > 0)
                        fputc('\n', f);
                put_section(f, rows + i, end - i);
        }
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
