#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/macros.h"
#include "fence/sockets-codec.h"
#include "fence/sockets.h"

#define FOUND_MAX 4096 /* connections of one server; what is beyond is found by the next round */
#define ROUNDS_MAX 16

typedef struct Found {
        size_t n;
        struct inet_diag_req_v2 sockets[FOUND_MAX];
} Found;

static int to_errno(int nl_error)
{
        switch (-nl_error) {
        case NLE_NOMEM: return -ENOMEM;
        case NLE_PERM: return -EPERM;
        case NLE_OBJ_NOTFOUND: return -ENOENT;
        case NLE_OPNOTSUPP: return -EOPNOTSUPP;
        default: return -EIO;
        }
}

static int on_socket(struct nl_msg *msg, void *userdata)
{
        struct inet_diag_req_v2 socket;
        Found *found = userdata;

        if (!sockets_read(nlmsg_hdr(msg), &socket))
                return NL_SKIP;
        if (found->n < FOUND_MAX)
                found->sockets[found->n++] = socket;
        return NL_OK;
}

static int find(struct nl_sock *sock, uint32_t states, uint64_t cgroup, Found *found)
{
        struct inet_diag_req request = sockets_request(states);
        SocketsFilter filter = sockets_filter(cgroup);
        struct nl_msg *msg = nlmsg_alloc_simple(TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP);
        int r = msg ? nlmsg_append(msg, &request, sizeof request, NLMSG_ALIGNTO) : -NLE_NOMEM;

        found->n = 0;
        if (r >= 0)
                r = nla_put(msg, INET_DIAG_REQ_BYTECODE, sizeof filter, &filter);
        if (r >= 0)
                r = nl_send_auto(sock, msg);
        nlmsg_free(msg);
        if (r >= 0)
                r = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, found);
        if (r >= 0)
                r = nl_recvmsgs_default(sock); /* to the end of the dump */
        return r < 0 ? to_errno(r) : 0;
}

/* One that has ended meanwhile is what we want. */
static int destroy(struct nl_sock *sock, struct inet_diag_req_v2 *request)
{
        int r = nl_send_simple(sock, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, request, sizeof *request);

        if (r >= 0)
                r = nl_wait_for_ack(sock);
        return r < 0 && r != -NLE_OBJ_NOTFOUND ? to_errno(r) : 0;
}

static int round_of(struct nl_sock *sock, uint64_t cgroup, Found *found)
{
        int r = find(sock, ~(1U << TCP_LISTEN | 1U << TCP_TIME_WAIT), cgroup, found);

        for (size_t i = 0; i < found->n && r >= 0; i++)
                r = destroy(sock, &found->sockets[i]);
        return r < 0 ? r : (int)found->n;
}

static Found found; /* too large for a stack */

int sockets_listening(uint64_t cgroup)
{
        struct nl_sock *sock = nl_socket_alloc();
        int r = sock ? nl_connect(sock, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

        r = r < 0 ? to_errno(r) : find(sock, 1U << TCP_LISTEN, cgroup, &found);
        nl_socket_free(sock);
        return r < 0 ? r : (int)found.n;
}

int sockets_destroy(uint64_t cgroup)
{
        struct nl_sock *sock = nl_socket_alloc();
        int total = 0, r = sock ? nl_connect(sock, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

        r = r < 0 ? to_errno(r) : (int)FOUND_MAX;
        for (int i = 0; i < ROUNDS_MAX && r == FOUND_MAX; i++) {
                r = round_of(sock, cgroup, &found);
                total += MAX(r, 0);
        }
        nl_socket_free(sock);
        return r < 0 ? r : total;
}
