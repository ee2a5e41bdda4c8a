/* sockets: what sock_diag answers, message after message. */
#include <netinet/in.h>
#include <netlink/msg.h>

#include "fence/sockets-codec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        void *packet = fuzz_copy(data, size);
        struct inet_diag_req_v2 r;
        int left = (int)size;

        for (struct nlmsghdr *h = packet; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
                if (sockets_read(h, &r))
                        fuzz_claim(r.sdiag_protocol == IPPROTO_TCP);
        free(packet);
        return 0;
}
