#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "config/json.h"
#include "dcsd/etcd-internal.h"
#include "dcsd/hosts.h"
#include "dcsd/version.h"
#include "io/fdutil.h"
#include "io/log.h"

#define RECONNECT_PAUSE (500 * USEC_PER_MSEC)
#define MOVE_PAUSE (30 * USEC_PER_SEC)
#define REFRESH_FIRST (300 * USEC_PER_SEC)
#define REFRESH_AFTER_FAILURE (5 * USEC_PER_SEC)
#define DISCOVER_MIN (3 * USEC_PER_SEC)        /* what DNS may take */
#define DISCOVER_PAUSE_MAX (30 * USEC_PER_SEC) /* until it is asked again */
#define STALE_FOR_LONG (60 * USEC_PER_SEC)
#define VERSION_ANSWER_MAX 4096

static const char *const lane_names[ETCD_LANE_MAX] = {
        [ETCD_LANE_LEASE] = "lease",
        [ETCD_LANE_REQUEST] = "request",
        [ETCD_LANE_WATCH] = "watch",
};

/* ---- telling the owner ---- */

static void tell_soon(Etcd *e, bool *what)
{
        *what = true;
        timer_set(&e->tell, now_boottime());
}

static void on_tell(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Etcd *e = userdata;
        bool connected = e->tell_connected, cluster_changed = e->tell_cluster_changed;

        e->tell_connected = e->tell_cluster_changed = e->tell_changed = false;
        if (cluster_changed)
                e->calls->cluster_changed(e->userdata);
        while (e->n_dead > 0)
                e->calls->endpoint_dead(e->dead[--e->n_dead], e->userdata);
        if (connected)
                e->calls->connected(e->userdata);
        e->calls->changed(e->userdata);
}

void etcd_endpoint_failed(Etcd *e, const char *url, bool dead, const char *why)
{
        usec_t now = now_boottime();

        log_debug("%s: %s", url, why);
        snprintf(e->trouble, sizeof e->trouble, "%s: %s", url, why);
        endpoints_fail(&e->endpoints, url, now);
        if (dead && e->n_dead < DEAD_MAX)
                (void)STR_SET(e->dead[e->n_dead++], url); /* same size */
        if (e->connected && !e->endpoints.fixed)
                timer_set(&e->refresh, MIN(e->refresh.due, now + REFRESH_AFTER_FAILURE));
        tell_soon(e, &e->tell_changed);
}

void etcd_endpoint_good(Etcd *e, const char *url)
{
        e->answered = now_boottime();
        e->stale_since = 0;
        endpoints_good(&e->endpoints, url);
        if (e->trouble[0]) {
                e->trouble[0] = 0;
                tell_soon(e, &e->tell_changed);
        }
}

/* ---- whom to believe ---- */

static void forget_cluster(Etcd *e, const EtcdHeader *h)
{
        e->cluster_id = h->cluster_id;
        e->raft_term = h->raft_term;
        e->stale_since = 0;
        tell_soon(e, &e->tell_cluster_changed);
}

/* An etcd restored from a backup may start again at a low term; it must not be refused for ever. */
static bool is_stale_for_long(Etcd *e, usec_t now)
{
        if (e->stale_since == 0)
                e->stale_since = now;
        return now - e->stale_since > STALE_FOR_LONG;
}

EtcdError etcd_guard(Etcd *e, const EtcdHeader *h)
{
        if (h->cluster_id == 0)
                return ETCD_OK; /* an answer without a header says nothing about a cluster */
        if (e->cluster_id == 0) {
                e->cluster_id = h->cluster_id;
                e->raft_term = h->raft_term;
                tell_soon(e, &e->tell_changed);
                return ETCD_OK;
        }
        if (h->cluster_id != e->cluster_id) {
                log_warning("etcd's cluster id is %" PRIx64 " now, was %" PRIx64
                            ": nothing read so far holds",
                            h->cluster_id, e->cluster_id);
                forget_cluster(e, h);
                return ETCD_OK;
        }
        if (h->raft_term < e->raft_term) {
                if (!is_stale_for_long(e, now_boottime()))
                        return ETCD_STALE;
                log_warning("every etcd member answers with raft term %" PRIu64 ", older than %" PRIu64
                            ", for a minute now: beginning anew with it",
                            h->raft_term, e->raft_term);
                forget_cluster(e, h);
        } else if (h->raft_term > e->raft_term) {
                e->raft_term = h->raft_term;
                tell_soon(e, &e->tell_changed);
        }
        return ETCD_OK;
}

/* ---- where etcd is: DNS ---- */

static void mark_local(Etcd *e)
{
        Hosts *hosts = hosts_read();

        endpoints_mark_local(&e->endpoints, hosts_is_own, hosts);
        endpoints_mark_local(&e->configured, hosts_is_own, hosts);
        hosts_free(hosts);
}

