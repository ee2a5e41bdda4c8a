#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/asks.h"
#include "dcsd/configure.h"
#include "dcsd/dcsd.h"
#include "dcsd/decode.h"
#include "dcsd/encode.h"
#include "dcsd/failsafe.h"
#include "dcsd/publish.h"
#include "dcsd/record.h"
#include "dcsd/report.h"
#include "dcsd/vips.h"
#include "io/fdutil.h"
#include "io/log.h"

#define LINGER (10 * USEC_PER_SEC) /* palisade run: how long without a mind */

static const char *const sections[] = { "etcd3", "restapi", "ctl", "bootstrap", "tags", NULL };

struct Dcsd {
        sd_event *event;
        sd_event_source *hangup;
        const HandOptions *options;
        Config *config;
        char proxy_url[URL_SIZE];
        Paths paths;
        char name[NAME_SIZE];
        Stall stall;

        Hand *hand;
        Etcd *etcd;
        Cache *cache;
        Watch *watch;
        Lease *lease;
        Orders *orders;
        Vips *vips;
        Publish *publish;
        Asks *asks;
        Failsafe *failsafe;
        Report *report;

        Retain retain;
        Member member; /* as the mind wants it published */
        ScheduledRestart restart;
        Pending pending;
        bool has_member;
        Timing timing; /* in force */
        Timer linger;
};

static void send_to_mind(const MsgHeader *m, void *userdata)
{
        const Dcsd *d = userdata;
        Mind *mind = d->hand ? hand_find(d->hand, NULL) : NULL;

        if (mind)
                (void)link_send(mind->link, m); /* a link that fails closes, and says HELLO anew */
}

/* ---- news from etcd ---- */

static void on_connected(void *userdata)
{
        Dcsd *d = userdata;

        watch_restart(d->watch);
}

static void on_etcd_changed(void *userdata)
{
        report_state_changed(((Dcsd *)userdata)->report);
}

static void on_endpoint_dead(const char *url, void *userdata)
{
        watch_endpoint_dead(((Dcsd *)userdata)->watch, url);
}

static void on_cluster_changed(void *userdata)
{
        Dcsd *d = userdata;

        cache_clear(d->cache);
        watch_restart(d->watch);
}

static const EtcdCalls etcd_calls = {
        .connected = on_connected,
        .changed = on_etcd_changed,
        .endpoint_dead = on_endpoint_dead,
        .cluster_changed = on_cluster_changed,
};

static void on_keys_changed(void *userdata)
{
        report_keys_changed(((Dcsd *)userdata)->report);
}

/* The first time, nothing may have changed in an empty cluster: the mind must learn that too. */
static void on_watch_changed(void *userdata)
{
        Dcsd *d = userdata;

        report_state_changed(d->report);
        if (watch_is_current(d->watch) && !report_cluster(d->report))
                report_keys_changed(d->report);
}

static const WatchCalls watch_calls = {
        .keys_changed = on_keys_changed,
        .state_changed = on_watch_changed,
};

static void on_decoded(const Cluster *c, void *userdata)
{
        Dcsd *d = userdata;

        if (memcmp(&d->timing, &c->settings.timing, sizeof d->timing) != 0) {
                d->timing = c->settings.timing;
                etcd_set_timing(d->etcd, &d->timing);
        }
        lease_keys_changed(d->lease);
        vips_keys_changed(d->vips);
        publish_check(d->publish);
}

static const ReportCalls report_calls = { .send = send_to_mind, .decoded = on_decoded };

/* ---- news of the lease ---- */

static void on_vip_proved(const char *vip, const PolicyProof *proof, void *userdata)
{
        MsgLease m = WIRE_INIT(MsgLease, MSG_LEASE);

        m.epoch = proof->epoch;
        m.kind = LEASE_LEADER;
        m.id = proof->lease;
        m.sent = proof->sent;
        m.ttl = proof->ttl;
        (void)STR_SET(m.vip, vip); /* same size */
        send_to_mind(&m.h, userdata);
}

static void on_proved(const PolicyProof *proof, void *userdata)
{
        Dcsd *d = userdata;

        on_vip_proved("", proof, d);
        report_lease_well(d->report);
}

static void on_lease_answered(uint64_t revision, void *userdata)
{
        watch_note_answer(((Dcsd *)userdata)->watch, revision);
}

static void on_lease_moved(void *userdata)
{
        Dcsd *d = userdata;

        publish_check(d->publish);
        report_state_changed(d->report);
}

