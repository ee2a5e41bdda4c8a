/* ipmi: what a BMC answers. What it had can be set again. */
#include "fuzz.h"
#include "watchdogd/choose.h"
#include "watchdogd/factor.h"
#include "watchdogd/ipmi-codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *reply = fuzz_copy(data, size), set[IPMI_SET_SIZE];
        char *identity = fuzz_text(data, size);
        IpmiTimer t;

        (void)ipmi_decode_answer(reply, size);
        if (ipmi_decode_get(reply, size, &t) == IPMI_DONE) {
                IpmiTimer again = ipmi_restored(&t);
                fuzz_claim(ipmi_encode_set(set, &again) == IPMI_SET_SIZE);
                fuzz_claim(!again.running);
        }
        (void)choose_kind(identity);
        fuzz_claim(factor_of(identity) >= 1);
        fuzz_claim(factor_timeout(identity, 10 * USEC_PER_SEC) >= 1);
        fuzz_claim(factor_fires(identity, 10, 0) >= 10 * USEC_PER_SEC);
        free(identity);
        free(reply);
        return 0;
}
