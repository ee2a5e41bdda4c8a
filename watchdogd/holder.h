/* holder: who has a watchdog device open, and what to do about it. */
#pragma once

#include <stddef.h>

/*
 * One line for a person, such as "busy: systemd pets it (RuntimeWatchdogSec in
 * /etc/systemd/system.conf); set it to 0 and run systemctl daemon-reexec". Without the right to look
 * into other processes it goes by configuration files and running units.
 */
void holder_tell(const char *path, char *ret, size_t size);