static void on_lease_lost(const char *reason, void *userdata)
{
        log_warning("%s", reason);
        report_lease_lost(((Dcsd *)userdata)->report, reason);
}

static void on_lease_state(void *userdata)
{
        report_state_changed(((Dcsd *)userdata)->report);
}

static const LeaseCalls lease_calls = {
        .proved = on_proved,
        .answered = on_lease_answered,
        .moved = on_lease_moved,
        .lost = on_lease_lost,
        .state_changed = on_lease_state,
};

/* ---- results ---- */

static void on_result(uint64_t seq, Outcome outcome, Epoch epoch, const char *text, void *userdata)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);
        Dcsd *d = userdata;

        failsafe_answered(d->failsafe, seq, outcome);
        m.h.seq = seq;
        m.outcome = outcome;
        m.epoch = epoch;
        (void)STR_SET(m.text, text); /* a cut reason is still one */
        if (seq != 0)
                send_to_mind(&m.h, userdata);
}

static const OrdersCalls orders_calls = {
        .result = on_result,
        .proved = on_proved,
        .keys_changed = on_keys_changed,
};

static const VipsCalls vips_calls = {
        .proved = on_vip_proved,
        .answered = on_lease_answered,
        .orders = { .result = on_result, .keys_changed = on_keys_changed },
};

static void on_accepted(Epoch epoch, usec_t sent, usec_t ttl, void *userdata)
{
        MsgLease m = WIRE_INIT(MsgLease, MSG_LEASE);

        m.epoch = epoch;
        m.kind = LEASE_FAILSAFE;
        m.sent = sent;
        m.ttl = ttl;
        send_to_mind(&m.h, userdata);
}

static const FailsafeCalls failsafe_calls = { .accepted = on_accepted, .result = on_result };

static void on_peers(const MsgPeers *m, void *userdata)
{
        send_to_mind(&m->h, userdata);
}

static void on_published(void *userdata)
{
        on_keys_changed(userdata);
}

/* ---- the mind's messages ---- */

static Dcsd *dcsd_of(void *userdata)
{
        return hand_userdata(((Mind *)userdata)->hand);
}

#define HANDLER(name)                                                                              \
        static void name(Link *l _unused_, const MsgHeader *h _unused_, int *fds _unused_,         \
                         size_t n _unused_, void *userdata)

HANDLER(on_hold)
{
        Dcsd *d = dcsd_of(userdata);
        const MsgHold *m = (const MsgHold *)h;

        if (m->vip[0]) {
                vips_hold(d->vips, m);
                return;
        }
        if (m->epoch == 0)
                report_lease_well(d->report); /* whatever was lost, the mind knows */
        lease_hold(d->lease, m);
        publish_check(d->publish);
}

HANDLER(on_bid)
{
        Dcsd *d = dcsd_of(userdata);
        MsgBid m = *(const MsgBid *)h;

        if (m.vip[0]) {
                vips_bid(d->vips, &m);
                return;
        }
        m.config_revision = record_config_revision(d->cache, m.config_revision);
        orders_bid(d->orders, &m);
}

/* False, and told: nothing of the cluster was read yet. */
static bool record_context(Dcsd *d, uint64_t seq, RecordContext *ret)
{
        const Cluster *cluster = report_cluster(d->report);

        if (!cluster) {
                on_result(seq, OUTCOME_REFUSED, 0, "the DCS was not read yet", d);
                return false;
        }
        *ret = (RecordContext){
                .cache = d->cache,
                .cluster = cluster,
                .self = &d->member,
                .paths = &d->paths,
                .bootstrap_dcs = node_find(config_root(d->config), "bootstrap.dcs"),
                .retain = &d->retain,
                .now = now_boottime(),
        };
        return true;
}

HANDLER(on_release)
{
        Dcsd *d = dcsd_of(userdata);
        const MsgRelease *m = (const MsgRelease *)h;
        RecordContext context;
        char *status = NULL;

        if (m->vip[0]) {
                vips_release(d->vips, m);
                return;
        }
        if (!record_context(d, h->seq, &context))
                return;
        if (m->optime != 0 && record_optime(&context, m->optime, &status) < 0)
                log_warning("/status is released without the last position: out of memory");
        orders_release(d->orders, m, status);
}

static void publish_member(Dcsd *d)
{
        const Node *tags = node_get(config_root(d->config), "tags");

        if (d->has_member)
                publish_set(d->publish, encode_member(&d->member, &d->restart, &d->pending, tags,
                                                      d->proxy_url));
}

