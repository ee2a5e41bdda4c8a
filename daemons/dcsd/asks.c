#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/asks.h"
#include "dcsd/peer.h"
#include "io/log.h"
#include "wire/wire.h"

typedef struct Ask Ask;

typedef struct Question {
        Ask *ask;
        uint32_t i;
        HttpRequest *request; /* NULL: over */
} Question;

struct Ask {
        Ask *next;
        Asks *owner;
        uint32_t open; /* questions without an answer */
        Question questions[CLUSTER_MEMBERS_MAX];
        MsgPeers *answer; /* with room for every row */
};

struct Asks {
        Http *lane;
        HttpTls tls;
        char login[NAME_SIZE * 2];
        void (*answer)(const MsgPeers *m, void *userdata);
        void *userdata;
        Ask *list;
        unsigned n;
};

static void ask_free(Ask *k)
{
        for (Ask **at = &k->owner->list; *at; at = &(*at)->next)
                if (*at == k) {
                        *at = k->next;
                        k->owner->n--;
                        break;
                }
        for (uint32_t i = 0; i < k->answer->n_peers; i++)
                k->questions[i].request = http_cancel(k->questions[i].request);
        free(k->answer);
        free(k);
}

static void end_if_complete(Ask *k)
{
        if (k->open > 0)
                return;
        k->owner->answer(k->answer, k->owner->userdata);
        ask_free(k);
}

/* At the deadline the lane itself ends what is still open. */
static void on_done(const HttpAnswer *a, void *userdata)
{
        Question *q = userdata;
        Peer *peer = &q->ask->answer->peers[q->i];

        q->request = NULL;
        if (a->error >= 0)
                peer_read(a->body, a->size, peer);
        peer->heard = a->error >= 0;
        if (!peer->heard)
                log_debug("%s does not answer: %s", peer->name, a->text);
        q->ask->open--;
        end_if_complete(q->ask);
}

static void ask_one(Ask *k, uint32_t i, const PeerAddress *address, usec_t deadline)
{
        Asks *owner = k->owner;
        Question *q = &k->questions[i];
        HttpWant want = {
                .url = address->api_url,
                .login = owner->login[0] ? owner->login : NULL,
                .tls = &owner->tls,
                .deadline = deadline,
                .most = PEER_ANSWER_MAX,
                .done = on_done,
                .userdata = q,
        };

        *q = (Question){ .ask = k, .i = i };
        k->answer->peers[i] = (Peer){ .failover_priority = 1 };
        (void)STR_SET(k->answer->peers[i].name, address->name); /* same size */
        if (address->api_url[0] && http_start(owner->lane, &q->request, &want) >= 0)
                k->open++;
        else
                q->request = NULL;
}

static Ask *ask_new(Asks *owner, const MsgAskPeers *m)
{
        size_t size = sizeof(MsgPeers) + m->n_peers * sizeof(Peer);
        Ask *k = owner->n < ASKS_MAX ? calloc(1, sizeof *k) : NULL;

        if (!k)
                return NULL;
        k->answer = calloc(1, size);
        if (!k->answer) {
                free(k);
                return NULL;
        }
        wire_header(&k->answer->h, MSG_PEERS, size);
        k->answer->h.seq = m->h.seq;
        k->answer->kind = m->kind;
        k->answer->n_peers = m->n_peers;
        k->owner = owner;
        k->next = owner->list;
        owner->list = k;
        owner->n++;
        return k;
}

void asks_start(Asks *a, const MsgAskPeers *m)
{
        Ask *k = ask_new(a, m);

        if (!k) {
                log_warning("too many askings at once: the peers are not asked");
                return; /* the mind has a deadline for it */
        }
        for (uint32_t i = 0; i < m->n_peers; i++)
                ask_one(k, i, &m->peers[i], m->deadline);
        end_if_complete(k);
}

int asks_post(Asks *a, HttpRequest **ret, const char *url, const char *body, usec_t deadline,
              size_t most, http_done_t done, void *userdata)
{
        HttpWant want = {
                .url = url,
                .body = body,
                .headers = { "Content-Type: application/json" },
                .login = a->login[0] ? a->login : NULL,
                .tls = &a->tls,
                .deadline = deadline,
                .most = most,
                .done = done,
                .userdata = userdata,
        };

        return http_start(a->lane, ret, &want);
}

void asks_forget(Asks *a)
{
        while (a->list)
                ask_free(a->list);
}

/* `authentication`, or the old "auth: user:password"; restapi's where ctl has none. */
static void read_login(const Config *c, char *buf, size_t size)
{
        static const char *const sections[] = { "ctl", "restapi" };
        char key[64];

        buf[0] = 0;
        for (size_t i = 0; i < ELEMENTSOF(sections) && !buf[0]; i++) {
                snprintf(key, sizeof key, "%s.authentication.username", sections[i]);
                const char *user = config_text(c, key, NULL);
                snprintf(key, sizeof key, "%s.authentication.password", sections[i]);
                const char *password = config_text(c, key, "");
                snprintf(key, sizeof key, "%s.auth", sections[i]);
                const char *both = config_text(c, key, NULL);
                if (user)
                        snprintf(buf, size, "%s:%s", user, password);
                else if (both)
                        (void)str_copy(buf, size, both); /* a cut one is refused over there */
        }
}

void asks_reload(Asks *a, const Config *c)
{
        const char *cert = config_text(c, "ctl.certfile", NULL);

        /* As between Patroni nodes: the server is verified only where we have a certificate. */
        a->tls = (HttpTls){
                .cacert = config_text(c, "ctl.cacert", config_text(c, "restapi.cafile", NULL)),
                .cert = cert,
                .key = config_text(c, "ctl.keyfile", NULL),
                .key_password = config_text(c, "ctl.keyfile_password", NULL),
                .verify = cert != NULL && !config_bool(c, "ctl.insecure", false),
        };
        read_login(c, a->login, sizeof a->login);
}

int asks_new(Asks **ret, sd_event *event, const Config *config, Stall *stall,
             void (*answer)(const MsgPeers *m, void *userdata), void *userdata)
{
        _cleanup_(asks_freep) Asks *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        a->answer = answer;
        a->userdata = userdata;
        int r = http_new(&a->lane, event, "peers", stall);
        if (r < 0)
                return r;
        asks_reload(a, config);
        *ret = TAKE_PTR(a);
        return 0;
}

Asks *asks_free(Asks *a)
{
        if (a) {
                asks_forget(a);
                a->lane = http_free(a->lane);
                explicit_bzero(a->login, sizeof a->login);
                free(a);
        }
        return NULL;
}
