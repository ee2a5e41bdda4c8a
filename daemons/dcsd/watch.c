#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/body.h"
#include "dcsd/watch.h"
#include "io/fdutil.h"
#include "io/log.h"

#define PAUSE_MIN (100 * USEC_PER_MSEC)
#define PAUSE_MAX USEC_PER_SEC
#define DOUBT_AFTER (300 * USEC_PER_MSEC)
#define DOUBT_AGAIN (200 * USEC_PER_MSEC)
#define DOUBTS_MAX 2 /* one may fall between an event and its news */

struct Watch {
        Etcd *etcd;
        Cache *cache;
        const char *prefix;
        const WatchCalls *calls;
        void *userdata;

        EtcdCall *call; /* the range, then the stream */
        char endpoint[URL_SIZE];
        uint64_t read_revision; /* of the range */
        bool current;
        usec_t broken_since;
        char trouble[REASON_SIZE];
        unsigned failures; /* in a row */
        Timer again;

        uint64_t verified; /* nothing up to here is missing */
        uint64_t claimed;  /* the newest revision another answer has shown */
        unsigned doubts;
        Timer doubt;
        EtcdCall *question;
};

bool watch_is_current(const Watch *w)
{
        return w->current;
}

usec_t watch_broken_since(const Watch *w)
{
        return w->broken_since;
}

const char *watch_trouble(const Watch *w)
{
        return w->trouble;
}

/* ---- broken, and begun anew ---- */

static void stop(Watch *w)
{
        w->call = etcd_cancel(w->call);
        w->question = etcd_cancel(w->question);
        timer_set(&w->doubt, USEC_INFINITY);
        w->doubts = 0;
        if (w->current) {
                w->current = false;
                w->broken_since = now_boottime();
                w->calls->state_changed(w->userdata);
        }
}

/* The call is over. The first tries go on at once, elsewhere; then more slowly. */
static void begin_again(Watch *w, const char *why)
{
        usec_t now = now_boottime();
        unsigned n = etcd_state(w->etcd).n_endpoints;
        usec_t pause = 0;

        (void)STR_SET(w->trouble, why); /* a cut reason is still one */
        stop(w);
        w->failures++;
        if (w->failures >= n)
                pause = MIN(PAUSE_MIN << MIN(w->failures / n - 1, 4u), PAUSE_MAX);
        timer_set(&w->again, now + pause);
}

static void on_again(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        watch_restart(userdata);
}

void watch_endpoint_dead(Watch *w, const char *url)
{
        if (w->current && str_equal(w->endpoint, url)) {
                log_debug("the watch leaves %s", url);
                begin_again(w, "its endpoint does not answer");
        }
}

/* ---- events ---- */

static void note_verified(Watch *w, uint64_t revision)
{
        if (revision > w->verified) {
                w->verified = revision;
                w->doubts = 0;
                cache_set_revision(w->cache, revision);
        }
}

static void became_current(Watch *w)
{
        w->current = true;
        w->broken_since = 0;
        w->failures = 0;
        w->trouble[0] = 0;
        w->calls->state_changed(w->userdata);
}

static int on_document(const EtcdAnswer *a, void *userdata)
{
        Watch *w = userdata;
        const Node *result = node_get(a->doc, "result");
        int changed = 0;

        if (!result || node_get_bool(result, "canceled", false)) {
                const char *why = node_get_text(result, "cancel_reason");
                (void)STR_SET(w->trouble, why ? why : "etcd has cancelled the watch");
                return -ECANCELED;
        }
        NODE_FOREACH(event, node_get(result, "events")) {
                int r = cache_take_event(w->cache, event);
                if (r < 0) {
                        (void)STR_SET(w->trouble, "an event could not be read");
                        return r;
                }
                changed |= r;
        }
        if (node_get(result, "events"))
                note_verified(w, a->header.revision);
        if (!w->current && node_get_bool(result, "created", false))
                became_current(w);
        if (changed)
                w->calls->keys_changed(w->userdata);
        return 0;
}

static void on_stream_end(const EtcdAnswer *a, void *userdata)
{
        Watch *w = userdata;
        char why[REASON_SIZE];

        w->call = NULL;
        (void)STR_SET(why, w->trouble[0] ? w->trouble : a->text); /* a cut reason is still one */
        begin_again(w, why);
}

/* ---- the range ---- */

