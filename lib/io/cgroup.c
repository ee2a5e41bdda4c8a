#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/cgroup.h"
#include "io/fdutil.h"

#define PROC_FILE_MAX (1U << 20)
#define PIDS_MAX 4096
#define DEPTH_MAX 16 /* of a server's tree: a backend, its shell, what that starts */

int cgroup_mount(char *buf, size_t size)
{
        char *text, *save = NULL;
        int r = read_file_at(AT_FDCWD, "/proc/self/mountinfo", PROC_FILE_MAX, &text, NULL);

        if (r < 0)
                return r;
        r = -ENOENT;
        /* "36 25 0:31 / /sys/fs/cgroup rw,… - cgroup2 cgroup2 rw": the fifth word, and after "-". */
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *type = strstr(line, " - ");
                char point[512];
                if (!type || !str_after_prefix(type + 3, "cgroup2 "))
                        continue;
                if (sscanf(line, "%*s %*s %*s %*s %511s", point) == 1 && str_copy(buf, size, point)) {
                        r = 0;
                        break;
                }
        }
        free(text);
        return r;
}

int cgroup_of(pid_t pid, char *buf, size_t size)
{
        char path[64], mount[512];
        char *text, *save = NULL;
        int r = cgroup_mount(mount, sizeof mount);

        if (r < 0)
                return r;
        if (pid > 0)
                snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        else
                snprintf(path, sizeof path, "/proc/self/cgroup");
        r = read_file_at(AT_FDCWD, path, PROC_FILE_MAX, &text, NULL);
        if (r < 0)
                return r;
        r = -ENOENT;
        /* Lines of cgroup v1 controllers may come first; ours begins "0::". */
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *own = str_after_prefix(line, "0::");
                if (own) {
                        int n = snprintf(buf, size, "%s%s", mount, str_equal(own, "/") ? "" : own);
                        r = (size_t)n < size ? 0 : -ENAMETOOLONG;
                        break;
                }
        }
        free(text);
        return r;
}

int cgroup_id(int dir_fd, uint64_t *ret)
{
        struct stat st;

        if (fstat(dir_fd, &st) < 0)
                return -errno;
        *ret = st.st_ino;
        return 0;
}

int cgroup_populated(int dir_fd)
{
        char text[256];
        _cleanup_(closep) int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? -ENODEV : -errno;
        ssize_t n = read(fd, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        return strstr(text, "populated 1") ? 1 : strstr(text, "populated 0") ? 0 : -EIO;
}

/* ---- the processes in it ---- */

typedef struct Pids {
        size_t n;
        pid_t pid[PIDS_MAX];
} Pids;

static int read_pids(int dir_fd, Pids *ret)
{
        char *text, *save = NULL;
        uint64_t pid;
        int r = read_file_at(dir_fd, "cgroup.procs", PROC_FILE_MAX, &text, NULL);

        if (r < 0)
                return r;
        ret->n = 0;
        for (char *line = strtok_r(text, "\n", &save); line && ret->n < PIDS_MAX;
             line = strtok_r(NULL, "\n", &save))
                if (str_to_u64(line, &pid) >= 0 && pid > 0 && pid <= INT_MAX)
                        ret->pid[ret->n++] = (pid_t)pid;
        free(text);
        return 0;
}

static bool has_pid(const Pids *p, pid_t pid)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->pid[i] == pid)
                        return true;
        return false;
}

int cgroup_kill_each(int dir_fd)
{
        static _Thread_local Pids before, after; /* too large for a stack */
        int fds[PIDS_MAX], r = read_pids(dir_fd, &before);

        if (r < 0)
                return r;
        for (size_t i = 0; i < before.n; i++)
                fds[i] = pidfd_open(before.pid[i], 0);
        /* Whose number is still here now has the process behind its pidfd in here. */
        r = read_pids(dir_fd, &after);
        for (size_t i = 0; i < before.n; i++) {
                if (r >= 0 && fds[i] >= 0 && has_pid(&after, before.pid[i]) &&
                    pidfd_send_signal(fds[i], SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                        r = -errno;
                fd_close(fds[i]);
        }
        return r;
}

/* Its parent's number; 0: it is gone; negative errno: we may not look. */
static pid_t parent_of(pid_t pid)
{
        char path[64];
        char *text;
        int parent;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int r = read_file_at(AT_FDCWD, path, PROC_FILE_MAX, &text, NULL);
        if (r == -ENOENT || r == -ESRCH)
                return kill(pid, 0) < 0 && errno == ESRCH ? 0 : -EPERM; /* or hidden from us */
        if (r < 0)
                return r;
        const char *end = strrchr(text, ')'); /* behind a name that may hold anything */
        if (!end || sscanf(end, ") %*c %d", &parent) != 1)
                parent = -EIO;
        free(text);
        return parent;
}

static bool descends_from(pid_t pid, pid_t root)
{
        for (int depth = 0; depth < DEPTH_MAX; depth++) {
                if (pid == root || pid == 0)
                        return true;
                pid = parent_of(pid);
                if (pid < 0 || pid == 1)
                        return false;
        }
        return false;
}

static int has_populated_below(int dir_fd)
{
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d) {
                r = -errno;
                fd_close(fd);
                return r;
        }
        for (struct dirent *e; r == 0 && (e = readdir(d));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                _cleanup_(closep) int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = sub < 0 ? 0 : cgroup_populated(sub);
                r = r == -ENODEV ? 0 : r;
        }
        closedir(d);
        return r;
}

int cgroup_holds_only(int dir_fd, pid_t root)
{
        static Pids pids; /* too large for a stack */
        int r = has_populated_below(dir_fd);

        if (r != 0)
                return r < 0 ? r : 0;
        r = read_pids(dir_fd, &pids);
        if (r < 0)
                return r;
        if (!has_pid(&pids, root) || pids.n == PIDS_MAX)
                return 0;
        for (size_t i = 0; i < pids.n; i++)
                if (!descends_from(pids.pid[i], root))
                        return 0;
        return 1;
}
