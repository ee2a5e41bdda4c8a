/* fdutil: descriptors and the clock, the few system calls every program needs. */
#pragma once

#include <sys/types.h>

#include "base/macros.h"
#include "base/usec.h"

/* Closes fd if it is one; errno is kept. Answers -1, for fd = fd_close(fd). */
int fd_close(int fd);

static inline void closep(int *fd)
{
        *fd = fd_close(*fd);
}

usec_t now_boottime(void);
usec_t now_wall(void);

/*
 * The whole of a small file, at most `most` bytes, with a NUL behind it. 0, negative errno, -EFBIG
 * if there is more. dir_fd may be AT_FDCWD.
 */
int read_file_at(int dir_fd, const char *path, size_t most, char **ret, size_t *ret_size);

/* Writes path anew: a temporary file beside it, fsync, rename, fsync of the folder. */
int write_file_atomic(const char *path, const char *text, size_t size, mode_t mode);

/* mkdir -p for the last component's parents too. 0 also if it is there. */
int make_dirs(const char *path, mode_t mode);
