#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/grid.h"

void grid_add_column(Grid *g, const char *name, bool right)
{
        if (g->n_columns < GRID_COLUMNS_MAX)
                g->columns[g->n_columns++] = (GridColumn){ name, right };
}

void grid_add_row(Grid *g)
{
        size_t n = (g->n_rows + 1) * g->n_columns;
        char **cells = realloc(g->cells, n * sizeof *cells);

        if (!cells) {
                g->failed = true;
                return;
        }
        g->cells = cells;
        for (size_t i = g->n_rows * g->n_columns; i < n; i++)
                cells[i] = NULL;
        g->n_rows++;
}

void grid_set(Grid *g, size_t column, const char *text)
{
        char **cell;

        if (g->failed || column >= g->n_columns || g->n_rows == 0)
                return;
        cell = &g->cells[(g->n_rows - 1) * g->n_columns + column];
        free(*cell);
        *cell = strdup(text ? text : "");
        g->failed = !*cell;
        if (*cell)
                (void)text_clean(*cell);
}

const char *grid_get(const Grid *g, size_t row, size_t column)
{
        const char *text = g->cells[row * g->n_columns + column];

        return text ? text : "";
}

void grid_done(Grid *g)
{
        for (size_t i = 0; i < g->n_rows * g->n_columns; i++)
                free(g->cells[i]);
        free(g->cells);
        *g = (Grid){ 0 };
}

char *text_clean(char *s)
{
        for (unsigned char *c = (unsigned char *)s; *c; c++)
                if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
                        *c = '?';
        return s;
}

size_t text_width(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

/* ---- for people ---- */

/* Bytes of the first line, and its width. */
static size_t first_line(const char *s, size_t *ret_width)
{
        size_t n = strcspn(s, "\n"), width = 0;

        for (size_t i = 0; i < n; i++)
                width += ((unsigned char)s[i] & 0xc0) != 0x80;
        *ret_width = width;
        return n;
}

static void measure(const Grid *g, size_t widths[GRID_COLUMNS_MAX], bool *ret_multiline)
{
        *ret_multiline = false;
        for (size_t c = 0; c < g->n_columns; c++) {
                widths[c] = text_width(g->columns[c].name);
                for (size_t r = 0; r < g->n_rows; r++)
                        for (const char *s = grid_get(g, r, c); *s;) {
                                size_t width, n = first_line(s, &width);
                                widths[c] = MAX(widths[c], width);
                                *ret_multiline = *ret_multiline || s[n];
                                s += n + (s[n] == '\n');
                        }
        }
}

static size_t sum(const Grid *g, const size_t *widths)
{
        size_t total = 1;

        for (size_t c = 0; c < g->n_columns; c++)
                total += widths[c] + 3;
        return total;
}

size_t grid_width(const Grid *g)
{
        size_t widths[GRID_COLUMNS_MAX];
        bool multiline;

        measure(g, widths, &multiline);
        return sum(g, widths);
}

static void put_rule(const Grid *g, FILE *f, const size_t *widths, const char *title)
{
        size_t total = sum(g, widths), at = 1, covered;

        covered = title ? text_width(title) : 0;
        fputc('+', f);
        if (title && covered + 2 <= total) {
                fputs(title, f);
        } else if (title) {
                covered = total - 2; /* longer than the table: cut */
                fprintf(f, "%.*s", (int)covered, title);
        }
        for (size_t c = 0; c < g->n_columns; c++) {
                for (size_t i = 0; i < widths[c] + 2; i++, at++)
                        if (at > covered)
                                fputc('-', f);
                if (at > covered)
                        fputc('+', f);
                at++;
        }
        fputc('\n', f);
}

typedef struct Paint {
        const char *column, *text, *code;
} Paint;

static const char *find_paint(const char *column, const char *text)
{
        static const Paint paints[] = {
                { "Role", "Leader", "1" },           { "Role", "Standby Leader", "1" },
                { "State", "running", "32" },        { "State", "streaming", "32" },
                { "State", "stopped", "31" },        { "State", "crashed", "31" },
                { "State", "start failed", "31" },   { "State", "stop failed", "31" },
                { "State", "unknown", "31" },        { "Pending restart", "*", "33" },
        };

        for (size_t i = 0; i < ELEMENTSOF(paints); i++)
                if (str_equal(paints[i].column, column) && str_equal(paints[i].text, text))
                        return paints[i].code;
        return str_equal(column, "State") && *text ? "33" : NULL;
}

static void put_cell(FILE *f, const char *text, size_t n, size_t width, size_t room, bool right,
                     const char *code)
{
        fprintf(f, "| %*s", right ? (int)(room - width) : 0, "");
        if (code)
                fprintf(f, "\033[%sm%.*s\033[0m", code, (int)n, text);
        else
                fprintf(f, "%.*s", (int)n, text);
        fprintf(f, "%*s ", right ? 0 : (int)(room - width), "");
}

/* A row as many lines high as its highest cell. */
static void put_row(const Grid *g, FILE *f, const size_t *widths, size_t row, bool paint)
{
        const char *rest[GRID_COLUMNS_MAX];
        bool more = true;

        for (size_t c = 0; c < g->n_columns; c++)
                rest[c] = grid_get(g, row, c);
        while (more) {
                more = false;
                for (size_t c = 0; c < g->n_columns; c++) {
                        const GridColumn *column = &g->columns[c];
                        size_t width, n = first_line(rest[c], &width);
                        const char *code = paint ? find_paint(column->name, rest[c]) : NULL;
                        put_cell(f, rest[c], n, width, widths[c], column->right, code);
                        rest[c] += n + (rest[c][n] == '\n');
                        more = more || *rest[c];
                }
                fputs("|\n", f);
        }
}

void grid_print(const Grid *g, FILE *f, const char *title, bool paint)
{
        size_t widths[GRID_COLUMNS_MAX];
        bool multiline;

        if (g->failed)
                return;
        measure(g, widths, &multiline);
        put_rule(g, f, widths, title);
        for (size_t c = 0; c < g->n_columns; c++) {
                const GridColumn *column = &g->columns[c];
                put_cell(f, column->name, strlen(column->name), text_width(column->name), widths[c],
                         column->right, NULL);
        }
        fputs("|\n", f);
        put_rule(g, f, widths, NULL);
        for (size_t r = 0; r < g->n_rows; r++) {
                put_row(g, f, widths, r, paint);
                if (multiline || r + 1 == g->n_rows)
                        put_rule(g, f, widths, NULL);
        }
        if (g->n_rows == 0)
                put_rule(g, f, widths, NULL);
}

/* ---- for programs ---- */

void grid_print_tsv(const Grid *g, FILE *f)
{
        if (g->failed)
                return;
        for (size_t c = 0; c < g->n_columns; c++)
                fprintf(f, "%s%s", c > 0 ? "\t" : "", g->columns[c].name);
        fputc('\n', f);
        for (size_t r = 0; r < g->n_rows; r++) {
                for (size_t c = 0; c < g->n_columns; c++)
                        fprintf(f, "%s%s", c > 0 ? "\t" : "", grid_get(g, r, c));
                fputc('\n', f);
        }
}
