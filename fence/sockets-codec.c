#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>

#include "fence/sockets-codec.h"

struct inet_diag_req_v2 sockets_request(int family, uint32_t states)
{
        return (struct inet_diag_req_v2){
                .sdiag_family = (uint8_t)family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = states,
        };
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

        if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nlmsg_valid_hdr(h, sizeof *m))
                return false;
        *ret = sockets_request(m->idiag_family, UINT32_MAX);
        ret->id = m->id;
        return true;
}
