/*
 * Handing over: a switchover or failover that names this leader, or its leave.
 *
 * The failover key is looked at once a revision. What it asks is checked against the peers' own
 * words before anything is given up; a request that cannot be met is cleared with a warning.
 */
#include <string.h>

#include "base/str.h"
#include "decide/rank.h"
#include "decide/schedule.h"
#include "decide/switchover.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ASK_WITHIN (1 * USEC_PER_SEC)
#define ANSWER_LATE (500 * USEC_PER_MSEC)
#define CANDIDATE_EVERY (20 * USEC_PER_MSEC)
/* Postgres ships its last record before it stops: who has not told of it by then never had it. */
#define AWAIT_MOST (2 * USEC_PER_SEC)

static void begin(Handover *h)
{
        h->since = now_boottime();
        h->candidate_ready = false;
        h->await_until = 0;
}

static SwitchoverAsk ask_of(const Palisaded *p)
{
        const FailoverKey *f = &p->cluster->failover;

        return (SwitchoverAsk){ .failover = f->leader[0] == 0, .leader = f->leader,
                                .candidate = f->candidate };
}

static void refuse(Palisaded *p, const char *why)
{
        const FailoverKey *f = &p->cluster->failover;

        log_event(LOG_WARNING, EVENT_SWITCHOVER, FIELDS({ "PALISADE_CANDIDATE", f->candidate, 0 }),
                  "the %s that was asked for is not possible: %s; request cleared",
                  f->leader[0] ? "switchover" : "failover", why);
        handover_over(p);
}

void handover_over(Palisaded *p)
{
        p->handover.over_revision = p->cluster->failover.mod_revision;
        duties_clear_failover(p, p->handover.over_revision);
}

static uint32_t gather(const Palisaded *p, const SwitchoverAsk *ask, PeerAddress *ret)
{
        const Member *candidates[CLUSTER_MEMBERS_MAX];
        size_t n = switchover_candidates(ask, p->cluster, p->node.name, candidates);

        for (size_t i = 0; i < n; i++) {
                (void)STR_SET(ret[i].name, candidates[i]->name); /* same sizes */
                (void)STR_SET(ret[i].api_url, candidates[i]->api_url);
        }
        return (uint32_t)n;
}

static bool is_due(Palisaded *p)
{
        usec_t wait;

        switch (schedule_due(p->cluster->failover.scheduled_wall_usec, now_wall(),
                             &p->cluster->settings, &wait)) {
        case DUE_NOW: return true;
        case DUE_PASSED: refuse(p, "its time has passed"); break;
        case DUE_NOT_YET:
                if (wait != USEC_INFINITY)
                        timer_set(&p->handover_timer, now_boottime() + wait);
                break;
        }
        return false;
}

static void ask(Palisaded *p, const PeerAddress *peers, uint32_t n, usec_t within)
{
        Handover *h = &p->handover;

        h->asked = race_send_ask(p, peers, n, within);
        h->asked_until = now_boottime() + within + ANSWER_LATE;
        timer_set(&p->handover_timer, h->asked_until);
}

/* What was sent while dcsd was away nobody answers. */
static void expire(Palisaded *p)
{
        Handover *h = &p->handover;

        if (h->asked != 0 && now_boottime() >= h->asked_until)
                handover_lost_dcsd(p);
}

static bool leads(const Palisaded *p)
{
        return p->decision.intent == INTENT_LEAD || p->decision.intent == INTENT_LEAD_STANDBY;
}

/* A standby cluster has no primary: who is one hands over to nobody, orderly, and then follows. */
static void look_at_kind(Palisaded *p)
{
        Handover *h = &p->handover;
        bool standby = p->cluster->settings.standby_cluster;

        if (h->demoting && !standby)
                h->demoting = false;
        if (h->demoting || !standby || p->decision.intent != INTENT_LEAD)
                return;
        h->demoting = true;
        begin(h);
        log_event(LOG_NOTICE, EVENT_SWITCHOVER, NO_FIELDS,
                  "this has become a standby cluster: demoting, to follow the remote one");
}

