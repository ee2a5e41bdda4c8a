/* palisade-pgd: everything that is done to Postgres. */
#include <stdlib.h>

#include "io/log.h"
#include "io/loop.h"
#include "pgd/pgd.h"

int main(int argc, char **argv)
{
        HandOptions options = {
                .program = "palisade-pgd",
                .summary = "Starts, stops, promotes, clones and rewinds the PostgreSQL server of one cluster.",
                .per_cluster = true,
                .wants_config = true,
                .socket_name = "pgd",
        };
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(pgd_freep) Pgd *pgd = NULL;

        log_open(options.program);
        int r = hand_options_parse(&options, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        log_set_field("PALISADE_CLUSTER", options.cluster);

        r = loop_new(&event);
        if (r >= 0)
                r = pgd_new(&pgd, event, &options);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                return EXIT_FAILURE;
        }
        loop_ready("postgres %s", run_state_to_string(pgd->pg.run));
        return loop_run(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
