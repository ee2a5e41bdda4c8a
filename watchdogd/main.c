/* palisade-watchdogd: the hardware watchdog, petted while every armed cluster's permit runs. */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/notify.h"
#include "watchdogd/watchdogd.h"

#define LINGER (10 * USEC_PER_SEC) /* palisade run: how long without a mind */

typedef struct Options {
        const char *runtime;
        const char *user;
        bool foreground;
} Options;

static volatile sig_atomic_t ended;

static void on_signal(int sig _unused_)
{
        ended = 1;
}

static usec_t now_boottime(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* this clock always exists */
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static void usage(void)
{
        puts("Usage: palisade-watchdogd [OPTION]…\n\n"
             "Keeps the watchdog device of this host. This version opens none.\n\n"
             "  --mind-user USER    who may command this daemon; default palisade\n"
             "  --runtime DIR       where the socket is; default /run/palisade\n"
             "  --foreground        started by `palisade run`: end when no mind is left\n"
             "  --help, --version\n\n"
             "See palisade(7).");
}

/* 0: go on; 1: done; -1: said what was wrong. */
static int parse_options(Options *o, int argc, char **argv)
{
        enum { MIND_USER = 256, RUNTIME, FOREGROUND, HELP, VERSION_ };
        static const struct option options[] = {
                { "mind-user", required_argument, NULL, MIND_USER },
                { "runtime", required_argument, NULL, RUNTIME },
                { "foreground", no_argument, NULL, FOREGROUND },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_ },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case MIND_USER: o->user = optarg; break;
                case RUNTIME: o->runtime = optarg; break;
                case FOREGROUND: o->foreground = true; break;
                case HELP: usage(); return 1;
                case VERSION_: puts("palisade-watchdogd " PACKAGE_VERSION); return 1;
                default: return -1;
                }
        if (optind < argc) {
                fprintf(stderr, "palisade-watchdogd takes no argument '%s'\n", argv[optind]);
                return -1;
        }
        return 0;
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
                fprintf(stderr, "<3>there is no user '%s'\n", name);
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
                fprintf(stderr, "<3>cannot listen on %s: %s\n", sa.sun_path, strerror(errno));
                fd = -1;
        }
        umask(old);
        return fd;
}

static int run(Watchdogd *w, bool foreground)
{
        usec_t every = notify_watchdog_every(), next = USEC_INFINITY, alone_since = now_boottime();

        while (!ended) {
                usec_t now = now_boottime(), until = next;
                if (every != USEC_INFINITY && (next == USEC_INFINITY || now >= next)) {
                        notify_send("WATCHDOG=1");
                        until = next = now + every;
                }
                if (watchdogd_minds(w) > 0)
                        alone_since = now;
                else if (foreground && now - alone_since > LINGER)
                        return EXIT_SUCCESS;
                if (foreground && until > now + USEC_PER_SEC)
                        until = now + USEC_PER_SEC;
                int r = watchdogd_serve(w, until);
                if (r < 0) {
                        fprintf(stderr, "<3>cannot wait for messages: %s\n", strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        notify_send("STOPPING=1");
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        Options o = { .runtime = "/run/palisade", .user = "palisade" };
        struct sigaction end = { .sa_handler = on_signal };
        uid_t uid;

        int r = parse_options(&o, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (parse_user(o.user, &uid) < 0)
                return EXIT_FAILURE;
        (void)sigaction(SIGTERM, &end, NULL); /* these cannot fail */
        (void)sigaction(SIGINT, &end, NULL);

        int socket = notify_listen_fd("watchdogd");
        if (socket < 0)
                socket = listen_at(o.runtime);
        Watchdogd *w = socket < 0 ? NULL : watchdogd_new(socket, uid);
        if (!w)
                return EXIT_FAILURE;
        notify_send("READY=1\nSTATUS=no device: this version pets none yet");
        r = run(w, o.foreground);
        watchdogd_free(w);
        return r;
}
