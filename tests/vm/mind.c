/*
 * mind: plays a cluster's mind to palisade-watchdogd inside a test's machine.
 *
 *     mind VERB[:ARGUMENT…]…      done one after the other; each tells a line with the boot clock
 *
 *     cluster:NAME  epoch:N       whose mind this is, and of which right the next verbs speak
 *     arm:MS[:DEVICE]             asks for W of at most MS; waits for the answer
 *     permit:MS                   a permit that ends MS from now
 *     keep:MS:LENGTH:EVERY        for MS, every EVERY ms, a permit that ends LENGTH ms from then
 *     late:MS                     after the next pet, a permit that ends MS after that pet
 *     standing:MS  revoke  disarm  reset:REASON
 *     wait:MS                     listens
 *     leave                       closes the connection
 *     state                       the last STATE again, with the worst lateness
 */
#include <errno.h>
#include <inttypes.h>
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

#define SOCKET "/run/palisade/watchdogd.sock"
#define ANSWER_WITHIN (5 * USEC_PER_SEC)

static int fd = -1;
static char cluster[NAME_SIZE] = "main";
static Epoch epoch = 7;
static uint64_t seq;
static MsgWatchdogState state;
static unsigned pets;

static usec_t now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* this clock always exists */
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static double seconds(usec_t t)
{
        return (double)t / USEC_PER_SEC;
}

#define TELL(format, ...) (printf("@%.3f " format "\n", seconds(now()), __VA_ARGS__), fflush(stdout))

static void tell_state(const char *word)
{
        TELL("%s %s armed=%s W=%.3f granted=%.1f pet=%.3f stall=%.4f pets=%u device=%s identity=%s "
             "reason=%s boot=%s",
             word, cluster, tri_to_string((Tri)state.armed), seconds(state.fires),
             seconds(state.granted), seconds(state.last_pet), seconds(state.stall), pets,
             state.device, state.identity, state.reason, state.boot_cause);
}

static void take_state(const MsgWatchdogState *m)
{
        bool news = m->armed != state.armed || m->fires != state.fires ||
                    !str_equal(m->reason, state.reason);

        pets += m->last_pet != state.last_pet;
        state = *m;
        if (news || m->boot_cause[0])
                tell_state("STATE");
}

/* Until `end`, or until the answer to `wanted` is there (0: none is wanted). */
static bool listen_until(usec_t end, uint64_t wanted)
{
        static _Alignas(16) char packet[WIRE_PACKET_MAX];

        while (now() < end) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                usec_t left = usec_sub(end, now());
                if (poll(&p, 1, (int)((left + 999) / 1000)) <= 0)
                        continue;
                ssize_t n = recv(fd, packet, sizeof packet, 0);
                if (n <= 0) {
                        TELL("LOST %s", cluster);
                        (void)close(fd);
                        fd = -1;
                        return false;
                }
                const MsgHeader *h = (const MsgHeader *)packet;
                if (wire_check(packet, (size_t)n) < 0)
                        TELL("MALFORMED %zd", n);
                else if (h->type == MSG_WATCHDOG_STATE)
                        take_state((const MsgWatchdogState *)h);
                else if (h->type == MSG_RESULT && h->seq == wanted && wanted != 0) {
                        const MsgResult *r = (const MsgResult *)h;
                        TELL("RESULT %s %s %s", cluster, outcome_to_string((Outcome)r->outcome),
                             r->text);
                        return true;
                }
        }
        return false;
}

static void greet(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = SOCKET };
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);

        for (usec_t end = now() + ANSWER_WITHIN; fd < 0 && now() < end; (void)usleep(20000)) {
                fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                if (connect(fd, (struct sockaddr *)&sa, sizeof sa) >= 0)
                        break;
                (void)close(fd);
                fd = -1;
        }
        (void)STR_SET(hello.cluster, cluster); /* same size */
        if (fd < 0 || send(fd, &hello, sizeof hello, MSG_NOSIGNAL) < 0)
                TELL("NO-WATCHDOGD %s", strerror(errno));
        (void)listen_until(now() + 300 * USEC_PER_MSEC, 0);
}

static void say(MsgHeader *h)
{
        if (fd < 0)
                greet();
        h->seq = ++seq;
        if (send(fd, h, h->size, MSG_NOSIGNAL) < 0) {
                (void)close(fd);
                fd = -1;
        }
}