static void connect_now(Etcd *e);

static usec_t discovery_pause(unsigned failures)
{
        return MIN(RECONNECT_PAUSE << MIN(failures, 8u), DISCOVER_PAUSE_MAX);
}

static void on_discovered(const Endpoints *found, const char *text, void *userdata)
{
        Etcd *e = userdata;

        e->discover = discover_free(e->discover);
        e->discovered = now_boottime();
        if (!found) {
                if (e->discoveries_failed == 0)
                        log_warning("%s", text);
                (void)STR_SET(e->trouble, text); /* same size */
                tell_soon(e, &e->tell_changed);
                e->discoveries_failed++;
        } else {
                bool fixed = e->configured.fixed;
                log_info("DNS names etcd at %s%s", found->rows[0].url, found->n > 1 ? " and elsewhere" : "");
                e->discoveries_failed = 0;
                e->configured = *found;
                e->configured.fixed = fixed;
                if (e->connected)
                        endpoints_reconfigure(&e->endpoints, &e->configured);
                else
                        e->endpoints = e->configured;
                mark_local(e);
                if (!e->connected)
                        endpoints_in_order(&e->endpoints);
        }
        if (e->connected)
                return;
        if (e->endpoints.n > 0)
                connect_now(e);
        else
                timer_set(&e->refresh, e->discovered + discovery_pause(e->discoveries_failed));
}

static void start_discovery(Etcd *e)
{
        DiscoverWant want = {
                .domain = e->srv_domain,
                .suffix = e->srv_suffix,
                .lane = e->lanes[ETCD_LANE_REQUEST],
                .tls = &e->tls,
                .seed = e->seed,
                .deadline = now_boottime() + MAX(e->timing.retry_timeout, DISCOVER_MIN),
                .done = on_discovered,
                .userdata = e,
        };

        if (e->discover)
                return;
        if (discover_new(&e->discover, e->event, &want) < 0)
                timer_set(&e->refresh, now_boottime() + RECONNECT_PAUSE);
}

/* Nobody answers at the addresses that we have: have they moved? */
static bool may_discover(const Etcd *e)
{
        return e->srv_domain[0] && (e->endpoints.n == 0 || now_boottime() - e->discovered >
                                                                   discovery_pause(e->discoveries_failed));
}

/* ---- the member list ---- */

static void take_members(Etcd *e, const Node *doc)
{
        const char *urls[ENDPOINTS_MAX];
        char before[URL_SIZE];
        size_t n = 0;

        NODE_FOREACH(member, node_get(doc, "members"))
                NODE_FOREACH(url, node_get(member, "clientURLs"))
                        if (url->text && n < ELEMENTSOF(urls))
                                urls[n++] = url->text;
        (void)STR_SET(before, endpoints_current(&e->endpoints)); /* same size */
        if (endpoints_discover(&e->endpoints, &e->configured, urls, n, e->seed) == 0)
                log_debug("etcd's member list names no client URL");
        mark_local(e);
        if (!str_equal(before, endpoints_current(&e->endpoints)))
                tell_soon(e, &e->tell_changed);
}

static int start_probe(Etcd *e, const char *url, bool is_move);

static void set_connected(Etcd *e)
{
        if (e->connected)
                return;
        e->connected = true;
        tell_soon(e, &e->tell_connected);
}

static void on_members(const EtcdAnswer *a, void *userdata)
{
        Etcd *e = userdata;
        uint32_t better;

        e->list_call = NULL;
        if (a->error == ETCD_OK)
                take_members(e, a->doc);
        else if (e->connected && may_discover(e))
                start_discovery(e);
        set_connected(e);
        timer_set(&e->refresh, now_boottime() + MIN(e->timing.ttl * 10, REFRESH_FIRST));
        better = endpoints_better(&e->endpoints, now_boottime());
        if (better != UINT32_MAX)
                (void)start_probe(e, e->endpoints.rows[better].url, true); /* next time, then */
}

static void list_members(Etcd *e)
{
        EtcdWant want = {
                .lane = ETCD_LANE_REQUEST,
                .path = "/cluster/member/list",
                .body = strdup("{}"),
                .deadline = now_boottime() + e->timing.retry_timeout,
                .repeat = ETCD_REPEAT,
                .done = on_members,
                .userdata = e,
        };

        if (e->list_call || etcd_call(e, &e->list_call, want) < 0)
                timer_set(&e->refresh, now_boottime() + RECONNECT_PAUSE);
}

/* ---- the version ---- */

