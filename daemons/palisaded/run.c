#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "config/log-node.h"
#include "io/fdutil.h"
#include "io/listen.h"
#include "io/log.h"
#include "palisaded/run.h"

#define FIRST_PASSED_FD 3
#define END_WITHIN (3 * USEC_PER_SEC)

/* The launcher before pgd, which connects to it. */
static const struct {
        const char *program;
        const char *socket;
        bool per_cluster;
        bool wants_config;
        bool as_postgres; /* root gives these up to the owner of the data directory */
        bool with_api;    /* the HTTP socket besides */
} hands[] = {
        { "palisade-watchdogd", "watchdogd", false, false, false, false },
        { "palisade-fenced", "fenced", false, false, false, false },
        { "palisade-launcher", "launcher", true, false, true, false },
        { "palisade-pgd", "pgd", true, true, true, false },
        { "palisade-dcsd", "dcsd", true, true, false, false },
        { "palisade-apid", "apid", true, true, false, true },
};

static pid_t children[ELEMENTSOF(hands)]; /* 0: adopted */
static char runtime[URL_SIZE];
static char cluster[NAME_SIZE];
static uid_t owner; /* whom Postgres runs as */
static gid_t owner_group;

/* ---- the log section ---- */

/* Also to those that read no configuration. */
static void export_log(const Config *c)
{
        const char *level = config_text(c, "log.level", NULL);
        LogForm form;

        if (level)
                (void)setenv("PALISADE_LOG_LEVEL", level, 1); /* out of memory: the default */
        log_node_read(node_get(config_root(c), "log"), &form);
        log_export_form(&form);
}

/* ---- hands ---- */

static void socket_path(size_t i, const char *suffix, char *buf, size_t size)
{
        snprintf(buf, size, "%s/%s%s%s.%s", runtime, hands[i].per_cluster ? cluster : "",
                 hands[i].per_cluster ? "/" : "", hands[i].socket, suffix);
}

/* Beside this program, so that a build tree and a package both work. */
static void program_path(size_t i, char *buf, size_t size)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        self[n > 0 ? n : 0] = 0;
        char *slash = strrchr(self, '/');
        if (slash)
                slash[1] = 0;
        snprintf(buf, size, "%s%s", slash ? self : SBINDIR "/", hands[i].program);
}

static int open_socket(const char *path, int type, mode_t mode)
{
        int fd = listen_unix(path, type, mode);

        if (fd >= 0 && geteuid() == 0 && chown(path, owner, owner_group) < 0) {
                fd_close(fd);
                return -errno;
        }
        return fd;
}

static _Noreturn void become_hand(size_t i, int lock, const int *sockets, size_t n_sockets,
                                  const char *config)
{
        char program[PATH_MAX], config_option[PATH_MAX + 16], user[16], count[16], pid[16];
        const char *argv[12];
        int argc = 0;
        /* The launcher's mind is pgd. */
        uid_t mind = str_equal(hands[i].socket, "launcher") ? owner : getuid();

        (void)setsid(); /* Ctrl-C at a terminal is the mind's to answer */
        for (size_t k = 0; k < n_sockets; k++)
                if (dup2(sockets[k], FIRST_PASSED_FD + (int)k) < 0)
                        _exit(126);
        (void)fcntl(lock, F_SETFD, 0); /* the lock lives as long as the hand */
        if (hands[i].as_postgres && geteuid() == 0 &&
            (setgid(owner_group) < 0 || setuid(owner) < 0))
                _exit(126);

        program_path(i, program, sizeof program);
        snprintf(config_option, sizeof config_option, "--config=%s", config);
        snprintf(user, sizeof user, "%u", (unsigned)mind);
        argv[argc++] = program;
        if (hands[i].per_cluster) {
                argv[argc++] = "--cluster";
                argv[argc++] = cluster;
        }
        if (hands[i].wants_config)
                argv[argc++] = config_option;
        argv[argc++] = "--runtime";
        argv[argc++] = runtime;
        argv[argc++] = "--mind-user";
        argv[argc++] = user;
        argv[argc++] = "--foreground";
        argv[argc] = NULL;

        snprintf(count, sizeof count, "%zu", n_sockets);
        snprintf(pid, sizeof pid, "%d", (int)getpid());
        (void)setenv("LISTEN_FDS", count, 1); /* out of memory: it makes its own socket */
        (void)setenv("LISTEN_PID", pid, 1);
        (void)setenv("LISTEN_FDNAMES", n_sockets > 1 ? "apid:api" : hands[i].socket, 1);
        execv(program, (char *const *)argv);
        fprintf(stderr, "cannot execute %s: %s\n", program, strerror(errno));
        _exit(127);
}

