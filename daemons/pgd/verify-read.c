#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "pgd/verify.h"

static const char *after(const char *line, const char *mark)
{
        const char *at = strstr(line, mark);

        return at ? at + strlen(mark) : NULL;
}

/* `parameter "X"`, wherever it stands in the sentence; the text before may be anything. */
static bool read_name(const char *text, char *name, size_t size)
{
        const char *at = after(text, "parameter \"");
        size_t n = at ? strcspn(at, "\"") : 0;

        return n > 0 && at[n] == '"' && str_copy_n(name, size, at, n);
}

int verify_read_line(const char *line, Complaint *c)
{
        const char *text = after(line, "LOG:  ");
        const char *more = after(line, "HINT:  ");

        if (text) {
                *c = (Complaint){ 0 };
                if (!read_name(text, c->name, sizeof c->name))
                        return 0;
                (void)STR_SET(c->why, text); /* for people: may be cut */
                return 1;
        }
        if (!more)
                more = after(line, "DETAIL:  ");
        if (more && c->name[0]) {
                size_t used = strlen(c->why);
                snprintf(c->why + used, sizeof c->why - used, "; %s", more);
        }
        return 0;
}
