#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/listen.h"
#include "io/store.h"

#define STORE_MAGIC 0x70616c69u /* "pali" */

typedef struct StoreHeader {
        uint32_t magic;
        uint32_t version;
        uint64_t size;
} StoreHeader;

struct Store {
        void *map;
        size_t size; /* of the map */
};

int store_put_fd(const char *name, int fd)
{
        char state[128];

        snprintf(state, sizeof state, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
        int r = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
        return r < 0 ? r : 0; /* 0: not under systemd, nothing to keep it in */
}

void store_remove_fd(const char *name)
{
        (void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name); /* not under systemd: none there */
}

int store_take_fd(const char *name)
{
        return listen_take(name, SIZE_MAX);
}

static int map_table(Store **ret, int fd, size_t size)
{
        _cleanup_(store_freep) Store *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->size = size;
        s->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (s->map == MAP_FAILED) {
                s->map = NULL;
                return -errno;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

int store_open(Store **ret, const char *name, unsigned version, size_t size, bool *ret_found)
{
        const StoreHeader expected = { STORE_MAGIC, version, size };
        char stored[64]; /* apart from the names of sockets, which come the same way */
        size_t total = sizeof(StoreHeader) + size;
        _cleanup_(store_freep) Store *s = NULL;
        _cleanup_(closep) int fd = -1;
        struct stat st;
        int r;

        *ret_found = false;
        snprintf(stored, sizeof stored, "%s-table", name);
        fd = store_take_fd(stored);
        if (fd >= 0 && fstat(fd, &st) >= 0 && (size_t)st.st_size == total) {
                r = map_table(&s, fd, total);
                if (r < 0)
                        return r;
                if (memcmp(s->map, &expected, sizeof expected) == 0) {
                        *ret_found = true;
                        *ret = TAKE_PTR(s);
                        return 0;
                }
                s = store_free(s);
        }
        if (fd >= 0) { /* of another version: nothing in it can be believed */
                store_remove_fd(stored);
                fd = fd_close(fd);
        }

        fd = memfd_create(name, MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t)total) < 0)
                return -errno;
        r = map_table(&s, fd, total);
        if (r < 0)
                return r;
        memcpy(s->map, &expected, sizeof expected);
        r = store_put_fd(stored, fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *s)
{
        if (s) {
                if (s->map)
                        (void)munmap(s->map, s->size);
                free(s);
        }
        return NULL;
}

void *store_data(Store *s)
{
        return (char *)s->map + sizeof(StoreHeader);
}
