/* links: what rtnetlink says of links and addresses, message after message. */
#include <netlink/msg.h>

#include "fence/link-table.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static LinkTable t;
        Address a = { .family = AF_INET }, b = { .family = AF_INET6 };
        void *packet = fuzz_copy(data, size);
        int left = (int)size;

        t = (LinkTable){ 0 };
        for (struct nlmsghdr *h = packet; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
                link_table_take(&t, h);
        for (size_t i = 0; i < t.n_links; i++) {
                fuzz_claim(memchr(t.links[i].name, 0, sizeof t.links[i].name));
                fuzz_claim(link_table_by_index(&t, t.links[i].index) == &t.links[i]);
        }
        for (size_t i = 0; i < t.n_addresses; i++)
                (void)link_table_for(&t, &t.addresses[i].address);
        (void)link_table_for(&t, &a);
        (void)link_table_for(&t, &b);
        (void)link_table_find(&t, &b);
        (void)link_table_by_name(&t, "eth0");
        free(packet);
        return 0;
}
