#include "base/utf8.h"

/* 0: no character begins here. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;
        uint32_t code = n <= 1 ? s[0] : s[0] & (0xffu >> (n + 1));

        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        *ret = code;
        return code < least[n] || code > 0x10ffff || (code & ~0x7ffu) == 0xd800 ? 0 : n;
}

size_t utf8_next(const char *s, uint32_t *ret)
{
        uint32_t code = 0;
        size_t n = decode((const unsigned char *)s, &code);

        *ret = n ? code : (unsigned char)*s;
        return n ? n : 1;
}

bool utf8_valid(const char *s)
{
        uint32_t code;

        for (size_t n; *s; s += n) {
                n = decode((const unsigned char *)s, &code);
                if (n == 0)
                        return false;
        }
        return true;
}
