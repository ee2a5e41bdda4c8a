/* Packets as test-wire and test-wire-inside make and check them. */
#pragma once

#include "test-lib.h"
#include "wire/wire.h"

/* In memory of exactly that size, so that a sanitizer sees a read behind the end. */
static inline int check_copy(const void *packet, size_t size)
{
        void *copy = malloc(size ? size : 1);

        memcpy(copy, packet, size);
        int r = wire_check(copy, size);
        free(copy);
        return r;
}

/* An all-zero message of that size. */
static inline void *make(MsgType type, size_t size)
{
        MsgHeader *h = calloc(1, size);

        wire_header(h, type, size);
        return h;
}

/* Says in its header that it is as long as it is. */
static inline int check_sized(void *packet, size_t size)
{
        ((MsgHeader *)packet)->size = (uint32_t)size;
        return check_copy(packet, size);
}
