#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

/* A hand that is away no longer than this still does what its table says. */
#define HAND_GRACE (3 * USEC_PER_SEC)

/* ---- what is known ---- */

/*
 * A hand that hangs for good, or cannot be started: without fenced no address is held and the gate
 * shuts with the permit, without pgd nobody stops Postgres, and still the lock would be renewed.
 * fenced tells of each permit: one that is silent is seen by that.
 */
static bool is_hand_away(const Palisaded *p, usec_t now)
{
        const Authority *a = &p->authority;
        usec_t pgd = hands_lost_since(p->hands, HAND_PGD), fenced = hands_lost_since(p->hands, HAND_FENCED);
        usec_t ttl = p->cluster ? p->cluster->settings.timing.ttl : USEC_INFINITY;

        if (a->epoch == 0 || a->permit.epoch != a->epoch || a->permit.standing)
                return false;
        return (pgd != 0 && now >= usec_add(pgd, ttl)) || (fenced != 0 && now >= usec_add(fenced, ttl)) ||
               (p->fence.epoch == a->epoch && !a->revoked &&
                a->permit.deadline >= usec_add(p->fence.deadline, ttl));
}

static bool hand_is_known(const Palisaded *p, HandId id, usec_t now)
{
        usec_t lost = hands_lost_since(p->hands, id);

        return p->known[id] && (lost == 0 || now < lost + HAND_GRACE);
}

Snapshot palisaded_snapshot(const Palisaded *p, usec_t now)
{
        const Authority *a = &p->authority;

        return (Snapshot){
                .now = now,
                .name = p->node.name,
                .hand_away = is_hand_away(p, now),
                .twin = p->twin.there,
                .hands_known = p->twin.settled && hand_is_known(p, HAND_DCSD, now) && hand_is_known(p, HAND_PGD, now) &&
                               hand_is_known(p, HAND_FENCED, now) &&
                               hand_is_known(p, HAND_WATCHDOGD, now),
                .dcs_known = p->known[HAND_DCSD] && p->link.state != LINK_UNKNOWN,
                .dcs_up = p->link.state == LINK_UP,
                .cluster = p->cluster,
                .pg = p->known[HAND_PGD] ? &p->pg.pg : NULL,
                .epoch = a->epoch,
                .ended = a->ended,
                .bidding = a->bidding,
                .permit = authority_is_permitted(a) ? a->permit.deadline : 0,
                .standing = a->permit.epoch == a->epoch && a->permit.standing != 0,
                .failsafe = failsafe_leads(p, now),
                .stopped_by_order = p->stopped_by_order,
                .revoked = a->revoked,
                .yielding = a->yielding,
                .pgd_answered = a->pgd_answered,
                .fenced_answered = a->fenced_answered,
                .empty = a->empty,
                .populated = p->fence.populated == TRI_YES,
                .race = p->race.verdict,
                .barred = palisaded_bar(p) != NULL,
                .handover = p->handover.wanted,
                .demoting = p->handover.demoting,
                .handover_since = p->handover.since,
                .restart_since = p->restart.since,
                .reinitializing = p->reinit.since != 0,
                .candidate_ready = p->handover.candidate_ready,
                .leaving = p->leaving,
                .initialize_is_ours = p->claimed != 0,
                .can_bootstrap = p->node.can_bootstrap,
                .start_failures = p->start_failures,
                .unarmed = a->unarmed,
                .start_since = p->start_since,
        };
}

/* ---- deciding ---- */

