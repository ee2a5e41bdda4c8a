/* A kernel driver's watchdog: /dev/watchdogN, or ipmi_watchdog's plain /dev/watchdog. */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/device.h"
#include "watchdogd/scan.h"

#define TIMEOUT_TRIES 60 /* a driver may have a least timeout: iTCO takes none below 3 s */

static void kernel_disarm(Device *d)
{
        int disable = WDIOS_DISABLECARD;

        /* At once, even while the fd store still has its duplicate; not every driver can. */
        (void)ioctl(d->fd, WDIOC_SETOPTIONS, &disable);
        (void)!write(d->fd, "V", 1); /* then the close stops it; no driver refuses this write */
}

static int check_identity(Device *d)
{
        struct watchdog_info info = { 0 };

        if (ioctl(d->fd, WDIOC_GETSUPPORT, &info) < 0)
                return 0; /* nothing to learn: what sysfs said holds */
        const char *name = (const char *)info.identity;
        if (!str_terminated(name, sizeof info.identity) || str_empty(name))
                return 0;
        if (d->record.kind == DEVICE_IPMI_DRIVER && choose_kind(name) != DEVICE_IPMI_DRIVER)
                return -ENODEV; /* the plain name belongs to another driver */
        if (d->record.identity[0] == 0) {
                (void)STR_SET(d->record.identity, name); /* 32 bytes fit */
                d->record.kind = choose_kind(name);
        }
        return 0;
}

static int kernel_open(Device *d)
{
        if (!scan_is_device(d->record.path))
                return -ENODEV;
        d->fd = open(d->record.path, O_WRONLY | O_CLOEXEC);
        if (d->fd < 0)
                return -errno;
        int r = check_identity(d);
        if (r < 0)
                kernel_disarm(d); /* opening it has started it */
        return r;
}

static int kernel_set_timeout(Device *d, unsigned sec)
{
        int granted = 0;

        for (unsigned i = 0; i < TIMEOUT_TRIES; i++) {
                int asked = (int)(sec + i);
                if (ioctl(d->fd, WDIOC_SETTIMEOUT, &asked) >= 0 || errno != EINVAL)
                        break; /* a driver with one fixed timeout says so below */
        }
        if (ioctl(d->fd, WDIOC_GETTIMEOUT, &granted) < 0 || granted <= 0)
                return -EOPNOTSUPP;
        d->record.granted_sec = (uint32_t)granted;
        return device_pet(d, 0);
}

/* A write, since it is what every driver takes; ipmi_watchdog waits here for its BMC. */
static int kernel_pet(Device *d, usec_t within _unused_)
{
        return write(d->fd, "", 1) == 1 ? 0 : -errno;
}

const DeviceOps device_kernel = {
        .open = kernel_open,
        .set_timeout = kernel_set_timeout,
        .pet = kernel_pet,
        .disarm = kernel_disarm,
};
