/*
 * Lsn: a position in PostgreSQL's write-ahead log, a byte offset since initdb.
 *
 * Text is PostgreSQL's: two hexadecimal halves, "0/3000060". 0 is "none" (InvalidXLogRecPtr).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint64_t Lsn;

#define LSN_TEXT_MAX 18

/* 0, or -EINVAL: anything but HEX{1,8} "/" HEX{1,8} and the end of the string. */
int lsn_parse(const char *s, Lsn *ret);

/* "%X/%X", as pg_lsn prints; returns buf. */
char *lsn_format(char *buf, size_t size, Lsn lsn);
#define LSN_TEXT(lsn) lsn_format((char[LSN_TEXT_MAX]){ 0 }, LSN_TEXT_MAX, lsn)
