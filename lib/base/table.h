/*
 * Name tables: one array of names serves both directions.
 *
 *     static const char *const role_names[ROLE_MAX] = { [ROLE_PRIMARY] = "primary", ... };
 *     DEFINE_NAMES(role, Role, ROLE_MAX)
 *
 * makes role_to_string() (NULL never: a value out of range is "?") and role_from_string(), which
 * answers 0, the UNKNOWN value, for a name it does not know.
 */
#pragma once

#include <stddef.h>
#include <string.h>

#define DECLARE_NAMES(prefix, Type)                                                                \
        const char *prefix##_to_string(Type v);                                                    \
        Type prefix##_from_string(const char *s);

#define DEFINE_NAMES(prefix, Type, MAX_)                                                           \
        _Static_assert(sizeof(prefix##_names) / sizeof(prefix##_names[0]) == (MAX_),               \
                       "one name for each value of " #Type);                                       \
        const char *prefix##_to_string(Type v)                                                     \
        {                                                                                          \
                return (size_t)v < (size_t)(MAX_) && prefix##_names[v] ? prefix##_names[v] : "?";  \
        }                                                                                          \
        Type prefix##_from_string(const char *s)                                                   \
        {                                                                                          \
                for (size_t i = 1; i < (size_t)(MAX_); i++)                                        \
                        if (prefix##_names[i] && strcmp(prefix##_names[i], s) == 0)                \
                                return (Type)i;                                                    \
                return (Type)0;                                                                    \
        }
