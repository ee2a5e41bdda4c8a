#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/cgroup-kill.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/server.h"
#include "wire/msg.h"

#define KILL_WITHIN USEC_PER_SEC /* as long as WatchdogSec= */
#define LOOK_EVERY (10 * USEC_PER_MSEC) /* at a leaf that is being emptied */

struct Server {
        sd_event *event;
        const ServerCalls *calls;
        void *userdata;
        Worker *worker;
        pid_t pid; /* 0: none runs */
        bool killed; /* this one, or the last, by us */
        int pidfd;
        sd_event_source *source;
        uint64_t leaf, cgroup;
        int dir_fd, kill_fd;
        Timer look;
};

bool server_runs(const Server *s)
{
        return s->pid > 0;
}

pid_t server_pid(const Server *s)
{
        return s->pid;
}

bool server_was_killed(const Server *s)
{
        return s->killed;
}

uint64_t server_leaf(const Server *s)
{
        return s->leaf;
}

uint64_t server_cgroup(const Server *s)
{
        return s->cgroup;
}

size_t server_leaf_fds(const Server *s, int ret[2])
{
        ret[0] = s->dir_fd;
        ret[1] = s->kill_fd;
        return s->dir_fd < 0 ? 0 : s->kill_fd < 0 ? 1 : 2;
}

void server_set_leaf(Server *s, uint64_t leaf, uint64_t cgroup, int dir_fd, int kill_fd)
{
        timer_set(&s->look, USEC_INFINITY); /* the one that was emptied is not this one */
        fd_close(s->dir_fd);
        fd_close(s->kill_fd);
        s->leaf = leaf;
        s->cgroup = cgroup;
        s->dir_fd = dir_fd;
        s->kill_fd = kill_fd;
}

bool server_leaf_busy(Server *s)
{
        return s->dir_fd >= 0 && cgroup_populated(s->dir_fd) > 0;
}

static void on_killed(int r, uint64_t pid, void *userdata)
{
        Server *s = userdata;

        if (r < 0 && s->pid > 0 && s->pid == (pid_t)pid && kill(-s->pid, SIGKILL) < 0 && errno != ESRCH)
                log_error_errno(errno, "Cannot kill postgres (pid %d): %m", (int)s->pid);
}

void server_kill(Server *s)
{
        s->killed |= s->pid > 0;
        if (s->dir_fd < 0 && s->kill_fd < 0)
                on_killed(-ENODEV, (uint64_t)s->pid, s);
        else
                cgroup_kill(s->worker, s->dir_fd, s->kill_fd, (uint64_t)s->pid, on_killed, s);
}

