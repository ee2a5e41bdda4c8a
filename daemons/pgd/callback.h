/*
 * callback: which of the user's callbacks a change calls for (PATRONI-SPEC part 6). Pure.
 *
 * A server that begins to answer is a start, a restart, or the change of role that it was started
 * for; one that answers already can only change its role. What was called last is remembered beyond
 * a restart of pgd, which is none of these.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "model/names.h"

typedef enum Callback {
        CALLBACK_NONE = 0,
        CALLBACK_START,
        CALLBACK_STOP,
        CALLBACK_RESTART,
        CALLBACK_RELOAD,
        CALLBACK_ROLE_CHANGE,
        CALLBACK_MAX,
} Callback;
DECLARE_NAMES(callback, Callback) /* "on_start", … */

/* Plain data: it lies in pgd's table. */
typedef struct CallbackMemory {
        int32_t pid;   /* of the postmaster the last one was about; 0: it has stopped, or none yet */
        uint32_t role; /* Role, as last told */
        bool called;   /* any was called since this node's beginning */
        bool restarts; /* the stop that is under way, or was, is one half of a restart */
} CallbackMemory;

/* The server answers as that role (or was just told to promote): what to call; noted in the memory. */
Callback callback_at_answer(CallbackMemory *m, int32_t pid, Role role);

/* It has ended; expected: by our doing. */
Callback callback_at_end(CallbackMemory *m, bool expected, bool restarts);
