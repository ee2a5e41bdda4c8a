/*
 * mind: says to a hand what a mind says at first, and waits for its answer.
 *
 *     mind SOCKET CLUSTER HAND       HAND: dcsd, pgd, fenced, watchdogd
 *
 * Exit code 0: the hand has told its state; 1: it closed the connection, or said nothing in time.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "wire/wire.h"

#define WITHIN_MSEC 3000
#define EPOCH 4711

static int fd;

static usec_t now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* A hand that has gone is seen when its answer is read. */
static void say(const void *m)
{
        (void)!send(fd, m, ((const MsgHeader *)m)->size, MSG_NOSIGNAL);
}
#define SAY(T, type, ...)                                                                          \
        do {                                                                                       \
                T m_ = WIRE_INIT(T, type);                                                         \
                T v_ = { __VA_ARGS__ };                                                            \
                v_.h = m_.h;                                                                       \
                say(&v_);                                                                          \
        } while (0)

static void talk_dcsd(void)
{
        SAY(MsgPublish, MSG_PUBLISH,
            .member = { .name = "n1", .conn_url = "postgres://127.0.0.1:5432/postgres",
                        .api_url = "http://127.0.0.1:8008/patroni", .version = "4.1.4",
                        .state = RUN_RUNNING, .role = ROLE_REPLICA });
        SAY(MsgHold, MSG_HOLD, .renew_until = now() + 3 * USEC_PER_SEC,
            .interval = USEC_PER_SEC, .ttl = 10 * USEC_PER_SEC);
        SAY(MsgBid, MSG_BID, .ttl = 10 * USEC_PER_SEC, .deadline = now() + USEC_PER_SEC);
        SAY(MsgAskFailsafe, MSG_ASK_FAILSAFE, .epoch = EPOCH, .ttl = USEC_PER_SEC,
            .deadline = now() + USEC_PER_SEC);
}

static void talk_pgd(void)
{
        SAY(MsgPermit, MSG_PERMIT, .epoch = EPOCH, .deadline = now() + USEC_PER_SEC,
            .lease_end = now() + 2 * USEC_PER_SEC, .stop_budget = 100000);
        SAY(MsgProbe, MSG_PROBE);
        SAY(MsgOrder, MSG_ORDER, .what = ORDER_STOP, .deadline = now() + USEC_PER_SEC);
        SAY(MsgOrder, MSG_ORDER, .what = ORDER_RELOAD, .deadline = now() + USEC_PER_SEC);
        SAY(MsgRevoke, MSG_REVOKE, .epoch = EPOCH);
}

static void talk_fenced(void)
{
        SAY(MsgPermit, MSG_PERMIT, .epoch = EPOCH, .deadline = now() + USEC_PER_SEC,
            .lease_end = now() + 2 * USEC_PER_SEC, .stop_budget = 100000);
        SAY(MsgWant, MSG_WANT, .epoch = EPOCH, .take = 1, .n_vips = 2, .n_also = 1,
            .vips = { { .address = "192.0.2.1", .interface = "lo" },
                      { .address = "fd00::9", .interface = "lo", .name = "reads" } },
            .also = { { .name = "none-such.service" } });
        SAY(MsgVipPermit, MSG_VIP_PERMIT, .epoch = EPOCH + 1, .deadline = now() + USEC_PER_SEC,
            .lease_end = now() + 2 * USEC_PER_SEC, .vip = "reads");
        SAY(MsgRevoke, MSG_REVOKE, .epoch = EPOCH);
        SAY(MsgWant, MSG_WANT, .n_vips = 0);
}

static void talk_watchdogd(void)
{
        SAY(MsgPermit, MSG_PERMIT, .epoch = EPOCH, .deadline = now() + USEC_PER_SEC);
        SAY(MsgRevoke, MSG_REVOKE, .epoch = EPOCH);
        SAY(MsgDisarm, MSG_DISARM, .epoch = EPOCH);
}

static const struct {
        const char *name;
        void (*talk)(void);
        MsgType state;
        unsigned results; /* that must have come, too: to its REVOKE */
} hands[] = {
        { "dcsd", talk_dcsd, MSG_LINK, 0 },
        { "pgd", talk_pgd, MSG_PG_STATE, 1 },
        { "fenced", talk_fenced, MSG_FENCE_STATE, 1 },
        { "watchdogd", talk_watchdogd, MSG_WATCHDOG_STATE, 1 },
};

static bool hear(MsgType state, unsigned results)
{
        static _Alignas(8) uint8_t packet[WIRE_PACKET_MAX];
        usec_t end = now() + WITHIN_MSEC * 1000;
        bool told = false;
        unsigned n = 0;

        while (!told || n < results) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                usec_t left = end > now() ? end - now() : 0;
                if (poll(&p, 1, (int)(left / 1000)) <= 0)
                        return false;
                ssize_t size = recv(fd, packet, sizeof packet, MSG_CMSG_CLOEXEC);
                if (size <= 0 || wire_check(packet, (size_t)size) < 0)
                        return false;
                told = told || ((MsgHeader *)packet)->type == state;
                n += ((MsgHeader *)packet)->type == MSG_RESULT;
        }
        return true;
}

int main(int argc, char **argv)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        if (argc != 4 || !STR_SET(sa.sun_path, argv[1]))
                return 2;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
                return 1;
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);
        (void)STR_SET(hello.cluster, argv[2]);
        say(&hello);
        for (size_t i = 0; i < ELEMENTSOF(hands); i++)
                if (str_equal(hands[i].name, argv[3])) {
                        hands[i].talk();
                        return hear(hands[i].state, hands[i].results) ? 0 : 1;
                }
        return 2;
}
