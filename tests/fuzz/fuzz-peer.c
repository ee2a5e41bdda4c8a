/* peer: what another node's GET /patroni answers. */
#include "dcsd/peer.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *body = fuzz_copy(data, size);
        Peer p = { .name = "n2" };

        peer_read(body, size, &p);
        fuzz_claim(strcmp(p.name, "n2") == 0);
        free(body);
        return 0;
}
