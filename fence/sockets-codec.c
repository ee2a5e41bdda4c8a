#include <netinet/in.h>
#include <netlink/msg.h>

#include "fence/sockets-codec.h"

struct inet_diag_req sockets_request(uint32_t states)
{
        return (struct inet_diag_req){ .idiag_states = states };
}

SocketsFilter sockets_filter(uint64_t cgroup)
{
        return (SocketsFilter){
                .op = { INET_DIAG_BC_CGROUP_COND, sizeof(SocketsFilter), sizeof(SocketsFilter) + 4 },
                .cgroup = cgroup,
        };
}

bool sockets_read(const struct nlmsghdr *h, struct inet_diag_req_v2 *ret)
{
        const struct inet_diag_msg *m = nlmsg_data(h);

        if (h->nlmsg_type != TCPDIAG_GETSOCK || !nlmsg_valid_hdr(h, sizeof *m))
                return false;
        *ret = (struct inet_diag_req_v2){
                .sdiag_family = m->idiag_family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = UINT32_MAX,
                .id = m->id,
        };
        return true;
}