static void log_decision(Palisaded *p, const Decision *d)
{
        char facts[512] = "", words[REASON_SIZE];
        size_t used = 0;
        bool known = words_of(d->rule, p->node.name, p->cluster ? p->cluster->leader.name : "", words,
                              sizeof words);

        for (int i = 0; i < FACT_COUNT && used < sizeof facts; i++)
                used += (size_t)snprintf(facts + used, sizeof facts - used, "%s%s=%s",
                                         i > 0 ? " " : "", fact_name((FactId)i),
                                         fact_value_name((FactId)i, p->facts.value[i]));
        log_event(LOG_INFO, EVENT_RULE,
                  FIELDS({ "PALISADE_RULE", d->rule->name, 0 },
                         { "PALISADE_INTENT", intent_to_string(d->intent), 0 },
                         { "PALISADE_FACTS", facts, 0 },
                         { "PALISADE_EPOCH", NULL, p->authority.epoch }),
                  "%s: %s%s%s%s", d->rule->name, d->rule->reason, known ? " [" : "",
                  known ? words : "", known ? "]" : "");
}

static void note_leading(Palisaded *p)
{
        if (p->decision.intent != INTENT_LEAD || p->start_since == 0)
                return;
        log_event(LOG_NOTICE, EVENT_PROMOTED,
                  FIELDS({ "PALISADE_EPOCH", NULL, p->authority.epoch },
                         { "PALISADE_TIMELINE", NULL, p->pg.pg.timeline }),
                  "primary on timeline %u, epoch %" PRIu64 ", %s after the order",
                  p->pg.pg.timeline, p->authority.epoch,
                  USEC_TEXT(now_boottime() - p->start_since));
        p->start_since = 0;
        p->start_failures = 0;
}

static void act(Palisaded *p, DcsAct what)
{
        switch (what) {
        case ACT_NONE: break;
        case ACT_ASK: race_ask(p); break;
        case ACT_ASK_CANDIDATE: handover_ask_candidate(p); break;
        case ACT_BID: authority_bid(p, false); break;
        case ACT_RETAKE: authority_bid(p, true); break;
        case ACT_CLAIM: duties_claim(p); break;
        case ACT_RECORD_SYSID: duties_record_sysid(p); break;
        case ACT_WRITE_CONFIG: duties_write_config(p); break;
        case ACT_RELEASE: authority_release(p); break;
        case ACT_FORGET:
                authority_lost(p);
                palisaded_think(p);
                break;
        case ACT_REVOKE: authority_revoke(p); break;
        }
}

static void serve(Palisaded *p, const Actions *a)
{
        bool serving = a->hold == HOLD_AS_BEFORE ? p->serving && !p->authority.revoked : a->serve;

        if (serving == p->serving)
                return;
        p->serving = serving;
        api_status(p->api, false); /* before anything else happens: 503 from now on, or 200 */
}

/*
 * For milliseconds, on the way to a rule worth a line: while pgd looks at what a stop has left, and
 * while the others are asked where they stand, which goes on as long as nobody may lead.
 */
static bool is_passing(const Palisaded *p, const Decision *d)
{
        return p->facts.value[FACT_PG] == PG_UNKNOWN || d->intent == INTENT_ASK ||
               (d->intent == INTENT_KEEP && p->facts.value[FACT_RANK] == RANK_ASKED);
}

/* What a handover has stopped is started again, in pause too. */
static void note_stops(Palisaded *p, Intent intent)
{
        FactPg pg = (FactPg)p->facts.value[FACT_PG];

        if (intent == INTENT_STEP_DOWN)
                p->stopped_by_order = true;
        else if (pg == PG_STANDBY || pg == PG_PRIMARY)
                p->stopped_by_order = false;
}