int server_signal(Server *s, int sig)
{
        if (s->pid <= 0)
                return -ESRCH;
        return pidfd_send_signal(s->pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

/* Backends may outlive a postmaster that was killed: nothing starts beside them, so they go too. */
static void on_look(Timer *t, usec_t now, void *userdata)
{
        Server *s = userdata;

        if (!server_leaf_busy(s)) {
                s->calls->empty(s->userdata);
                return;
        }
        server_kill(s);
        timer_set(t, now + LOOK_EVERY);
}

void server_clear(Server *s)
{
        timer_set(&s->look, now_boottime());
}

static int on_gone(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                   void *userdata)
{
        Server *s = userdata;

        s->source = sd_event_source_disable_unref(s->source);
        s->pidfd = fd_close(s->pidfd);
        s->pid = 0;
        s->calls->gone(s->userdata);
        if (s->pid == 0)
                server_clear(s);
        return 0;
}

int server_watch(Server *s, pid_t pid, int pidfd)
{
        s->pidfd = pidfd;
        s->pid = pid;
        s->killed = false;
        int r = sd_event_add_io(s->event, &s->source, pidfd, EPOLLIN, on_gone, s);
        if (r < 0) {
                s->pidfd = fd_close(s->pidfd);
                s->pid = 0;
                return r;
        }
        (void)sd_event_source_set_description(s->source, "postmaster"); /* only for debugging */
        return 0;
}

uint64_t server_leaf_of(pid_t pid)
{
        char path[PATH_MAX];
        uint64_t leaf;

        if (cgroup_of(pid, path, sizeof path) < 0)
                return 0;
        const char *name = strrchr(path, '/');
        const char *number = name ? str_after_prefix(name + 1, "pg-") : NULL;
        return number && str_to_u64(number, &leaf) >= 0 ? leaf : 0;
}

void server_adopt_cgroup(Server *s)
{
        char path[PATH_MAX], mount[512];
        uint64_t id = 0;
        int r = cgroup_of(s->pid, path, sizeof path);

        if (r >= 0)
                r = cgroup_mount(mount, sizeof mount);
        if (r < 0) {
                server_set_leaf(s, 0, 0, -1, -1); /* no cgroups on this machine */
                return;
        }
        _cleanup_(closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = dir < 0 ? -errno : cgroup_id(dir, &id);
        if (r >= 0)
                r = str_equal(path, mount) ? 0 : cgroup_holds_only(dir, s->pid);
        if (r > 0) {
                log_notice("postgres was started by somebody else: its cgroup %s stands for a leaf until "
                           "its next start",
                           path);
                int kill_fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC); /* mostly root's */
                server_set_leaf(s, LEAF_ADOPTED | id, id, TAKE_FD(dir), kill_fd);
                return;
        }
        log_warning("postgres was started by somebody else, and %s: no gate until it is restarted%s%s",
                    r < 0 ? "its cgroup cannot be read" : "others run in its cgroup too",
                    r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
        server_set_leaf(s, LEAF_ADOPTED | id, 0, -1, -1);
}

static bool lives_in(pid_t pid, const char *data_dir)
{
        char link[64];
        struct stat here, there;

        snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
        return stat(link, &here) >= 0 && stat(data_dir, &there) >= 0 &&
               here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

int server_adopt(Server *s, const char *data_dir)
{
        char path[PATH_MAX];
        char *text;
        uint64_t pid;

        snprintf(path, sizeof path, "%s/postmaster.pid", data_dir);
        int r = read_file_at(AT_FDCWD, path, 4096, &text, NULL);
        if (r < 0)
                return r == -ENOENT || r == -ENOTDIR ? 0 : r;
        text[strcspn(text, "\n")] = 0;
        r = str_to_u64(text, &pid);
        free(text);
        if (r < 0 || pid == 0 || pid > INT_MAX)
                return 0; /* half written, or not ours: no server has it open */

        /* The pidfd first: the process it names cannot change under the checks that follow. */
        _cleanup_(closep) int pidfd = pidfd_open((pid_t)pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? 0 : -errno;
        if (!lives_in((pid_t)pid, data_dir))
                return 0;
        r = server_watch(s, (pid_t)pid, TAKE_FD(pidfd));
        return r < 0 ? r : 1;
}

int server_new(Server **ret, sd_event *e, const ServerCalls *calls, void *userdata)
{
        _cleanup_(server_freep) Server *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        *s = (Server){ .event = sd_event_ref(e), .calls = calls, .userdata = userdata, .pidfd = -1,
                       .dir_fd = -1, .kill_fd = -1 };
        int r = timer_init(&s->look, e, "empty leaf", NULL, on_look, s);
        if (r >= 0)
                r = worker_new(&s->worker, e, KILL_WITHIN);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Server *server_free(Server *s)
{
        if (s) {
                s->worker = worker_free(s->worker);
                s->source = sd_event_source_disable_unref(s->source);
                fd_close(s->pidfd);
                fd_close(s->dir_fd);
                fd_close(s->kill_fd);
                timer_done(&s->look);
                sd_event_unref(s->event);
                free(s);
        }
        return NULL;
}
