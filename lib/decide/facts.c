#include "base/macros.h"
#include "decide/facts.h"

#define F(name, NAME, ...) static const char *const name##_values[] = { __VA_ARGS__ };
FACTS(F)
#undef F

#define F(name, NAME, ...)                                                                         \
        _Static_assert(ELEMENTSOF(name##_values) == NAME##_MAX, "one name for each value");
FACTS(F)
#undef F

static const struct {
        const char *name;
        const char *const *values;
        unsigned n_values;
} facts[FACT_COUNT] = {
#define F(name, NAME, ...) [FACT_##NAME] = { #name, name##_values, ELEMENTSOF(name##_values) },
        FACTS(F)
#undef F
};

const char *fact_name(FactId id)
{
        return facts[id].name;
}

unsigned fact_max(FactId id)
{
        return facts[id].n_values;
}

const char *fact_value_name(FactId id, unsigned value)
{
        return value < facts[id].n_values ? facts[id].values[value] : "?";
}
