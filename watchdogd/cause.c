#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/cause.h"
#include "watchdogd/events.h"
#include "watchdogd/log.h"

#define FILE_MOST 2048
#define BOOT_MARK "/run/palisade-watchdogd/boot" /* RuntimeDirectory= of the unit, preserved */

static char directory[HOST_SIZE];
static char boot_id[40];
static char text_of_boot[REASON_SIZE];
static bool written;

static int read_file(const char *path, char *ret, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (fd >= 0)
                (void)close(fd); /* it was read only */
        ret[n > 0 ? n : 0] = 0;
        return n > 0 ? 0 : -ENOENT;
}

void cause_path(char *ret, size_t size, const char *file)
{
        snprintf(ret, size, "%s/%s", directory, file);
}

/* A file that vanishes with /run; the kernel's boot_id is not a container's. */
static void mark_boot(void)
{
        int fd = open(BOOT_MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        if (fd < 0)
                return; /* it is there already, or there is no such folder */
        if (read_file("/proc/sys/kernel/random/uuid", boot_id, sizeof boot_id) >= 0)
                (void)!write(fd, boot_id, strlen(boot_id)); /* short: no mark, the kernel's holds */
        (void)close(fd); /* a file of /run */
}

const char *cause_boot_id(void)
{
        if (!boot_id[0]) {
                mark_boot();
                if (read_file(BOOT_MARK, boot_id, sizeof boot_id) < 0)
                        (void)read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
                boot_id[strcspn(boot_id, "\n")] = 0;
        }
        return boot_id;
}

bool cause_read(const char *file, const char *key, char *ret, size_t size)
{
        char path[HOST_SIZE + 16], text[FILE_MOST], *save = NULL;

        cause_path(path, sizeof path, file);
        if (read_file(path, text, sizeof text) < 0)
                return false;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *value = str_after_prefix(line, key);
                if (value && *value == '=') {
                        (void)str_copy(ret, size, value + 1); /* what does not fit is cut */
                        return true;
                }
        }
        return false;
}

int cause_replace(const char *file, const char *text)
{
        char path[HOST_SIZE + 16], next[HOST_SIZE + 16];
        int r = 0;

        cause_path(path, sizeof path, file);
        cause_path(next, sizeof next, ".next");
        int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) < 0)
                r = -errno;
        (void)close(fd); /* it is synced */
        if (r >= 0 && rename(next, path) < 0)
                r = -errno;
        fd = r < 0 ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
                (void)fsync(fd); /* the file itself is there in any case */
                (void)close(fd);
        }
        return r;
}

/* Runs write_it(arg) in a child, whose end of the pipe closes when it is done. */
static void in_child(void (*work)(const char *), const char *arg, usec_t wait)
{
        int pipes[2];

        if (!directory[0] || pipe2(pipes, O_CLOEXEC) < 0)
                return;
        pid_t pid = fork(); /* SIGCHLD is ignored: nobody waits for it */
        if (pid == 0) {
                work(arg);
                _exit(EXIT_SUCCESS);
        }
        (void)close(pipes[1]); /* nothing is in it */
        struct pollfd p = { .fd = pipes[0] };
        if (pid > 0 && wait > 0)
                (void)poll(&p, 1, (int)(wait / USEC_PER_MSEC)); /* either way, we go on */
        (void)close(pipes[0]); /* nothing is in it */
}

static void write_reset(const char *what)
{
        char text[FILE_MOST], wall[USEC_ISO_MAX];
        struct timespec ts;

        (void)clock_gettime(CLOCK_REALTIME, &ts); /* this clock always exists */
        snprintf(text, sizeof text, "boot=%s\nwhen=%s\nwhat=%s\n", cause_boot_id(),
                 usec_format_iso(wall, sizeof wall,
                                 (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000, ' '),
                 what);
        (void)cause_replace("reset", text); /* the reset does not wait for a broken disk */
}

static void remove_reset(const char *arg _unused_)
{
        char path[HOST_SIZE + 16];

        cause_path(path, sizeof path, "reset");
        (void)unlink(path); /* none there: as it should be */
}

void cause_write(const char *what, usec_t wait)
{
        written = true;
        in_child(write_reset, what, wait);
}

void cause_forget(void)
{
        if (written)
                in_child(remove_reset, NULL, 0);
        written = false;
}

const char *cause_text(void)
{
        return text_of_boot;
}

void cause_open(const char *state_dir, const char *known)
{
        char boot[64] = "";

        (void)STR_SET(directory, state_dir); /* a longer path does not open, and is told */
        if (known)
                (void)STR_SET(text_of_boot, known); /* same size */
        else if (cause_read("boot", "boot", boot, sizeof boot) && str_equal(boot, cause_boot_id()))
                (void)cause_read("boot", "cause", text_of_boot, sizeof text_of_boot);
}

/* What the last boot wrote, or else what the drivers say about it. */
static void find_cause(const Candidate *c, size_t n)
{
        char boot[64] = "", when[64] = "", what[REASON_SIZE] = "";

        if (cause_read("reset", "boot", boot, sizeof boot) && !str_equal(boot, cause_boot_id())) {
                (void)cause_read("reset", "when", when, sizeof when); /* empty, then */
                (void)cause_read("reset", "what", what, sizeof what);
                snprintf(text_of_boot, sizeof text_of_boot, "%s (%.19s UTC)", what, when);
                return;
        }
        for (size_t i = 0; i < n; i++)
                if (c[i].caused_boot)
                        snprintf(text_of_boot, sizeof text_of_boot,
                                 "%.100s (%.60s) reset this host, and nothing was written before: "
                                 "the host or its petter hung",
                                 c[i].path, c[i].identity);
}

void cause_work_out(const Candidate *c, size_t n)
{
        char boot[64] = "", text[FILE_MOST];

        if (cause_read("boot", "boot", boot, sizeof boot) && str_equal(boot, cause_boot_id()))
                return;
        find_cause(c, n);
        snprintf(text, sizeof text, "boot=%s\ncause=%s\n", cause_boot_id(), text_of_boot);
        (void)mkdir(directory, 0750); /* the unit has made it; elsewhere we may be allowed to */
        int r = cause_replace("boot", text);
        if (r < 0 && n > 0) /* without a device nobody is reset */
                wd_log(WD_WARNING, NULL, "%s cannot be written, so a reset will not tell its "
                                         "reason: %s", directory, strerror(-r));
        if (text_of_boot[0])
                wd_log(WD_WARNING, EVENT_BOOT_CAUSE, "why this host went down: %s", text_of_boot);
        remove_reset(NULL);
}
