#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#undef MIN /* sys/param.h's, by way of ares.h */
#undef MAX

#include "base/str.h"
#include "config/json.h"
#include "dcsd/discover.h"
#include "io/fdutil.h"
#include "io/log.h"

#define TRY_MSEC 1000 /* one question to one name server; doubles with each round */
#define TRIES 3
#define SOCKETS_MAX 16
#define MEMBERS_ANSWER_MAX (256U << 10)

typedef struct Question {
        Discover *discover;
        unsigned service;
        bool answered;
        int status; /* c-ares' */
        size_t n;
        SrvRecord records[SRV_RECORDS_MAX];
} Question;

struct Discover {
        DiscoverWant want;
        char domain[HOST_SIZE], suffix[NAME_SIZE];
        ares_channel channel;
        sd_event *event;
        struct {
                int fd;
                sd_event_source *source;
        } sockets[SOCKETS_MAX];
        Timer retry;    /* c-ares' */
        Timer deadline; /* due at once when done is to be called */
        Question questions[SRV_SERVICES];
        bool over;
        unsigned chosen; /* the service whose members are asked */
        size_t asked;
        HttpRequest *members;
        Endpoints found;
        char text[REASON_SIZE];
};

/* ---- the end ---- */

static void end(Discover *d)
{
        d->over = true;
        timer_set(&d->deadline, now_boottime());
}

static void on_deadline(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Discover *d = userdata;

        if (!d->over) {
                d->found.n = 0;
                snprintf(d->text, sizeof d->text, "srv: DNS, or a member that it names, did not answer in time for %s",
                         d->domain);
        }
        d->over = true;
        d->members = http_cancel(d->members);
        d->want.done(d->found.n > 0 ? &d->found : NULL, d->text, d->want.userdata);
}

static void give_up(Discover *d)
{
        char name[HOST_SIZE + NAME_SIZE + 32];
        int status = ARES_ENOTFOUND;

        for (size_t i = 0; i < SRV_SERVICES; i++)
                if (d->questions[i].status != ARES_SUCCESS && d->questions[i].status != ARES_ENODATA &&
                    d->questions[i].status != ARES_ENOTFOUND)
                        status = d->questions[i].status;
        (void)srv_name(1, d->suffix, d->domain, name, sizeof name); /* they fit */
        snprintf(d->text, sizeof d->text, "srv: DNS names no etcd (%s and the other five): %s", name,
                 ares_strerror(status));
        end(d);
}

/* ---- which of the answers ---- */

static void settle(Discover *d);
static void ask_next_member(Discover *d);

static void on_members(const HttpAnswer *a, void *userdata)
{
        Discover *d = userdata;
        _cleanup_(node_freep) Node *doc = NULL;

        d->members = NULL;
        if (a->error >= 0 && a->status < 400 && json_parse(a->body, a->size, true, &doc, NULL) >= 0 &&
            srv_members(doc, &d->found) > 0)
                end(d);
        else
                ask_next_member(d);
}

/* One after the other; who answers knows them all. */
static void ask_next_member(Discover *d)
{
        Question *q = &d->questions[d->chosen];
        char url[URL_SIZE], path[URL_SIZE + 16];

        while (d->asked < q->n) {
                if (!srv_url(d->chosen, &q->records[d->asked++], url, sizeof url))
                        continue;
                snprintf(path, sizeof path, "%s/members", url);
                HttpWant want = { .url = path,
                                  .tls = d->want.tls,
                                  .deadline = now_boottime() + TRY_MSEC * USEC_PER_MSEC,
                                  .most = MEMBERS_ANSWER_MAX,
                                  .done = on_members,
                                  .userdata = d };
                if (http_start(d->want.lane, &d->members, &want) >= 0)
                        return;
        }
        q->n = 0; /* nobody there: the next service */
        settle(d);
}

static void take(Discover *d, Question *q)
{
        char url[URL_SIZE];

        srv_order(q->records, q->n, d->want.seed);
        if (srv_is_peers(q->service)) {
                d->chosen = q->service;
                d->asked = 0;
                ask_next_member(d);
                return;
        }
        for (size_t i = 0; i < q->n; i++)
                if (srv_url(q->service, &q->records[i], url, sizeof url))
                        (void)endpoints_add(&d->found, url); /* more than any cluster has */
        if (d->found.n > 0) {
                end(d);
        } else {
                q->n = 0;
                settle(d);
        }
}

/* The first service with records, once those before it are known to have none. */
static void settle(Discover *d)
{
        if (d->over || d->members)
                return;
        for (size_t i = 0; i < SRV_SERVICES; i++) {
                Question *q = &d->questions[i];
                if (!q->answered)
                        return;
                if (q->n > 0) {
                        take(d, q);
                        return;
                }
        }
        give_up(d);
}

