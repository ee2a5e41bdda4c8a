#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/listen.h"
#include "io/log.h"
#include "palisaded/hands.h"

#define RECONNECT_FIRST (20 * USEC_PER_MSEC)
#define RECONNECT_MOST (1 * USEC_PER_SEC)
#define REQUESTS_FIRST 32
/* What cannot be sent is answered after that: whoever then asks again at once does not spin. */
#define UNSENT_AFTER (100 * USEC_PER_MSEC)

static const struct {
        const char *name;
        bool per_cluster;
} known[HAND_COUNT] = {
        [HAND_DCSD] = { "dcsd", true },       [HAND_PGD] = { "pgd", true },
        [HAND_FENCED] = { "fenced", false },  [HAND_WATCHDOGD] = { "watchdogd", false },
        [HAND_APID] = { "apid", true },
};

typedef struct Seat {
        Hands *hands;
        HandId id;
        char path[URL_SIZE * 2];
        Link *link;
        Timer reconnect;
        usec_t wait;
        usec_t lost_since;
        bool complained;
} Seat;

typedef struct Request {
        uint64_t seq; /* 0: free */
        HandId id;
        usec_t deadline;
        hands_answer_t answer;
        void *userdata;
} Request;

struct Hands {
        sd_event *event;
        char cluster[NAME_SIZE];
        const LinkHandler *handlers;
        size_t n_handlers;
        const HandsCalls *calls;
        void *userdata;
        Seat seats[HAND_COUNT];
        uint64_t seq;
        Request *requests;
        size_t n_requests;
        Timer overdue;
};

const char *hand_name(HandId id)
{
        return known[id].name;
}

void *hands_userdata(void *seat)
{
        return ((Seat *)seat)->hands->userdata;
}

bool hands_is_up(const Hands *h, HandId id)
{
        return h->seats[id].link != NULL;
}

usec_t hands_lost_since(const Hands *h, HandId id)
{
        return h->seats[id].link ? 0 : h->seats[id].lost_since;
}

HandId hands_id_of(const Hands *h, const Link *link)
{
        for (int i = 0; i < HAND_COUNT; i++)
                if (h->seats[i].link == link)
                        return (HandId)i;
        return HAND_COUNT;
}

/* ---- requests ---- */

static void arm_overdue(Hands *h)
{
        usec_t first = USEC_INFINITY;

        for (size_t i = 0; i < h->n_requests; i++)
                if (h->requests[i].seq && h->requests[i].deadline < first)
                        first = h->requests[i].deadline;
        timer_set(&h->overdue, first);
}

static void answer(Request *q, const MsgResult *r)
{
        Request copy = *q;

        *q = (Request){ 0 };
        copy.answer(r, copy.userdata);
}

static void answer_unknown(Request *q)
{
        MsgResult r = WIRE_INIT(MsgResult, MSG_RESULT);

        r.h.seq = q->seq;
        answer(q, &r);
}

static void on_overdue(Timer *t _unused_, usec_t now, void *userdata)
{
        Hands *h = userdata;

        for (size_t i = 0; i < h->n_requests; i++)
                if (h->requests[i].seq && h->requests[i].deadline <= now)
                        answer_unknown(&h->requests[i]);
        arm_overdue(h);
}

/* NULL: no memory. */
static Request *free_request(Hands *h)
{
        size_t n = h->n_requests;

        for (size_t i = 0; i < n; i++)
                if (!h->requests[i].seq)
                        return &h->requests[i];
        size_t more = n > 0 ? 2 * n : REQUESTS_FIRST;
        Request *grown = reallocarray(h->requests, more, sizeof *grown);
        if (!grown)
                return NULL;
        memset(grown + n, 0, (more - n) * sizeof *grown);
        h->requests = grown;
        h->n_requests = more;
        return grown + n;
}

uint64_t hands_request_fds(Hands *h, HandId id, MsgHeader *m, const int *fds, size_t n_fds,
                           usec_t timeout, hands_answer_t done, void *userdata)
{
        usec_t now = now_boottime();
        Request *q = free_request(h);

        m->seq = ++h->seq;
        if (!q) { /* a new mind finds everything as it is */
                log_error("Out of memory: this mind ends, and another takes over");
                (void)sd_event_exit(h->event, -ENOMEM); /* fails only if it is exiting already */
                return m->seq;
        }
        *q = (Request){ m->seq, id, now + timeout, done, userdata };
        if (link_send_fds(h->seats[id].link, m, fds, n_fds) < 0)
                q->deadline = now + MIN(timeout, UNSENT_AFTER);
        uint64_t seq = m->seq;
        arm_overdue(h);
        return seq;
}

uint64_t hands_request(Hands *h, HandId id, MsgHeader *m, usec_t timeout, hands_answer_t done,
                       void *userdata)
{
        return hands_request_fds(h, id, m, NULL, 0, timeout, done, userdata);
}

