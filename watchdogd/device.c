#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "watchdogd/device.h"

static const DeviceOps *ops_of(uint32_t kind)
{
        return kind == DEVICE_IPMI_DIRECT ? &device_ipmi : &device_kernel;
}

int device_open(Device *d, const Candidate *c, bool power_cycle)
{
        *d = (Device){ .ops = ops_of(c->kind), .fd = -1 };
        d->record.kind = c->kind;
        d->record.nowayout = c->nowayout;
        d->record.ipmi_action = power_cycle ? IPMI_ACTION_POWER_CYCLE : IPMI_ACTION_RESET;
        (void)STR_SET(d->record.path, c->path); /* same sizes */
        (void)STR_SET(d->record.identity, c->identity);
        int r = d->ops->open(d);
        if (r < 0)
                device_drop(d);
        return r;
}

void device_adopt(Device *d, int fd, const DeviceRecord *record)
{
        *d = (Device){ .ops = ops_of(record->kind), .fd = fd, .record = *record };
        d->msgid = (long)getpid() << 16; /* not a number of the process before us */
}

int device_set_timeout(Device *d, unsigned sec)
{
        return d->ops->set_timeout(d, sec);
}

int device_pet(Device *d, usec_t within)
{
        return d->ops->pet(d, within);
}

void device_disarm(Device *d)
{
        if (d->ops)
                d->ops->disarm(d);
        device_drop(d);
}

void device_drop(Device *d)
{
        if (d->ops && d->fd >= 0)
                (void)close(d->fd); /* nothing more could be done about an error */
        *d = (Device){ .fd = -1 };
}
