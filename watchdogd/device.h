/*
 * Device: one open watchdog, whatever stands behind it.
 *
 * Two back ends: a kernel driver's character device (device-kernel.c) and a BMC spoken to over
 * /dev/ipmiN (device-ipmi.c). The record outlives the program in the table, the descriptor in
 * systemd's fd store.
 *
 * Opening a kernel device starts its countdown. Closing the descriptor without device_disarm()
 * leaves it running: that is what resets a host whose petter died.
 */
#pragma once

#include "watchdogd/choose.h"
#include "watchdogd/ipmi-codec.h"

typedef struct DeviceRecord {
        uint32_t kind; /* DeviceKind; DEVICE_NONE: none is open */
        uint32_t granted_sec;
        uint32_t nowayout;
        uint32_t ipmi_action;
        IpmiTimer ipmi_had; /* what the BMC's timer was before us */
        char path[HOST_SIZE];
        char identity[64];
} DeviceRecord;

typedef struct Device Device;

typedef struct DeviceOps {
        int (*open)(Device *d);
        int (*set_timeout)(Device *d, unsigned sec);
        int (*pet)(Device *d, usec_t within);
        void (*disarm)(Device *d);
} DeviceOps;

struct Device {
        const DeviceOps *ops; /* NULL: not open */
        int fd;
        long msgid; /* IPMI: of the last request */
        DeviceRecord record;
};

extern const DeviceOps device_kernel;
extern const DeviceOps device_ipmi;

static inline bool device_is_open(const Device *d)
{
        return d->ops != NULL;
}

/*
 * Opens it, which starts a kernel device's countdown at the driver's own timeout. power_cycle: what
 * a BMC shall do instead of a reset, where it can. 0, or negative errno; -EBUSY: another holds it.
 */
int device_open(Device *d, const Candidate *c, bool power_cycle);

/* Goes on with a descriptor from the fd store. Takes the fd. */
void device_adopt(Device *d, int fd, const DeviceRecord *record);

/*
 * Sets the timeout to the least the driver takes from `sec` on and pets; record.granted_sec is what
 * the driver says it is then. -EOPNOTSUPP: nobody can tell what it is.
 */
int device_set_timeout(Device *d, unsigned sec);

/*
 * 0: petted, before the call returned. -EINPROGRESS: sent, but not answered within that time; it may
 * still arrive. Others: it failed, and may have arrived all the same.
 */
int device_pet(Device *d, usec_t within);

/*
 * Stops the countdown as far as the driver lets us (not with nowayout) and closes the descriptor. A
 * duplicate in the fd store is the caller's to remove.
 */
void device_disarm(Device *d);

/* Closes the descriptor alone: the countdown goes on. */
void device_drop(Device *d);
