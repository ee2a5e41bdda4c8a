/* palisade-watchdogd: the hardware watchdog, petted while every armed cluster's permit runs. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/cause.h"
#include "watchdogd/clock.h"
#include "watchdogd/log.h"
#include "watchdogd/notify.h"
#include "watchdogd/policy.h"
#include "watchdogd/trial.h"
#include "watchdogd/watchdogd.h"

#define LINGER (10 * USEC_PER_SEC) /* palisade run: how long without a mind */
#define PRIORITY 50                /* as the unit gives it */

typedef enum Verb { VERB_SERVE, VERB_LIST, VERB_TEST } Verb;

typedef struct Options {
        Verb verb;
        const char *runtime;
        const char *state;
        const char *user;
        bool foreground;
        TrialOptions trial;
} Options;

static volatile sig_atomic_t ended;

static void on_signal(int sig _unused_)
{
        ended = 1;
}

static void usage(void)
{
        puts("Usage: palisade-watchdogd [OPTION]…\n\n"
             "Pets the watchdog device of this host while every armed cluster may have a primary.\n\n"
             "  --mind-user USER      who may command this daemon; default palisade\n"
             "  --runtime DIR         where the socket is; default /run/palisade\n"
             "  --state DIR           where the reason of a reset is kept; default\n"
             "                        /var/lib/palisade-watchdogd\n"
             "  --ipmi-action ACTION  what a BMC shall do: reset (default) or cycle\n"
             "  --foreground          started by `palisade run`: end when no mind is left\n\n"
             "  --list                show the devices and which one would be armed\n"
             "  --test                let the device RESET THIS MACHINE and measure it\n"
             "  --device PATH         --test: this one\n"
             "  --timeout SECONDS     --test: default 5\n"
             "  --yes                 --test: do not ask\n"
             "  --help, --version\n\n"
             "See palisade-watchdogd(8).");
}

static int parse_timeout(const char *text, unsigned *ret)
{
        uint64_t v;

        if (str_to_u64(text, &v) < 0 || v < 1 || v > 3600) {
                fprintf(stderr, "--timeout '%s': a whole number of seconds from 1 to 3600\n", text);
                return -1;
        }
        *ret = (unsigned)v;
        return 0;
}

static int parse_action(const char *text, bool *ret_cycle)
{
        if (!str_equal(text, "reset") && !str_equal(text, "cycle")) {
                fprintf(stderr, "--ipmi-action '%s': reset or cycle\n", text);
                return -1;
        }
        *ret_cycle = str_equal(text, "cycle");
        return 0;
}

/* 0: go on; 1: done; -1: said what was wrong. */
static int parse_options(Options *o, int argc, char **argv)
{
        enum { MIND_USER = 256, RUNTIME, STATE, ACTION, FOREGROUND, LIST, TEST, DEVICE, TIMEOUT,
               YES, HELP, VERSION_ };
        static const struct option options[] = {
                { "mind-user", required_argument, NULL, MIND_USER },
                { "runtime", required_argument, NULL, RUNTIME },
                { "state", required_argument, NULL, STATE },
                { "ipmi-action", required_argument, NULL, ACTION },
                { "foreground", no_argument, NULL, FOREGROUND },
                { "list", no_argument, NULL, LIST },
                { "test", no_argument, NULL, TEST },
                { "device", required_argument, NULL, DEVICE },
                { "timeout", required_argument, NULL, TIMEOUT },
                { "yes", no_argument, NULL, YES },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_ },
                { NULL, 0, NULL, 0 },
        };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case MIND_USER: o->user = optarg; break;
                case RUNTIME: o->runtime = optarg; break;
                case STATE: o->state = optarg; break;
                case ACTION: r = parse_action(optarg, &o->trial.power_cycle); break;
                case FOREGROUND: o->foreground = true; break;
                case LIST: o->verb = VERB_LIST; break;
                case TEST: o->verb = VERB_TEST; break;
                case DEVICE: o->trial.device = optarg; break;
                case TIMEOUT: r = parse_timeout(optarg, &o->trial.timeout_sec); break;
                case YES: o->trial.yes = true; break;
                case HELP: usage(); return 1;
                case VERSION_: puts("palisade-watchdogd " PACKAGE_VERSION); return 1;
                default: return -1;
                }
        if (r >= 0 && optind < argc) {
                fprintf(stderr, "palisade-watchdogd takes no argument '%s'\n", argv[optind]);
                return -1;
        }
        return r;
}

static int parse_user(const char *name, uid_t *ret)
{
        uint64_t uid;

        if (str_to_u64(name, &uid) >= 0 && uid < UINT32_MAX) {
                *ret = (uid_t)uid;
                return 0;
        }
        const struct passwd *pw = getpwnam(name);
        if (!pw) {
                wd_log(WD_ERR, NULL, "there is no user '%s'", name);
                return -1;
        }
        *ret = pw->pw_uid;
        return 0;
}

