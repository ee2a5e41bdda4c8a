#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "dcsd/body.h"
#include "dcsd/decode.h"
#include "dcsd/publish.h"
#include "io/fdutil.h"
#include "io/log.h"

#define AGAIN_AFTER USEC_PER_SEC

struct Publish {
        Etcd *etcd;
        Lease *lease;
        Cache *cache;
        const Orders *orders;
        const Paths *paths;
        void (*written)(void *userdata);
        void *userdata;

        Node *wanted;
        EtcdCall *call;
        char *sent; /* the value in flight */
        int64_t sent_lease;
        Timer again;
};

static const char *member_name(const Publish *p)
{
        return p->paths->member + strlen(p->paths->prefix);
}

static bool is_as_wanted(const Publish *p)
{
        const Kv *kv = cache_get(p->cache, member_name(p));
        _cleanup_(node_freep) Node *n = decode_object(kv);

        return n && kv->lease == lease_id(p->lease) && node_equal(n, p->wanted);
}

static void on_put(const EtcdAnswer *a, void *userdata)
{
        Publish *p = userdata;
        char *sent = TAKE_PTR(p->sent);

        p->call = NULL;
        if (a->error == ETCD_OK) {
                (void)cache_note_put(p->cache, p->paths->member, sent, p->sent_lease,
                                     a->header.revision); /* else the watch brings it */
                p->written(p->userdata);
                publish_check(p);
        } else {
                log_debug("the member key was not written: %s", a->text);
                if (a->error == ETCD_LEASE_GONE) /* with a new one we are called again */
                        lease_gone(p->lease, p->sent_lease);
                else
                        timer_set(&p->again, now_boottime() + AGAIN_AFTER);
        }
        free(sent);
}

void publish_check(Publish *p)
{
        EtcdWant want = {
                .lane = ETCD_LANE_REQUEST,
                .path = "/kv/put",
                .deadline = now_boottime() + etcd_attempt_timeout(p->etcd),
                .repeat = ETCD_REPEAT_UNSENT,
                .done = on_put,
                .userdata = p,
        };

        if (!p->wanted || p->call || lease_id(p->lease) == 0 || !lease_is_held(p->lease) ||
            orders_has_claim(p->orders) || p->again.due != USEC_INFINITY || is_as_wanted(p))
                return;
        p->sent_lease = lease_id(p->lease);
        p->sent = json_format(p->wanted, JSON_COMPACT);
        want.body = p->sent ? body_put(p->paths->member, p->sent, p->sent_lease) : NULL;
        if (etcd_call(p->etcd, &p->call, want) < 0) {
                p->call = NULL;
                free(TAKE_PTR(p->sent));
                timer_set(&p->again, now_boottime() + AGAIN_AFTER);
        }
}

static void on_again(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        publish_check(userdata);
}

void publish_set(Publish *p, Node *value)
{
        if (!value)
                return;
        node_free(p->wanted);
        p->wanted = value;
        publish_check(p);
}

char *publish_text(const Publish *p)
{
        return p->wanted ? json_format(p->wanted, JSON_COMPACT) : NULL;
}

int publish_new(Publish **ret, sd_event *event, Etcd *e, Lease *lease, Cache *cache,
                const Orders *orders, const Paths *paths, void (*written)(void *userdata),
                void *userdata)
{
        _cleanup_(publish_freep) Publish *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (Publish){ .etcd = e, .lease = lease, .cache = cache, .orders = orders,
                        .paths = paths, .written = written, .userdata = userdata };
        int r = timer_init(&p->again, event, "publish", NULL, on_again, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Publish *publish_free(Publish *p)
{
        if (p) {
                p->call = etcd_cancel(p->call);
                node_free(p->wanted);
                free(p->sent);
                timer_done(&p->again);
                free(p);
        }
        return NULL;
}
