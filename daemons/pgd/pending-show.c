#include <inttypes.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/str.h"
#include "pgd/pending.h"

bool pending_is_recovery(const char *name)
{
        static const char *const names[] = { "primary_conninfo", "primary_slot_name", "restore_command" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (str_equal(names[i], name))
                        return true;
        return false;
}

/* Each family from its smallest to its largest. */
typedef struct Unit {
        const char *name;
        int64_t times; /* the smallest */
} Unit;

static const Unit memory[] = {
        { "B", 1 }, { "kB", 1 << 10 }, { "MB", 1 << 20 }, { "GB", 1 << 30 }, { "TB", 1LL << 40 },
};
static const Unit times[] = {
        { "us", 1 },         { "ms", 1000 },        { "s", 1000000 },
        { "min", 60000000 }, { "h", 3600000000LL }, { "d", 86400000000LL },
};

typedef struct Family {
        const Unit *units;
        size_t n;
} Family;

static const Family families[] = { { memory, ELEMENTSOF(memory) }, { times, ELEMENTSOF(times) } };

/* "120", "120 MB": the digits, and what follows behind blanks. */
static const char *split_number(const char *text, int64_t *ret)
{
        char digits[24];
        size_t n = strspn(text + (*text == '-'), "0123456789") + (*text == '-');

        if (!str_copy_n(digits, sizeof digits, text, n) || str_to_i64(digits, ret) < 0)
                return NULL;
        return text + n + strspn(text + n, " \t");
}

/* How many of the smallest unit; 0: none of that family. "8kB" is eight of them. */
static int64_t unit_size(const Family *f, const char *unit)
{
        int64_t factor = 1;
        const char *name = split_number(unit, &factor);

        for (size_t i = 0; i < f->n; i++)
                if (str_equal(f->units[i].name, name ? name : unit))
                        return f->units[i].times * (name ? factor : 1);
        return 0;
}

static void show_amount(int64_t v, const Family *f, char *buf, size_t size)
{
        size_t i = f->n - 1;

        while (i > 0 && v % f->units[i].times != 0)
                i--;
        snprintf(buf, size, "%" PRId64 "%s", v / f->units[i].times, f->units[i].name);
}

static bool show_integer(const char *value, const char *unit, char *buf, size_t size)
{
        int64_t v, product;
        const char *own = split_number(value, &v);

        if (!own)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                int64_t times_own = unit_size(&families[i], *own ? own : unit);
                if (v <= 0 || times_own == 0 || unit_size(&families[i], unit) == 0 ||
                    __builtin_mul_overflow(v, times_own, &product))
                        continue;
                show_amount(product, &families[i], buf, size);
                return true;
        }
        return false; /* no unit, or a number that stands for something else: 0, -1 */
}

void pending_show(const char *value, const char *vartype, const char *unit, char *buf, size_t size)
{
        bool flag;

        if (str_equal(vartype, "integer") && show_integer(value, unit, buf, size))
                return;
        if (str_equal(vartype, "bool") && str_to_bool(value, &flag) >= 0)
                value = flag ? "on" : "off";
        (void)str_copy(buf, size, value); /* for people: may be cut */
}
