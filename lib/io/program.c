#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/program.h"

void program_find(const char *bin_dir, const char *name, char *buf, size_t size)
{
        const char *path = getenv("PATH");

        if (bin_dir || name[0] == '/') {
                snprintf(buf, size, "%s%s%s", name[0] == '/' ? "" : bin_dir,
                         name[0] == '/' ? "" : "/", name);
                return;
        }
        for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
                size_t n = strcspn(p, ":");
                snprintf(buf, size, "%.*s/%s", (int)n, p, name);
                if (access(buf, X_OK) >= 0)
                        return;
                p += n + (p[n] == ':');
        }
        (void)str_copy(buf, size, name); /* it will fail, and say so with its name */
}

uint32_t program_parse_version(const char *text)
{
        const char *s = strchr(text, ')');
        unsigned major, minor = 0;

        if (!s || sscanf(s + 1, " %u.%u", &major, &minor) < 1 || major < 10 || major > 99)
                return 0;
        return major * 10000 + minor;
}
