/* base64: keys and values as etcd's JSON gateway carries them: standard alphabet, padded. */
#pragma once

#include <stddef.h>

/* The text for size bytes, terminated; the caller frees. NULL: out of memory. */
char *base64_encode(const void *data, size_t size);

/* The bytes behind a text, with a NUL behind them; the caller frees. 0, -EBADMSG or -ENOMEM. */
int base64_decode(const char *text, char **ret, size_t *ret_size);
