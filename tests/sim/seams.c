/*
 * What stands in for lib/io and the kernel under the real programs: the loop's timers, the sockets
 * between a mind and its hands, the log, files, systemd's fd store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/hand.h"
#include "io/link.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/store.h"
#include "palisaded/hands.h"
#include "tests/sim/fds.h"
#include "tests/sim/sim.h"

/* ---- the clock ---- */

usec_t now_boottime(void)
{
        return host_clock(running->host, world->now);
}

usec_t now_wall(void)
{
        return host_wall(running->host);
}

/* ---- timers ---- */

static void fire_timer(Event *e)
{
        Timer *t = e->what;

        t->soon = NULL;
        if (t->stall)
                stall_note(t->stall, t->due, now_boottime());
        t->due = USEC_INFINITY;
        t->handler(t, now_boottime(), t->userdata);
}

int timer_init(Timer *t, sd_event *e, const char *name _unused_, Stall *stall,
               timer_handler_t handler, void *userdata)
{
        *t = (Timer){ .source = (sd_event_source *)e, .due = USEC_INFINITY, .stall = stall,
                      .handler = handler, .userdata = userdata };
        return 0;
}

/* `soon` is the number of the event that is on its way, and one. */
static void take_back(Timer *t)
{
        if (t->soon)
                sim_cancel((uint32_t)(uintptr_t)t->soon - 1);
        t->soon = NULL;
}

void timer_set(Timer *t, usec_t due)
{
        Program *p = (Program *)t->source;

        if (t->due == due && (t->soon || due == USEC_INFINITY))
                return;
        t->due = due;
        take_back(t);
        if (!p || due == USEC_INFINITY)
                return;
        uint64_t at = host_true(p->host, due);
        uint32_t event = sim_event(at <= world->now ? world->now : at + sim_below(300), fire_timer, p,
                                   NULL, t, 0);
        t->soon = (sd_event_source *)(uintptr_t)(event + 1);
}

void timer_done(Timer *t)
{
        take_back(t);
        t->source = NULL;
        t->due = USEC_INFINITY;
}

/* ---- the loop ---- */

void loop_status(const char *format _unused_, ...) {}

sd_event *sd_event_ref(sd_event *e)
{
        return e;
}

sd_event *sd_event_unref(sd_event *e _unused_)
{
        return NULL;
}

int sd_event_add_signal(sd_event *e _unused_, sd_event_source **s _unused_, int signal _unused_,
                        sd_event_signal_handler_t handler _unused_, void *userdata _unused_)
{
        return 0;
}

int sd_event_exit(sd_event *e _unused_, int code _unused_)
{
        return 0;
}

/* ---- the log ---- */

void log_set_field(const char *key _unused_, const char *text _unused_) {}

int log_full(int priority, int error, const char *message_id _unused_, LogFields fields _unused_,
             const char *format, ...)
{
        char text[1024];
        va_list ap;

        if (world->trace && priority < LOG_DEBUG) {
                errno = abs(error);
                va_start(ap, format);
                vsnprintf(text, sizeof text, format, ap);
                va_end(ap);
                trace_line(running ? running->host : NULL,
                           running ? program_name(running->id) : "", "%s", text);
        }
        return -abs(error);
}

/* ---- the wires between a mind and its hands ---- */

struct Link {
        Program *owner; /* at whose end this is */
        HandId hand;
        const LinkHandler *handlers;
        size_t n_handlers;
        link_closed_t closed;
        void *userdata;
        bool up;
};

typedef struct Packet {
        struct Packet *next;
        size_t n_fds;
        int fds[2];
        _Alignas(16) char bytes[];
} Packet;

/* What is on its way, in the order in which it was sent: whoever stands still finds it so. */
typedef struct Inbox {
        Packet *first, **last;
        uint64_t arrives; /* the last one */
} Inbox;

/* One for each hand of a host; a new connection is a new generation. */
typedef struct Wire {
        unsigned generation;
        Link mind, other;
        Inbox inbox[2]; /* of the hand, and of the mind */
} Wire;

static Wire wires[NODES_MAX][HAND_COUNT];

static Packet *take_packet(Inbox *in)
{
        Packet *packet = in->first;

        if (packet && !(in->first = packet->next))
                in->last = &in->first;
        return packet;
}