static void on_answer(void *arg, int status, int timeouts _unused_, unsigned char *answer, int size)
{
        Question *q = arg;
        struct ares_srv_reply *list = NULL;

        if (status == ARES_EDESTRUCTION)
                return;
        if (status == ARES_SUCCESS)
                status = ares_parse_srv_reply(answer, size, &list);
        for (const struct ares_srv_reply *r = list; r && q->n < SRV_RECORDS_MAX; r = r->next) {
                SrvRecord *record = &q->records[q->n];
                *record = (SrvRecord){ .port = r->port, .priority = r->priority, .weight = r->weight };
                if (STR_SET(record->host, r->host))
                        q->n++;
        }
        if (list)
                ares_free_data(list);
        q->status = status;
        q->answered = true;
        settle(q->discover);
}

/* ---- c-ares on the loop ---- */

static void arm(Discover *d)
{
        struct timeval tv;

        if (!ares_timeout(d->channel, NULL, &tv)) {
                timer_set(&d->retry, USEC_INFINITY);
                return;
        }
        timer_set(&d->retry, now_boottime() + (usec_t)tv.tv_sec * USEC_PER_SEC + (usec_t)tv.tv_usec);
}

static void on_retry(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Discover *d = userdata;

        ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        arm(d);
}

static int on_socket_event(sd_event_source *s _unused_, int fd, uint32_t events, void *userdata)
{
        Discover *d = userdata;

        ares_process_fd(d->channel, events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
                        events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
        arm(d);
        return 0;
}

/* A socket without a source (there are never so many) costs its question a timeout. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
        Discover *d = data;
        uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
        size_t free_at = SOCKETS_MAX;

        for (size_t i = 0; i < SOCKETS_MAX; i++) {
                if (!d->sockets[i].source) {
                        free_at = i;
                } else if (d->sockets[i].fd == fd) {
                        if (events == 0)
                                d->sockets[i].source = sd_event_source_disable_unref(d->sockets[i].source);
                        else /* fails only for a source of another kind */
                                (void)sd_event_source_set_io_events(d->sockets[i].source, events);
                        return;
                }
        }
        if (events == 0 || free_at == SOCKETS_MAX)
                return;
        d->sockets[free_at].fd = fd;
        int r = sd_event_add_io(d->event, &d->sockets[free_at].source, fd, events, on_socket_event, d);
        if (r < 0)
                log_warning_errno(r, "Cannot watch a socket to a name server: %m");
        else
                (void)sd_event_source_set_description(d->sockets[free_at].source, "dns"); /* for debugging */
}

/* ---- the beginning ---- */

static int ask(Discover *d)
{
        struct ares_options options = { .timeout = TRY_MSEC, .tries = TRIES, .sock_state_cb = on_socket,
                                        .sock_state_cb_data = d };
        char name[HOST_SIZE + NAME_SIZE + 32];
        int status = ares_init_options(&d->channel, &options,
                                       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

        if (status != ARES_SUCCESS) {
                d->channel = NULL;
                return status == ARES_ENOMEM ? -ENOMEM : -EIO;
        }
        for (unsigned i = 0; i < SRV_SERVICES; i++) {
                d->questions[i] = (Question){ .discover = d, .service = i };
                (void)srv_name(i, d->suffix, d->domain, name, sizeof name); /* they fit */
                ares_query(d->channel, name, ns_c_in, ns_t_srv, on_answer, &d->questions[i]);
        }
        arm(d);
        return 0;
}

int discover_new(Discover **ret, sd_event *e, const DiscoverWant *want)
{
        _cleanup_(discover_freep) Discover *d = calloc(1, sizeof *d);

        if (!d)
                return -ENOMEM;
        d->want = *want;
        d->event = sd_event_ref(e);
        if (!STR_SET(d->domain, want->domain) || !STR_SET(d->suffix, want->suffix))
                return -ENAMETOOLONG;
        int r = timer_init(&d->retry, e, "dns", NULL, on_retry, d);
        if (r >= 0)
                r = timer_init(&d->deadline, e, "discover", NULL, on_deadline, d);
        if (r < 0)
                return r;
        timer_set(&d->deadline, want->deadline);
        r = ask(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Discover *discover_free(Discover *d)
{
        if (d) {
                d->over = true;
                d->members = http_cancel(d->members);
                if (d->channel)
                        ares_destroy(d->channel);
                for (size_t i = 0; i < SOCKETS_MAX; i++)
                        sd_event_source_disable_unref(d->sockets[i].source);
                timer_done(&d->retry);
                timer_done(&d->deadline);
                sd_event_unref(d->event);
                free(d);
        }
        return NULL;
}
