#include <stdio.h>

#include "base/usec.h"

usec_t usec_add(usec_t a, usec_t b)
{
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

usec_t usec_sub(usec_t a, usec_t b)
{
        if (a == USEC_INFINITY)
                return a;
        return a > b ? a - b : 0;
}

char *usec_format(char *buf, size_t size, usec_t amount)
{
        if (amount == USEC_INFINITY)
                snprintf(buf, size, "never");
        else if (amount < USEC_PER_SEC)
                snprintf(buf, size, "%u ms", (unsigned)(amount / USEC_PER_MSEC));
        else if (amount < 60 * USEC_PER_SEC)
                snprintf(buf, size, "%u.%02u s", (unsigned)(amount / USEC_PER_SEC),
                         (unsigned)(amount % USEC_PER_SEC / 10000));
        else
                snprintf(buf, size, "%llu min %u s",
                         (unsigned long long)(amount / (60 * USEC_PER_SEC)),
                         (unsigned)(amount / USEC_PER_SEC % 60));
        return buf;
}

/* Days since 1970-01-01 to a civil date; the era arithmetic is Howard Hinnant's, public domain. */
static void civil_from_days(int64_t days, int *ret_y, unsigned *ret_m, unsigned *ret_d)
{
        days += 719468;
        int64_t era = days / 146097;
        unsigned doe = (unsigned)(days - era * 146097);
        unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        unsigned mp = (5 * doy + 2) / 153;

        *ret_d = doy - (153 * mp + 2) / 5 + 1;
        *ret_m = mp < 10 ? mp + 3 : mp - 9;
        *ret_y = (int)(yoe + era * 400) + (*ret_m <= 2);
}

char *usec_format_iso(char *buf, size_t size, usec_t wall_usec, char sep)
{
        uint64_t sec = wall_usec / USEC_PER_SEC;
        unsigned day_sec = (unsigned)(sec % 86400);
        unsigned month, day;
        int year;

        civil_from_days((int64_t)(sec / 86400), &year, &month, &day);
        snprintf(buf, size, "%04d-%02u-%02u%c%02u:%02u:%02u.%06u+00:00", year, month, day, sep,
                 day_sec / 3600, day_sec / 60 % 60, day_sec % 60,
                 (unsigned)(wall_usec % USEC_PER_SEC));
        return buf;
}
