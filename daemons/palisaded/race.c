/*
 * The leader race: whom to ask, when the answers count, and what they come to.
 *
 * Members whose keys are there are waited for up to min(2 s, ttl / 10). Those whose keys ended with
 * the leader's are most likely dead: they are asked too, since one that still runs as primary is a
 * veto, but only waited for as long as a living host needs.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "decide/rank.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ASK_MOST (2 * USEC_PER_SEC)
#define ASK_GONE (150 * USEC_PER_MSEC)
#define ASK_AGAIN (500 * USEC_PER_MSEC)

void race_reset(Palisaded *p)
{
        p->race.verdict = RACE_UNASKED;
        p->race.asked[0] = p->race.asked[1] = 0;
        p->race.n_peers = 0;
        p->race.ready = false;
}

static void remember_gone(Race *race, const Member *m)
{
        for (size_t i = 0; i < race->n_gone; i++)
                if (str_equal(race->gone[i].name, m->name))
                        return;
        if (race->n_gone == CLUSTER_MEMBERS_MAX)
                return;
        PeerAddress *a = &race->gone[race->n_gone++];
        (void)STR_SET(a->name, m->name); /* same sizes */
        (void)STR_SET(a->api_url, m->api_url);
}

/* Keeps the last healthy view: who was there while there was a leader. */
void race_on_cluster(Palisaded *p)
{
        const Cluster *c = p->cluster;
        Race *race = &p->race;

        if (cluster_is_locked(c)) {
                (void)STR_SET(race->last_leader, c->leader.name); /* same size */
                race->n_gone = 0;
                for (uint32_t i = 0; i < c->n_members; i++)
                        remember_gone(race, &c->members[i]);
                race_reset(p);
                race->unlocked = 0;
        } else if (race->unlocked == 0) {
                race->unlocked = now_boottime();
        } else if (race->verdict == RACE_BEHIND && race->seen_revision != c->revision) {
                race_reset(p); /* something changed: perhaps what held us back */
        }
        race->seen_revision = c->revision;
}

static void judge(Palisaded *p)
{
        RankInput in = {
                .cluster = p->cluster,
                .pg = &p->pg.pg,
                .name = p->node.name,
                .tags = p->node.tags,
                .last_leader = p->race.last_leader,
                .peers = p->race.peers,
                .n_peers = p->race.n_peers,
                .now_wall = now_wall(),
        };
        RankVerdict v = rank_judge(&in);

        if (!str_equal(p->race.reason, v.reason))
                log_info("leader race: %s: %s", v.best ? "bidding" : "not bidding", v.reason);
        p->race.ready = false;
        p->race.verdict = v.best ? RACE_BEST_PLACED : RACE_BEHIND;
        p->race.judged = now_boottime();
        (void)STR_SET(p->race.reason, v.reason); /* same size */
        palisaded_think(p);
}

/* Our own position must be from after the leader was gone, as theirs is. */
static void judge_when_fresh(Palisaded *p)
{
        p->race.ready = true;
        if (p->pg.pg.probed >= p->race.unlocked)
                judge(p);
}

void race_on_pg(Palisaded *p)
{
        if (p->race.ready && p->race.verdict == RACE_WAITING)
                judge_when_fresh(p);
}

static uint64_t ask(Palisaded *p, const PeerAddress *peers, uint32_t n, usec_t within)
{
        static _Alignas(MsgAskPeers) char
                packet[sizeof(MsgAskPeers) + CLUSTER_MEMBERS_MAX * sizeof(PeerAddress)];
        static uint64_t seq = 1ULL << 32; /* answered by PEERS, not by RESULT */
        MsgAskPeers *m = (MsgAskPeers *)packet;

        wire_header(&m->h, MSG_ASK_PEERS, sizeof *m + n * sizeof *peers);
        m->h.seq = ++seq;
        m->kind = ASK_RACE;
        m->n_peers = n;
        m->deadline = now_boottime() + within;
        memcpy(m->peers, peers, n * sizeof *peers);
        hands_send(p->hands, HAND_DCSD, &m->h);
        return seq;
}

uint64_t race_send_ask(Palisaded *p, const PeerAddress *peers, uint32_t n, usec_t within)
{
        return ask(p, peers, n, within);
}

/* Who stands in /failsafe and has no key any more; dcsd knows where. */
static uint32_t add_failsafe(const Palisaded *p, PeerAddress *gone, uint32_t n)
{
        const char *list = p->cluster->settings.failsafe_mode ? p->cluster->failsafe_names : "";
        char name[NAME_SIZE];

        while (n < CLUSTER_MEMBERS_MAX && str_list_next(&list, name, sizeof name)) {
                bool known = str_equal(name, p->node.name) || cluster_find_member(p->cluster, name);
                for (uint32_t i = 0; i < n && !known; i++)
                        known = str_equal(gone[i].name, name);
                if (!known) {
                        gone[n] = (PeerAddress){ 0 };
                        (void)STR_SET(gone[n++].name, name); /* same size */
                }
        }
        return n;
}

void race_ask(Palisaded *p)
{
        PeerAddress there[CLUSTER_MEMBERS_MAX], gone[CLUSTER_MEMBERS_MAX];
        const Cluster *c = p->cluster;
        Race *race = &p->race;
        uint32_t n_there = 0, n_gone = 0;

        if (race->verdict == RACE_WAITING || authority_waits_to_bid(p))
                return;
        for (uint32_t i = 0; i < c->n_members; i++) {
                const Member *m = &c->members[i];
                if (str_equal(m->name, p->node.name) || m->api_url[0] == 0)
                        continue;
                PeerAddress *a = &there[n_there++];
                (void)STR_SET(a->name, m->name); /* same sizes */
                (void)STR_SET(a->api_url, m->api_url);
        }
        for (size_t i = 0; i < race->n_gone; i++)
                if (!str_equal(race->gone[i].name, p->node.name) &&
                    !cluster_find_member(c, race->gone[i].name))
                        gone[n_gone++] = race->gone[i];
        n_gone = add_failsafe(p, gone, n_gone);

        race->verdict = RACE_WAITING;
        race->ready = false;
        race->n_peers = 0;
        race->asked[0] = n_there ? ask(p, there, n_there,
                                       MIN(ASK_MOST, c->settings.timing.ttl / 10))
                                 : 0;
        race->asked[1] = n_gone ? ask(p, gone, n_gone, ASK_GONE) : 0;
        race->judged = now_boottime();
        if (!race->asked[0] && !race->asked[1])
                judge_when_fresh(p);
}

void race_on_peers(Palisaded *p, const MsgPeers *m)
{
        Race *race = &p->race;

        if (m->h.seq != race->asked[0] && m->h.seq != race->asked[1])
                return;
        for (uint32_t i = 0; i < m->n_peers && race->n_peers < CLUSTER_MEMBERS_MAX; i++)
                race->peers[race->n_peers++] = m->peers[i];
        race->asked[m->h.seq == race->asked[1]] = 0;
        if (!race->asked[0] && !race->asked[1])
                judge_when_fresh(p);
}

/* An answer that never came, or a verdict that may have become another. */
void race_expire(Palisaded *p, usec_t now)
{
        Race *race = &p->race;
        usec_t limit = race->verdict == RACE_WAITING ? ASK_MOST + USEC_PER_SEC : ASK_AGAIN;

        if ((race->verdict == RACE_WAITING || race->verdict == RACE_BEHIND) &&
            now >= race->judged + limit)
                race_reset(p);
}
