/*
 * sockets-codec: what sock_diag(7) is asked, and what it answers. Pure.
 */
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/* One condition: born in this cgroup. A jump beyond the end by four refuses (the kernel's rule). */
typedef struct SocketsFilter {
        struct inet_diag_bc_op op;
        uint64_t cgroup;
} __attribute__((packed)) SocketsFilter;

/*
 * The TCP sockets in these states (1 << TCP_…), of a TCPDIAG_GETSOCK: the older request answers for both
 * families in one walk through the kernel's table, which is what costs (3 ms for 262144 buckets).
 */
struct inet_diag_req sockets_request(uint32_t states);

SocketsFilter sockets_filter(uint64_t cgroup);

/* One message, as long as nlmsg_len says, as the request (SOCK_DESTROY) that names its socket; false: it is none. */
bool sockets_read(const struct nlmsghdr *h, struct inet_diag_req_v2 *ret);