static void on_think(Timer *t _unused_, usec_t now, void *userdata)
{
        Palisaded *p = userdata;

        twin_look(p, now);
        if (p->twin.settled)
                authority_adopt(p);
        if (p->cluster)
                handover_look(p);
        race_expire(p, now);
        restart_look(p, now);
        reinit_look(p);

        Snapshot s = palisaded_snapshot(p, now);
        Facts facts = facts_read(&s);
        bool is_known = memcmp(&facts, &p->facts, sizeof facts) == 0; /* bytes, without a gap */
        Decision d = is_known ? p->decision : decide(&facts);
        p->facts = facts;
        if (d.rule != p->decision.rule)
                p->rule_since = now;
        if (d.rule != p->told && !is_passing(p, &d)) {
                log_decision(p, &d);
                p->told = d.rule;
        }
        bool changed = d.rule != p->decision.rule;
        note_stops(p, d.intent);
        p->decision = d;
        note_leading(p);

        Actions a = actuate(d.intent);
        serve(p, &a);
        authority_hold(p, a.hold);
        watchdog_settle(p, now);
        orders_apply(p, &a);
        vips_think(p, now);
        act(p, a.act);
        if ((d.intent == INTENT_LEAD || d.intent == INTENT_LEAD_STANDBY) && p->cluster)
                duties_run(p);
        pause_run(p);
        if (d.intent == INTENT_STAY_OUT)
                api_note_left(p);
        else
                api_note_joined(p);
        duties_publish(p, false);
        if (changed) {
                api_status(p->api, false);
                loop_status("%s: %s", d.rule->name, d.rule->reason);
        }
        if (p->on_left && api_has_left(p))
                (void)p->on_left(p); /* it ends the loop */
}

void palisaded_think(Palisaded *p)
{
        timer_set(&p->think_timer, now_boottime());
}

static void on_beat(Timer *t, usec_t now, void *userdata)
{
        Palisaded *p = userdata;
        usec_t wait = p->cluster ? p->cluster->settings.timing.loop_wait : USEC_PER_SEC;

        p->beat = now;
        if (p->node.log_beats && p->told == p->decision.rule && p->told)
                log_decision(p, &p->decision); /* though nothing has changed */
        if ((p->decision.intent == INTENT_LEAD || p->decision.intent == INTENT_LEAD_STANDBY) && p->cluster)
                duties_beat(p);
        duties_publish(p, true);
        api_status(p->api, false);
        palisaded_think(p);
        timer_set(t, now + MIN(wait, 10 * USEC_PER_SEC));
}

static void on_hold_timer(Timer *t _unused_, usec_t now, void *userdata)
{
        authority_on_hold_timer(userdata, now);
        failsafe_tick(userdata, now);
}

static void on_resume_look(Timer *t _unused_, usec_t now, void *userdata)
{
        pause_on_look(userdata, now);
}

static void on_vips_timer(Timer *t _unused_, usec_t now, void *userdata)
{
        vips_on_timer(userdata, now);
}

static void on_handover_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        palisaded_think(userdata);
}

/* ---- what the hands say ---- */

#define HANDLER(name)                                                                              \
        static void name(Link *link _unused_, const MsgHeader *h, int *fds _unused_,               \
                         size_t n_fds _unused_, void *userdata)

HANDLER(on_result)
{
        Palisaded *p = hands_userdata(userdata);

        (void)hands_answered(p->hands, hands_id_of(p->hands, link), (const MsgResult *)h);
}

HANDLER(on_lease)
{
        Palisaded *p = hands_userdata(userdata);
        const MsgLease *m = (const MsgLease *)h;

        if (!vips_lease(p, m))
                authority_lease(p, m);
}

HANDLER(on_cluster)
{
        Palisaded *p = hands_userdata(userdata);
        MsgCluster *copy = malloc(h->size);
        Settings before = { 0 };
        bool had = p->cluster != NULL;

        if (!copy) {
                log_error("out of memory: a snapshot of the cluster is lost");
                return;
        }
        if (had)
                before = p->cluster->settings;
        memcpy(copy, h, h->size);
        timing_settle(p, &copy->cluster.settings, had ? &before : NULL); /* it looks at the old one */
        free(p->snapshot);
        p->snapshot = copy;
        p->snapshot_size = h->size;
        p->cluster = &copy->cluster;
        watchdog_follow_timing(p);
        race_on_cluster(p);
        failsafe_on_cluster(p);
        pause_on_cluster(p);
        if (p->cluster->initialize.state != INITIALIZE_RUNNING &&
            p->cluster->revision >= p->claimed)
                p->claimed = 0;
        hands_send(p->hands, HAND_PGD, &copy->h);
        hands_send(p->hands, HAND_APID, &copy->h);
        api_on_cluster(p->api);
        palisaded_think(p);
}

