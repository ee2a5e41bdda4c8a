/*
 * archive: archive_command as the server would run it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "%p" is pg_wal/<file>, "%f" the file, "%%" a percent sign. False: it does not fit. */
bool archive_format(const char *command, const char *file, char *buf, size_t size);

/* "<file>.ready" in archive_status: the length of the file's name; 0: it is no such entry. */
size_t archive_ready_length(const char *entry);
