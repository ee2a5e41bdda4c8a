#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/decode.h"
#include "dcsd/health.h"
#include "dcsd/report.h"
#include "io/fdutil.h"
#include "io/log.h"

#define STALL_NEWS (20 * USEC_PER_MSEC) /* a smaller change of the stall is not worth a LINK */

struct Report {
        const Etcd *etcd;
        const Cache *cache;
        const Watch *watch;
        const Lease *lease;
        const Stall *stall;
        const ReportCalls *calls;
        void *userdata;

        sd_event_source *flush;
        MsgCluster *packet; /* WIRE_PACKET_MAX */
        bool has_cluster;
        unsigned cut;
        Settings settings;

        Health health;
        Timer again;
        MsgLink link;
        char lease_reason[REASON_SIZE];
};

const Cluster *report_cluster(const Report *r)
{
        return r->has_cluster ? &r->packet->cluster : NULL;
}

/* ---- the cluster ---- */

static void log_cut(Report *r, unsigned cut)
{
        static const struct {
                DecodeCut bit;
                const char *what;
        } rows[] = {
                { CUT_MEMBERS, "members beyond the first 48" },
                { CUT_MEMBER_NAME, "members with names of 128 bytes and more" },
                { CUT_SLOTS, "slots of /status beyond the first 64, or unreadable ones" },
                { CUT_BLOBS, "texts that do not fit into one packet" },
                { CUT_TEXT, "the rest of texts that are too long" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (cut & rows[i].bit & ~r->cut)
                        log_warning("the DCS holds more than is taken in; left out: %s",
                                    rows[i].what);
        r->cut = cut;
}

static void make_cluster(Report *r)
{
        EtcdState s = etcd_state(r->etcd);
        usec_t now = now_boottime();
        DecodeContext context = {
                .dcs_id = s.cluster_id,
                .raft_term = s.raft_term,
                .seen = s.answered,
                .seen_wall_usec = usec_sub(now_wall(), usec_sub(now, s.answered)),
                .settings = r->settings,
        };

        log_cut(r, decode_cluster(r->cache, &context, r->packet));
        r->settings = r->packet->cluster.settings;
        r->has_cluster = true;
}

static int on_flush(sd_event_source *s _unused_, void *userdata)
{
        Report *r = userdata;

        make_cluster(r);
        r->calls->send(&r->packet->h, r->userdata);
        r->calls->decoded(&r->packet->cluster, r->userdata);
        return 0;
}

void report_keys_changed(Report *r)
{
        (void)sd_event_source_set_enabled(r->flush, SD_EVENT_ONESHOT); /* our own source */
}

/* ---- the link ---- */

static usec_t bad_since(const Report *r)
{
        usec_t watch = watch_broken_since(r->watch), lease = lease_failing_since(r->lease);

        return watch == 0 ? lease : lease == 0 ? watch : MIN(watch, lease);
}

static const char *trouble(const Report *r)
{
        const char *text = etcd_state(r->etcd).trouble;

        if (text[0])
                return text;
        return watch_trouble(r->watch)[0] ? watch_trouble(r->watch) : "no answer yet";
}

static void log_health(const Report *r, LinkState before)
{
        EtcdState s = etcd_state(r->etcd);

        if (r->health.state == LINK_DOWN)
                log_event(LOG_WARNING, EVENT_DCS_LOST,
                          FIELDS({ "PALISADE_ENDPOINT", s.endpoint, 0 },
                                 { "PALISADE_REASON", trouble(r), 0 }),
                          "etcd cannot be reached: %s", trouble(r));
        else if (before == LINK_DOWN)
                log_event(LOG_NOTICE, EVENT_DCS_BACK, FIELDS({ "PALISADE_ENDPOINT", s.endpoint, 0 }),
                          "etcd is back, at %s", s.endpoint);
        else
                log_info("connected to etcd %s at %s", s.server_version, s.endpoint);
}

static MsgLink make_link(const Report *r)
{
        MsgLink m = WIRE_INIT(MsgLink, MSG_LINK);
        EtcdState s = etcd_state(r->etcd);

        m.state = r->health.state;
        m.dcs_id = s.cluster_id;
        m.raft_term = s.raft_term;
        m.since = r->health.since;
        m.answered = s.answered;
        m.stall = stall_worst(r->stall, now_boottime());
        (void)STR_SET(m.endpoint, s.endpoint); /* same size */
        (void)STR_SET(m.server_version, s.server_version);
        if (r->health.state != LINK_UP)
                (void)STR_SET(m.reason, trouble(r)); /* a cut reason is still one */
        else
                (void)STR_SET(m.reason, r->lease_reason);
        return m;
}

static bool is_news(const MsgLink *a, const MsgLink *b)
{
        usec_t stall = a->stall > b->stall ? a->stall - b->stall : b->stall - a->stall;

        return a->state != b->state || a->dcs_id != b->dcs_id || a->raft_term != b->raft_term ||
               stall >= STALL_NEWS || !str_equal(a->endpoint, b->endpoint) ||
               !str_equal(a->reason, b->reason);
}

static void show_status(const Report *r)
{
        EtcdState s = etcd_state(r->etcd);

        if (r->health.state == LINK_UP && lease_id(r->lease) != 0)
                loop_status("connected to %s, lease %" PRIx64, s.endpoint,
                            (uint64_t)lease_id(r->lease));
        else if (r->health.state == LINK_UP)
                loop_status("connected to %s, no lease", s.endpoint);
        else
                loop_status("not connected: %s", trouble(r));
}

void report_state_changed(Report *r)
{
        LinkState before = r->health.state;
        usec_t again;

        if (health_update(&r->health, bad_since(r), lease_failing_until(r->lease), r->settings.timing.retry_timeout,
                          now_boottime(), &again))
                log_health(r, before);
        timer_set(&r->again, again);

        MsgLink m = make_link(r);
        if (is_news(&m, &r->link)) {
                r->link = m;
                r->calls->send(&m.h, r->userdata);
        }
        show_status(r);
}

static void on_again(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        report_state_changed(userdata);
}

void report_lease_lost(Report *r, const char *reason)
{
        (void)STR_SET(r->lease_reason, reason); /* a cut reason is still one */
        report_state_changed(r);
}

void report_lease_well(Report *r)
{
        if (r->lease_reason[0]) {
                r->lease_reason[0] = 0;
                report_state_changed(r);
        }
}

void report_everything(Report *r)
{
        r->link = make_link(r);
        r->calls->send(&r->link.h, r->userdata);
        if (r->has_cluster) {
                make_cluster(r); /* with the hour of the last answer */
                r->calls->send(&r->packet->h, r->userdata);
        }
}

int report_new(Report **ret, sd_event *event, const Etcd *e, const Cache *cache, const Watch *w,
               const Lease *l, Stall *stall, const Settings *first, const ReportCalls *calls,
               void *userdata)
{
        _cleanup_(report_freep) Report *r = calloc(1, sizeof *r);

        if (!r)
                return -ENOMEM;
        *r = (Report){ .etcd = e, .cache = cache, .watch = w, .lease = l, .stall = stall,
                       .settings = *first, .calls = calls, .userdata = userdata,
                       .health = { .since = now_boottime() } };
        r->packet = calloc(1, WIRE_PACKET_MAX);
        if (!r->packet)
                return -ENOMEM;
        int result = timer_init(&r->again, event, "health", stall, on_again, r);
        if (result >= 0)
                result = sd_event_add_defer(event, &r->flush, on_flush, r);
        if (result < 0)
                return result;
        (void)sd_event_source_set_enabled(r->flush, SD_EVENT_OFF); /* our own source */
        /* After everything else that is due in the same turn. */
        (void)sd_event_source_set_priority(r->flush, SD_EVENT_PRIORITY_NORMAL + 10);
        *ret = TAKE_PTR(r);
        return 0;
}

Report *report_free(Report *r)
{
        if (r) {
                r->flush = sd_event_source_disable_unref(r->flush);
                timer_done(&r->again);
                free(r->packet);
                free(r);
        }
        return NULL;
}
