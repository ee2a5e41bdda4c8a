/* palisade-dcsd: etcd and the peers' REST APIs, for one cluster. */
#include <stdlib.h>

#include "dcsd/dcsd.h"
#include "dcsd/http.h"
#include "io/log.h"
#include "io/loop.h"

int main(int argc, char **argv)
{
        HandOptions options = {
                .program = "palisade-dcsd",
                .summary = "Keeps the lease in etcd, watches the cluster's keys, and asks peers.",
                .per_cluster = true,
                .wants_config = true,
                .socket_name = "dcsd",
        };
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(dcsd_freep) Dcsd *dcsd = NULL;

        log_open(options.program);
        int r = hand_options_parse(&options, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        log_set_field("PALISADE_CLUSTER", options.cluster);

        r = http_library_init();
        if (r >= 0)
                r = loop_new(&event);
        if (r >= 0)
                r = dcsd_new(&dcsd, event, &options);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                return EXIT_FAILURE;
        }
        loop_ready("looking for etcd");
        return loop_run(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