static void ask(MsgHeader *h, const char *word)
{
        say(h);
        if (!listen_until(now() + ANSWER_WITHIN, h->seq))
                TELL("NO-ANSWER to %s", word);
}

static void permit(uint64_t ms, bool standing, bool quiet)
{
        MsgPermit m = WIRE_INIT(MsgPermit, MSG_PERMIT);

        m.epoch = epoch;
        m.deadline = now() + ms * USEC_PER_MSEC;
        m.standing = standing;
        say(&m.h);
        if (!quiet)
                TELL("PERMIT %s until=%.3f", cluster, seconds(m.deadline));
}

static void keep(uint64_t ms, uint64_t length, uint64_t every)
{
        usec_t end = now() + ms * USEC_PER_MSEC;

        while (now() < end) {
                permit(length, false, now() + every * USEC_PER_MSEC < end);
                (void)listen_until(MIN(end, now() + every * USEC_PER_MSEC), 0);
        }
}

/* The next pet but one then falls where the caller wants it, seen from the permit's end. */
static void permit_after_pet(uint64_t ms)
{
        MsgPermit m = WIRE_INIT(MsgPermit, MSG_PERMIT);
        usec_t before = state.last_pet;

        while (fd >= 0 && state.last_pet == before)
                (void)listen_until(now() + 5 * USEC_PER_MSEC, 0);
        m.epoch = epoch;
        m.deadline = state.last_pet + ms * USEC_PER_MSEC;
        say(&m.h);
        TELL("PERMIT %s until=%.3f", cluster, seconds(m.deadline));
}

static uint64_t number(char **args)
{
        char *word = strsep(args, ":");
        uint64_t v = 0;

        if (!word || str_to_u64(word, &v) < 0) {
                fprintf(stderr, "mind: '%s' is no number\n", word ? word : "");
                exit(2);
        }
        return v;
}

static void do_arm(char *args)
{
        MsgArm m = WIRE_INIT(MsgArm, MSG_ARM);

        m.epoch = epoch;
        m.within = number(&args) * USEC_PER_MSEC;
        (void)STR_SET(m.device, args); /* NULL: empty; a test's path fits */
        ask(&m.h, "ARM");
}

static void do_verb(char *verb)
{
        char *args = strchr(verb, ':');
        MsgRevoke revoke = WIRE_INIT(MsgRevoke, MSG_REVOKE);
        MsgDisarm disarm = WIRE_INIT(MsgDisarm, MSG_DISARM);
        MsgReset reset = WIRE_INIT(MsgReset, MSG_RESET);

        if (args)
                *args++ = 0;
        revoke.epoch = disarm.epoch = epoch;
        if (str_equal(verb, "cluster")) {
                (void)STR_SET(cluster, args); /* a test's name fits */
                if (fd >= 0)
                        (void)close(fd);
                fd = -1;
        } else if (str_equal(verb, "epoch")) {
                epoch = number(&args);
        } else if (str_equal(verb, "arm")) {
                do_arm(args);
        } else if (str_equal(verb, "permit")) {
                permit(number(&args), false, false);
        } else if (str_equal(verb, "late")) {
                permit_after_pet(number(&args));
        } else if (str_equal(verb, "standing")) {
                permit(number(&args), true, false);
        } else if (str_equal(verb, "keep")) {
                uint64_t ms = number(&args), length = number(&args);
                keep(ms, length, number(&args));
        } else if (str_equal(verb, "revoke")) {
                ask(&revoke.h, "REVOKE");
        } else if (str_equal(verb, "disarm")) {
                ask(&disarm.h, "DISARM");
        } else if (str_equal(verb, "reset")) {
                (void)STR_SET(reset.reason, args); /* a test's text fits */
                TELL("ASKED-RESET %s", cluster);
                say(&reset.h);
        } else if (str_equal(verb, "wait")) {
                (void)listen_until(now() + number(&args) * USEC_PER_MSEC, 0);
        } else if (str_equal(verb, "leave")) {
                (void)close(fd);
                fd = -1;
        } else if (str_equal(verb, "state")) {
                (void)listen_until(now() + 1200 * USEC_PER_MSEC, 0);
                tell_state("LAST");
        } else {
                fprintf(stderr, "mind: what is '%s'?\n", verb);
                exit(2);
        }
}

int main(int argc, char **argv)
{
        greet();
        for (int i = 1; i < argc; i++)
                do_verb(argv[i]);
        TELL("MIND-DONE %s", cluster);
        return 0;
}
