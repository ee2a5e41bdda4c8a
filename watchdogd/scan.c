#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/str.h"
#include "watchdogd/scan.h"

#define SYSFS "/sys/class/watchdog"
#define PLAIN "/dev/watchdog"

/* The first line of a small file; empty if there is none. */
static void read_line(char *ret, size_t size, const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (fd >= 0)
                (void)close(fd); /* it was read only */
        ret[n > 0 ? n : 0] = 0;
        ret[strcspn(ret, "\n")] = 0;
}

bool scan_is_device(const char *path)
{
        struct statfs fs;
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        return S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && statfs(path, &fs) >= 0 &&
                                       fs.f_type == FUSE_SUPER_MAGIC);
}

static void check_access(Candidate *c)
{
        if (access(c->path, W_OK) < 0)
                snprintf(c->why_not, sizeof c->why_not, "%s%s", strerror(errno),
                         errno == EACCES ? " (60-palisade-watchdog.rules is to give it to group "
                                           "palisade-wd)"
                                         : "");
}

static void attribute(char *ret, size_t size, const char *device, const char *name)
{
        char path[512];

        snprintf(path, sizeof path, SYSFS "/%s/%s", device, name);
        read_line(ret, size, path);
}

static bool has_ipmi_driver(void)
{
        return access("/sys/module/ipmi_watchdog", F_OK) == 0;
}

static void add_driver(Candidate *c, const char *name)
{
        char text[32];

        *c = (Candidate){ .kind = DEVICE_HARDWARE };
        snprintf(c->path, sizeof c->path, "/dev/%s", name);
        if (str_equal(name, "watchdog0") && scan_is_device(PLAIN) && !has_ipmi_driver())
                (void)STR_SET(c->alias, PLAIN); /* it fits */
        attribute(c->identity, sizeof c->identity, name, "identity");
        c->kind = choose_kind(c->identity);
        attribute(text, sizeof text, name, "nowayout");
        c->nowayout = text[0] == '1';
        attribute(text, sizeof text, name, "bootstatus");
        c->caused_boot = (strtoul(text, NULL, 10) & WDIOF_CARDRESET) != 0;
        check_access(c);
}

static size_t scan_drivers(Candidate *ret, size_t n)
{
        DIR *d = opendir(SYSFS);
        const struct dirent *e;

        while (d && n < CANDIDATES_MAX && (e = readdir(d)))
                if (str_after_prefix(e->d_name, "watchdog"))
                        add_driver(&ret[n++], e->d_name);
        if (d)
                (void)closedir(d); /* it was read only */
        return n;
}

static size_t scan_plain(Candidate *ret, size_t n)
{
        bool known = false;
        char text[8];

        if (n >= CANDIDATES_MAX || !scan_is_device(PLAIN))
                return n;
        for (size_t i = 0; i < n; i++)
                known = known || ret[i].alias[0];
        if (known || (n > 0 && !has_ipmi_driver()))
                return n;
        Candidate *c = &ret[n];
        *c = (Candidate){ .kind = has_ipmi_driver() ? DEVICE_IPMI_DRIVER : DEVICE_HARDWARE };
        (void)STR_SET(c->path, PLAIN); /* it fits */
        if (c->kind == DEVICE_IPMI_DRIVER) {
                (void)STR_SET(c->identity, "IPMI"); /* it fits */
                read_line(text, sizeof text, "/sys/module/ipmi_watchdog/parameters/nowayout");
                c->nowayout = text[0] == 'Y' || text[0] == '1';
        }
        check_access(c);
        return n + 1;
}

static size_t scan_ipmi(Candidate *ret, size_t n)
{
        for (unsigned i = 0; i < 8 && n < CANDIDATES_MAX; i++) {
                Candidate *c = &ret[n];
                *c = (Candidate){ .kind = DEVICE_IPMI_DIRECT };
                snprintf(c->path, sizeof c->path, "/dev/ipmi%u", i);
                if (!scan_is_device(c->path))
                        continue;
                (void)STR_SET(c->identity, "BMC"); /* it fits */
                check_access(c);
                if (has_ipmi_driver())
                        (void)STR_SET(c->why_not, "the BMC's one timer belongs to ipmi_watchdog");
                n++;
        }
        return n;
}

static int by_trust(const void *a, const void *b)
{
        const Candidate *x = a, *y = b;

        return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->path, y->path);
}

size_t scan_devices(Candidate ret[CANDIDATES_MAX])
{
        size_t n = scan_ipmi(ret, scan_plain(ret, scan_drivers(ret, 0)));

        qsort(ret, n, sizeof *ret, by_trust);
        return n;
}

bool scan_path(const char *path, Candidate *ret)
{
        if (!str_after_prefix(path, "/dev/") || !scan_is_device(path))
                return false;
        *ret = (Candidate){ .kind = DEVICE_HARDWARE };
        (void)STR_SET(ret->path, path); /* a device that was asked for: no longer than that */
        check_access(ret);
        return true;
}
