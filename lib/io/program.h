/* program: where PostgreSQL's programs are, and what they say of their version. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* bin_dir/name; without a bin_dir the first such file on PATH, else the name as it is. */
void program_find(const char *bin_dir, const char *name, char *buf, size_t size);

/* "postgres (PostgreSQL) 15.18 (Debian …)" is 150018. 0: not understood. */
uint32_t program_parse_version(const char *text);
