#include "dcsd/doubt.h"

bool doubt_is_open(const Doubt *d, Epoch epoch, uint64_t revision)
{
        return d->epoch != epoch || (d->open && d->compared == revision);
}

void doubt_sent(Doubt *d, Epoch epoch, uint64_t revision, bool adds)
{
        d->was_open = doubt_is_open(d, epoch, revision);
        d->open = d->was_open || adds;
        d->compared = revision;
}

void doubt_answered(Doubt *d, Epoch epoch, Outcome outcome)
{
        if (outcome == OUTCOME_DONE)
                d->epoch = epoch;
        if (outcome == OUTCOME_DONE || (outcome == OUTCOME_REFUSED && !d->was_open))
                d->open = false;
}
