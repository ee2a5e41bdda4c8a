#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/holder.h"

#define SYSTEMD_ADVICE                                                                             \
        "set RuntimeWatchdogSec=off there and run systemctl daemon-reexec, or name another "      \
        "device in watchdog.device"

/* Programs known to hold a watchdog: the name of the process, its unit, what to do. */
static const struct {
        const char *comm, *unit, *advice;
} known[] = {
        { "watchdog", "watchdog.service", "systemctl disable --now watchdog" },
        { "wd_keepalive", "wd_keepalive.service", "systemctl disable --now wd_keepalive" },
        { "sbd", "sbd.service", "sbd and palisade cannot share it: name another in watchdog.device" },
        { "watchdog-mux", "watchdog-mux.service", "Proxmox's HA owns it: name another in "
                                                  "watchdog.device" },
        { "patroni", "patroni.service", "systemctl disable --now patroni" },
        { "bmc-watchdog", "bmc-watchdog.service", "systemctl disable --now bmc-watchdog" },
};

static void read_comm(const char *pid, char *ret, size_t size)
{
        char path[64];
        int fd;

        snprintf(path, sizeof path, "/proc/%.10s/comm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);
        if (fd >= 0)
                (void)close(fd); /* it was read only */
        ret[n > 0 ? n : 0] = 0;
        ret[strcspn(ret, "\n")] = 0;
}

/* /dev/watchdog and /dev/watchdog0 are two numbers of one device. */
static bool holds(const char *pid, const char *path)
{
        char folder[64], link[PATH_MAX], target[PATH_MAX];
        bool found = false;
        const struct dirent *e;
        DIR *d;

        snprintf(folder, sizeof folder, "/proc/%.10s/fd", pid);
        d = opendir(folder);
        while (d && !found && (e = readdir(d))) {
                snprintf(link, sizeof link, "%s/%s", folder, e->d_name);
                ssize_t n = readlink(link, target, sizeof target - 1);
                target[n > 0 ? n : 0] = 0;
                found = str_equal(target, path) ||
                        (str_equal(target, "/dev/watchdog") && str_equal(path, "/dev/watchdog0")) ||
                        (str_equal(target, "/dev/watchdog0") && str_equal(path, "/dev/watchdog"));
        }
        if (d)
                (void)closedir(d); /* it was read only */
        return found;
}

static const char *advice_for(const char *comm)
{
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (str_equal(known[i].comm, comm))
                        return known[i].advice;
        return str_equal(comm, "systemd") ? SYSTEMD_ADVICE : "stop it, or name another device in "
                                                             "watchdog.device";
}

static bool tell_by_proc(const char *path, char *ret, size_t size)
{
        const struct dirent *e;
        bool found = false;
        char comm[32];
        DIR *d = opendir("/proc");

        while (d && !found && (e = readdir(d))) {
                if (!isdigit((unsigned char)e->d_name[0]) || !holds(e->d_name, path) ||
                    strtol(e->d_name, NULL, 10) == getpid())
                        continue;
                found = true;
                read_comm(e->d_name, comm, sizeof comm);
                snprintf(ret, size, "busy: held by %s, pid %.10s; %s", comm, e->d_name,
                         advice_for(comm));
        }
        if (d)
                (void)closedir(d); /* it was read only */
        return found;
}

/* A line RuntimeWatchdogSec= that switches it on. */
static bool switches_on(const char *file)
{
        char line[256];
        bool on = false;
        FILE *f = fopen(file, "re");

        while (f && fgets(line, sizeof line, f)) {
                const char *value = str_after_prefix(line, "RuntimeWatchdogSec=");
                if (value)
                        on = *value != '0' && *value != '\n' && !str_after_prefix(value, "off");
        }
        if (f)
                (void)fclose(f); /* it was read only */
        return on;
}

static bool tell_by_systemd(char *ret, size_t size)
{
        static const char *const files[] = {
                "/etc/systemd/system.conf", "/etc/systemd/system.conf.d/*.conf",
                "/run/systemd/system.conf.d/*.conf", "/usr/lib/systemd/system.conf.d/*.conf"
        };
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(files) && !found; i++) {
                glob_t g;
                if (glob(files[i], 0, NULL, &g) != 0)
                        continue;
                for (size_t j = 0; j < g.gl_pathc && !found; j++)
                        if (switches_on(g.gl_pathv[j])) {
                                found = true;
                                snprintf(ret, size, "busy: systemd pets it (RuntimeWatchdogSec in "
                                                    "%.80s); " SYSTEMD_ADVICE, g.gl_pathv[j]);
                        }
                globfree(&g);
        }
        return found;
}

static bool tell_by_units(char *ret, size_t size)
{
        char path[128];

        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                snprintf(path, sizeof path, "/sys/fs/cgroup/system.slice/%s", known[i].unit);
                if (access(path, F_OK) < 0)
                        continue;
                snprintf(ret, size, "busy: held by %s, it seems; %s", known[i].unit,
                         known[i].advice);
                return true;
        }
        return false;
}

void holder_tell(const char *path, char *ret, size_t size)
{
        if (!tell_by_proc(path, ret, size) && !tell_by_systemd(ret, size) &&
            !tell_by_units(ret, size))
                snprintf(ret, size, "busy: another program has it open; fuser -v %.100s names it",
                         path);
}