HANDLER(on_peers)
{
        Palisaded *p = hands_userdata(userdata);
        const MsgPeers *m = (const MsgPeers *)h;

        if (!p->cluster)
                return;
        if (!twin_on_peers(p, m) && !handover_on_peers(p, m)) {
                race_on_peers(p, m);
                api_on_peers(p->api, m);
        }
}

HANDLER(on_link)
{
        Palisaded *p = hands_userdata(userdata);

        p->link = *(const MsgLink *)h;
        p->known[HAND_DCSD] = true;
        palisaded_think(p);
}

HANDLER(on_pg_state)
{
        Palisaded *p = hands_userdata(userdata);

        p->pg = *(const MsgPgState *)h;
        if (!p->known[HAND_PGD] && p->pg.pg.held && !p->joined)
                p->leaving = true; /* it left before we were started */
        p->known[HAND_PGD] = true;
        hands_send(p->hands, HAND_APID, &p->pg.h);
        authority_pg_state(p);
        race_on_pg(p);
        orders_on_pg(p);
        palisaded_think(p);
}

HANDLER(on_history)
{
        Palisaded *p = hands_userdata(userdata);

        p->history = *(const MsgHistory *)h;
        p->history_known = true;
        palisaded_think(p);
}

HANDLER(on_leaf)
{
        orders_leaf(hands_userdata(userdata), (const MsgLeaf *)h, fds, n_fds);
}

HANDLER(on_fence_state)
{
        Palisaded *p = hands_userdata(userdata);

        p->fence = *(const MsgFenceState *)h;
        p->known[HAND_FENCED] = true;
        authority_fence_state(p);
        palisaded_think(p);
}

HANDLER(on_watchdog_state)
{
        Palisaded *p = hands_userdata(userdata);

        p->watchdog = *(const MsgWatchdogState *)h;
        p->known[HAND_WATCHDOGD] = true;
        palisaded_think(p);
}

HANDLER(on_request)
{
        Palisaded *p = hands_userdata(userdata);

        api_request(p->api, (const MsgRequest *)h);
}

static const LinkHandler handlers[] = {
        { MSG_RESULT, on_result },
        { MSG_LEASE, on_lease },
        { MSG_CLUSTER, on_cluster },
        { MSG_PEERS, on_peers },
        { MSG_LINK, on_link },
        { MSG_PG_STATE, on_pg_state },
        { MSG_HISTORY, on_history },
        { MSG_LEAF, on_leaf },
        { MSG_FENCE_STATE, on_fence_state },
        { MSG_WATCHDOG_STATE, on_watchdog_state },
        { MSG_REQUEST, on_request },
};

static void on_connected(HandId id, void *userdata)
{
        Palisaded *p = userdata;

        orders_again(p, id);
        vips_again(p, id);
        authority_resend(p, id);
        if (id == HAND_DCSD)
                p->published = (MsgPublish){ 0 };
        if (id == HAND_APID)
                api_status(p->api, true);
        if (id == HAND_PGD && p->snapshot)
                hands_send(p->hands, HAND_PGD, &p->snapshot->h);
        palisaded_think(p);
}

static void on_lost(HandId id, void *userdata)
{
        Palisaded *p = userdata;

        if (id == HAND_DCSD) {
                p->authority.bidding = p->authority.releasing = false;
                race_reset(p);
                handover_lost_dcsd(p);
        }
        palisaded_think(p);
}

static uint64_t on_dcs_id(void *userdata)
{
        const Palisaded *p = userdata;

        return p->link.dcs_id;
}

static const HandsCalls calls = { .connected = on_connected, .lost = on_lost, .dcs_id = on_dcs_id };

/* ---- life ---- */

