/*
 * The mouths and what is said between them: dcsd's questions to other members' REST APIs, apid's
 * answers, and what operators ask for.
 *
 * An answer is made as apid makes it: the mind is asked for a fresh state of PostgreSQL first; after a
 * permit a primary is none any more and tells no position.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/hands.h"
#include "tests/sim/dcsd.h"

#define QUESTIONS_MAX 32

typedef struct Question {
        uint64_t seq; /* of the REQUEST to the mind; 0: free */
        uint64_t key; /* of the Asking; 0: an operator's */
        int from, index;
        unsigned life; /* of the asking dcsd */
        bool failsafe;
        usec_t ttl; /* which a leader in failsafe mode counts on */
        uint64_t scheduled; /* revision of the failover key when it was asked */
        char what[24];
} Question;

typedef struct Apid {
        uint64_t seq;
        Question questions[QUESTIONS_MAX];
        bool watchdog_failed;
        Epoch epoch, revoked;
        usec_t deadline;
        bool standing;
        /* the last word of pgd */
        bool accepts, running;
        Tri in_recovery;
        uint32_t timeline;
        Lsn flush, received;
} Apid;

typedef struct Reply {
        int to, index;
        unsigned life;
        uint64_t key;
        Peer peer;
        bool accepted;
} Reply;

/* ---- apid ---- */

void apid_init(Host *h)
{
        h->apid = calloc(1, sizeof(Apid));
}

static void fill_peer(const Host *h, Peer *p)
{
        const Apid *a = h->apid;
        usec_t now = host_clock(h, world->now);
        bool right = a->epoch > a->revoked && (a->standing || now < a->deadline);

        *p = (Peer){ .failover_priority = h->tags.failover_priority, .nofailover = h->tags.nofailover,
                     .watchdog_failed = a->watchdog_failed };
        (void)STR_SET(p->name, h->name);
        if (!a->running || !a->accepts)
                return;
        if (a->in_recovery == TRI_NO) {
                if (!right)
                        return;
                p->primary = true;
                p->lsn = a->flush;
        } else {
                p->lsn = a->received;
        }
        p->answered = true;
        p->timeline = a->timeline;
}

static void on_reply(Event *e)
{
        Reply *r = e->what;
        Program *p = &world->hosts[r->to].programs[PROGRAM_DCSD];
        uint64_t until = MAX(p->stalled, p->host->frozen);

        if (p->up && p->life == r->life && until > world->now) {
                sim_event(until, on_reply, NULL, NULL, r, 0);
                return;
        }
        if (p->up && p->life == r->life) {
                Dcsd *d = p->state;
                running = p;
                for (size_t i = 0; i < ASKINGS_MAX; i++)
                        if (d->askings[i].key == r->key)
                                asks_answer(&d->askings[i], r->index, &r->peer, r->accepted);
        }
        free(r);
}

static uint64_t delay(void)
{
        uint64_t d = sim_between(200, 2000);

        if (world->now < world->slow_messages_until)
                d += sim_below(world->slow_messages);
        return d;
}

static bool passes(const Host *from, int to)
{
        return !from->to_host[to] && !(from->loss && sim_below(100) < from->loss);
}

static void reply(Host *h, const Question *q, bool accepted)
{
        Reply *r;

        if (!passes(h, q->from))
                return;
        r = calloc(1, sizeof *r);
        *r = (Reply){ .to = q->from, .index = q->index, .life = q->life, .key = q->key,
                      .accepted = accepted };
        fill_peer(h, &r->peer);
        sim_event(world->now + delay(), on_reply, NULL, NULL, r, 0);
}

static void operator_answered(Host *h, const Question *q, const MsgResult *m)
{
        const char *what = q->what;

        if (m->http == 200 && str_equal(what, request_to_string(REQUEST_JOIN)))
                h->ask_join = 0;
        if (m->http == 200 && str_equal(what, request_to_string(REQUEST_RESUME)))
                check_resumed(h);
        if (m->http == 200 && str_equal(what, request_to_string(REQUEST_CANCEL_SWITCHOVER)))
                check_cancelled(q->scheduled);
        TRACE(h, "operator", "%s: %u %s", what, m->http, m->text);
        world->answer.http = m->http;
        (void)STR_SET(world->answer.text, m->text); /* same size */
}

