#include "base/macros.h"
#include "watchdogd/ipmi-codec.h"

#define USE_MASK 0x07
#define USE_RUNNING 0x40
#define USE_SILENT 0x80
#define ACTION_MASK 0x07
#define PRE_SHIFT 4
#define PRE_MASK 0x07
#define PRE_NMI 2
#define NMI_FROM_SEC 4
#define ALL_EXPIRY_FLAGS 0x3e
#define TENTHS_MOST 0xffff

#define CODE_OK 0x00
#define CODE_UNINITIALISED 0x80 /* of RESET WATCHDOG alone */

size_t ipmi_encode_set(uint8_t data[IPMI_SET_SIZE], const IpmiTimer *t)
{
        data[0] = (uint8_t)((t->use & USE_MASK) | (t->silent ? USE_SILENT : 0));
        data[1] = (uint8_t)((t->action & ACTION_MASK) |
                            ((t->pre_interrupt & PRE_MASK) << PRE_SHIFT));
        data[2] = t->pre_sec;
        data[3] = ALL_EXPIRY_FLAGS;
        data[4] = (uint8_t)(t->initial & 0xff);
        data[5] = (uint8_t)(t->initial >> 8);
        return IPMI_SET_SIZE;
}

IpmiAnswer ipmi_decode_answer(const uint8_t *reply, size_t n)
{
        if (n < 1)
                return IPMI_MALFORMED;
        if (reply[0] == CODE_OK)
                return IPMI_DONE;
        return reply[0] == CODE_UNINITIALISED ? IPMI_UNINITIALISED : IPMI_REFUSED;
}

IpmiAnswer ipmi_decode_get(const uint8_t *reply, size_t n, IpmiTimer *ret)
{
        IpmiAnswer a = ipmi_decode_answer(reply, n);

        if (a != IPMI_DONE)
                return a == IPMI_MALFORMED ? a : IPMI_REFUSED;
        if (n < IPMI_GET_SIZE)
                return IPMI_MALFORMED;
        *ret = (IpmiTimer){
                .use = reply[1] & USE_MASK,
                .running = (reply[1] & USE_RUNNING) != 0,
                .silent = (reply[1] & USE_SILENT) != 0,
                .action = reply[2] & ACTION_MASK,
                .pre_interrupt = (reply[2] >> PRE_SHIFT) & PRE_MASK,
                .pre_sec = reply[3],
                .initial = (uint16_t)(reply[5] | reply[6] << 8),
                .remaining = (uint16_t)(reply[7] | reply[8] << 8),
        };
        return IPMI_DONE;
}

IpmiTimer ipmi_our_timer(unsigned timeout_sec, IpmiAction action, bool with_nmi)
{
        bool nmi = with_nmi && timeout_sec >= NMI_FROM_SEC;

        return (IpmiTimer){
                .use = IPMI_USE_SMS_OS,
                .action = (uint8_t)action,
                .pre_interrupt = nmi ? PRE_NMI : 0,
                .pre_sec = nmi ? 1 : 0,
                .initial = (uint16_t)MIN(timeout_sec * 10U, (unsigned)TENTHS_MOST),
        };
}

IpmiTimer ipmi_restored(const IpmiTimer *had)
{
        IpmiTimer t = *had;

        t.running = false;
        t.remaining = 0;
        return t;
}
