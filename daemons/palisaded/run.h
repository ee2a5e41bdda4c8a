/*
 * run: `palisade run CONFIG`, a whole node in the foreground.
 *
 * The process that was started becomes the mind; its hands are children with sockets under a runtime
 * folder of their own. Each hand holds a lock file: hands outlive a killed mind, enforce its permit
 * and then end; a mind that starts meanwhile adopts them. SIGTERM means leave.
 */
#pragma once

#include "palisaded/palisaded.h"

/* Sets up the runtime folder and logs, starts or adopts the hands. 0 or negative errno (told). */
int run_prepare(const char *config, char *ret_cluster, size_t cluster_size, char *ret_runtime,
                size_t runtime_size);

/* SIGTERM and SIGINT hand over, stop Postgres, end the hands, and then this process. */
int run_attach(Palisaded *p);

/* Ends the hands that are children of ours, after the loop. */
void run_finish(void);
