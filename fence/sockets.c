#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>

#include "base/macros.h"
#include "fence/sockets-codec.h"
#include "fence/sockets.h"

#define FOUND_MAX 4096 /* connections of one server; what is beyond is found by the next round */
#define ROUNDS_MAX 16

/* A conversation with the kernel, and what it has told last. */
typedef struct Talk {
        struct nl_sock *sock;
        size_t n;
        struct inet_diag_req_v2 found[FOUND_MAX];
} Talk;

static Talk *talk_free(Talk *t)
{
        if (t)
                nl_socket_free(t->sock);
        free(t);
        return NULL;
}
DEFINE_CLEANUP(Talk *, talk_free)

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

static int talk_new(Talk **ret)
{
        _cleanup_(talk_freep) Talk *t = calloc(1, sizeof *t);

        if (!t || !(t->sock = nl_socket_alloc()))
                return -ENOMEM;
        int r = nl_connect(t->sock, NETLINK_SOCK_DIAG);
        if (r < 0)
                return to_errno(r);
        *ret = TAKE_PTR(t);
        return 0;
}

static int on_socket(struct nl_msg *msg, void *userdata)
{
        struct inet_diag_req_v2 socket;
        Talk *t = userdata;

        if (!sockets_read(nlmsg_hdr(msg), &socket))
                return NL_SKIP;
        if (t->n < FOUND_MAX)
                t->found[t->n++] = socket;
        return NL_OK;
}

static int find(Talk *t, uint32_t states, uint64_t cgroup)
{
        struct inet_diag_req request = sockets_request(states);
        SocketsFilter filter = sockets_filter(cgroup);
        struct nl_msg *msg = nlmsg_alloc_simple(TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP);
        int r = msg ? nlmsg_append(msg, &request, sizeof request, NLMSG_ALIGNTO) : -NLE_NOMEM;

        t->n = 0;
        if (r >= 0)
                r = nla_put(msg, INET_DIAG_REQ_BYTECODE, sizeof filter, &filter);
        if (r >= 0)
                r = nl_send_auto(t->sock, msg);
        nlmsg_free(msg);
        if (r >= 0)
                r = nl_socket_modify_cb(t->sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, t);
        if (r >= 0)
                r = nl_recvmsgs_default(t->sock); /* to the end of the dump */
        return r < 0 ? to_errno(r) : 0;
}

/* One that has ended meanwhile is what we want. */
static int destroy(Talk *t, struct inet_diag_req_v2 *request)
{
        int r = nl_send_simple(t->sock, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, request, sizeof *request);

        if (r >= 0)
                r = nl_wait_for_ack(t->sock);
        return r < 0 && r != -NLE_OBJ_NOTFOUND ? to_errno(r) : 0;
}

static int round_of(Talk *t, uint64_t cgroup)
{
        int r = find(t, ~(1U << TCP_LISTEN | 1U << TCP_TIME_WAIT), cgroup);

        for (size_t i = 0; i < t->n && r >= 0; i++)
                r = destroy(t, &t->found[i]);
        return r < 0 ? r : (int)t->n;
}

int sockets_listening(uint64_t cgroup)
{
        _cleanup_(talk_freep) Talk *t = NULL;
        int r = talk_new(&t);

        if (r >= 0)
                r = find(t, 1U << TCP_LISTEN, cgroup);
        return r < 0 ? r : (int)t->n;
}

int sockets_destroy(uint64_t cgroup)
{
        _cleanup_(talk_freep) Talk *t = NULL;
        int total = 0, r = talk_new(&t);

        if (r >= 0)
                r = FOUND_MAX;
        for (int i = 0; i < ROUNDS_MAX && r == FOUND_MAX; i++) {
                r = round_of(t, cgroup);
                total += MAX(r, 0);
        }
        return r < 0 ? r : total;
}
