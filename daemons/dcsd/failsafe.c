#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "dcsd/decode.h"
#include "dcsd/doubt.h"
#include "dcsd/encode.h"
#include "dcsd/failsafe.h"
#include "io/fdutil.h"
#include "io/log.h"

#define ANSWER_MOST 4096

typedef struct Question {
        Failsafe *owner;
        char name[NAME_SIZE];
        HttpRequest *request; /* NULL: over */
} Question;

struct Failsafe {
        Asks *asks;
        const Cache *cache;
        const FailsafeCalls *calls;
        void *userdata;

        /* the asking under way; seq 0: none */
        uint64_t seq;
        Epoch epoch;
        usec_t sent, ttl;
        uint32_t n, open;
        Question questions[CLUSTER_MEMBERS_MAX];

        Doubt doubt;
        uint64_t written_seq; /* of the record under way that writes the key; 0: none */
        Epoch written_epoch;
};

/* ---- the key ---- */

bool failsafe_in_doubt(const Failsafe *f, Epoch epoch)
{
        const Kv *kv = cache_get(f->cache, "failsafe");

        return doubt_is_open(&f->doubt, epoch, kv ? kv->mod_revision : 0);
}

void failsafe_sent(Failsafe *f, const MsgRecord *m, const RecordPlan *plan)
{
        doubt_sent(&f->doubt, m->epoch, plan->revision, plan->adds);
        f->written_seq = m->h.seq;
        f->written_epoch = m->epoch;
}

void failsafe_answered(Failsafe *f, uint64_t seq, Outcome outcome)
{
        if (seq == 0 || seq != f->written_seq)
                return;
        doubt_answered(&f->doubt, f->written_epoch, outcome);
        f->written_seq = 0;
}

void failsafe_add_addresses(const Failsafe *f, MsgAskPeers *m)
{
        _cleanup_(node_freep) Node *map = NULL;

        for (uint32_t i = 0; i < m->n_peers; i++) {
                PeerAddress *a = &m->peers[i];
                if (a->api_url[0])
                        continue;
                if (!map)
                        map = decode_object(cache_get(f->cache, "failsafe"));
                const char *url = node_get_text(map, a->name);
                if (url)
                        (void)STR_SET(a->api_url, url); /* cut, it does not answer */
        }
}

/* ---- the asking ---- */

static void end(Failsafe *f, Outcome outcome, const char *text)
{
        uint64_t seq = f->seq;

        f->seq = 0;
        for (uint32_t i = 0; i < f->n; i++)
                f->questions[i].request = http_cancel(f->questions[i].request);
        f->n = f->open = 0;
        if (outcome == OUTCOME_DONE)
                f->calls->accepted(f->epoch, f->sent, f->ttl, f->userdata);
        f->calls->result(seq, outcome, f->epoch, text, f->userdata);
}

static bool is_accepted(const HttpAnswer *a)
{
        return a->error >= 0 && a->status == 200 && str_equal(a->body, "Accepted");
}

static void on_done(const HttpAnswer *a, void *userdata)
{
        Question *q = userdata;
        Failsafe *f = q->owner;
        char text[REASON_SIZE];

        q->request = NULL;
        f->open--;
        if (!is_accepted(a)) {
                if (a->error < 0)
                        snprintf(text, sizeof text, "%s does not answer: %s", q->name, a->text);
                else
                        snprintf(text, sizeof text, "%s refuses: %ld %.80s", q->name, a->status,
                                 a->body);
                end(f, OUTCOME_REFUSED, text);
        } else if (f->open == 0) {
                end(f, OUTCOME_DONE, "");
        }
}

/* "https://host:port/patroni" -> "https://host:port/failsafe" */
static bool failsafe_url(char *buf, size_t size, const char *api_url)
{
        const char *host = strstr(api_url, "://");
        size_t n = host ? (size_t)(host - api_url) + 3 : 0;

        n += strcspn(api_url + n, "/");
        return host && (size_t)snprintf(buf, size, "%.*s/failsafe", (int)n, api_url) < size;
}

static bool ask_one(Failsafe *f, const char *name, const char *api_url, const char *body,
                    usec_t deadline)
{
        Question *q = &f->questions[f->n];
        char url[URL_SIZE + 16];

        if (f->n == CLUSTER_MEMBERS_MAX || !failsafe_url(url, sizeof url, api_url))
                return false;
        *q = (Question){ .owner = f };
        (void)STR_SET(q->name, name); /* cut, it is still told */
        f->n++;
        if (asks_post(f->asks, &q->request, url, body, deadline, ANSWER_MOST, on_done, q) < 0) {
                q->request = NULL;
                return false;
        }
        f->open++;
        return true;
}

static bool ask_all(Failsafe *f, const Node *map, const Member *self, const char *body,
                    usec_t deadline, char *text, size_t size)
{
        NODE_FOREACH(n, map) {
                if (str_equal(n->key, self->name))
                        continue;
                if (!n->text || !ask_one(f, n->key, n->text, body, deadline)) {
                        snprintf(text, size, "%.80s cannot be asked", n->key);
                        return false;
                }
        }
        return true;
}

void failsafe_ask(Failsafe *f, const MsgAskFailsafe *m, const Member *self)
{
        _cleanup_(node_freep) Node *map = decode_object(cache_get(f->cache, "failsafe"));
        _cleanup_(node_freep) Node *call = encode_failsafe_call(self, &m->status, m->ttl);
        char *body = call ? json_format(call, JSON_COMPACT) : NULL;
        char text[REASON_SIZE] = "";

        if (f->seq != 0) {
                f->calls->result(m->h.seq, OUTCOME_REFUSED, m->epoch, "asked already", f->userdata);
                free(body);
                return;
        }
        f->seq = m->h.seq;
        f->epoch = m->epoch;
        f->ttl = m->ttl;
        f->sent = now_boottime();
        if (!body)
                end(f, OUTCOME_REFUSED, "out of memory");
        else if (failsafe_in_doubt(f, m->epoch))
                end(f, OUTCOME_REFUSED, "a write of /failsafe may still name other members");
        else if (!map || !node_get(map, self->name))
                end(f, OUTCOME_REFUSED, "this node does not stand in /failsafe");
        else if (!ask_all(f, map, self, body, m->deadline, text, sizeof text))
                end(f, OUTCOME_REFUSED, text);
        else if (f->open == 0)
                end(f, OUTCOME_DONE, ""); /* there is nobody else */
        free(body);
}

void failsafe_forget(Failsafe *f)
{
        for (uint32_t i = 0; i < f->n; i++)
                f->questions[i].request = http_cancel(f->questions[i].request);
        f->n = f->open = 0;
        f->seq = f->written_seq = 0;
}

int failsafe_new(Failsafe **ret, Asks *asks, const Cache *cache, const FailsafeCalls *calls,
                 void *userdata)
{
        Failsafe *f = calloc(1, sizeof *f);

        if (!f)
                return -ENOMEM;
        f->asks = asks;
        f->cache = cache;
        f->calls = calls;
        f->userdata = userdata;
        *ret = f;
        return 0;
}

Failsafe *failsafe_free(Failsafe *f)
{
        if (f) {
                failsafe_forget(f);
                free(f);
        }
        return NULL;
}
