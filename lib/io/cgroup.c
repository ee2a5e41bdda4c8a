#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/cgroup.h"
#include "io/fdutil.h"

#define PROC_FILE_MAX (1U << 20)

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