HANDLER(on_publish)
{
        Dcsd *d = dcsd_of(userdata);

        d->member = ((const MsgPublish *)h)->member;
        d->restart = ((const MsgPublish *)h)->restart;
        d->pending = ((const MsgPublish *)h)->pending;
        d->has_member = true;
        publish_member(d);
}

/*
 * What reads so already is not written again, as far as a current watch can tell. But for /sync, and /failsafe in
 * doubt: the new revision is what keeps an older write, whose answer was lost, from taking effect later.
 */
static bool nothing_to_write(const Dcsd *d, const MsgRecord *m, const RecordPlan *plan)
{
        const LeaderKey *leader = &report_cluster(d->report)->leader;

        if (m->key == RECORD_SYNC || (m->key == RECORD_FAILSAFE && failsafe_in_doubt(d->failsafe, m->epoch)))
                return false;
        return plan->is_there && watch_is_current(d->watch) &&
               (m->epoch == 0 || (leader->epoch == m->epoch && str_equal(leader->name, d->name)));
}

HANDLER(on_record)
{
        Dcsd *d = dcsd_of(userdata);
        const MsgRecord *m = (const MsgRecord *)h;
        char text[REASON_SIZE];
        RecordContext context;
        RecordPlan plan;

        if (!record_context(d, h->seq, &context))
                return;
        int r = record_plan(m, &context, &plan, text);
        if (r < 0) {
                on_result(h->seq, OUTCOME_REFUSED, 0, r == -EINVAL ? text : strerror(-r), d);
        } else if (plan.is_claim) {
                free(plan.value);
                orders_claim(d->orders, m, lease_id(d->lease) ? publish_text(d->publish) : NULL);
        } else if (nothing_to_write(d, m, &plan)) {
                free(plan.value);
                on_result(h->seq, OUTCOME_DONE, 0, "", d);
        } else {
                if (m->key == RECORD_FAILSAFE)
                        failsafe_sent(d->failsafe, m, &plan);
                orders_record(d->orders, m, plan.key, plan.value, plan.revision);
        }
}

HANDLER(on_ask)
{
        Dcsd *d = dcsd_of(userdata);
        static _Alignas(MsgAskPeers) char
                packet[sizeof(MsgAskPeers) + CLUSTER_MEMBERS_MAX * sizeof(PeerAddress)];
        MsgAskPeers *m = (MsgAskPeers *)packet;

        memcpy(packet, h, h->size); /* as large at the most: wire_check() */
        failsafe_add_addresses(d->failsafe, m);
        asks_start(d->asks, m);
}

HANDLER(on_ask_failsafe)
{
        Dcsd *d = dcsd_of(userdata);

        failsafe_ask(d->failsafe, (const MsgAskFailsafe *)h, &d->member);
}

static void reload(Dcsd *d)
{
        Config *c;
        int r = config_load(&c, d->options->config, sections, config_tell_errors, NULL);

        if (r < 0) {
                log_error("the configuration stays as it was");
                return;
        }
        if (configure_needs_restart(d->config, c))
                log_warning("name, scope, namespace and etcd's addresses change with a restart only");
        etcd_reload(d->etcd, c);
        asks_reload(d->asks, c);
        config_free(d->config);
        d->config = c;
        configure_proxy_url(d->options->config, d->proxy_url, sizeof d->proxy_url);
        publish_member(d);
        log_info("read %s again", d->options->config);
}

HANDLER(on_reload)
{
        reload(dcsd_of(userdata));
}

static const LinkHandler handlers[] = {
        { MSG_HOLD, on_hold },       { MSG_BID, on_bid },       { MSG_RELEASE, on_release },
        { MSG_PUBLISH, on_publish }, { MSG_RECORD, on_record }, { MSG_ASK_PEERS, on_ask },
        { MSG_ASK_FAILSAFE, on_ask_failsafe }, { MSG_RELOAD, on_reload },
};

static int on_joined(Mind *m _unused_, void *userdata)
{
        Dcsd *d = userdata;

        timer_set(&d->linger, USEC_INFINITY);
        report_everything(d->report);
        return 0;
}

static void on_left(Mind *m _unused_, void *userdata)
{
        Dcsd *d = userdata;

        orders_forget(d->orders);
        vips_forget(d->vips);
        asks_forget(d->asks);
        failsafe_forget(d->failsafe);
        if (d->options->foreground)
                timer_set(&d->linger, now_boottime() + LINGER);
}

static const HandCalls hand_calls = { .joined = on_joined, .left = on_left };

/* palisade run: nobody is left to lead. */
static void on_linger(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Dcsd *d = userdata;

        (void)sd_event_exit(d->event, 0); /* fails only if it is exiting already */
}

