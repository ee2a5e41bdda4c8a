/* palisade-launcher: gives birth to Postgres and its tools, each in a leaf cgroup. */
#include <stdlib.h>

#include "io/log.h"
#include "io/loop.h"
#include "launcher/launcher.h"
#include "launcher/spawn.h"

int main(int argc, char **argv)
{
        HandOptions options = {
                .program = "palisade-launcher",
                .summary = "Starts PostgreSQL and its tools for palisade-pgd, each in a cgroup of its own.",
                .per_cluster = true,
                .socket_name = "launcher",
        };
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(launcher_freep) Launcher *launcher = NULL;

        if (spawn_is_child(argc, argv))
                spawn_become(argv);
        log_open(options.program);
        int r = hand_options_parse(&options, argc, argv);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        log_set_field("PALISADE_CLUSTER", options.cluster);

        r = loop_new(&event);
        if (r >= 0)
                r = launcher_new(&launcher, event, &options);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                return EXIT_FAILURE;
        }
        loop_ready("ready to start PostgreSQL%s",
                   launcher_has_cgroups(launcher) ? "" : "; no cgroup of its own");
        return loop_run(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
