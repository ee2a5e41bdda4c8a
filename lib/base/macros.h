/* Small macros every file may use: cleanup attributes, ownership transfer, array sizes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* The names are new each time, so that one may stand inside another. */
#define PICK_(op, a, b, n)                                                                         \
        ({                                                                                         \
                __typeof__(a) CONCAT(pick_a, n) = (a);                                             \
                __typeof__(b) CONCAT(pick_b, n) = (b);                                             \
                CONCAT(pick_a, n) op CONCAT(pick_b, n) ? CONCAT(pick_a, n) : CONCAT(pick_b, n);    \
        })
#define MIN(a, b) PICK_(<, a, b, __COUNTER__)
#define MAX(a, b) PICK_(>, a, b, __COUNTER__)
#define CLAMP(x, low, high) MAX(low, MIN(x, high))

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _const_ __attribute__((const))
#define _pure_ __attribute__((pure))

/* Hand a pointer or descriptor over: the variable no longer owns it. */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) *take_p = &(p);                                                      \
                __typeof__(p) take_v = *take_p;                                                    \
                *take_p = NULL;                                                                    \
                take_v;                                                                            \
        })
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *take_fd = &(fd);                                                              \
                int take_v = *take_fd;                                                             \
                *take_fd = -1;                                                                     \
                take_v;                                                                            \
        })

/* DEFINE_CLEANUP(Thing *, thing_free) makes thing_freep() for _cleanup_(thing_freep). */
#define DEFINE_CLEANUP(type, func)                                                                 \
        static inline void func##p(type *p)                                                        \
        {                                                                                          \
                if (*p)                                                                            \
                        (void)func(*p); /* destructors answer NULL, for p = x_free(p) */           \
        }

#define CONTAINER_OF(ptr, type, member)                                                            \
        ((type *)((char *)(ptr) - offsetof(type, member)))
