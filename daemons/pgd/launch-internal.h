/* What tool.c needs of Launch beside its public face. */
#pragma once

#include "pgd/launch.h"

typedef void (*launch_exit_t)(int status, void *userdata);

sd_event *launch_event(const Launch *l);

/* env: NULL, or a NULL-terminated list of "K=V". fds: three, or none. */
int launch_spawn_fds(Launch *l, uint64_t leaf, const Node *argv, const char *const *env,
                     const char *cwd, const int *fds, size_t n_fds, launch_born_t born,
                     void *userdata, uint64_t *ret_seq);

/* EXITED of that spawn, if the launcher lives to tell. */
int launch_await_exit(Launch *l, uint64_t seq, launch_exit_t exited, void *userdata);

/* No callback with this userdata any more. */
void launch_forget(Launch *l, void *userdata);