int palisaded_reload(Palisaded *p)
{
        NodeConfig n;
        int r = node_config_load(&n, p->config_path, NULL, NULL);
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);
        MsgReload again = WIRE_INIT(MsgReload, MSG_RELOAD);

        if (r < 0) {
                log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS,
                          "%s is not usable: the configuration read before stays in force",
                          p->config_path);
                return r;
        }
        if (!str_equal(n.name, p->node.name) || !str_equal(n.scope, p->node.scope))
                log_warning("name and scope need a restart of the node to change");
        (void)STR_SET(n.name, p->node.name); /* same sizes */
        (void)STR_SET(n.scope, p->node.scope);
        p->node = n;
        log_info("read %s again", p->config_path);
        m.what = ORDER_RELOAD;
        hands_send(p->hands, HAND_PGD, &m.h);
        hands_send(p->hands, HAND_DCSD, &again.h);
        p->order = (MsgOrder){ 0 };
        palisaded_think(p);
        return 0;
}

static int on_hangup(sd_event_source *s _unused_, const struct signalfd_siginfo *si _unused_,
                     void *userdata)
{
        (void)palisaded_reload(userdata); /* it has told */
        return 0;
}

static int init_timers(Palisaded *p)
{
        int r = timer_init(&p->think_timer, p->event, "think", NULL, on_think, p);

        if (r >= 0)
                r = timer_init(&p->hold_timer, p->event, "hold", &p->stall, on_hold_timer, p);
        if (r >= 0)
                r = timer_init(&p->beat_timer, p->event, "beat", NULL, on_beat, p);
        if (r >= 0)
                r = timer_init(&p->pause.look, p->event, "resume", NULL, on_resume_look, p);
        if (r >= 0)
                r = timer_init(&p->handover_timer, p->event, "handover", NULL, on_handover_timer, p);
        if (r >= 0)
                r = timer_init(&p->restart.timer, p->event, "restart", NULL, on_handover_timer, p);
        if (r >= 0)
                r = timer_init(&p->vips_timer, p->event, "vips", &p->stall, on_vips_timer, p);
        return r;
}

static int init_signals(Palisaded *p)
{
        sigset_t hup;

        sigemptyset(&hup);
        sigaddset(&hup, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &hup, NULL) < 0)
                return -errno;
        return sd_event_add_signal(p->event, NULL, SIGHUP, on_hangup, p);
}

int palisaded_new(Palisaded **ret, sd_event *e, const char *cluster, const char *runtime,
                  const char *config)
{
        _cleanup_(palisaded_freep) Palisaded *p = calloc(1, sizeof *p);
        static const Facts nothing;

        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(e);
        p->cluster_name = cluster;
        p->leaf_fds[0] = p->leaf_fds[1] = -1;
        p->authority.holding = HOLD_NOTHING;
        p->decision = decide(&nothing);
        p->rule_since = now_boottime();
        (void)STR_SET(p->config_path, config); /* the caller has checked it */
        failsafe_load(p, runtime);
        int r = node_config_load(&p->node, config, NULL, NULL);
        if (r >= 0)
                r = init_timers(p);
        if (r >= 0)
                r = init_signals(p);
        if (r >= 0)
                r = api_new(&p->api, p);
        if (r >= 0)
                r = hands_new(&p->hands, e, runtime, cluster, handlers, ELEMENTSOF(handlers), &calls,
                              p);
        if (r < 0)
                return r;
        timer_set(&p->beat_timer, now_boottime());
        *ret = TAKE_PTR(p);
        return 0;
}

Palisaded *palisaded_free(Palisaded *p)
{
        if (p) {
                p->hands = hands_free(p->hands);
                p->api = api_free(p->api);
                timer_done(&p->think_timer);
                timer_done(&p->hold_timer);
                timer_done(&p->beat_timer);
                timer_done(&p->handover_timer);
                timer_done(&p->vips_timer);
                timer_done(&p->restart.timer);
                timer_done(&p->pause.look);
                fd_close(p->leaf_fds[0]);
                fd_close(p->leaf_fds[1]);
                free(p->pause.request);
                free(p->snapshot);
                sd_event_unref(p->event);
                free(p);
        }
        return NULL;
}
