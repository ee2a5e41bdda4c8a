#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer-link.h"

#define MAX_SETTINGS 64
#define MAX_SERVERS  16
#define ERROR_MAX    200
#define TARGETS_MAX  512

struct Link {
        PQconninfoOption *settings; /* as the user wrote them */
        bool tuned;
        char servers[MAX_SERVERS][128]; /* host, "" where the string names none */
        char ports[MAX_SERVERS][8];
        size_t n_servers, next;
        char target[160], targets[TARGETS_MAX];

        PGconn *conn;
        LinkState state;
        short events;
        usec_t deadline, timeout;
        PGresult *rows;
        bool refused;
        char error[ERROR_MAX], sqlstate[6];
        char farewell[ERROR_MAX]; /* what the server said before it hung up */
};

/* Used where the connection string says nothing else: a dead server is noticed within 3 s. */
static const struct {
        const char *keyword, *value;
} tuned_settings[] = {
        {"keepalives_idle",      "1"   },
        { "keepalives_interval", "1"   },
        { "keepalives_count",    "2"   },
        { "tcp_user_timeout",    "3000"},
};

/* Keeps the first line of a message, without libpq's prefix that repeats the address. */
static void set_error(Link *l, const char *text)
{
        const char *failed = strstr(text, " failed: ");
        size_t n;

        if (strncmp(text, "connection to server", 20) == 0 && failed)
                text = failed + strlen(" failed: ");
        n = strcspn(text, "\n");
        snprintf(l->error, sizeof l->error, "%.*s", (int)MIN(n, sizeof l->error - 1), text);
}

static const char *setting(const Link *l, const char *keyword)
{
        for (const PQconninfoOption *o = l->settings; o->keyword; o++)
                if (strcmp(o->keyword, keyword) == 0)
                        return o->val;
        return NULL;
}

/* The i-th element of a comma-separated list into buf; false past its end. */
static bool list_element(const char *list, size_t i, char *buf, size_t size)
{
        const char *at = list;

        for (; i > 0; i--) {
                at = strchr(at, ',');
                if (!at)
                        return false;
                at++;
        }
        snprintf(buf, size, "%.*s", (int)strcspn(at, ","), at);
        return true;
}

static void take_servers(Link *l)
{
        const char *hosts = setting(l, "hostaddr") ?: setting(l, "host") ?: "";
        const char *ports = setting(l, "port") ?: "5432";
        size_t used = 0;

        while (l->n_servers < MAX_SERVERS &&
               list_element(hosts, l->n_servers, l->servers[l->n_servers], 128)) {
                char *port = l->ports[l->n_servers];

                if (!list_element(ports, l->n_servers, port, 8))
                        list_element(ports, 0, port, 8); /* one port serves every host */
                used += (size_t)snprintf(l->targets + used, TARGETS_MAX - used, "%s%s:%s",
                                         l->n_servers ? ", " : "", l->servers[l->n_servers], port);
                used = MIN(used, (size_t)TARGETS_MAX - 1);
                l->n_servers++;
        }
}

int link_new(Link **ret, const char *conninfo, bool tuned)
{
        char *why = NULL;
        Link *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        *ret = l;
        l->tuned = tuned;
        l->deadline = USEC_INFINITY;
        l->settings = PQconninfoParse(conninfo, &why);
        if (!l->settings) {
                set_error(l, why ?: "not a connection string");
                PQfreemem(why);
                return -EINVAL;
        }
        take_servers(l);
        return 0;
}

Link *link_free(Link *l)
{
        if (!l)
                return NULL;
        link_close(l);
        PQclear(l->rows);
        PQconninfoFree(l->settings);
        free(l);
        return NULL;
}

void link_close(Link *l)
{
        PQfinish(l->conn);
        l->conn = NULL;
        l->state = LINK_DOWN;
        l->deadline = USEC_INFINITY;
}

/* The connection is gone; text is the reason as far as libpq knows it. */
static LinkEvent lost(Link *l, const char *text)
{
        if (l->farewell[0])
                text = l->farewell;
        set_error(l, text && *text ? text : "the connection was lost");
        link_close(l);
        return LINK_LOST;
}

/* Between statements the server's last words come as a notice. */
static void take_notice(void *userdata, const PGresult *notice)
{
        Link *l = userdata;
        const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

        if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
                snprintf(l->farewell, sizeof l->farewell, "%s",
                         PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY) ?: "");
}

static LinkEvent too_late(Link *l)
{
        char text[ERROR_MAX];

        snprintf(text, sizeof text, "no %s within %.3g s",
                 l->state == LINK_CONNECTING ? "connection" : "answer",
                 (double)l->timeout / USEC_PER_SEC);
        return lost(l, text);
}

static void set_deadline(Link *l, usec_t now, usec_t timeout)
{
        l->timeout = timeout;
        l->deadline = timeout == USEC_INFINITY ? USEC_INFINITY : now + timeout;
}

/* The settings of the string with this one server in place of its list. */
static size_t build_settings(const Link *l, size_t server, const char **keywords,
                             const char **values)
{
        size_t n = 0;

        for (const PQconninfoOption *o = l->settings; o->keyword && n < MAX_SETTINGS - 8; o++) {
                bool is_server = strcmp(o->keyword, "host") == 0 ||
                                 strcmp(o->keyword, "hostaddr") == 0 ||
                                 strcmp(o->keyword, "port") == 0;

                if (o->val && !is_server) {
                        keywords[n] = o->keyword;
                        values[n++] = o->val;
                }
        }
        keywords[n] = setting(l, "hostaddr") ? "hostaddr" : "host";
        values[n++] = l->servers[server];
        keywords[n] = "port";
        values[n++] = l->ports[server];
        for (size_t i = 0; l->tuned && i < ELEMENTSOF(tuned_settings); i++)
                if (!setting(l, tuned_settings[i].keyword)) {
                        keywords[n] = tuned_settings[i].keyword;
                        values[n++] = tuned_settings[i].value;
                }
        keywords[n] = values[n] = NULL;
        return n;
}

