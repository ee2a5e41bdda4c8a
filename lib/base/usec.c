#include <errno.h>
#include <stdbool.h>
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

static int64_t days_from_civil(int y, unsigned m, unsigned d)
{
        y -= m <= 2;
        int64_t era = y / 400;
        unsigned yoe = (unsigned)(y - era * 400);
        unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;

        return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

/* n digits at *s, from least to most; moves *s behind them. */
static bool take_number(const char **s, int n, unsigned least, unsigned most, unsigned *ret)
{
        unsigned v = 0;

        for (; n > 0; n--, (*s)++) {
                if (**s < '0' || **s > '9')
                        return false;
                v = v * 10 + (unsigned)(**s - '0');
        }
        *ret = v;
        return v >= least && v <= most;
}

static bool take_char(const char **s, char c)
{
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

static bool take_date(const char **s, int64_t *ret_days)
{
        static const unsigned char month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        unsigned y, m, d;

        if (!take_number(s, 4, 1970, 9999, &y) || !take_char(s, '-') ||
            !take_number(s, 2, 1, 12, &m) || !take_char(s, '-') || !take_number(s, 2, 1, 31, &d))
                return false;
        bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        *ret_days = days_from_civil((int)y, m, d);
        return d <= month_days[m - 1] + (m == 2 && leap ? 1U : 0U);
}

static bool take_time(const char **s, usec_t *ret)
{
        unsigned hour, minute, second = 0;
        usec_t unit = USEC_PER_SEC, fraction = 0;

        if (!take_number(s, 2, 0, 23, &hour) || !take_char(s, ':') ||
            !take_number(s, 2, 0, 59, &minute))
                return false;
        if (take_char(s, ':')) {
                if (!take_number(s, 2, 0, 59, &second))
                        return false;
                if (take_char(s, '.'))
                        for (; **s >= '0' && **s <= '9'; (*s)++) {
                                unit /= 10; /* 0 below a microsecond: not counted */
                                fraction += unit * (usec_t)(**s - '0');
                        }
        }
        *ret = (hour * 3600ULL + minute * 60 + second) * USEC_PER_SEC + fraction;
        return true;
}

/* The offset east of UTC. False: not a zone. */
static bool take_zone(const char **s, int64_t *ret)
{
        unsigned hours, minutes = 0;

        *ret = 0;
        if (take_char(s, 'Z') || take_char(s, 'z'))
                return true;
        bool west = **s == '-';
        if (!take_char(s, '+') && !take_char(s, '-'))
                return false;
        if (!take_number(s, 2, 0, 23, &hours))
                return false;
        if ((take_char(s, ':') || **s) && !take_number(s, 2, 0, 59, &minutes))
                return false;
        *ret = (int64_t)(hours * 3600 + minutes * 60) * (int64_t)USEC_PER_SEC * (west ? -1 : 1);
        return true;
}

int usec_parse_iso(const char *text, usec_t *ret_wall_usec)
{
        const char *s = text;
        int64_t days, zone = 0;
        usec_t time = 0;
        bool has_zone = false;

        if (!take_date(&s, &days))
                return -EINVAL;
        if (take_char(&s, 'T') || take_char(&s, ' ')) {
                if (!take_time(&s, &time))
                        return -EINVAL;
                has_zone = *s != 0;
                if (has_zone && !take_zone(&s, &zone))
                        return -EINVAL;
        }
        int64_t wall = days * 86400 * (int64_t)USEC_PER_SEC + (int64_t)time - zone;
        if (*s || wall < 0)
                return -EINVAL;
        *ret_wall_usec = (usec_t)wall;
        return has_zone ? 0 : 1;
}
