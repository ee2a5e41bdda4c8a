#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "writer-ledger.h"

#define FOUND 0x80

struct Ledger {
        uint8_t *rows; /* a Fate, and FOUND; row id is rows[id - 1] */
        size_t n_rows, n_allocated;
        usec_t threshold;
        bool acknowledged_any;
        Outage gap; /* since the last acknowledgement */
        Totals totals;
};

int ledger_new(Ledger **ret, usec_t threshold)
{
        Ledger *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        l->threshold = threshold;
        *ret = l;
        return 0;
}

Ledger *ledger_free(Ledger *l)
{
        if (!l)
                return NULL;
        free(l->rows);
        free(l);
        return NULL;
}

static Fate fate_of(const Ledger *l, size_t i)
{
        return l->rows[i] & ~FOUND;
}

static bool was_found(const Ledger *l, size_t i)
{
        return l->rows[i] & FOUND;
}

uint64_t ledger_send(Ledger *l)
{
        if (l->n_rows == l->n_allocated) {
                size_t n = l->n_allocated ? l->n_allocated * 2 : 4096;
                uint8_t *rows = realloc(l->rows, n);

                if (!rows)
                        return 0;
                l->rows = rows;
                l->n_allocated = n;
        }
        l->rows[l->n_rows++] = FATE_UNKNOWN;
        return l->n_rows;
}

bool ledger_acknowledge(Ledger *l, uint64_t id, Instant now, Outage *ret)
{
        bool outage = ledger_stalled(l, now, ret);

        l->rows[id - 1] = FATE_ACKNOWLEDGED;
        if (outage) {
                usec_t amount = now.mono - l->gap.from.mono;

                l->totals.outages++;
                l->totals.total += amount;
                l->totals.longest = MAX(l->totals.longest, amount);
        }
        l->acknowledged_any = true;
        l->gap = (Outage){ .from = now };
        return outage;
}

void ledger_attempt_failed(Ledger *l, const char *error)
{
        if (l->gap.attempts_failed++ == 0)
                strncpy(l->gap.error, error, sizeof l->gap.error - 1);
}

void ledger_fail(Ledger *l, uint64_t id, Fate fate, const char *error)
{
        l->rows[id - 1] = fate;
        ledger_attempt_failed(l, error);
}

bool ledger_stalled(const Ledger *l, Instant now, Outage *ret)
{
        if (!l->acknowledged_any || now.mono - l->gap.from.mono <= l->threshold)
                return false;
        *ret = l->gap;
        ret->to = now;
        return true;
}

const char *ledger_error(const Ledger *l)
{
        return l->gap.error;
}

void ledger_took(Ledger *l, usec_t amount)
{
        l->totals.slowest = MAX(l->totals.slowest, amount);
}

bool ledger_found(Ledger *l, uint64_t id)
{
        if (id == 0 || id > l->n_rows)
                return false;
        l->rows[id - 1] |= FOUND;
        return true;
}

Totals ledger_totals(const Ledger *l)
{
        Totals t = l->totals;

        t.sent = l->n_rows;
        for (size_t i = 0; i < l->n_rows; i++) {
                bool found = was_found(l, i);

                switch (fate_of(l, i)) {
                case FATE_UNKNOWN:
                        t.unknown++;
                        t.unknown_present += found;
                        break;
                case FATE_ACKNOWLEDGED:
                        t.acknowledged++;
                        t.missing += !found;
                        break;
                case FATE_REFUSED:
                        t.refused++;
                        t.refused_present += found;
                        break;
                case FATE_MAX: break;
                }
        }
        return t;
}

size_t ledger_missing(const Ledger *l, uint64_t *ids, size_t n)
{
        size_t found = 0;

        for (size_t i = 0; i < l->n_rows; i++)
                if (fate_of(l, i) == FATE_ACKNOWLEDGED && !was_found(l, i)) {
                        if (found < n)
                                ids[found] = i + 1;
                        found++;
                }
        return found;
}
