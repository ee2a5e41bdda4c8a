/*
 * listen: sockets and other descriptors that systemd (or `palisade run`) passed at start, by name
 * (LISTEN_FDS, LISTEN_FDNAMES), and sockets that a program makes itself where none was passed.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Takes the next descriptor passed under that name out of the set: it is the caller's then.
 * -ENOENT: there is none (left). index: SIZE_MAX for the next one.
 */
int listen_take(const char *name, size_t index);

/* A listening AF_UNIX socket of `type` at path, replacing a stale one. mode: of the socket file. */
int listen_unix(const char *path, int type, mode_t mode);

/* Connects to one, without waiting. -EAGAIN: its queue is full; -ENOENT, -ECONNREFUSED: nobody. */
int connect_unix(const char *path, int type);
