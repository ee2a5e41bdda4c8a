/*
 * Hand: the listening side of a hand or of the mouth. Minds connect and say HELLO; from then on
 * the mind's messages reach the program's handlers.
 *
 * Owns:      the listening socket, and one Mind a cluster.
 * Invariant: a Mind has the uid it must have (SO_PEERCRED) and has named a cluster this hand serves
 *            before any handler runs. A new connection for a cluster closes the older one.
 * Threads:   none.
 */
#pragma once

#include <systemd/sd-event.h>

#include "io/link.h"

typedef struct Hand Hand;

typedef struct Mind {
        Link *link;
        Hand *hand;
        char cluster[NAME_SIZE];
        uint64_t dcs_id;
        void *data; /* the program's own, per connection */
} Mind;

typedef struct HandCalls {
        /* A mind is there: answer with the state. An -errno refuses it. */
        int (*joined)(Mind *m, void *userdata);
        /* It is gone (or replaced: then joined() of the newer one follows). */
        void (*left)(Mind *m, void *userdata);
} HandCalls;

/*
 * cluster: the only one served; NULL: any (per-host hands). Handlers get the Mind as userdata.
 * socket: the listening descriptor (taken). mind_uid: who may connect.
 */
int hand_new(Hand **ret, sd_event *e, int socket, const char *cluster, uid_t mind_uid,
             const LinkHandler *handlers, size_t n_handlers, const HandCalls *calls,
             void *userdata);
Hand *hand_free(Hand *h);
DEFINE_CLEANUP(Hand *, hand_free)

void *hand_userdata(const Hand *h);

/* The mind of a cluster (NULL: the first one), or NULL while none is connected. */
Mind *hand_find(const Hand *h, const char *cluster);

/*
 * What every hand's command line has in common; main() calls this first. Reads --cluster, --config,
 * --socket, --mind-user, --help, --version, and drops into *ret. 0: go on; 1: done (help, version);
 * negative: said what was wrong.
 */
typedef struct HandOptions {
        const char *program;
        const char *summary;     /* for --help */
        bool per_cluster;        /* wants --cluster */
        bool wants_config;       /* wants --config, default /etc/palisade/<cluster>.yml */
        const char *socket_name; /* FileDescriptorName= of the socket unit */
        char cluster[NAME_SIZE];
        char config[URL_SIZE];
        char runtime[URL_SIZE];  /* /run/palisade, or where `palisade run` keeps its sockets */
        uid_t mind_uid;
        bool foreground;         /* started by `palisade run` */
} HandOptions;

int hand_options_parse(HandOptions *o, int argc, char **argv);

/* The passed socket of o->socket_name, or one made under o->runtime. */
int hand_options_listen(const HandOptions *o);
