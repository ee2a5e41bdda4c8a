/*
 * msg-watchdog: what the mind and watchdogd say to each other. RESULT to ARM comes after the STATE
 * that carries W.
 */
#pragma once

#include "wire/msg-base.h"

typedef enum WatchdogMode {
        WATCHDOG_AUTOMATIC = 0,
        WATCHDOG_REQUIRED,
        WATCHDOG_OFF,
        WATCHDOG_MODE_MAX,
} WatchdogMode;
DECLARE_NAMES(watchdog_mode, WatchdogMode)

typedef struct MsgArm {
        MsgHeader h;
        uint32_t mode;
        uint32_t pad;
        Epoch epoch;            /* for which a permit is to follow */
        usec_t within;          /* asked: W, the longest time from a pet to the reset */
        usec_t reset_after;     /* W as configured; 0: what the driver grants, times its factor */
        char device[HOST_SIZE]; /* empty: choose */
} MsgArm;

/* goes_on: the epoch is not over (pause, a W that does not fit): ARM may come again for it. */
typedef struct MsgDisarm {
        MsgHeader h;
        Epoch epoch;
        uint64_t goes_on;
} MsgDisarm;

typedef struct MsgReset {
        MsgHeader h;
        char reason[REASON_SIZE];
} MsgReset;

typedef struct MsgWatchdogState {
        MsgHeader h;
        uint32_t armed;   /* Tri: for this cluster */
        uint32_t mode;
        usec_t granted;   /* the driver's timeout */
        usec_t fires;     /* W: the longest time from a pet to the reset */
        usec_t last_pet;
        Epoch epoch;
        usec_t deadline;
        Epoch revoked_epoch;
        usec_t stall;
        char device[HOST_SIZE];
        char identity[64];
        char boot_cause[REASON_SIZE];
        char reason[REASON_SIZE]; /* unarmed: why it cannot be, empty: it can; armed: what is wrong */
} MsgWatchdogState;
