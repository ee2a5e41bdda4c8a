#include <errno.h>
#include <stdio.h>

#include "base/lsn.h"

/* Up to eight hexadecimal digits; returns how many were read. */
static size_t hex(const char *s, uint64_t *ret)
{
        size_t n = 0;
        uint64_t v = 0;

        for (; n < 8; n++) {
                char c = s[n];
                unsigned digit;
                if (c >= '0' && c <= '9')
                        digit = (unsigned)(c - '0');
                else if (c >= 'A' && c <= 'F')
                        digit = (unsigned)(c - 'A' + 10);
                else if (c >= 'a' && c <= 'f')
                        digit = (unsigned)(c - 'a' + 10);
                else
                        break;
                v = v << 4 | digit;
        }
        *ret = v;
        return n;
}

int lsn_parse(const char *s, Lsn *ret)
{
        uint64_t high, low;
        size_t n = hex(s, &high);

        if (n == 0 || s[n] != '/')
                return -EINVAL;
        s += n + 1;
        n = hex(s, &low);
        if (n == 0 || s[n] != 0)
                return -EINVAL;
        *ret = high << 32 | low;
        return 0;
}

char *lsn_format(char *buf, size_t size, Lsn lsn)
{
        snprintf(buf, size, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
        return buf;
}
