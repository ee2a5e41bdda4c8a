/*
 * sockets: the end of a dead or fenced server's TCP connections, by SOCK_DESTROY (sock_diag(7)).
 *
 * The gate drops the FIN of a server that was killed, so its clients would wait for an answer as long
 * as their own timeouts last. What is destroyed sends a RST, which the gate lets pass.
 */
#pragma once

#include <stdint.h>

/*
 * Destroys every TCP socket born in the cgroup of this id, orphans included, but not what listens.
 * Answers how many, or negative errno: -ENOENT or -EOPNOTSUPP where the kernel cannot. Asks the kernel
 * alone, which answers at once, but looks through each socket of this host: for the worker's thread.
 */
int sockets_destroy(uint64_t cgroup);

/* How many TCP sockets born in that cgroup listen, or negative errno. */
int sockets_listening(uint64_t cgroup);