void hands_forget(Hands *h, uint64_t seq)
{
        for (size_t i = 0; seq && i < h->n_requests; i++)
                if (h->requests[i].seq == seq)
                        h->requests[i] = (Request){ 0 };
}

bool hands_answered(Hands *h, HandId id, const MsgResult *r)
{
        for (size_t i = 0; r->h.seq && i < h->n_requests; i++)
                if (h->requests[i].seq == r->h.seq && h->requests[i].id == id) {
                        answer(&h->requests[i], r);
                        arm_overdue(h);
                        return true;
                }
        return false;
}

void hands_send_fds(Hands *h, HandId id, MsgHeader *m, const int *fds, size_t n_fds)
{
        (void)link_send_fds(h->seats[id].link, m, fds, n_fds); /* connected() says it again */
}

void hands_send(Hands *h, HandId id, MsgHeader *m)
{
        hands_send_fds(h, id, m, NULL, 0);
}

/* ---- connections ---- */

static void on_closed(Link *l _unused_, const char *reason, void *userdata)
{
        Seat *s = userdata;
        Hands *h = s->hands;

        log_event(LOG_WARNING, EVENT_HAND_LOST, FIELDS({ "PALISADE_HAND", hand_name(s->id), 0 }),
                  "lost %s: %s; connecting again", hand_name(s->id), reason);
        s->link = link_free(s->link);
        s->lost_since = now_boottime();
        s->wait = RECONNECT_FIRST;
        s->complained = false;
        for (size_t i = 0; i < h->n_requests; i++)
                if (h->requests[i].seq && h->requests[i].id == s->id)
                        answer_unknown(&h->requests[i]);
        arm_overdue(h);
        timer_set(&s->reconnect, s->lost_since + s->wait);
        h->calls->lost(s->id, h->userdata);
}

static int connect_now(Seat *s)
{
        Hands *h = s->hands;
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);
        int fd = connect_unix(s->path, SOCK_SEQPACKET);

        if (fd < 0)
                return fd;
        int r = link_new(&s->link, h->event, fd, hand_name(s->id), h->handlers, h->n_handlers,
                         on_closed, s);
        if (r < 0)
                return r;
        (void)STR_SET(hello.cluster, h->cluster); /* same size */
        hello.dcs_id = h->calls->dcs_id(h->userdata);
        return link_send(s->link, &hello.h);
}

static void on_reconnect(Timer *t, usec_t now, void *userdata)
{
        Seat *s = userdata;
        int r = connect_now(s);

        if (r < 0) {
                if (!s->complained && now > s->lost_since + USEC_PER_SEC) {
                        log_warning_errno(r, "Cannot reach %s at %s, trying on: %m",
                                          hand_name(s->id), s->path);
                        s->complained = true;
                }
                s->wait = MIN(s->wait * 2, RECONNECT_MOST);
                timer_set(t, now + s->wait);
                return;
        }
        s->lost_since = 0;
        log_debug("connected to %s", hand_name(s->id));
        s->hands->calls->connected(s->id, s->hands->userdata);
}

static int seat_init(Hands *h, HandId id, const char *runtime)
{
        Seat *s = &h->seats[id];
        usec_t now = now_boottime();
        int n;

        *s = (Seat){ .hands = h, .id = id, .wait = RECONNECT_FIRST, .lost_since = now };
        if (known[id].per_cluster)
                n = snprintf(s->path, sizeof s->path, "%s/%s/%s.sock", runtime, h->cluster,
                             hand_name(id));
        else
                n = snprintf(s->path, sizeof s->path, "%s/%s.sock", runtime, hand_name(id));
        if ((size_t)n >= sizeof s->path)
                return -ENAMETOOLONG;
        int r = timer_init(&s->reconnect, h->event, "reconnect", NULL, on_reconnect, s);
        if (r >= 0)
                timer_set(&s->reconnect, now);
        return r;
}

int hands_new(Hands **ret, sd_event *e, const char *runtime, const char *cluster,
              const LinkHandler *handlers, size_t n_handlers, const HandsCalls *calls,
              void *userdata)
{
        _cleanup_(hands_freep) Hands *h = calloc(1, sizeof *h);

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(e);
        h->handlers = handlers;
        h->n_handlers = n_handlers;
        h->calls = calls;
        h->userdata = userdata;
        (void)STR_SET(h->cluster, cluster); /* the caller has checked it */
        int r = timer_init(&h->overdue, e, "overdue", NULL, on_overdue, h);
        for (int i = 0; i < HAND_COUNT && r >= 0; i++)
                r = seat_init(h, (HandId)i, runtime);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

Hands *hands_free(Hands *h)
{
        if (h) {
                for (int i = 0; i < HAND_COUNT; i++) {
                        h->seats[i].link = link_free(h->seats[i].link);
                        timer_done(&h->seats[i].reconnect);
                }
                timer_done(&h->overdue);
                sd_event_unref(h->event);
                free(h->requests);
                free(h);
        }
        return NULL;
}