static void on_result(Host *h, const MsgResult *m)
{
        Apid *a = h->apid;

        for (size_t i = 0; i < QUESTIONS_MAX; i++) {
                Question *q = &a->questions[i];
                if (q->seq == 0 || q->seq != m->h.seq)
                        continue;
                if (q->key)
                        reply(h, q, m->http == 200);
                else
                        operator_answered(h, q, m);
                q->seq = 0;
        }
}

/* Straight from the mind, in its own turn: the mouth only keeps what it heard last. */
void apid_message(Host *h, const MsgHeader *m)
{
        Apid *a = h->apid;

        switch ((int)m->type) {
        case MSG_STATUS: a->watchdog_failed = ((const MsgStatus *)m)->watchdog_failed; break;
        case MSG_PG_STATE: {
                const PgState *pg = &((const MsgPgState *)m)->pg;
                a->running = pg->run == RUN_RUNNING;
                a->accepts = pg->accepts;
                a->in_recovery = pg->in_recovery;
                a->timeline = pg->timeline;
                a->flush = pg->flush_lsn;
                a->received = pg_standby_lsn(pg);
                break;
        }
        case MSG_PERMIT: {
                const MsgPermit *p = (const MsgPermit *)m;
                a->epoch = p->epoch;
                a->deadline = p->deadline;
                a->standing = p->standing;
                break;
        }
        case MSG_REVOKE: a->revoked = MAX(a->revoked, ((const MsgRevoke *)m)->epoch); break;
        case MSG_RESULT: on_result(h, (const MsgResult *)m); break;
        }
}

void apid_mind_gone(Host *h)
{
        Apid *a = h->apid;

        memset(a->questions, 0, sizeof a->questions);
        a->running = false; /* without a mind it tells no position */
}

static Question *new_question(Host *h)
{
        Apid *a = h->apid;
        size_t i = 0;

        while (i < QUESTIONS_MAX - 1 && a->questions[i].seq)
                i++;
        a->questions[i] = (Question){ .seq = ++a->seq };
        return &a->questions[i];
}

void apid_request(Host *h, MsgRequest *m, const char *what)
{
        Question *q = new_question(h);

        const Key *key = etcd_key(PREFIX "failover");

        m->h.seq = q->seq;
        q->scheduled = key ? key->mod : 0;
        (void)STR_SET(q->what, what);
        TRACE(h, "operator", "%s", what);
        message_to_mind(h, HAND_APID, &m->h, NULL, 0);
}

static void on_question(Event *e)
{
        Question *from = e->what, *q;
        Host *h = e->host;
        MsgRequest m = WIRE_INIT(MsgRequest, MSG_REQUEST);

        if (h->powered) {
                q = new_question(h);
                uint64_t seq = q->seq;
                *q = *from;
                q->seq = seq;
                m.h.seq = seq;
                m.kind = q->failsafe ? REQUEST_FAILSAFE : REQUEST_PROBE;
                m.timing.ttl = q->ttl;
                if (q->failsafe)
                        (void)STR_SET(m.leader, world->hosts[q->from].name);
                message_to_mind(h, HAND_APID, &m.h, NULL, 0);
        }
        free(from);
}

void peer_forget(const Event *e)
{
        if (e->fire == on_question || e->fire == on_reply)
                free(e->what);
}

/* ---- dcsd's side ---- */

static void end_asking(Asking *k, bool all_accepted)
{
        Dcsd *d = k->owner;

        k->key = 0;
        timer_set(&k->timer, USEC_INFINITY);
        if (k->failsafe) {
                MsgLease m = WIRE_INIT(MsgLease, MSG_LEASE);
                m.epoch = k->epoch;
                m.kind = LEASE_FAILSAFE;
                m.sent = k->sent;
                m.ttl = k->ttl;
                if (all_accepted)
                        dcsd_tell(d, &m.h);
                dcsd_result(d, k->seq, all_accepted ? OUTCOME_DONE : OUTCOME_REFUSED, k->epoch,
                            all_accepted ? "" : "a member refuses or does not answer");
                return;
        }
        size_t size = sizeof(MsgPeers) + k->n * sizeof(Peer);
        MsgPeers *m = calloc(1, size);
        wire_header(&m->h, MSG_PEERS, size);
        m->h.seq = k->seq;
        m->kind = k->kind;
        m->n_peers = k->n;
        memcpy(m->peers, k->peers, k->n * sizeof(Peer));
        dcsd_tell(d, &m->h);
        free(m);
}

