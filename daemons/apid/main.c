/* palisade-apid: the REST API and the metrics of one cluster's node. */
#include <stdlib.h>

#include "apid/apid.h"
#include "io/log.h"

int main(int argc, char **argv)
{
        HandOptions options = {
                .program = "palisade-apid",
                .summary = "Answers the REST API of one cluster's node, over TCP and a local socket.",
                .per_cluster = true,
                .wants_config = true,
                .socket_name = "apid",
        };
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(apid_freep) Apid *apid = NULL;

        log_open(options.program);
        int r = hand_options_parse(&options, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        log_set_field("PALISADE_CLUSTER", options.cluster);

        r = loop_new(&event);
        if (r >= 0)
                r = apid_new(&apid, event, &options);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                return EXIT_FAILURE;
        }
        loop_ready("waiting for the mind");
        return loop_run(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
