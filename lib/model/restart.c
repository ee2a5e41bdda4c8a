#include <errno.h>
#include <stdlib.h>

#include "model/restart.h"

int restart_parse_version(const char *text, uint32_t *ret)
{
        unsigned long part[3] = { 0 };
        size_t n = 0;

        for (const char *p = text;; p++) {
                char *end;
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                unsigned long v = strtoul(p, &end, 10);
                if (v > 99 || (*end && *end != '.'))
                        return -EINVAL;
                if (n == 3)
                        return -ERANGE;
                part[n++] = v;
                p = end;
                if (!*p)
                        break;
        }
        if (n < 2 || (n == 2 && part[0] < 10))
                return -ERANGE;
        if (n == 2)
                part[2] = part[1], part[1] = 0;
        *ret = (uint32_t)(part[0] * 10000 + part[1] * 100 + part[2]);
        return 0;
}