static int start_stream(Watch *w)
{
        EtcdWant want = {
                .lane = ETCD_LANE_WATCH,
                .path = "/watch",
                .body = body_watch(w->prefix, w->read_revision + 1),
                .deadline = now_boottime() + etcd_attempt_timeout(w->etcd),
                .repeat = ETCD_ONCE,
                .document = on_document,
                .done = on_stream_end,
                .userdata = w,
        };

        w->trouble[0] = 0;
        return etcd_call(w->etcd, &w->call, want);
}

static void on_range(const EtcdAnswer *a, void *userdata)
{
        Watch *w = userdata;
        int r;

        w->call = NULL;
        if (a->error != ETCD_OK) {
                begin_again(w, a->text);
                return;
        }
        r = a->header.revision == 0 ? -EBADMSG : cache_take_range(w->cache, a->doc, a->header.revision);
        if (r < 0) {
                begin_again(w, r == -ENOSPC ? "there are too many keys below our path"
                                            : "the keys could not be read");
                return;
        }
        w->read_revision = w->verified = a->header.revision;
        (void)STR_SET(w->endpoint, a->endpoint); /* same size */
        if (start_stream(w) < 0)
                begin_again(w, "out of memory");
        if (r > 0)
                w->calls->keys_changed(w->userdata);
}

void watch_restart(Watch *w)
{
        EtcdWant want = {
                .lane = ETCD_LANE_WATCH,
                .path = "/kv/range",
                .body = body_range(w->prefix, true),
                .deadline = now_boottime() + etcd_attempt_timeout(w->etcd),
                .repeat = ETCD_ONCE,
                .done = on_range,
                .userdata = w,
        };

        stop(w);
        w->claimed = 0;
        timer_set(&w->again, USEC_INFINITY);
        if (etcd_call(w->etcd, &w->call, want) < 0)
                begin_again(w, "out of memory");
}

/* ---- doubts ---- */

static void on_newest(const EtcdAnswer *a, void *userdata)
{
        Watch *w = userdata;
        Kv newest = { 0 };
        uint64_t count;

        w->question = NULL;
        if (!w->current || a->error != ETCD_OK)
                return; /* the next answer raises the doubt again */
        int r = reply_single(a->doc, &newest);
        count = (uint64_t)node_get_int(a->doc, "count", 0);
        if (r >= 0 && count == cache_count(w->cache) &&
            newest.mod_revision == (count > 0 ? cache_newest(w->cache) : 0)) {
                note_verified(w, a->header.revision);
        } else if (++w->doubts < DOUBTS_MAX) {
                timer_set(&w->doubt, now_boottime() + DOUBT_AGAIN);
        } else {
                log_warning("the watch at %s has missed events: reading everything again",
                            w->endpoint);
                begin_again(w, "it has missed events");
        }
        kv_done(&newest);
}

static void on_doubt(Timer *t _unused_, usec_t now, void *userdata)
{
        Watch *w = userdata;
        EtcdWant want = {
                .lane = ETCD_LANE_REQUEST,
                .path = "/kv/range",
                .deadline = now + etcd_attempt_timeout(w->etcd),
                .repeat = ETCD_ONCE,
                .done = on_newest,
                .userdata = w,
        };

        if (!w->current || w->question || w->verified >= w->claimed)
                return; /* the event has come */
        want.body = body_range_newest(w->prefix);
        (void)etcd_call(w->etcd, &w->question, want); /* the next answer raises the doubt again */
}

void watch_note_answer(Watch *w, uint64_t revision)
{
        if (!w->current)
                return;
        if (!str_equal(w->endpoint, etcd_state(w->etcd).endpoint)) {
                log_debug("the watch follows to another endpoint");
                watch_restart(w);
                return;
        }
        w->claimed = MAX(w->claimed, revision);
        if (w->claimed > w->verified && w->doubt.due == USEC_INFINITY && !w->question)
                timer_set(&w->doubt, now_boottime() + DOUBT_AFTER);
}

int watch_new(Watch **ret, sd_event *event, Etcd *e, Cache *cache, const char *prefix, Stall *stall,
              const WatchCalls *calls, void *userdata)
{
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof *w);

        if (!w)
                return -ENOMEM;
        *w = (Watch){ .etcd = e, .cache = cache, .prefix = prefix, .calls = calls,
                      .userdata = userdata, .broken_since = now_boottime() };
        int r = timer_init(&w->again, event, "watch", stall, on_again, w);
        if (r >= 0)
                r = timer_init(&w->doubt, event, "doubt", stall, on_doubt, w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

Watch *watch_free(Watch *w)
{
        if (w) {
                w->call = etcd_cancel(w->call);
                w->question = etcd_cancel(w->question);
                timer_done(&w->again);
                timer_done(&w->doubt);
                free(w);
        }
        return NULL;
}
