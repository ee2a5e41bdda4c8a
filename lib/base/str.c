#include <errno.h>
#include <limits.h>

#include "base/macros.h"
#include "base/str.h"

const char *str_after_prefix(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static char ascii_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_nocase(const char *a, const char *b)
{
        while (*a && ascii_lower(*a) == ascii_lower(*b)) {
                a++;
                b++;
        }
        return ascii_lower(*a) == ascii_lower(*b);
}

bool str_copy_n(char *dst, size_t size, const char *src, size_t n)
{
        size_t fits = n < size ? n : size - 1;

        memcpy(dst, src, fits);
        dst[fits] = 0;
        return fits == n;
}

bool str_copy(char *dst, size_t size, const char *src)
{
        return src ? str_copy_n(dst, size, src, strlen(src)) : str_copy_n(dst, size, "", 0);
}

bool str_terminated(const char *s, size_t size)
{
        return memchr(s, 0, size) != NULL;
}

bool str_list_contains(const char *list, const char *name)
{
        size_t n = strlen(name);

        while (*list) {
                list += strspn(list, ", ");
                size_t len = strcspn(list, ",");
                size_t end = len;
                while (end > 0 && list[end - 1] == ' ')
                        end--;
                if (end == n && n > 0 && memcmp(list, name, n) == 0)
                        return true;
                list += len;
        }
        return false;
}

bool str_list_next(const char **list, char *buf, size_t size)
{
        bool fits = false;

        while (**list && !fits) {
                size_t n = strcspn(*list, ",");
                fits = str_copy_n(buf, size, *list, n);
                *list += n + ((*list)[n] == ',');
        }
        return fits;
}

/* Digits at s; *end is left at the first other character. */
static int digits(const char *s, const char **end, uint64_t *ret)
{
        uint64_t v = 0;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        for (; *s >= '0' && *s <= '9'; s++) {
                if (v > (UINT64_MAX - (uint64_t)(*s - '0')) / 10)
                        return -ERANGE;
                v = v * 10 + (uint64_t)(*s - '0');
        }
        *end = s;
        *ret = v;
        return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
        const char *end;
        uint64_t v;
        int r = digits(s, &end, &v);

        if (r < 0)
                return r;
        if (*end)
                return -EINVAL;
        *ret = v;
        return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
        bool negative = *s == '-';
        uint64_t v;
        int r = str_to_u64(s + (negative || *s == '+'), &v);

        if (r < 0)
                return r;
        if (v > (uint64_t)INT64_MAX)
                return -ERANGE;
        *ret = negative ? -(int64_t)v : (int64_t)v;
        return 0;
}

int str_to_bool(const char *s, bool *ret)
{
        static const char *const yes[] = { "on", "true", "yes", "1" };
        static const char *const no[] = { "off", "false", "no", "0" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                if (str_equal_nocase(s, yes[i])) {
                        *ret = true;
                        return 0;
                }
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                if (str_equal_nocase(s, no[i])) {
                        *ret = false;
                        return 0;
                }
        return -EINVAL;
}

typedef struct Unit {
        const char *name;
        uint64_t scale;
} Unit;

static int number_with_unit(const char *s, const Unit *units, size_t n_units, uint64_t bare,
                            uint64_t *ret)
{
        const char *end;
        uint64_t v, scale = bare;
        int r = digits(s, &end, &v);

        if (r < 0)
                return r;
        end += strspn(end, " ");
        if (*end) {
                size_t i = 0;
                while (i < n_units && !str_equal(units[i].name, end))
                        i++;
                if (i == n_units)
                        return -EINVAL;
                scale = units[i].scale;
        }
        if (v > UINT64_MAX / scale)
                return -ERANGE;
        *ret = v * scale;
        return 0;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
        static const Unit units[] = {
                { "B", 1 },         { "kB", 1 << 10 },  { "MB", 1 << 20 },
                { "GB", 1U << 30 }, { "TB", 1ULL << 40 },
        };
        return number_with_unit(s, units, ELEMENTSOF(units), 1, ret);
}

int str_to_usec(const char *s, uint64_t default_unit_usec, uint64_t *ret)
{
        static const Unit units[] = {
                { "us", 1 },         { "ms", 1000 },        { "s", 1000000 },
                { "min", 60000000 }, { "h", 3600000000ULL }, { "d", 86400000000ULL },
        };
        return number_with_unit(s, units, ELEMENTSOF(units), default_unit_usec, ret);
}

static unsigned least(unsigned a, unsigned b)
{
        return a < b ? a : b;
}

unsigned str_distance(const char *a, const char *b)
{
        enum { LONGEST = 64 };
        size_t na = strlen(a), nb = strlen(b);
        unsigned row[3][LONGEST + 1];

        if (na > LONGEST || nb > LONGEST)
                return UINT_MAX;

        /* Damerau's optimal string alignment, keeping the last three rows. */
        for (size_t j = 0; j <= nb; j++)
                row[0][j] = (unsigned)j;
        for (size_t i = 1; i <= na; i++) {
                unsigned *cur = row[i % 3], *prev = row[(i + 2) % 3], *before = row[(i + 1) % 3];
                cur[0] = (unsigned)i;
                for (size_t j = 1; j <= nb; j++) {
                        unsigned change = prev[j - 1] + (a[i - 1] != b[j - 1]);
                        cur[j] = least(change, least(prev[j], cur[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                cur[j] = least(cur[j], before[j - 2] + 1);
                }
        }
        return row[na % 3][nb];
}
