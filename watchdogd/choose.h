/*
 * Choose: which watchdog device to arm, and why not the others.
 *
 * In order of trust: a hardware driver's /dev/watchdogN, the BMC by the kernel's ipmi_watchdog, the
 * BMC spoken to directly, and softdog, a timer of the very kernel it shall reset. Pure: scan.c finds
 * the candidates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "wire/msg.h"

typedef enum DeviceKind {
        DEVICE_NONE = 0,
        DEVICE_HARDWARE,
        DEVICE_IPMI_DRIVER,
        DEVICE_IPMI_DIRECT,
        DEVICE_SOFTDOG,
        DEVICE_KIND_MAX,
} DeviceKind;
DECLARE_NAMES(device_kind, DeviceKind)

#define CANDIDATES_MAX 16

typedef struct Candidate {
        DeviceKind kind;
        char path[HOST_SIZE];
        char alias[HOST_SIZE];  /* /dev/watchdog, where that is the same device; else empty */
        char identity[64];
        bool nowayout;          /* cannot be disarmed once open */
        bool caused_boot;       /* the driver says that the last reset was its doing */
        int error;              /* of the last attempt to open it, negative errno; 0: none made */
        char why_not[REASON_SIZE]; /* not to be taken, whatever its kind; empty: it may be */
} Candidate;

/* The kind that a driver's identity tells. */
DeviceKind choose_kind(const char *identity);

/*
 * The one to try: `wanted` (a path; empty: the most trusted) among those without `error` and
 * `why_not`. NULL: none, and ret_reason says why, with each candidate that was passed over.
 */
const Candidate *choose_device(const Candidate *c, size_t n, const char *wanted, char *ret_reason,
                               size_t size);

/* What to say loudly about the chosen one: softdog, or one below a busy one. Empty: nothing. */
void choose_remark(const Candidate *c, size_t n, const Candidate *chosen, char *ret, size_t size);

/* True if one of the candidates is this path. */
bool choose_knows(const Candidate *c, size_t n, const char *path);

/* True if both name the same device, as far as the candidates tell. */
bool choose_same(const Candidate *c, size_t n, const char *a, const char *b);
