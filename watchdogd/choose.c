#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/choose.h"

static const char *const device_kind_names[DEVICE_KIND_MAX] = {
        [DEVICE_NONE] = "none",
        [DEVICE_HARDWARE] = "hardware",
        [DEVICE_IPMI_DRIVER] = "ipmi_watchdog",
        [DEVICE_IPMI_DIRECT] = "IPMI, direct",
        [DEVICE_SOFTDOG] = "softdog",
};
DEFINE_NAMES(device_kind, DeviceKind, DEVICE_KIND_MAX)

DeviceKind choose_kind(const char *identity)
{
        if (str_equal(identity, "Software Watchdog"))
                return DEVICE_SOFTDOG;
        return str_equal(identity, "IPMI") ? DEVICE_IPMI_DRIVER : DEVICE_HARDWARE;
}

static bool answers_to(const Candidate *c, const char *path)
{
        return str_equal(c->path, path) || (c->alias[0] && str_equal(c->alias, path));
}

static bool is_usable(const Candidate *c)
{
        return c->error == 0 && c->why_not[0] == 0;
}

static void add_reason(char *text, size_t size, const Candidate *c)
{
        size_t len = strlen(text);

        snprintf(text + len, size - len, "%s%s: %s", len > 0 ? "; " : "", c->path,
                 c->why_not[0] ? c->why_not : strerror(-c->error));
}

const Candidate *choose_device(const Candidate *c, size_t n, const char *wanted, char *ret_reason,
                               size_t size)
{
        const Candidate *best = NULL;
        bool seen = false;

        ret_reason[0] = 0;
        for (size_t i = 0; i < n; i++) {
                if (!str_empty(wanted) && !answers_to(&c[i], wanted))
                        continue;
                seen = true;
                if (!is_usable(&c[i]))
                        add_reason(ret_reason, size, &c[i]);
                else if (!best || c[i].kind < best->kind)
                        best = &c[i];
        }
        if (!best && !seen && str_empty(wanted))
                (void)str_copy(ret_reason, size, /* it fits */
                               "no watchdog device: load its driver, or softdog");
        else if (!best && !seen)
                snprintf(ret_reason, size, "%s: no such watchdog device", wanted);
        return best;
}

void choose_remark(const Candidate *c, size_t n, const Candidate *chosen, char *ret, size_t size)
{
        ret[0] = 0;
        if (chosen->kind == DEVICE_SOFTDOG)
                (void)str_copy(ret, size, "only softdog is there: it resets nothing when the "
                                          "kernel itself hangs or has panicked");
        for (size_t i = 0; i < n; i++)
                if (c[i].kind < chosen->kind && !is_usable(&c[i]))
                        add_reason(ret, size, &c[i]);
}

bool choose_knows(const Candidate *c, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (answers_to(&c[i], path))
                        return true;
        return false;
}

bool choose_same(const Candidate *c, size_t n, const char *a, const char *b)
{
        if (str_equal(a, b))
                return true;
        for (size_t i = 0; i < n; i++)
                if (answers_to(&c[i], a) && answers_to(&c[i], b))
                        return true;
        return false;
}
