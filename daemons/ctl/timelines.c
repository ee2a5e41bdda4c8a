#include "ctl/timelines.h"
#include "ctl/grid.h"

static const GridColumn columns[] = {
        { "TL", true },
        { "LSN", true },
        { "Reason", false },
        { "Timestamp", false },
        { "New Leader", false }
};

static Grid make_grid(const Node *history)
{
        Grid g = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                grid_add_column(&g, columns[i].name, columns[i].right);
        NODE_FOREACH(line, history) {
                size_t column = 0;
                grid_add_row(&g);
                NODE_FOREACH(value, line)
                grid_set(&g, column++, value->text);
        }
        return g;
}

void timelines_print_pretty(const Node *history, FILE *f)
{
        Grid g = make_grid(history);

        grid_print(&g, f, NULL, false);
        grid_done(&g);
}

void timelines_print_tsv(const Node *history, FILE *f)
{
        Grid g = make_grid(history);

        grid_print_tsv(&g, f);
        grid_done(&g);
}

static int add_line(Node *list, const Node *line)
{
        Node *row = node_new(NODE_MAP);
        size_t column = 0;
        int r = node_put(list, NULL, row);

        NODE_FOREACH(value, line)
        if (r >= 0 && column < ELEMENTSOF(columns))
                r = node_put(row, columns[column++].name, node_copy(value));
        return r;
}

Node *timelines_list(const Node *history)
{
        _cleanup_(node_freep) Node *list = node_new(NODE_LIST);
        int r = 0;

        NODE_FOREACH(line, history)
        if (list && r >= 0)
                r = add_line(list, line);
        return r < 0 ? NULL : TAKE_PTR(list);
}