void handover_look(Palisaded *p)
{
        const FailoverKey *f = &p->cluster->failover;
        PeerAddress peers[CLUSTER_MEMBERS_MAX];
        Handover *h = &p->handover;

        expire(p);

        look_at_kind(p);
        if (!f->requested || p->authority.epoch == 0 || !leads(p)) {
                if (!f->requested && !p->leaving)
                        h->wanted = false;
                return;
        }
        if (h->over_revision == f->mod_revision) {
                handover_over(p); /* again: that write was lost */
                return;
        }
        if (h->wanted || h->checking || h->handled_revision == f->mod_revision || !is_due(p))
                return;
        h->handled_revision = f->mod_revision;
        if (f->leader[0] && !str_equal(f->leader, p->node.name)) {
                refuse(p, "it names another leader");
                return;
        }
        if (str_equal(f->candidate, p->node.name)) {
                refuse(p, "this node is the leader already");
                return;
        }
        SwitchoverAsk words = ask_of(p);
        uint32_t n = gather(p, &words, peers);
        if (n == 0) {
                refuse(p, "no member could take over");
                return;
        }
        h->checking = true;
        ask(p, peers, n, ASK_WITHIN);
}

static void check_answers(Palisaded *p, const MsgPeers *m)
{
        Handover *h = &p->handover;
        const FailoverKey *f = &p->cluster->failover;

        h->checking = false;
        if (!f->requested || p->authority.epoch == 0)
                return;
        if (!switchover_is_possible(m->peers, m->n_peers, p->cluster)) {
                refuse(p, "no member that could take over answers and is close enough");
                return;
        }
        h->wanted = true;
        begin(h);
        log_event(LOG_NOTICE, EVENT_SWITCHOVER, FIELDS({ "PALISADE_CANDIDATE", f->candidate, 0 }),
                  "handing over%s%s, as asked", f->candidate[0] ? " to " : "", f->candidate);
        palisaded_think(p);
}

void handover_begin_leave(Palisaded *p)
{
        timer_set(&p->handover_timer, USEC_INFINITY); /* of a switchover that was scheduled */
        begin(&p->handover);
}

/* The next epoch may be ours by a bid whose answer was lost: then what is asked is looked at anew. */
void handover_end(Palisaded *p)
{
        Handover *h = &p->handover;

        h->wanted = h->demoting = h->candidate_ready = false;
        h->handled_revision = 0;
}

void handover_lost_dcsd(Palisaded *p)
{
        Handover *h = &p->handover;

        if (h->checking)
                h->handled_revision = 0; /* looked at anew */
        h->asked = 0;
        h->checking = false;
}

/* Postgres is shut down: has somebody its last record? It begins at control_lsn. */
static bool somebody_has_all(const Palisaded *p, const MsgPeers *m)
{
        for (uint32_t i = 0; i < m->n_peers; i++)
                if (rank_peer_has_all(&m->peers[i], p->cluster, p->pg.pg.timeline, p->pg.pg.control_lsn + 1))
                        return true;
        return false;
}

/*
 * Nobody has it. A node that leaves leaves all the same: its files keep what the others lack. A
 * switchover is called off, and this node leads on with everything it has acknowledged.
 */
static void nobody_has_all(Palisaded *p)
{
        if (p->leaving) {
                if (p->cluster->n_members > 1)
                        log_warning("no other member has our last WAL, %s: leaving all the same",
                                    LSN_TEXT(p->pg.pg.control_lsn));
                p->handover.candidate_ready = true;
        } else {
                refuse(p, "no member that could take over has all of our WAL");
                p->handover.wanted = false;
        }
        palisaded_think(p);
}

static void candidate_answers(Palisaded *p, const MsgPeers *m)
{
        usec_t now = now_boottime();

        if (somebody_has_all(p, m)) {
                p->handover.candidate_ready = true;
                palisaded_think(p);
        } else if (now >= p->handover.await_until) {
                nobody_has_all(p);
        } else {
                timer_set(&p->handover_timer, now + CANDIDATE_EVERY);
        }
}

void handover_ask_candidate(Palisaded *p)
{
        PeerAddress peers[CLUSTER_MEMBERS_MAX];
        Handover *h = &p->handover;
        SwitchoverAsk words = ask_of(p);

        if (h->asked || h->candidate_ready || p->handover_timer.due != USEC_INFINITY)
                return;
        if (h->await_until == 0)
                h->await_until = now_boottime() + AWAIT_MOST;
        uint32_t n = gather(p, &words, peers);
        if (n == 0) {
                nobody_has_all(p);
                return;
        }
        ask(p, peers, n, ASK_WITHIN / 4);
}

bool handover_on_peers(Palisaded *p, const MsgPeers *m)
{
        Handover *h = &p->handover;

        if (m->h.seq != h->asked)
                return false;
        h->asked = 0;
        timer_set(&p->handover_timer, USEC_INFINITY);
        if (h->checking)
                check_answers(p, m);
        else
                candidate_answers(p, m);
        return true;
}
