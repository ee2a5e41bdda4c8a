#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "base/macros.h"
#include "dcsd/iso.h"

/* n digits at *s, within the range. */
static int take_number(const char **s, unsigned n, int least, int most, int *ret)
{
        int v = 0;

        for (; n > 0; n--, (*s)++) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                v = v * 10 + (**s - '0');
        }
        if (v < least || v > most)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int take_char(const char **s, char c)
{
        if (**s != c)
                return -EINVAL;
        (*s)++;
        return 0;
}

static int take_fraction(const char **s, usec_t *ret)
{
        usec_t unit = USEC_PER_SEC;

        *ret = 0;
        if (**s != '.' && **s != ',')
                return 0;
        (*s)++;
        if (**s < '0' || **s > '9')
                return -EINVAL;
        for (; **s >= '0' && **s <= '9'; (*s)++) {
                unit /= 10; /* below a microsecond it is 0: the rest does not count */
                *ret += unit * (usec_t)(**s - '0');
        }
        return 0;
}

static int take_zone(const char **s, int *ret_seconds)
{
        int hours, minutes = 0, sign = **s == '-' ? -1 : 1;

        *ret_seconds = 0;
        if (**s == 'Z' || **s == 'z')
                return take_char(s, **s);
        if (**s != '+' && **s != '-')
                return -EINVAL;
        (*s)++;
        if (take_number(s, 2, 0, 23, &hours) < 0)
                return -EINVAL;
        if (**s == ':')
                (*s)++;
        if (**s && take_number(s, 2, 0, 59, &minutes) < 0)
                return -EINVAL;
        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return 0;
}

int iso_parse(const char *text, usec_t *ret_wall_usec)
{
        struct tm tm = { 0 };
        const char *s = text;
        usec_t fraction;
        int zone;

        if (take_number(&s, 4, 1970, 9999, &tm.tm_year) < 0 || take_char(&s, '-') < 0 ||
            take_number(&s, 2, 1, 12, &tm.tm_mon) < 0 || take_char(&s, '-') < 0 ||
            take_number(&s, 2, 1, 31, &tm.tm_mday) < 0)
                return -EINVAL;
        if (take_char(&s, 'T') < 0 && take_char(&s, ' ') < 0)
                return -EINVAL;
        if (take_number(&s, 2, 0, 23, &tm.tm_hour) < 0 || take_char(&s, ':') < 0 ||
            take_number(&s, 2, 0, 59, &tm.tm_min) < 0)
                return -EINVAL;
        if (*s == ':' &&
            (take_char(&s, ':') < 0 || take_number(&s, 2, 0, 60, &tm.tm_sec) < 0))
                return -EINVAL;
        if (take_fraction(&s, &fraction) < 0)
                return -EINVAL;
        s += *s == ' ';
        if (take_zone(&s, &zone) < 0 || *s)
                return -EINVAL;

        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        time_t sec = timegm(&tm) - zone;
        if (sec < 0)
                return -EINVAL;
        *ret_wall_usec = (usec_t)sec * USEC_PER_SEC + fraction;
        return 0;
}
