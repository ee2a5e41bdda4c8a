/* pg_replslot, and what of pg_wal is there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/copies.h"

static void closedirp(DIR **d)
{
        if (*d)
                (void)closedir(*d); /* only read */
}

static DIR *open_folder(const char *data_dir, const char *name)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", data_dir, name);
        return opendir(path);
}

bool logical_files_any(const char *data_dir)
{
        _cleanup_(closedirp) DIR *d = open_folder(data_dir, "pg_replslot");
        char path[PATH_MAX], *state;
        size_t size;

        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                size_t n = strlen(e->d_name);
                if (e->d_name[0] == '.' || (n > 4 && str_equal(e->d_name + n - 4, ".tmp")))
                        continue; /* the server removes what was half made */
                snprintf(path, sizeof path, "%s/state", e->d_name);
                if (read_file_at(dirfd(d), path, LOGICAL_STATE_MAX, &state, &size) < 0)
                        continue;
                bool is_logical = logical_is_state((const uint8_t *)state, size);
                free(state);
                if (is_logical)
                        return true;
        }
        return false;
}

/* 24 hexadecimal digits: timeline, and the segment's number in two halves. */
static bool read_segment(const char *name, uint64_t *ret_high, uint64_t *ret_low)
{
        char half[9];

        if (strlen(name) != 24 || strspn(name, "0123456789ABCDEF") != 24)
                return false;
        (void)str_copy_n(half, sizeof half, name + 8, 8); /* eight */
        *ret_high = strtoul(half, NULL, 16);
        *ret_low = strtoul(name + 16, NULL, 16);
        return true;
}

bool logical_files_have_wal(const char *data_dir, Lsn lsn)
{
        _cleanup_(closedirp) DIR *d = open_folder(data_dir, "pg_wal");
        uint64_t segment_size = 0, high, low;
        struct stat st;

        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                if (!read_segment(e->d_name, &high, &low))
                        continue;
                if (segment_size == 0 && fstatat(dirfd(d), e->d_name, &st, 0) >= 0)
                        segment_size = (uint64_t)st.st_size; /* all are as long */
                if (segment_size && high == lsn >> 32 && low == (lsn & UINT32_MAX) / segment_size)
                        return true;
        }
        return false;
}

/* A slot's folder holds files alone. */
static int remove_slot(int slots_fd, const char *name)
{
        int fd = openat(slots_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        _cleanup_(closedirp) DIR *d = fdopendir(fd);
        if (!d) {
                (void)close(fd); /* only read */
                return -ENOMEM;
        }
        for (struct dirent *e = readdir(d); e; e = readdir(d))
                if (!str_equal(e->d_name, ".") && !str_equal(e->d_name, "..") &&
                    unlinkat(fd, e->d_name, 0) < 0)
                        return -errno;
        return unlinkat(slots_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int open_slots(const char *data_dir)
{
        char folder[PATH_MAX];

        snprintf(folder, sizeof folder, "%s/pg_replslot", data_dir);
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int logical_files_stage(const char *data_dir, const LogicalCopy *copy, mode_t mode)
{
        char path[PATH_MAX + IDENT_SIZE + 32], tmp[IDENT_SIZE + 4];
        _cleanup_(closep) int fd = open_slots(data_dir);

        snprintf(tmp, sizeof tmp, "%s.tmp", copy->name);
        snprintf(path, sizeof path, "%s/pg_replslot/%s/state", data_dir, tmp);
        int r = fd < 0 ? fd : remove_slot(fd, tmp);
        if (r >= 0 && mkdirat(fd, tmp, mode & 0040 ? 0750 : 0700) < 0)
                r = -errno;
        return r < 0 ? r : write_file_atomic(path, (const char *)copy->state, copy->size, mode);
}

int logical_files_lay_down(const char *data_dir, const char *name)
{
        _cleanup_(closep) int fd = open_slots(data_dir);
        char tmp[IDENT_SIZE + 4];

        snprintf(tmp, sizeof tmp, "%s.tmp", name);
        int r = fd < 0 ? fd : remove_slot(fd, name);
        return r < 0 ? r : renameat(fd, tmp, fd, name) < 0 || fsync(fd) < 0 ? -errno : 0;
}