/* 0, or -EINVAL: this is no etcd, or none that will do; *ret_text says. */
static int read_version(Etcd *e, const HttpAnswer *a, const char **ret_text)
{
        _cleanup_(node_freep) Node *doc = NULL;
        const char *server = NULL, *cluster = NULL, *api;

        *ret_text = "this is not etcd: /version answers no version";
        if (a->status == 200 && json_parse(a->body, a->size, true, &doc, NULL) >= 0) {
                server = node_get_text(doc, "etcdserver");
                cluster = node_get_text(doc, "etcdcluster");
        }
        if (!server)
                return -EINVAL;
        api = version_api(server, cluster ? cluster : server, e->has_login, ret_text);
        if (!api)
                return -EINVAL;
        if (!str_equal(api, e->api))
                log_info("etcd %s at %s: its gateway is %s", server, e->probed, api);
        (void)STR_SET(e->api, api); /* they fit */
        (void)STR_SET(e->server_version, server); /* a cut version is only shown */
        return 0;
}

static void move_to(Etcd *e, const char *url)
{
        for (uint32_t i = 0; i < e->endpoints.n; i++)
                if (str_equal(e->endpoints.rows[i].url, url))
                        e->endpoints.current = i;
        log_info("going on with %s, which is on this host", url);
        tell_soon(e, &e->tell_changed);
}

static void probe_failed(Etcd *e, const char *why)
{
        usec_t now = now_boottime();

        if (e->probe_is_move) { /* the current endpoint is none the worse for it */
                endpoints_fail(&e->endpoints, e->probed, now);
                timer_set(&e->refresh, MIN(e->refresh.due, now + MOVE_PAUSE));
                return;
        }
        etcd_endpoint_failed(e, e->probed, true, why);
        e->probes_failed++;
        bool all = e->probes_failed % endpoints_round(&e->endpoints) == 0;
        e->nobody_answers = e->nobody_answers || all;
        timer_set(&e->refresh, now + (all ? RECONNECT_PAUSE : 0));
}

static void on_version(const HttpAnswer *a, void *userdata)
{
        Etcd *e = userdata;
        const char *text = a->text;
        int r = a->error;

        e->probe = NULL;
        if (r >= 0)
                r = read_version(e, a, &text);
        if (r < 0) {
                probe_failed(e, text);
                return;
        }
        e->probes_failed = 0;
        e->nobody_answers = false;
        etcd_endpoint_good(e, e->probed);
        if (e->probe_is_move) {
                move_to(e, e->probed);
        } else if (e->endpoints.fixed) {
                set_connected(e);
        } else {
                list_members(e);
        }
}

static int start_probe(Etcd *e, const char *url, bool is_move)
{
        char text[URL_SIZE + 16];
        HttpWant want = {
                .url = text,
                .tls = &e->tls,
                .deadline = now_boottime() + etcd_attempt_timeout(e),
                .most = VERSION_ANSWER_MAX,
                .done = on_version,
                .userdata = e,
        };

        if (e->probe)
                return 0;
        (void)STR_SET(e->probed, url); /* same size */
        e->probe_is_move = is_move;
        snprintf(text, sizeof text, "%s/version", url);
        return http_start(e->lanes[ETCD_LANE_REQUEST], &e->probe, &want);
}

static void connect_now(Etcd *e)
{
        e->probe = http_cancel(e->probe);
        if (start_probe(e, endpoints_current(&e->endpoints), false) < 0)
                timer_set(&e->refresh, now_boottime() + RECONNECT_PAUSE);
}

void etcd_connect(Etcd *e)
{
        e->connected = false;
        if (e->endpoints.n == 0 || (e->nobody_answers && may_discover(e))) {
                e->nobody_answers = false;
                start_discovery(e);
        } else {
                connect_now(e);
        }
}

/* Not at once: whoever noticed stands in the middle of something. */
void etcd_reconnect(Etcd *e)
{
        if (!e->connected)
                return; /* it is on the way: whoever notices next does not put it off */
        e->connected = false;
        timer_set(&e->refresh, now_boottime() + RECONNECT_PAUSE);
}

static void on_refresh(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Etcd *e = userdata;

        if (!e->connected)
                etcd_connect(e);
        else if (!str_equal(e->api, "/v3")) /* it may have been upgraded */
                (void)start_probe(e, endpoints_current(&e->endpoints), false); /* no memory: the next time */
        else if (!e->endpoints.fixed)
                list_members(e);
}

/* ---- settings ---- */

static void on_resume(Timer *t _unused_, usec_t now, void *userdata)
{
        etcd_resume_calls(userdata, now);
}

/*
 * A watch says nothing for hours and must notice a host without power within a second or two: it
 * is probed each second. The other lanes have deadlines of their own.
 */
