/* What etcd.c (endpoints, versions) and call.c (one request) share. */
#pragma once

#include "dcsd/discover.h"
#include "dcsd/etcd.h"

#define ETCD_PATH_SIZE 16
#define DEAD_MAX 8

struct Etcd {
        sd_event *event;
        const EtcdCalls *calls;
        void *userdata;
        Http *lanes[ETCD_LANE_MAX];
        EtcdCall *list;

        Endpoints configured, endpoints;
        uint32_t seed;
        HttpTls tls;
        bool has_login, login_not_needed;
        const char *name, *password; /* of the configuration, or url_login */
        EndpointLogin url_login;
        char *token; /* NULL: log in first, if has_login */
        uint64_t token_number; /* which token; a newer one may have come meanwhile */

        char api[ETCD_PATH_SIZE]; /* "/v3" */
        char server_version[24];
        bool connected;
        EtcdCall *list_call; /* member list */
        HttpRequest *probe;  /* GET /version */
        char probed[URL_SIZE];
        bool probe_is_move;  /* of a better endpoint, not of the current one */
        unsigned probes_failed; /* in a row */
        bool nobody_answers;    /* each was tried, since DNS was asked */
        Timer refresh;       /* of the member list, or the next attempt to connect */
        char srv_domain[HOST_SIZE], srv_suffix[NAME_SIZE]; /* empty: the configuration names them */
        Discover *discover;  /* DNS is asked */
        usec_t discovered;   /* when DNS was last asked */
        unsigned discoveries_failed; /* in a row */

        uint64_t cluster_id, raft_term;
        usec_t answered;
        usec_t stale_since; /* only stale answers since then; 0: no */
        char trouble[REASON_SIZE];
        Timing timing;
        Timer resume; /* calls that pause */

        Timer tell; /* due at once when one of these is set */
        bool tell_connected, tell_changed, tell_cluster_changed;
        char dead[DEAD_MAX][URL_SIZE];
        size_t n_dead;
};

/* The endpoint gave no (useful) answer. dead: what hangs on it shall move. */
void etcd_endpoint_failed(Etcd *e, const char *url, bool dead, const char *why);
void etcd_endpoint_good(Etcd *e, const char *url);

/* ETCD_OK, or ETCD_STALE: do not believe this answer. Remembers what is newer. */
EtcdError etcd_guard(Etcd *e, const EtcdHeader *h);

/* The API version does not fit any more: look again. */
void etcd_reconnect(Etcd *e);

/* Calls whose pause is over go on. */
void etcd_resume_calls(Etcd *e, usec_t now);
