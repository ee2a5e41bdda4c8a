/*
 * Server: the postmaster as a process: its pidfd, its leaf cgroup, signals to it.
 *
 * Owns:      pidfd and leaf descriptors. The process itself belongs to nobody: it outlives pgd, and
 *            the next pgd adopts it by its pid file.
 * Invariant: `gone` is called exactly once for each server watched, from the event loop.
 * Threads:   a worker (io/worker.h) kills; everything else is the loop's.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "io/loop.h"

typedef struct Server Server;

typedef void (*server_event_t)(void *userdata);

typedef struct ServerCalls {
        server_event_t gone;  /* the postmaster has ended */
        server_event_t empty; /* and so has the last process of its leaf */
} ServerCalls;

int server_new(Server **ret, sd_event *e, const ServerCalls *calls, void *userdata);
Server *server_free(Server *s);
DEFINE_CLEANUP(Server *, server_free)

/* The leaf the next, or the adopted, postmaster lives in; descriptors are taken (-1: no cgroups). */
void server_set_leaf(Server *s, uint64_t leaf, uint64_t cgroup, int dir_fd, int kill_fd);

/* Watches a postmaster that was just born; takes pidfd. */
int server_watch(Server *s, pid_t pid, int pidfd);

/*
 * Finds a running postmaster by PGDATA/postmaster.pid: a live process whose working directory is
 * the data directory. 1: found and watched, 0: none runs, or negative errno.
 */
int server_adopt(Server *s, const char *data_dir);

bool server_runs(const Server *s);
pid_t server_pid(const Server *s);
uint64_t server_leaf(const Server *s);
uint64_t server_cgroup(const Server *s);
size_t server_leaf_fds(const Server *s, int ret[2]); /* borrowed, as in LEAF; 0: no cgroups */

/* Processes of the leaf are left, though the postmaster may be gone. */
bool server_leaf_busy(Server *s);

/* No postmaster runs: what is left in the leaf is ended; `empty` follows. */
void server_clear(Server *s);

/* SIGINT: fast, SIGQUIT: immediate, SIGHUP, SIGUSR1. -ESRCH if it is gone. */
int server_signal(Server *s, int sig);

/* The whole leaf, by cgroup.kill or one by one; without cgroups the postmaster's process group. */
void server_kill(Server *s);

/* The server that runs, or the last one that did, was. */
bool server_was_killed(const Server *s);

/* The number in "pg-<n>" of the cgroup a process lives in; 0: none of ours. */
uint64_t server_leaf_of(pid_t pid);

/*
 * The leaf of a server that was not born in one of ours: the cgroup it runs in, if that holds only
 * this server's processes; else a leaf without a cgroup (LEAF_ADOPTED). Tells the journal which.
 */
void server_adopt_cgroup(Server *s);