static void set_tcp(Etcd *e)
{
        const Timing *t = &e->timing;
        HttpTcp quiet = { .idle = MAX(t->ttl / 10, USEC_PER_SEC), .probe = USEC_PER_SEC, .probes = 3,
                          .user_timeout = MAX(t->ttl / 5, 1500 * USEC_PER_MSEC) };
        HttpTcp busy = { .idle = t->loop_wait + t->retry_timeout, .probes = 3,
                         .user_timeout = t->ttl };

        busy.probe = usec_sub(t->ttl, busy.idle) / 3;
        http_set_tcp(e->lanes[ETCD_LANE_WATCH], &quiet);
        http_set_tcp(e->lanes[ETCD_LANE_REQUEST], &busy);
        http_set_tcp(e->lanes[ETCD_LANE_LEASE], &busy);
}

void etcd_set_timing(Etcd *e, const Timing *timing)
{
        e->timing = *timing;
        set_tcp(e);
}

usec_t etcd_attempt_timeout(const Etcd *e)
{
        return endpoints_attempt(e->timing.retry_timeout, endpoints_round(&e->endpoints));
}

void etcd_reload(Etcd *e, const Config *config)
{
        const char *cacert = config_text(config, "etcd3.cacert", NULL);

        e->tls = (HttpTls){
                .cacert = cacert,
                .cert = config_text(config, "etcd3.cert", NULL),
                .key = config_text(config, "etcd3.key", NULL),
                .verify = cacert != NULL,
                .verify_host = cacert != NULL,
        };
        e->name = config_text(config, "etcd3.username", e->url_login.name);
        e->password = config_text(config, "etcd3.password", e->url_login.password);
        e->has_login = !str_empty(e->name) && !str_empty(e->password);
        e->login_not_needed = false;
        free(TAKE_PTR(e->token));
        e->token_number++;
}

EtcdState etcd_state(const Etcd *e)
{
        return (EtcdState){
                .connected = e->connected,
                .endpoint = endpoints_current(&e->endpoints),
                .server_version = e->server_version,
                .trouble = e->trouble,
                .cluster_id = e->cluster_id,
                .raft_term = e->raft_term,
                .answered = e->answered,
                .n_endpoints = endpoints_round(&e->endpoints),
        };
}

static int configure(Etcd *e, const Config *config)
{
        const Node *section = node_get(config_root(config), "etcd3");
        char error[ENDPOINTS_ERROR_SIZE];
        int r = endpoints_configure(section, &e->configured, &e->url_login, error);

        if (r < 0) {
                log_error("etcd3: %s", error);
                return r;
        }
        const char *domain = endpoints_srv_domain(section);
        (void)STR_SET(e->srv_domain, domain ? domain : ""); /* these fit: endpoints_configure() */
        (void)STR_SET(e->srv_suffix, domain ? node_get_text(section, "srv_suffix") : "");
        e->endpoints = e->configured;
        e->seed = (uint32_t)(now_boottime() ^ (usec_t)getpid() << 16);
        mark_local(e);
        endpoints_shuffle(&e->endpoints, e->seed);
        etcd_reload(e, config);
        return 0;
}

int etcd_new(Etcd **ret, sd_event *event, const Config *config, Stall *stall,
             const EtcdCalls *calls, void *userdata)
{
        _cleanup_(etcd_freep) Etcd *e = calloc(1, sizeof *e);
        int r;

        if (!e)
                return -ENOMEM;
        e->event = sd_event_ref(event);
        e->calls = calls;
        e->userdata = userdata;
        (void)STR_SET(e->api, "/v3beta"); /* until known */
        for (size_t i = 0; i < ETCD_LANE_MAX; i++) {
                r = http_new(&e->lanes[i], event, lane_names[i], stall);
                if (r < 0)
                        return r;
        }
        r = timer_init(&e->refresh, event, "refresh", NULL, on_refresh, e);
        if (r >= 0)
                r = timer_init(&e->resume, event, "resume", NULL, on_resume, e);
        if (r >= 0)
                r = timer_init(&e->tell, event, "tell", NULL, on_tell, e);
        if (r < 0)
                return r;
        etcd_set_timing(e, &TIMING_DEFAULT);
        r = configure(e, config);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

Etcd *etcd_free(Etcd *e)
{
        if (e) {
                while (e->list)
                        (void)etcd_cancel(e->list);
                e->discover = discover_free(e->discover);
                e->probe = e->lanes[ETCD_LANE_REQUEST] ? http_cancel(e->probe) : NULL;
                for (size_t i = 0; i < ETCD_LANE_MAX; i++)
                        e->lanes[i] = http_free(e->lanes[i]);
                timer_done(&e->refresh);
                timer_done(&e->resume);
                timer_done(&e->tell);
                if (e->token)
                        explicit_bzero(e->token, strlen(e->token));
                free(e->token);
                sd_event_unref(e->event);
                free(e);
        }
        return NULL;
}
