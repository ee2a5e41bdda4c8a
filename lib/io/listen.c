#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/listen.h"

#define PASSED_MAX 64

static struct {
        bool known;
        int n;
        int fds[PASSED_MAX];
        char names[PASSED_MAX][64];
} passed;

static void learn_passed(void)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names);

        passed.known = true;
        for (int i = 0; i < n; i++) {
                if (i < PASSED_MAX) {
                        passed.fds[i] = SD_LISTEN_FDS_START + i;
                        (void)STR_SET(passed.names[i], names[i]); /* ours are short */
                        passed.n = i + 1;
                } else {
                        fd_close(SD_LISTEN_FDS_START + i);
                }
                free(names[i]);
        }
        free(names);
}

int listen_take(const char *name, size_t index)
{
        if (!passed.known)
                learn_passed();
        for (int i = 0; i < passed.n; i++) {
                if (passed.fds[i] < 0 || !str_equal(passed.names[i], name))
                        continue;
                if (index != SIZE_MAX && index-- > 0)
                        continue;
                return TAKE_FD(passed.fds[i]);
        }
        return -ENOENT;
}

static int fill_address(struct sockaddr_un *sa, const char *path)
{
        *sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
        return str_copy(sa->sun_path, sizeof sa->sun_path, path) ? 0 : -ENAMETOOLONG;
}

int listen_unix(const char *path, int type, mode_t mode)
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un sa;
        int r = fill_address(&sa, path);

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(path); /* the caller holds the lock: whoever made it is gone */
        mode_t old = umask(0777 & ~mode);
        r = bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ? -errno : 0;
        umask(old);
        if (r < 0)
                return r;
        if (listen(fd, 64) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int connect_unix(const char *path, int type)
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un sa;
        int r = fill_address(&sa, path);

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
                return -errno;
        return TAKE_FD(fd);
}