static int listen_at(const char *runtime)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        mode_t old = umask(0177);

        snprintf(sa.sun_path, sizeof sa.sun_path, "%s/watchdogd.sock", runtime);
        (void)unlink(sa.sun_path); /* the caller holds the lock: whoever made it is gone */
        if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 16) < 0) {
                wd_log(WD_ERR, NULL, "cannot listen on %s: %s", sa.sun_path, strerror(errno));
                fd = -1;
        }
        umask(old);
        return fd;
}

/*
 * Goes the way of a pet once, on a descriptor that is no device, so that all of it is in memory, and
 * keeps it there. What is never touched is not loaded (MCL_ONFAULT): that is 3 MiB less.
 */
static void rehearse(bool quietly)
{
        PolicyTable t = { .n = 1, .fires = USEC_PER_SEC };
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        uint64_t one = 1;

        t.clusters[0] = (PolicyCluster){ .armed = 1, .epoch = 1, .deadline = 1 };
        for (usec_t now = 0; now < 2; now++)
                (void)policy_now(&t, now);
        t.last_pet = clock_now();
        (void)policy_after_pet(&t, t.last_pet);
        if (fd >= 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                (void)!write(fd, &one, sizeof one); /* it is only for show */
                (void)ppoll(&p, 1, &(struct timespec){ 0 }, NULL);
                (void)close(fd); /* nothing is in it */
        }
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                wd_log(quietly ? WD_INFO : WD_WARNING, NULL,
                       "memory cannot be locked, so a pet may wait for the disk: %s",
                       strerror(errno));
}

/* systemd gives it by CPUSchedulingPolicy=; elsewhere we ask for it. */
static void take_priority(bool quietly)
{
        struct sched_param param = { .sched_priority = PRIORITY };

        if (sched_getscheduler(0) == SCHED_RR)
                return;
        if (sched_setscheduler(0, SCHED_RR, &param) < 0)
                wd_log(quietly ? WD_INFO : WD_WARNING, NULL, "no real-time priority: %s",
                       strerror(errno));
}

/* A petter that is armed does not leave: its device would reset the host. */
static bool may_end(const Watchdogd *w, const Options *o, usec_t now, usec_t alone_since)
{
        if (o->foreground && watchdogd_is_armed(w))
                return false;
        return ended || (o->foreground && now - alone_since > LINGER);
}

static int run(Watchdogd *w, const Options *o)
{
        usec_t every = notify_watchdog_every(), next = USEC_INFINITY, alone_since = clock_now();

        for (;;) {
                usec_t now = clock_now(), until = next;
                if (every != USEC_INFINITY && (next == USEC_INFINITY || now >= next)) {
                        notify_send("WATCHDOG=1");
                        until = next = now + every;
                }
                if (watchdogd_minds(w) > 0)
                        alone_since = now;
                if (may_end(w, o, now, alone_since))
                        break;
                if (o->foreground)
                        until = MIN(until, now + USEC_PER_SEC);
                int r = watchdogd_serve(w, until);
                if (r < 0) {
                        wd_log(WD_ERR, NULL, "cannot wait for messages: %s", strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        notify_send("STOPPING=1");
        return EXIT_SUCCESS;
}

static int serve(const Options *o)
{
        struct sigaction end = { .sa_handler = on_signal };
        uid_t uid;

        if (parse_user(o->user, &uid) < 0)
                return EXIT_FAILURE;
        (void)sigaction(SIGTERM, &end, NULL); /* these cannot fail */
        (void)sigaction(SIGINT, &end, NULL);
        (void)signal(SIGCHLD, SIG_IGN); /* cause.c: nobody waits for them */

        take_priority(o->foreground);
        int socket = notify_take_fd("watchdogd");
        if (socket < 0)
                socket = listen_at(o->runtime);
        Watchdogd *w = socket < 0 ? NULL
                                  : watchdogd_new(socket, uid, o->state, o->trial.power_cycle);
        if (!w)
                return EXIT_FAILURE;
        rehearse(o->foreground);
        notify_send("READY=1");
        int r = run(w, o);
        watchdogd_free(w);
        return r;
}

int main(int argc, char **argv)
{
        Options o = { .runtime = "/run/palisade", .user = "palisade",
                      .state = "/var/lib/palisade-watchdogd", .trial.timeout_sec = 5 };

        int r = parse_options(&o, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (o.verb == VERB_SERVE)
                return serve(&o);
        cause_open(o.state, NULL);
        return o.verb == VERB_LIST ? trial_list() : trial_run(&o.trial);
}
