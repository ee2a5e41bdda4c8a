#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "model/member.h"

bool member_split_url(const char *url, char *ret_host, size_t host_size, uint16_t *ret_port)
{
        const char *s = str_after_prefix(url, "postgres://");
        uint64_t port = 5432;

        if (!s)
                s = str_after_prefix(url, "postgresql://");
        if (!s)
                return false;

        size_t authority = strcspn(s, "/?,");
        const char *at = memchr(s, '@', authority);
        if (at) {
                authority -= (size_t)(at + 1 - s);
                s = at + 1;
        }

        const char *host = s, *after;
        size_t n;
        if (*s == '[') {
                const char *close = memchr(s, ']', authority);
                if (!close)
                        return false;
                host = s + 1;
                n = (size_t)(close - host);
                after = close + 1;
        } else {
                n = strcspn(s, ":/?,");
                after = s + n;
        }
        if (*after == ':') {
                char text[6];
                size_t len = strcspn(after + 1, "/?,");
                if (!str_copy_n(text, sizeof text, after + 1, len) || str_to_u64(text, &port) < 0 ||
                    port == 0 || port > UINT16_MAX)
                        return false;
        }
        if (n == 0 || n >= host_size)
                return false;
        (void)str_copy_n(ret_host, host_size, host, n); /* it fits, see above */
        *ret_port = (uint16_t)port;
        return true;
}

/* Lower case of Latin-1, Greek and Cyrillic capitals, which is what names are made of. */
static uint32_t lower(uint32_t c)
{
        if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7))
                return c + 32;
        if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
                return c + 32;
        if (c >= 0x400 && c <= 0x40f)
                return c + 80;
        return c;
}

void member_slot_name(const char *name, char ret[static IDENT_SIZE])
{
        size_t n = 0;

        while (*name && n < IDENT_SIZE - 1) {
                uint32_t c;
                name += utf8_next(name, &c);
                c = lower(c);

                char piece[16];
                if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
                        snprintf(piece, sizeof piece, "%c", (char)c);
                else if (c == '-' || c == '.')
                        snprintf(piece, sizeof piece, "_");
                else
                        snprintf(piece, sizeof piece, "u%04u", c);
                for (const char *p = piece; *p && n < IDENT_SIZE - 1; p++)
                        ret[n++] = *p;
        }
        ret[n] = 0;
}