void asks_answer(Asking *k, int index, const Peer *peer, bool accepted)
{
        if (k->key == 0 || k->answered[index])
                return;
        k->answered[index] = true;
        k->open--;
        k->peers[index] = *peer;
        if (k->failsafe && !accepted)
                end_asking(k, false);
        else if (k->open == 0)
                end_asking(k, true);
}

static void on_deadline(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        end_asking(userdata, false);
}

static Asking *new_asking(Dcsd *d, uint64_t seq, usec_t deadline)
{
        static uint64_t keys;

        for (size_t i = 0; i < ASKINGS_MAX; i++)
                if (d->askings[i].key == 0) {
                        Asking *k = &d->askings[i];
                        Timer timer = k->timer;
                        *k = (Asking){ .owner = d, .key = ++keys, .seq = seq, .timer = timer };
                        timer_set(&k->timer, deadline);
                        return k;
                }
        return NULL;
}

static void ask_one(Asking *k, const char *name)
{
        Program *p = k->owner->program;
        int to = host_index(name);

        k->peers[k->n] = (Peer){ .failover_priority = 1 };
        (void)STR_SET(k->peers[k->n].name, name);
        k->open++;
        if (to >= 0 && to < world->n_hosts && passes(p->host, to)) {
                Question *q = calloc(1, sizeof *q);
                *q = (Question){ .key = k->key, .from = p->host->index, .index = (int)k->n,
                                 .life = p->life, .failsafe = k->failsafe, .ttl = k->ttl };
                sim_event(world->now + delay(), on_question, NULL, &world->hosts[to], q, 0);
        }
        k->n++;
}

void asks_peers(Dcsd *d, const MsgAskPeers *m)
{
        Asking *k = new_asking(d, m->h.seq, m->deadline);

        if (!k)
                return;
        k->kind = m->kind;
        for (uint32_t i = 0; i < m->n_peers && i < NODES_MAX; i++)
                ask_one(k, m->peers[i].name);
        if (k->open == 0)
                end_asking(k, true);
}

void asks_failsafe(Dcsd *d, const MsgAskFailsafe *m)
{
        const char *list = d->has_cluster ? d->packet->cluster.failsafe_names : "";
        bool in_doubt = doubt_is_open(&d->doubt, m->epoch, view_revision(d, PREFIX "failsafe"));
        Asking *k = !in_doubt && str_list_contains(list, d->name) ? new_asking(d, m->h.seq, m->deadline) : NULL;
        char name[16];

        if (!k) {
                dcsd_result(d, m->h.seq, OUTCOME_REFUSED, m->epoch,
                            in_doubt ? "a write of /failsafe may still name other members"
                                     : "this node does not stand in /failsafe");
                return;
        }
        k->failsafe = true;
        k->epoch = m->epoch;
        k->ttl = m->ttl;
        k->sent = now_boottime();
        while (str_list_next(&list, name, sizeof name))
                if (!str_equal(name, d->name))
                        ask_one(k, name);
        if (k->open == 0)
                end_asking(k, true);
}

void asks_forget_all(Dcsd *d)
{
        for (size_t i = 0; i < ASKINGS_MAX; i++) {
                d->askings[i].key = 0;
                timer_set(&d->askings[i].timer, USEC_INFINITY);
        }
}

void asks_init(Dcsd *d)
{
        for (size_t i = 0; i < ASKINGS_MAX; i++)
                timer_init(&d->askings[i].timer, (sd_event *)d->program, "asking", NULL, on_deadline,
                           &d->askings[i]);
}
