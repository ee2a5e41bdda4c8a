#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "ctl/diff.h"

#define CONTEXT 3
#define LINES_MAX 4096

typedef struct Line {
        const char *text;
        size_t size;
} Line;

typedef struct Edit {
        char kind; /* ' ', '-', '+' */
        Line line;
} Edit;

static size_t split(const char *text, Line *lines, size_t most)
{
        size_t n = 0;

        while (*text && n < most) {
                size_t size = strcspn(text, "\n");
                lines[n++] = (Line){ text, size };
                text += size + (text[size] == '\n');
        }
        return n;
}

static bool same(Line a, Line b)
{
        return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* Longest common subsequence from each pair of positions to the ends. */
static uint16_t *measure(const Line *a, size_t n, const Line *b, size_t m)
{
        uint16_t *common = calloc((n + 1) * (m + 1), sizeof *common);

        if (!common)
                return NULL;
        for (size_t i = n; i-- > 0;)
                for (size_t j = m; j-- > 0;)
                        common[i * (m + 1) + j] =
                                same(a[i], b[j])
                                        ? (uint16_t)(common[(i + 1) * (m + 1) + j + 1] + 1)
                                        : MAX(common[(i + 1) * (m + 1) + j],
                                              common[i * (m + 1) + j + 1]);
        return common;
}

static size_t walk(const Line *a, size_t n, const Line *b, size_t m, const uint16_t *common,
                   Edit *edits)
{
        size_t i = 0, j = 0, k = 0;

        while (i < n || j < m) {
                if (i < n && j < m && same(a[i], b[j])) {
                        edits[k++] = (Edit){ ' ', a[i++] };
                        j++;
                } else if (i < n && (j == m || common[(i + 1) * (m + 1) + j] >=
                                                       common[i * (m + 1) + j + 1])) {
                        edits[k++] = (Edit){ '-', a[i++] };
                } else {
                        edits[k++] = (Edit){ '+', b[j++] };
                }
        }
        return k;
}

static void put_line(FILE *f, const Edit *e, bool paint)
{
        const char *code = !paint ? NULL : e->kind == '-' ? "31" : e->kind == '+' ? "32" : NULL;

        if (code)
                fprintf(f, "\033[%sm%c%.*s\033[0m\n", code, e->kind, (int)e->line.size, e->line.text);
        else
                fprintf(f, "%c%.*s\n", e->kind, (int)e->line.size, e->line.text);
}

static void put_range(FILE *f, char sign, size_t first, size_t count)
{
        fprintf(f, " %c%zu", sign, count == 0 ? first - 1 : first);
        if (count != 1)
                fprintf(f, ",%zu", count);
}

static void put_hunk(FILE *f, const Edit *edits, size_t from, size_t to, size_t a, size_t b,
                     bool paint)
{
        size_t removed = 0, added = 0;

        for (size_t i = from; i < to; i++) {
                removed += edits[i].kind != '+';
                added += edits[i].kind != '-';
        }
        fputs("@@", f);
        put_range(f, '-', a, removed);
        put_range(f, '+', b, added);
        fputs(" @@\n", f);
        for (size_t i = from; i < to; i++)
                put_line(f, &edits[i], paint);
}

/* One past the last line of the hunk whose first change is at `first`. */
static size_t hunk_end(const Edit *edits, size_t n, size_t first)
{
        size_t end = first;

        for (size_t i = first; i < n && i <= end + 2 * CONTEXT + 1; i++)
                if (edits[i].kind != ' ')
                        end = i;
        return MIN(end + 1 + CONTEXT, n);
}

static bool put_hunks(FILE *f, const Edit *edits, size_t n, bool paint)
{
        size_t a = 1, b = 1; /* line numbers at i */
        bool any = false;

        for (size_t i = 0; i < n;) {
                size_t first = i, from;
                while (first < n && edits[first].kind == ' ')
                        first++;
                if (first == n)
                        break;
                from = first - i > CONTEXT ? first - CONTEXT : i;
                a += from - i;
                b += from - i;
                if (!any)
                        fputs("--- \n+++ \n", f);
                any = true;
                size_t to = hunk_end(edits, n, first);
                put_hunk(f, edits, from, to, a, b, paint);
                for (i = from; i < to; i++) {
                        a += edits[i].kind != '+';
                        b += edits[i].kind != '-';
                }
        }
        return any;
}

bool diff_print(FILE *f, const char *before, const char *after, bool paint)
{
        Line *a = calloc(LINES_MAX, sizeof *a), *b = calloc(LINES_MAX, sizeof *b);
        Edit *edits = calloc(2 * LINES_MAX, sizeof *edits);
        uint16_t *common = NULL;
        bool any = strcmp(before, after) != 0;

        if (a && b && edits && any) {
                size_t n = split(before, a, LINES_MAX), m = split(after, b, LINES_MAX);
                common = measure(a, n, b, m);
                if (common)
                        (void)put_hunks(f, edits, walk(a, n, b, m, common, edits), paint);
        }
        free(a);
        free(b);
        free(edits);
        free(common);
        return any;
}
