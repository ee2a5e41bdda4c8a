/* scan: the watchdog devices of this host, from sysfs and /dev. None is opened: that would arm it. */
#pragma once

#include "watchdogd/choose.h"

/* A character device, or one that a FUSE server plays (as the laboratory does for its nodes). */
bool scan_is_device(const char *path);

/* Fills at most CANDIDATES_MAX rows and returns their number, the most trusted kinds first. */
size_t scan_devices(Candidate ret[CANDIDATES_MAX]);

/* One row for a path that the scan did not find but that is a device: a driver without sysfs. */
bool scan_path(const char *path, Candidate *ret);