LinkEvent link_open(Link *l, usec_t now, usec_t timeout)
{
        const char *keywords[MAX_SETTINGS], *values[MAX_SETTINGS];
        size_t server = l->next;

        l->next = (l->next + 1) % l->n_servers;
        snprintf(l->target, sizeof l->target, "%s:%s", l->servers[server], l->ports[server]);
        l->sqlstate[0] = l->farewell[0] = '\0';
        build_settings(l, server, keywords, values);
        l->conn = PQconnectStartParams(keywords, values, 0);
        if (!l->conn || PQstatus(l->conn) == CONNECTION_BAD)
                return lost(l, l->conn ? PQerrorMessage(l->conn) : "out of memory");
        PQsetNoticeReceiver(l->conn, take_notice, l);
        l->state = LINK_CONNECTING;
        l->events = POLLOUT;
        set_deadline(l, now, timeout);
        return LINK_NOTHING;
}

static LinkEvent step_connecting(Link *l)
{
        switch (PQconnectPoll(l->conn)) {
        case PGRES_POLLING_READING: l->events = POLLIN; return LINK_NOTHING;
        case PGRES_POLLING_WRITING: l->events = POLLOUT; return LINK_NOTHING;
        case PGRES_POLLING_OK:
                if (PQsetnonblocking(l->conn, 1) < 0)
                        return lost(l, PQerrorMessage(l->conn));
                l->state = LINK_READY;
                l->events = POLLIN;
                l->deadline = USEC_INFINITY;
                return LINK_CONNECTED;
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE: /* never returned */ break;
        }
        return lost(l, PQerrorMessage(l->conn));
}

static int flush(Link *l)
{
        int r = PQflush(l->conn);

        l->events = r > 0 ? POLLIN | POLLOUT : POLLIN;
        return r;
}

LinkEvent link_send(Link *l, usec_t now, usec_t timeout, const char *sql, int n, const char **args)
{
        PQclear(l->rows);
        l->rows = NULL;
        l->refused = false;
        l->sqlstate[0] = '\0';
        if (!PQsendQueryParams(l->conn, sql, n, NULL, args, NULL, NULL, 0) || flush(l) < 0)
                return lost(l, PQerrorMessage(l->conn));
        l->state = LINK_BUSY;
        set_deadline(l, now, timeout);
        return LINK_NOTHING;
}

/* Takes one result of the statement; the last one that says something counts. */
static void take_result(Link *l, PGresult *result)
{
        ExecStatusType status = PQresultStatus(result);

        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
                PQclear(l->rows);
                l->rows = result;
                return;
        }
        l->refused = true;
        snprintf(l->sqlstate, sizeof l->sqlstate, "%s",
                 PQresultErrorField(result, PG_DIAG_SQLSTATE) ?: "");
        set_error(l, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                                     ?: PQresultErrorMessage(result));
        if (PQstatus(l->conn) == CONNECTION_BAD)
                memcpy(l->farewell, l->error, sizeof l->farewell);
        PQclear(result);
}

static LinkEvent step_statement(Link *l)
{
        PGresult *result;

        if (flush(l) < 0)
                return lost(l, PQerrorMessage(l->conn));
        while (!PQisBusy(l->conn)) {
                result = PQgetResult(l->conn);
                if (!result) {
                        /* An error that ends the session leaves open what became of the row. */
                        if (PQstatus(l->conn) == CONNECTION_BAD)
                                return lost(l, PQerrorMessage(l->conn));
                        l->state = LINK_READY;
                        l->deadline = USEC_INFINITY;
                        return l->refused ? LINK_REFUSED : LINK_DONE;
                }
                take_result(l, result);
        }
        return LINK_NOTHING;
}

LinkEvent link_step(Link *l, usec_t now, bool ready)
{
        LinkEvent event = LINK_NOTHING;

        if (ready && l->state == LINK_CONNECTING)
                event = step_connecting(l);
        else if (ready && l->state != LINK_DOWN && !PQconsumeInput(l->conn))
                event = lost(l, PQerrorMessage(l->conn));
        else if (ready && l->state == LINK_BUSY)
                event = step_statement(l);
        if (event == LINK_NOTHING && now >= l->deadline)
                return too_late(l);
        return event;
}

LinkState link_state(const Link *l)
{
        return l->state;
}

int link_fd(const Link *l)
{
        return l->conn ? PQsocket(l->conn) : -1;
}

short link_events(const Link *l)
{
        return l->events;
}

usec_t link_deadline(const Link *l)
{
        return l->deadline;
}

const char *link_error(const Link *l)
{
        return l->error;
}

const char *link_sqlstate(const Link *l)
{
        return l->sqlstate;
}

const char *link_target(const Link *l)
{
        return l->target;
}

const char *link_targets(const Link *l)
{
        return l->targets;
}

const char *link_setting(const Link *l, const char *keyword)
{
        const char *value = setting(l, keyword);

        for (size_t i = 0; !value && l->tuned && i < ELEMENTSOF(tuned_settings); i++)
                if (strcmp(tuned_settings[i].keyword, keyword) == 0)
                        value = tuned_settings[i].value;
        return value;
}

const PGresult *link_rows(const Link *l)
{
        return l->rows;
}
