#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/factor.h"

/* The first whose text the identity begins with. Others fire at their timeout. */
static const struct {
        const char *identity;
        unsigned factor;
        const char *why;
} factors[] = {
        { "iTCO_wdt", 2, "the TCO timer counts down twice before it resets (Intel ICH9 datasheet, "
                         "13.9; the driver halves for version 1 alone, where `reset_after` may "
                         "say so)" },
};

unsigned factor_of(const char *identity)
{
        for (size_t i = 0; i < ELEMENTSOF(factors); i++)
                if (str_after_prefix(identity, factors[i].identity))
                        return factors[i].factor;
        return 1;
}

unsigned factor_timeout(const char *identity, usec_t within)
{
        usec_t sec = within / factor_of(identity) / USEC_PER_SEC;

        return (unsigned)CLAMP(sec, (usec_t)1, (usec_t)3600);
}

usec_t factor_fires(const char *identity, unsigned granted_sec, usec_t reset_after)
{
        usec_t granted = granted_sec * USEC_PER_SEC;

        if (reset_after != 0)
                return MAX(granted, reset_after);
        return granted * factor_of(identity);
}
