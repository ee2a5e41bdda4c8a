/* arp: anything that stands on the link, taken for an answer about an address. */
#include "fence/arp-codec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, from[6] = { 2, 0, 0, 0, 0, 2 };
        static const struct in6_addr v6 = { .s6_addr = { 0xfd, [15] = 9 } };
        struct in_addr v4;
        void *packet = fuzz_copy(data, size);
        uint8_t mac[6];

        memcpy(&v4, "\x0a\0\0\x09", 4);
        if (arp_decode(packet, size, v4, own, mac))
                fuzz_claim(memcmp(mac, own, 6) != 0);
        (void)nd_decode(packet, size, &v6, own, from);
        fuzz_claim(!nd_decode(packet, size, &v6, own, own));
        free(packet);
        return 0;
}
