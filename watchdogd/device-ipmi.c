/*
 * A BMC's watchdog, spoken to over /dev/ipmiN (ipmi_devintf) where ipmi_watchdog is not loaded.
 *
 * The BMC counts by itself: closing the descriptor changes nothing. Each request waits for the
 * reply with its own msgid; replies that come after that are of requests given up and are skipped.
 * The BMC answers in order, so a later request's answer means that an earlier pet is over as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ipmi.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/clock.h"
#include "watchdogd/device.h"
#include "watchdogd/notify.h"

#define REPLY_MOST 64
#define ASK_WITHIN (400 * USEC_PER_MSEC) /* arming and disarming; each answer has its own time */

static int receive_reply(Device *d, uint8_t *reply, size_t *ret_n)
{
        struct ipmi_addr from;
        struct ipmi_recv recv = {
                .addr = (unsigned char *)&from,
                .addr_len = sizeof from,
                .msg = { .data = reply, .data_len = REPLY_MOST },
        };

        if (ioctl(d->fd, IPMICTL_RECEIVE_MSG_TRUNC, &recv) < 0 && errno != EMSGSIZE)
                return -errno;
        if (recv.recv_type != IPMI_RESPONSE_RECV_TYPE || recv.msgid != d->msgid)
                return -EAGAIN;
        *ret_n = MIN((size_t)recv.msg.data_len, (size_t)REPLY_MOST);
        return 0;
}

/* 0 with the reply; -EINPROGRESS: none came in time; or negative errno. */
static int ask(Device *d, uint8_t cmd, uint8_t *data, size_t n, usec_t within, uint8_t *reply,
               size_t *ret_n)
{
        struct ipmi_system_interface_addr bmc = {
                .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
                .channel = IPMI_BMC_CHANNEL,
        };
        struct ipmi_req req = {
                .addr = (unsigned char *)&bmc,
                .addr_len = sizeof bmc,
                .msgid = ++d->msgid,
                .msg = { .netfn = IPMI_NETFN_APP, .cmd = cmd, .data = data,
                         .data_len = (unsigned short)n },
        };
        usec_t end = usec_add(clock_now(), within);

        if (within == ASK_WITHIN) /* a slow BMC is no hang of ours: several answers may take a second */
                notify_send("WATCHDOG=1");
        if (ioctl(d->fd, IPMICTL_SEND_COMMAND, &req) < 0)
                return -errno;
        for (;;) {
                struct pollfd p = { .fd = d->fd, .events = POLLIN };
                usec_t left = usec_sub(end, clock_now());
                int r = poll(&p, 1, (int)((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -EINPROGRESS;
                r = r < 0 ? -EAGAIN : receive_reply(d, reply, ret_n);
                if (r != -EAGAIN)
                        return r;
        }
}

static int answer_errno(IpmiAnswer a)
{
        switch (a) {
        case IPMI_DONE: return 0;
        case IPMI_UNINITIALISED: return -ENODATA;
        case IPMI_REFUSED: return -EOPNOTSUPP;
        case IPMI_MALFORMED: return -EBADMSG;
        }
        return -EBADMSG;
}

static int set_timer(Device *d, const IpmiTimer *t, usec_t within)
{
        uint8_t data[IPMI_SET_SIZE], reply[REPLY_MOST];
        size_t n;
        int r = ask(d, IPMI_SET_WATCHDOG, data, ipmi_encode_set(data, t), within, reply, &n);

        return r < 0 ? r : answer_errno(ipmi_decode_answer(reply, n));
}

static int reset_timer(Device *d, usec_t within)
{
        uint8_t reply[REPLY_MOST];
        size_t n;
        int r = ask(d, IPMI_RESET_WATCHDOG, NULL, 0, within, reply, &n);

        return r < 0 ? r : answer_errno(ipmi_decode_answer(reply, n));
}

static int get_timer(Device *d, IpmiTimer *ret)
{
        uint8_t reply[REPLY_MOST];
        size_t n;
        int r = ask(d, IPMI_GET_WATCHDOG, NULL, 0, ASK_WITHIN, reply, &n);

        return r < 0 ? r : answer_errno(ipmi_decode_get(reply, n, ret));
}

/* What we want, or the nearest that this BMC takes: no NMI before it; a reset, not a power cycle. */
static int set_ours(Device *d, unsigned sec, usec_t within)
{
        for (int with_nmi = 1; with_nmi >= 0; with_nmi--) {
                IpmiTimer t = ipmi_our_timer(sec, (IpmiAction)d->record.ipmi_action, with_nmi);
                int r = set_timer(d, &t, within);
                if (r != -EOPNOTSUPP)
                        return r;
        }
        if (d->record.ipmi_action == IPMI_ACTION_RESET)
                return -EOPNOTSUPP;
        d->record.ipmi_action = IPMI_ACTION_RESET;
        return set_ours(d, sec, within);
}

static int ipmi_open(Device *d)
{
        d->fd = open(d->record.path, O_RDWR | O_CLOEXEC);
        if (d->fd < 0)
                return -errno;
        return get_timer(d, &d->record.ipmi_had);
}

static int ipmi_set_timeout(Device *d, unsigned sec)
{
        IpmiTimer now;
        int r = set_ours(d, sec, ASK_WITHIN);

        if (r >= 0)
                r = reset_timer(d, ASK_WITHIN); /* SET has stopped it */
        if (r >= 0)
                r = get_timer(d, &now);
        if (r < 0)
                return r;
        d->record.granted_sec = (now.initial + 9U) / 10U;
        return d->record.granted_sec > 0 ? 0 : -EOPNOTSUPP;
}

static int ipmi_pet(Device *d, usec_t within)
{
        int r = reset_timer(d, within);

        if (r != -ENODATA)
                return r;
        r = set_ours(d, d->record.granted_sec, within); /* the BMC itself was reset: it forgot */
        return r < 0 ? r : reset_timer(d, within);
}

static void ipmi_disarm(Device *d)
{
        IpmiTimer had = ipmi_restored(&d->record.ipmi_had);
        IpmiTimer off = ipmi_our_timer(d->record.granted_sec, IPMI_ACTION_NONE, false);

        if (set_timer(d, &had, ASK_WITHIN) < 0)
                (void)set_timer(d, &off, ASK_WITHIN); /* either stops it; more cannot be done */
}

const DeviceOps device_ipmi = {
        .open = ipmi_open,
        .set_timeout = ipmi_set_timeout,
        .pet = ipmi_pet,
        .disarm = ipmi_disarm,
};
