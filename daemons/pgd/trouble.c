#include "base/macros.h"
#include "base/str.h"
#include "pgd/trouble.h"

#define RETRY_FIRST (2 * USEC_PER_SEC)
#define RETRY_MOST (60 * USEC_PER_SEC)

static uint32_t find(const Trouble *t, const char *name)
{
        uint32_t i = 0;

        while (i < t->n && !str_equal(t->rows[i].name, name))
                i++;
        return i;
}

/* Its row; a new one where it has none: a free one, else that which waited longest. */
static uint32_t place(Trouble *t, const char *name)
{
        uint32_t at = find(t, name);

        if (at < t->n)
                return at;
        if (t->n < ELEMENTSOF(t->rows))
                at = t->n++;
        else
                for (uint32_t i = at = 0; i < t->n; i++)
                        if (t->rows[i].retry_at < t->rows[at].retry_at)
                                at = i;
        (void)STR_SET(t->rows[at].name, name); /* a slot's name */
        t->rows[at].why[0] = 0;
        t->rows[at].failures = 0;
        return at;
}

bool trouble_note(Trouble *t, const char *name, const char *why, usec_t now)
{
        char text[REASON_SIZE];
        uint32_t at = place(t, name);
        usec_t wait = RETRY_FIRST;

        for (unsigned n = t->rows[at].failures++; n > 0 && wait < RETRY_MOST; n--)
                wait *= 2;
        t->rows[at].retry_at = now + MIN(wait, RETRY_MOST);
        (void)STR_SET(text, why); /* may be cut */
        bool is_new = !str_equal(t->rows[at].why, text);
        (void)STR_SET(t->rows[at].why, text); /* same size */
        return is_new;
}

void trouble_over(Trouble *t, const char *name)
{
        uint32_t at = find(t, name);

        if (at < t->n)
                t->rows[at] = t->rows[--t->n];
}

bool trouble_waits(const Trouble *t, const char *name, usec_t now)
{
        uint32_t at = find(t, name);

        return at < t->n && now < t->rows[at].retry_at;
}