static int start_hand(size_t i, const char *config)
{
        char lock_path[PATH_MAX], path[PATH_MAX];
        _cleanup_(closep) int lock = -1, socket = -1, api = -1;
        int sockets[2];
        size_t n = 0;

        socket_path(i, "lock", lock_path, sizeof lock_path);
        lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock < 0)
                return log_error_errno(errno, "Cannot open %s: %m", lock_path);
        if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return log_error_errno(errno, "Cannot lock %s: %m", lock_path);
                log_info("%s runs already: adopting it", hands[i].program);
                return 0;
        }

        socket_path(i, "sock", path, sizeof path);
        socket = open_socket(path, SOCK_SEQPACKET, 0600);
        if (socket < 0)
                return log_error_errno(socket, "Cannot listen on %s: %m", path);
        /* Above the numbers that are passed on, so that dup2() cannot overwrite one. */
        sockets[n++] = fcntl(socket, F_DUPFD_CLOEXEC, 64);
        if (hands[i].with_api) {
                snprintf(path, sizeof path, "%s/%s/api.sock", runtime, cluster);
                api = open_socket(path, SOCK_STREAM, 0660);
                if (api < 0)
                        return log_error_errno(api, "Cannot listen on %s: %m", path);
                sockets[n++] = fcntl(api, F_DUPFD_CLOEXEC, 65);
        }
        int high_lock = fcntl(lock, F_DUPFD_CLOEXEC, 66);

        pid_t pid = fork();
        if (pid < 0)
                return log_error_errno(errno, "Cannot start %s: %m", hands[i].program);
        if (pid == 0)
                become_hand(i, high_lock, sockets, n, config);
        children[i] = pid;
        for (size_t k = 0; k < n; k++)
                fd_close(sockets[k]);
        fd_close(high_lock);
        return 0;
}

/* ---- set-up ---- */

static int choose_owner(const Config *c)
{
        const char *data_dir = config_text(c, "postgresql.data_dir", "");
        const struct passwd *pw;
        struct stat st;

        owner = geteuid();
        owner_group = getegid();
        if (owner != 0)
                return 0;
        if (stat(data_dir, &st) >= 0 && st.st_uid != 0) {
                owner = st.st_uid;
                owner_group = st.st_gid;
                return 0;
        }
        pw = getpwnam("postgres");
        if (!pw) {
                log_error("started as root, and there is no user postgres to run PostgreSQL as");
                return -ENOENT;
        }
        owner = pw->pw_uid;
        owner_group = pw->pw_gid;
        return 0;
}

static void choose_runtime(void)
{
        const char *given = getenv("PALISADE_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");

        if (!str_empty(given))
                (void)STR_SET(runtime, given); /* a path that is too long fails at its first use */
        else if (geteuid() == 0)
                STR_SET(runtime, "/run/palisade");
        else if (!str_empty(xdg))
                snprintf(runtime, sizeof runtime, "%s/palisade", xdg);
        else
                snprintf(runtime, sizeof runtime, "/tmp/palisade-%u", (unsigned)geteuid());
}

static void warn_of_missing_fences(void)
{
        if (geteuid() == 0)
                return;
        log_event(LOG_WARNING, EVENT_FENCE_MISSING, FIELDS({ "PALISADE_FENCE", "vip", 0 }),
                  "not started as root: no virtual IP can be held");
        log_event(LOG_WARNING, EVENT_FENCE_MISSING, FIELDS({ "PALISADE_FENCE", "gate", 0 }),
                  "not started as root: no gate can be put around postgres");
        log_event(LOG_WARNING, EVENT_FENCE_MISSING, FIELDS({ "PALISADE_FENCE", "watchdog", 0 }),
                  "not started as root: no watchdog device can be armed");
}

