#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/fdutil.h"

int fd_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;
                (void)close(fd); /* nothing can be done about EIO here */
                errno = saved;
        }
        return -1;
}

static usec_t clock_now(clockid_t clock)
{
        struct timespec ts;

        (void)clock_gettime(clock, &ts); /* these clocks always exist */
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

usec_t now_boottime(void)
{
        return clock_now(CLOCK_BOOTTIME);
}

usec_t now_wall(void)
{
        return clock_now(CLOCK_REALTIME);
}

int read_file_at(int dir_fd, const char *path, size_t most, char **ret, size_t *ret_size)
{
        _cleanup_(closep) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        char *data = NULL;
        size_t size = 0, room = 0;

        if (fd < 0)
                return -errno;
        for (;;) {
                if (size + 1 >= room) {
                        room = room ? room * 2 : 4096;
                        char *bigger = realloc(data, room);
                        if (!bigger) {
                                free(data);
                                return -ENOMEM;
                        }
                        data = bigger;
                }
                ssize_t n = read(fd, data + size, room - size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || size + (size_t)n > most) {
                        int r = n < 0 ? -errno : -EFBIG;
                        free(data);
                        return r;
                }
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        data[size] = 0;
        *ret = data;
        if (ret_size)
                *ret_size = size;
        return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                size -= (size_t)n;
        }
        return 0;
}

static int sync_folder(const char *path)
{
        char copy[PATH_MAX];

        if (strlen(path) >= sizeof copy)
                return -ENAMETOOLONG;
        strcpy(copy, path);
        _cleanup_(closep) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int write_file_atomic(const char *path, const char *text, size_t size, mode_t mode)
{
        char temporary[PATH_MAX];

        if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
                return -ENAMETOOLONG;
        (void)unlink(temporary); /* left by a crash: we write it anew */

        _cleanup_(closep) int fd =
                open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        int r = fchmod(fd, mode) < 0 ? -errno : write_all(fd, text, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary); /* the error that counts is r */
                return r;
        }
        return sync_folder(path);
}

int make_dirs(const char *path, mode_t mode)
{
        char copy[PATH_MAX];

        if (strlen(path) >= sizeof copy)
                return -ENAMETOOLONG;
        strcpy(copy, path);
        for (char *p = copy + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = 0;
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}
