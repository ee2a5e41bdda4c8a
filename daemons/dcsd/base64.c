#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "dcsd/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
        const uint8_t *in = data;
        char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;

        if (!text)
                return NULL;
        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN(size - i, (size_t)3);
                uint32_t v = (uint32_t)in[i] << 16;
                v |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
                v |= n > 2 ? in[i + 2] : 0;
                *out++ = alphabet[v >> 18];
                *out++ = alphabet[v >> 12 & 63];
                *out++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
                *out++ = n > 2 ? alphabet[v & 63] : '=';
        }
        *out = 0;
        return text;
}

/* 0 to 63, or -1. */
static int digit_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, of which the last `padding` are '='. */
static int decode_group(const char *s, size_t padding, uint8_t *out)
{
        uint32_t v = 0;

        for (size_t i = 0; i < 4; i++) {
                int d = i < 4 - padding ? digit_value(s[i]) : 0;
                if (d < 0)
                        return -EBADMSG;
                v = v << 6 | (uint32_t)d;
        }
        out[0] = (uint8_t)(v >> 16);
        if (padding < 2)
                out[1] = (uint8_t)(v >> 8);
        if (padding < 1)
                out[2] = (uint8_t)v;
        return 0;
}

int base64_decode(const char *text, char **ret, size_t *ret_size)
{
        size_t n = strlen(text), padding = 0;

        if (n % 4 != 0)
                return -EBADMSG;
        while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
                padding++;

        size_t size = n / 4 * 3 - padding;
        char *data = malloc(size + 1);
        if (!data)
                return -ENOMEM;
        for (size_t i = 0; i < n; i += 4) {
                int r = decode_group(text + i, i + 4 == n ? padding : 0,
                                     (uint8_t *)data + i / 4 * 3);
                if (r < 0) {
                        free(data);
                        return r;
                }
        }
        data[size] = 0;
        *ret = data;
        *ret_size = size;
        return 0;
}