static int make_runtime(void)
{
        char path[PATH_MAX];
        int r;

        snprintf(path, sizeof path, "%s/%s/pg", runtime, cluster);
        r = make_dirs(path, 0700);
        if (r >= 0 && geteuid() == 0 && chown(path, owner, owner_group) < 0)
                r = -errno;
        return r < 0 ? log_error_errno(r, "Cannot make %s: %m", path) : 0;
}

int run_prepare(const char *config, char *ret_cluster, size_t cluster_size, char *ret_runtime,
                size_t runtime_size)
{
        static const char *const sections[] = { "log", "postgresql", NULL };
        _cleanup_(config_freep) Config *c = NULL;
        char path[PATH_MAX];
        int r = config_load(&c, config, sections, NULL, NULL);

        if (r < 0)
                return r;
        export_log(c);
        if (!realpath(config, path))
                return log_error_errno(errno, "Cannot find %s: %m", config);
        (void)STR_SET(cluster, config_scope(c)); /* config_load() has checked its size */
        for (char *s = cluster; *s; s++)
                if (*s == '/')
                        *s = '-';
        choose_runtime();
        r = choose_owner(c);
        if (r >= 0)
                r = make_runtime();
        if (r < 0)
                return r;
        warn_of_missing_fences();
        for (size_t i = 0; i < ELEMENTSOF(hands) && r >= 0; i++)
                r = start_hand(i, path);
        (void)str_copy(ret_cluster, cluster_size, cluster); /* same sizes */
        (void)str_copy(ret_runtime, runtime_size, runtime);
        return r;
}

/* ---- the end ---- */

static int on_left(Palisaded *p)
{
        return sd_event_exit(p->event, 0);
}

static int on_terminate(sd_event_source *s, const struct signalfd_siginfo *si _unused_,
                        void *userdata)
{
        Palisaded *p = userdata;

        if (p->on_left) {
                log_notice("told to end again: ending without waiting for the handover");
                return sd_event_exit(sd_event_source_get_event(s), 0);
        }
        p->on_left = on_left; /* palisadectl leave, in contrast, leaves the API to ask */
        palisaded_leave(p);
        if (p->pg.pg.held)
                return on_left(p); /* it had left before */
        return 0;
}

/* A hand that dies is started again, as systemd would. */
static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata)
{
        const Palisaded *p = userdata;

        for (size_t i = 0; i < ELEMENTSOF(hands); i++) {
                if (children[i] != si->si_pid)
                        continue;
                children[i] = 0;
                log_warning("%s ended (%s %d): starting it again", hands[i].program,
                            si->si_code == CLD_EXITED ? "code" : "signal", si->si_status);
                int r = start_hand(i, p->config_path);
                if (r >= 0 && children[i] > 0)
                        r = sd_event_add_child(p->event, NULL, children[i], WEXITED, on_child,
                                               userdata);
                if (r < 0)
                        log_error_errno(r, "Cannot start %s again: %m", hands[i].program);
        }
        sd_event_source_unref(s);
        return 0;
}

int run_attach(Palisaded *p)
{
        sigset_t chld;
        int r;

        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &chld, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(hands); i++) {
                if (children[i] == 0)
                        continue;
                r = sd_event_add_child(p->event, NULL, children[i], WEXITED, on_child, p);
                if (r < 0)
                        return r;
        }
        return loop_on_terminate(p->event, on_terminate, p);
}

/* Hands we adopted end by themselves once no mind is left. */
void run_finish(void)
{
        usec_t until = now_boottime() + END_WITHIN;

        for (size_t i = ELEMENTSOF(hands); i-- > 0;)
                if (children[i] > 0)
                        (void)kill(children[i], SIGTERM); /* ESRCH: it has ended */
        for (size_t i = 0; i < ELEMENTSOF(hands); i++)
                while (children[i] > 0 && waitpid(children[i], NULL, WNOHANG) == 0 &&
                       now_boottime() < until)
                        (void)usleep(10000);
}