static void empty_inboxes(Wire *w)
{
        for (size_t i = 0; i < ELEMENTSOF(w->inbox); i++) {
                while (w->inbox[i].first)
                        free(take_packet(&w->inbox[i]));
                w->inbox[i] = (Inbox){ .last = &w->inbox[i].first };
        }
}

void seams_done(void)
{
        for (int i = 0; i < NODES_MAX; i++)
                for (int k = 0; k < HAND_COUNT; k++)
                        empty_inboxes(&wires[i][k]);
}

void seams_init(void)
{
        memset(wires, 0, sizeof wires);
        seams_done(); /* empty, and ready to be filled */
}

static Program *hand_program(Host *h, HandId id)
{
        static const ProgramId of[HAND_COUNT] = {
                [HAND_DCSD] = PROGRAM_DCSD, [HAND_PGD] = PROGRAM_PGD,
                [HAND_FENCED] = PROGRAM_FENCED, [HAND_WATCHDOGD] = PROGRAM_WATCHDOGD,
        };

        return id == HAND_APID ? NULL : &h->programs[of[id]];
}

static void dispatch(Link *l, const LinkHandler *handlers, size_t n, const MsgHeader *m, int *fds,
                     size_t n_fds, void *userdata)
{
        for (size_t i = 0; i < n; i++)
                if (handlers[i].type == m->type) {
                        handlers[i].handle(l, m, fds, n_fds, userdata);
                        return;
                }
        sim_fail("%s got a message that it does not take: %s", l->owner->host->name,
                 msg_type_to_string(m->type));
}

/* ---- a hand's end ---- */

struct Hand {
        Program *program;
        const LinkHandler *handlers;
        size_t n_handlers;
        const HandCalls *calls;
        void *userdata;
        Mind mind;
};

static void hear(Program *p, Link *l, const MsgHeader *m, int *fds, size_t n_fds)
{
        Hand *hand = p->hand;

        if (p->id == PROGRAM_DCSD) {
                if (m->type == MSG_HELLO)
                        dcsd_joined(p);
                else
                        dcsd_message(p, m);
        } else if (p->id == PROGRAM_WATCHDOGD) {
                watchdogd_message(p, m);
        } else if (m->type == MSG_HELLO) {
                hand->mind = (Mind){ .link = l, .hand = hand,
                                     .dcs_id = ((const MsgHello *)m)->dcs_id };
                (void)STR_SET(hand->mind.cluster, "main");
                if (hand->calls->joined(&hand->mind, hand->userdata) < 0)
                        sim_fail("%s refuses its mind", program_name(p->id));
        } else {
                dispatch(l, hand->handlers, hand->n_handlers, m, fds, n_fds, &hand->mind);
        }
}

int hand_new(Hand **ret, sd_event *e, int socket _unused_, const char *cluster _unused_,
             uid_t mind_uid _unused_, const LinkHandler *handlers, size_t n_handlers,
             const HandCalls *calls, void *userdata)
{
        Hand *h = calloc(1, sizeof *h);

        *h = (Hand){ .program = (Program *)e, .handlers = handlers, .n_handlers = n_handlers,
                     .calls = calls, .userdata = userdata };
        h->program->hand = h;
        *ret = h;
        return 0;
}

Hand *hand_free(Hand *h)
{
        if (h)
                h->program->hand = NULL;
        free(h);
        return NULL;
}

void *hand_userdata(const Hand *h)
{
        return h->userdata;
}

Mind *hand_find(const Hand *h, const char *cluster _unused_)
{
        return h && h->mind.link ? (Mind *)&h->mind : NULL;
}

int hand_options_listen(const HandOptions *o _unused_)
{
        return 0;
}

/* ---- packets ---- */

