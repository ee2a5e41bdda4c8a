/*
 * Grid: rows and columns of text, and how they are printed: ruled for people, tab separated for
 * programs.
 *
 * Pure, but for the stream it prints to. Owns copies of its cells.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/macros.h"

#define GRID_COLUMNS_MAX 16

typedef struct GridColumn {
        const char *name; /* static */
        bool right;       /* numbers */
} GridColumn;

typedef struct Grid {
        size_t n_columns, n_rows;
        GridColumn columns[GRID_COLUMNS_MAX];
        char **cells; /* row by row */
        bool failed;  /* out of memory: grid_print() prints nothing */
} Grid;

void grid_add_column(Grid *g, const char *name, bool right); /* before any row */
void grid_add_row(Grid *g);

/* In the last row; "" until it is set. NULL counts as "". See text_clean(). */
void grid_set(Grid *g, size_t column, const char *text);
const char *grid_get(const Grid *g, size_t row, size_t column);

/*
 * title is laid over the first rule; NULL: none. Every row is ruled where a cell has several lines.
 * paint: colours for states and roles.
 */
void grid_print(const Grid *g, FILE *f, const char *title, bool paint);
size_t grid_width(const Grid *g); /* as it is printed */
void grid_print_tsv(const Grid *g, FILE *f);

void grid_done(Grid *g);

/*
 * What came from elsewhere may not move the cursor or colour the screen: control characters but for
 * line ends become '?'. Answers s.
 */
char *text_clean(char *s);

/* Columns a text takes on a screen: characters of UTF-8. */
size_t text_width(const char *s);