/* ---- configuration ---- */

static int on_hangup(sd_event_source *s _unused_, const struct signalfd_siginfo *si _unused_, void *d)
{
        reload(d);
        return 0;
}

static int catch_hangup(Dcsd *d)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        return sd_event_add_signal(d->event, &d->hangup, SIGHUP, on_hangup, d);
}

static int load_config(Dcsd *d)
{
        int r = config_load(&d->config, d->options->config, sections, config_tell_errors, NULL);

        if (r < 0)
                return r;
        (void)STR_SET(d->name, config_name(d->config)); /* same size */
        paths_init(&d->paths, config_dcs_path(d->config), d->name);
        configure_proxy_url(d->options->config, d->proxy_url, sizeof d->proxy_url);
        return 0;
}

/* Until the DCS has a configuration: what this node would write there. */
static Settings first_settings(const Dcsd *d)
{
        _cleanup_(node_freep) Node *n =
                encode_first_config(node_find(config_root(d->config), "bootstrap.dcs"));
        bool adjusted;

        return n ? settings_read(n, &adjusted) : SETTINGS_DEFAULT;
}

/* ---- building ---- */

static int build(Dcsd *d)
{
        Settings first = first_settings(d);
        int r = etcd_new(&d->etcd, d->event, d->config, &d->stall, &etcd_calls, d);

        if (r < 0)
                return r;
        d->timing = first.timing;
        etcd_set_timing(d->etcd, &d->timing);
        d->cache = cache_new(d->paths.prefix);
        if (!d->cache)
                return -ENOMEM;
        r = watch_new(&d->watch, d->event, d->etcd, d->cache, d->paths.prefix, &d->stall,
                      &watch_calls, d);
        if (r >= 0)
                r = lease_new(&d->lease, d->event, d->etcd, d->cache, &d->paths, d->name, &d->stall,
                              &lease_calls, d);
        if (r >= 0)
                r = orders_new(&d->orders, d->etcd, d->lease, d->cache, &d->paths, d->name,
                               &orders_calls, d);
        if (r >= 0)
                r = vips_new(&d->vips, d->event, d->etcd, d->cache, &d->paths, d->name, &d->stall,
                             &vips_calls, d);
        if (r >= 0)
                r = publish_new(&d->publish, d->event, d->etcd, d->lease, d->cache, d->orders,
                                &d->paths, on_published, d);
        if (r >= 0)
                r = asks_new(&d->asks, d->event, d->config, &d->stall, on_peers, d);
        if (r >= 0)
                r = failsafe_new(&d->failsafe, d->asks, d->cache, &failsafe_calls, d);
        if (r >= 0)
                r = report_new(&d->report, d->event, d->etcd, d->cache, d->watch, d->lease,
                               &d->stall, &first, &report_calls, d);
        if (r >= 0)
                r = timer_init(&d->linger, d->event, "linger", NULL, on_linger, d);
        return r;
}

int dcsd_new(Dcsd **ret, sd_event *event, const HandOptions *options)
{
        _cleanup_(dcsd_freep) Dcsd *d = calloc(1, sizeof *d);
        int socket;

        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        d->options = options;
        int r = load_config(d);
        if (r >= 0)
                r = build(d);
        if (r >= 0)
                r = catch_hangup(d);
        if (r < 0)
                return r;
        socket = hand_options_listen(options);
        if (socket < 0)
                return socket;
        r = hand_new(&d->hand, event, socket, options->cluster, options->mind_uid, handlers,
                     ELEMENTSOF(handlers), &hand_calls, d);
        if (r < 0)
                return r;
        etcd_connect(d->etcd);
        *ret = TAKE_PTR(d);
        return 0;
}

Dcsd *dcsd_free(Dcsd *d)
{
        if (d) {
                d->hand = hand_free(d->hand);
                d->report = report_free(d->report);
                d->failsafe = failsafe_free(d->failsafe);
                d->asks = asks_free(d->asks);
                d->publish = publish_free(d->publish);
                d->vips = vips_free(d->vips);
                d->orders = orders_free(d->orders);
                d->lease = lease_free(d->lease);
                d->watch = watch_free(d->watch);
                d->cache = cache_free(d->cache);
                d->etcd = etcd_free(d->etcd);
                d->config = config_free(d->config);
                timer_done(&d->linger);
                d->hangup = sd_event_source_disable_unref(d->hangup);
                sd_event_unref(d->event);
                free(d);
        }
        return NULL;
}