/* One of them has arrived, the oldest. value: the generation, and whether the mind hears it. */
static void on_packet(Event *e)
{
        Wire *w = e->what;
        bool to_mind = e->value & 1;
        Link *l = to_mind ? &w->mind : &w->other;
        Program *p = l->owner;
        uint64_t until = p ? MAX(p->stalled, p->host->frozen) : 0;

        if (e->value >> 1 != w->generation)
                return;
        if (l->up && p->up && until > world->now) {
                sim_event(until, on_packet, NULL, p->host, w, e->value);
                return;
        }
        Packet *packet = take_packet(&w->inbox[to_mind]);
        if (!l->up || !p->up) {
                free(packet);
                return;
        }
        running = p;
        const MsgHeader *m = (const MsgHeader *)packet->bytes;
        if (to_mind)
                dispatch(l, l->handlers, l->n_handlers, m, packet->fds, packet->n_fds, l->userdata);
        else
                hear(p, l, m, packet->fds, packet->n_fds);
        free(packet);
}

static void post(Wire *w, Host *h, HandId hand, bool to_mind, const MsgHeader *m, const int *fds,
                 size_t n_fds)
{
        Packet *packet = malloc(sizeof *packet + m->size);
        Inbox *inbox = &w->inbox[to_mind];

        if (!packet)
                abort();
        if (m->type == MSG_PERMIT && hand == HAND_PGD)
                check_permit(h, (const MsgPermit *)m);
        if (m->type == MSG_RECORD && ((const MsgRecord *)m)->key == RECORD_CONFIG)
                check_end_of_pause(h, (const MsgRecord *)m);
        if (m->type == MSG_REVOKE && hand == HAND_PGD)
                h->revoked_epoch = MAX(h->revoked_epoch, ((const MsgRevoke *)m)->epoch);
        if (m->type == MSG_PG_STATE && to_mind)
                check_remembers(h, ((const MsgPgState *)m)->pg.revoked_epoch);
        *packet = (Packet){ .n_fds = n_fds };
        for (size_t i = 0; i < n_fds; i++)
                packet->fds[i] = fds[i];
        memcpy(packet->bytes, m, m->size);
        *inbox->last = packet;
        inbox->last = &packet->next;
        inbox->arrives = MAX(inbox->arrives, world->now + sim_between(20, 150));
        sim_event(inbox->arrives, on_packet, NULL, h, w, (uint64_t)w->generation << 1 | to_mind);
}

static Wire *wire_of(const Link *l)
{
        return &wires[l->owner->host->index][l->hand];
}

int link_send_fds(Link *l, const MsgHeader *m, const int *fds, size_t n_fds)
{
        if (!l || !l->up)
                return -ENOTCONN;
        Wire *w = wire_of(l);
        bool from_mind = l == &w->mind;
        if (from_mind && l->hand == HAND_APID)
                apid_message(l->owner->host, m);
        else if (from_mind ? !w->other.up : !w->mind.up)
                return -ENOTCONN;
        else
                post(w, l->owner->host, l->hand, !from_mind, m, fds, n_fds);
        return 0;
}

const char *link_name(const Link *l)
{
        return hand_name(l->hand);
}

/* From a hand that has no Link of its own in its code. */
void message_to_mind(Host *h, int hand, const MsgHeader *m, const int *fds, size_t n_fds)
{
        Wire *w = &wires[h->index][hand];

        if (w->mind.up)
                post(w, h, (HandId)hand, true, m, fds, n_fds);
}

/* ---- connections ---- */

/* "…/dcsd.sock": what a mind connects to. */
int connect_unix(const char *path, int type _unused_)
{
        Host *h = running->host;

        for (int i = 0; i < HAND_COUNT; i++) {
                const char *at = strstr(path, hand_name((HandId)i));
                Program *p = hand_program(h, (HandId)i);
                if (at && (at[-1] == '/') && (!p || p->up))
                        return FD_SOCKET + i;
        }
        return -ECONNREFUSED;
}

int link_new(Link **ret, sd_event *e, int fd, const char *name _unused_,
             const LinkHandler *handlers, size_t n_handlers, link_closed_t closed, void *userdata)
{
        Program *mind = (Program *)e;
        HandId hand = (HandId)(fd - FD_SOCKET);
        Program *p = hand_program(mind->host, hand);
        Wire *w = &wires[mind->host->index][hand];

        w->generation++;
        w->mind = (Link){ .owner = mind, .hand = hand, .handlers = handlers,
                          .n_handlers = n_handlers, .closed = closed, .userdata = userdata,
                          .up = true };
        w->other = (Link){ .owner = p, .hand = hand, .up = true };
        empty_inboxes(w);
        *ret = &w->mind;
        return 0;
}

