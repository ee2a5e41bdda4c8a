/* palisade-fenced: the virtual IPs and the end of what outlives its permit, for every cluster. */
#include <stdlib.h>

#include "fence/fenced.h"
#include "io/log.h"
#include "io/loop.h"

int main(int argc, char **argv)
{
        HandOptions options = {
                .program = "palisade-fenced",
                .summary = "Holds virtual IPs under a permit, and ends a PostgreSQL that outlives its own.",
                .socket_name = "fenced",
        };
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(fenced_freep) Fenced *fenced = NULL;

        log_open(options.program);
        int r = hand_options_parse(&options, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        r = loop_new(&event);
        if (r >= 0)
                r = fenced_new(&fenced, event, &options);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                return EXIT_FAILURE;
        }
        loop_ready("ready");
        return loop_run(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
