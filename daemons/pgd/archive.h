/*
 * archive: archive_command and restore_command as the server would run them. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "%p" is pg_wal/<file>, "%f" the file, "%%" a percent sign. False: it does not fit. */
bool archive_format(const char *command, const char *file, char *buf, size_t size);

/* The same of a restore_command: "%p" is path; "%r" is the first WAL file, so that none is taken for needless. */
bool archive_format_restore(const char *command, const char *file, const char *path, char *buf, size_t size);

#define WAL_FILE_SIZE 25

/* A line of pg_rewind: the WAL file that it does not find in pg_wal. False: it says something else. */
bool archive_missing_file(const char *line, char ret[static WAL_FILE_SIZE]);

/* "<file>.ready" in archive_status: the length of the file's name; 0: it is no such entry. */
size_t archive_ready_length(const char *entry);