static void on_left(Event *e)
{
        Program *p = e->program;

        if (p->id == PROGRAM_DCSD) {
                dcsd_left(p);
        } else if (p->hand && p->hand->mind.link && !p->hand->mind.link->up) {
                Mind *m = &p->hand->mind;
                if (p->hand->calls->left)
                        p->hand->calls->left(m, p->hand->userdata);
                *m = (Mind){ 0 };
        }
}

Link *link_free(Link *l)
{
        if (!l)
                return NULL;
        Wire *w = wire_of(l);
        bool was_up = l->up;
        l->up = w->other.up = false;
        w->generation++;
        if (was_up && w->other.owner && w->other.owner->up)
                sim_event(world->now + 50, on_left, w->other.owner, NULL, NULL, 0);
        return NULL;
}

/* The mind died: its hands notice. palisaded_free() has closed everything. */
void seam_mind_gone(Program *mind)
{
        for (int i = 0; i < HAND_COUNT; i++) {
                Wire *w = &wires[mind->host->index][i];
                if (w->mind.up)
                        (void)link_free(&w->mind);
        }
        apid_mind_gone(mind->host);
}

static void on_broken(Event *e)
{
        Wire *w = e->what;

        if (w->generation == e->value && w->mind.up) {
                w->mind.up = false;
                w->mind.closed(&w->mind, "the other end is gone", w->mind.userdata);
        }
}

void seam_hand_gone(Program *hand)
{
        for (int i = 0; i < HAND_COUNT; i++) {
                Wire *w = &wires[hand->host->index][i];
                if (w->other.owner != hand || !w->other.up)
                        continue;
                w->other.up = false;
                w->generation++;
                sim_event(world->now + 50, on_broken, w->mind.owner, NULL, w, w->generation);
        }
}

/* ---- files ---- */

static File *find_file(Host *h, const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(h->files); i++)
                if (str_equal(h->files[i].path, path)) /* empty: a free one */
                        return &h->files[i];
        return NULL;
}

int write_file_atomic(const char *path, const char *text, size_t size, mode_t mode _unused_)
{
        Host *h = running->host;
        File *f = find_file(h, path);

        if (!f)
                f = find_file(h, "");
        if (!f)
                return -ENOSPC;
        (void)STR_SET(f->path, path);
        (void)str_copy_n(f->text, sizeof f->text, text, size);
        return 0;
}

int read_file_at(int dir_fd _unused_, const char *path, size_t most _unused_, char **ret,
                 size_t *ret_size)
{
        const File *f = find_file(running->host, path);

        if (!f)
                return -ENOENT;
        *ret = strdup(f->text);
        if (ret_size)
                *ret_size = strlen(*ret);
        return 0;
}

int make_dirs(const char *path _unused_, mode_t mode _unused_)
{
        return 0;
}

int fd_close(int fd _unused_)
{
        return -1;
}

/* ---- systemd's fd store ---- */

struct Store {
        void *data;
};

int store_open(Store **ret, const char *name, unsigned version _unused_, size_t size,
               bool *ret_found)
{
        void **kept = &running->host->stores[str_equal(name, "pgd") ? 0 : 1];
        Store *s = calloc(1, sizeof *s);

        *ret_found = *kept != NULL;
        if (!*kept)
                *kept = calloc(1, size);
        s->data = *kept;
        *ret = s;
        return 0;
}

Store *store_free(Store *s)
{
        free(s);
        return NULL;
}

void *store_data(Store *s)
{
        return s->data;
}

static int *stored(const char *name)
{
        static int nowhere;

        nowhere = -1;
        return strncmp(name, "leaf", 4) == 0   ? &running->host->store_leaf
               : strncmp(name, "gate", 4) == 0 ? &running->host->store_gate
                                               : &nowhere;
}

int store_put_fd(const char *name, int fd)
{
        *stored(name) = fd;
        return 0;
}

int store_take_fd(const char *name)
{
        int fd = *stored(name);

        return fd < 0 ? -ENOENT : fd;
}

void store_remove_fd(const char *name)
{
        *stored(name) = -1;
}
