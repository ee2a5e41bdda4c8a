/*
 * A node of the same name: two would write one member key, and take each other's lock for theirs.
 *
 * Looked for once, when this mind starts beside a server that is stopped: a key of our name that
 * leads to another address, where somebody answers. Who finds a server running was here before.
 */
#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ASK_WITHIN (2 * USEC_PER_SEC)
#define ASK_AGAIN (5 * USEC_PER_SEC)

static bool is_needless(const Palisaded *p, const Member *own)
{
        return !own || own->api_url[0] == 0 || str_equal(own->api_url, p->node.api_url) ||
               p->authority.epoch != 0 || pg_may_run(&p->pg.pg);
}

void twin_look(Palisaded *p, usec_t now)
{
        Twin *t = &p->twin;
        PeerAddress peer = { 0 };

        if (t->settled || !p->cluster || !p->known[HAND_PGD] || p->pg.pg.run == RUN_UNKNOWN)
                return;
        const Member *own = cluster_find_member(p->cluster, p->node.name);
        if (is_needless(p, own)) {
                t->settled = true;
                return;
        }
        if (now < t->again)
                return;
        (void)STR_SET(peer.name, own->name); /* same sizes */
        (void)STR_SET(peer.api_url, own->api_url);
        t->again = now + ASK_AGAIN;
        timer_set(&p->beat_timer, t->again);
        t->asked = race_send_ask(p, &peer, 1, ASK_WITHIN);
}

bool twin_on_peers(Palisaded *p, const MsgPeers *m)
{
        Twin *t = &p->twin;

        if (t->asked == 0 || m->h.seq != t->asked)
                return false;
        t->asked = 0;
        t->settled = m->n_peers == 0 || !m->peers[0].heard;
        if (!t->settled && !t->there)
                log_event(LOG_ERR, EVENT_NAME_TAKEN, FIELDS({ "PALISADE_PEER", p->node.name, 0 }),
                          "there is already a node named %s running: this one does nothing; give it "
                          "another name, or stop the other one",
                          p->node.name);
        t->there = !t->settled;
        palisaded_think(p);
        return true;
}
