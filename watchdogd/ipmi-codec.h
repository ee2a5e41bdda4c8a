/*
 * ipmi-codec: the three watchdog commands of a BMC (IPMI 2.0, section 27), as bytes.
 *
 * Net function App (0x06). Countdowns are in tenths of a second, low byte first. Pure: what goes
 * to the BMC and what its answer means; device-ipmi.c carries them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPMI_NETFN_APP 0x06
#define IPMI_RESET_WATCHDOG 0x22 /* starts the countdown, and begins it anew: a pet */
#define IPMI_SET_WATCHDOG 0x24   /* stops it, and says what it shall do */
#define IPMI_GET_WATCHDOG 0x25
#define IPMI_SET_SIZE 6
#define IPMI_GET_SIZE 9

typedef enum IpmiAction {
        IPMI_ACTION_NONE = 0,
        IPMI_ACTION_RESET = 1,
        IPMI_ACTION_POWER_DOWN = 2,
        IPMI_ACTION_POWER_CYCLE = 3,
} IpmiAction;

typedef enum IpmiUse {
        IPMI_USE_BIOS_FRB2 = 1,
        IPMI_USE_BIOS_POST = 2,
        IPMI_USE_OS_LOAD = 3,
        IPMI_USE_SMS_OS = 4,
        IPMI_USE_OEM = 5,
} IpmiUse;

typedef enum IpmiAnswer {
        IPMI_DONE = 0,
        IPMI_UNINITIALISED, /* RESET before any SET, as after a reset of the BMC: set it again */
        IPMI_REFUSED,       /* this parameter is not supported: ask for another */
        IPMI_MALFORMED,
} IpmiAnswer;

/* What a BMC's watchdog does, or shall do. */
typedef struct IpmiTimer {
        uint8_t use;    /* IpmiUse */
        uint8_t action; /* IpmiAction */
        uint8_t pre_interrupt; /* 0 none, 1 SMI, 2 NMI, 3 messaging */
        uint8_t pre_sec;       /* so long before the end */
        bool running;
        bool silent;        /* the expiry is not logged */
        uint16_t initial;   /* tenths of a second */
        uint16_t remaining; /* as GET answers */
} IpmiTimer;

/* The data bytes of SET: returns their number. All expiry flags are cleared; the countdown stops. */
size_t ipmi_encode_set(uint8_t data[IPMI_SET_SIZE], const IpmiTimer *t);

/* The completion code of a reply to RESET or SET; n: its bytes, the code among them. */
IpmiAnswer ipmi_decode_answer(const uint8_t *reply, size_t n);

/* The reply to GET. */
IpmiAnswer ipmi_decode_get(const uint8_t *reply, size_t n, IpmiTimer *ret);

/*
 * The timer we want for this timeout: SMS/OS, that action; with_nmi: from 4 s on also an NMI one
 * second before the end, so that the kernel's last words (or its crash dump) tell of it.
 */
IpmiTimer ipmi_our_timer(unsigned timeout_sec, IpmiAction action, bool with_nmi);

/* What the BMC had, to be set again: it is stopped by that and stays so until somebody resets it. */
IpmiTimer ipmi_restored(const IpmiTimer *had);
