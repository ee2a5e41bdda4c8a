#include "pgd/callback.h"

static const char *const callback_names[CALLBACK_MAX] = {
        [CALLBACK_NONE] = "none",
        [CALLBACK_START] = "on_start",
        [CALLBACK_STOP] = "on_stop",
        [CALLBACK_RESTART] = "on_restart",
        [CALLBACK_RELOAD] = "on_reload",
        [CALLBACK_ROLE_CHANGE] = "on_role_change",
};
DEFINE_NAMES(callback, Callback, CALLBACK_MAX)

Callback callback_at_answer(CallbackMemory *m, int32_t pid, Role role)
{
        const CallbackMemory before = *m;

        *m = (CallbackMemory){ .pid = pid, .role = role, .called = true };
        if (before.called && before.role != role)
                return CALLBACK_ROLE_CHANGE;
        if (before.pid == pid)
                return CALLBACK_NONE;
        return before.restarts ? CALLBACK_RESTART : CALLBACK_START;
}

Callback callback_at_end(CallbackMemory *m, bool expected, bool restarts)
{
        bool told = m->pid != 0;

        m->pid = 0;
        m->restarts = told && expected && restarts;
        return told && expected && !restarts ? CALLBACK_STOP : CALLBACK_NONE;
}
