/*
 * Server: one listening socket that speaks HTTP by libmicrohttpd, on our own event loop.
 *
 * Owns:      the daemon of libmicrohttpd, its connections, a duplicate of the listening socket.
 * Invariant: a new connection always finds room: beyond the ceiling the one that has been silent
 *            longest is closed for it, so neither idle clients nor slow ones can shut others out.
 * Threads:   none; libmicrohttpd runs only when its epoll descriptor or its timeout says so.
 */
#pragma once

#include <microhttpd.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "apid/tls.h"

typedef struct Server Server;

typedef struct ServerOptions {
        int socket;       /* stays the caller's */
        bool local;       /* a Unix socket: the file's mode says who may come */
        uid_t refused;    /* local: except this one; (uid_t)-1: nobody */
        const Tls *tls;   /* NULL: plain; read only while the server is made */
        unsigned connections_max;
        MHD_AccessHandlerCallback handle; /* both get userdata as their first argument */
        MHD_RequestCompletedCallback completed;
        void *userdata;
} ServerOptions;

int server_new(Server **ret, sd_event *e, const ServerOptions *options);
Server *server_free(Server *s);
DEFINE_CLEANUP(Server *, server_free)

/* A connection was resumed: run soon. */
void server_kick(Server *s);

/* Takes no further connections; those it has end after the request they are at. */
void server_retire(Server *s);

unsigned server_connections(const Server *s);

/* The server of a connection, and whether its peer is refused. */
Server *connection_server(struct MHD_Connection *c);
bool connection_is_local(struct MHD_Connection *c);
bool connection_is_refused(struct MHD_Connection *c);

/* A request has come in, or waits for the mind (then it is not silent), or has been answered. */
void connection_wait(struct MHD_Connection *c);
void connection_done(struct MHD_Connection *c);
