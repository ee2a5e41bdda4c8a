/*
 * Goals -> orders to pgd, wishes to fenced. Nothing is said twice: an order goes out when it differs
 * from the last one, when pgd came back, or some time after it was refused.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "decide/sync.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define REFUSED_AGAIN (1 * USEC_PER_SEC)
#define ORDER_WITHIN (24 * 3600 * USEC_PER_SEC) /* its own deadline, if any, is in the order */
#define WANT_WITHIN (2 * USEC_PER_SEC)

/* ---- pgd ---- */

static void note_failed(Palisaded *p, Outcome outcome, const char *why)
{
        p->order_outcome = outcome;
        p->order_again = now_boottime() + REFUSED_AGAIN;
        timer_set(&p->beat_timer, p->order_again); /* the next attempt waits for nothing else */
        if (p->order.what != ORDER_START && p->order.what != ORDER_PROMOTE)
                return;
        p->start_failures++;
        log_warning("postgres did not become primary (attempt %u): %s", p->start_failures,
                    why[0] ? why : "no answer");
}

/*
 * A server that ends is started again by pgd under the order that it had carried out, once, and
 * there is no RESULT for that: when it failed, the state tells.
 */
void orders_on_pg(Palisaded *p)
{
        const PgState *pg = &p->pg.pg;

        if (p->order.what == ORDER_START && !p->order_open && p->order_outcome == OUTCOME_DONE &&
            pg->order_seq == p->order.h.seq && pg->failures > 0 && !pg_may_run(pg))
                note_failed(p, OUTCOME_REFUSED, "it ended, and could not be started again");
}

static void on_order_result(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (r->h.seq != p->order.h.seq)
                return; /* of an order that is about to be replaced */
        p->order_open = false;
        p->order_outcome = OUTCOME_DONE;
        if (r->outcome != OUTCOME_DONE) {
                note_failed(p, (Outcome)r->outcome, r->text);
                if (p->order.what == ORDER_BOOTSTRAP && r->outcome == OUTCOME_REFUSED) {
                        log_event(LOG_ERR, EVENT_OPERATION_FAILED,
                                  FIELDS({ "PALISADE_OPERATION", "bootstrap", 0 }),
                                  "the new cluster could not be made (%s): giving up the right to",
                                  r->text);
                        duties_unclaim(p);
                }
        }
        palisaded_think(p);
}

void orders_send(Palisaded *p, MsgOrder *m)
{
        p->order_open = true;
        hands_forget(p->hands, p->order_asked); /* pgd answers none that was replaced */
        p->order_asked = hands_request(p->hands, HAND_PGD, &m->h, ORDER_WITHIN, on_order_result, p);
        p->order = *m;
}

static bool same_order(const MsgOrder *a, const MsgOrder *b)
{
        return a->what == b->what && a->epoch == b->epoch && a->immediate == b->immediate &&
               a->hands_off == b->hands_off &&
               str_equal(a->leader.name, b->leader.name) &&
               str_equal(a->leader.conn_url, b->leader.conn_url) &&
               a->leader.timeline == b->leader.timeline && a->outgoing == b->outgoing &&
               a->anew == b->anew && a->remote == b->remote && a->from_leader == b->from_leader &&
               str_equal(a->text, b->text);
}

/* A FOLLOW stands until another order replaces it; the others are over with their RESULT. */
static void order(Palisaded *p, MsgOrder *m)
{
        bool same = same_order(m, &p->order);

        if (same && (p->order_open || p->order_outcome == OUTCOME_DONE ||
                     now_boottime() < p->order_again))
                return;
        orders_send(p, m);
}

/* How long a fast stop may take (PATRONI-SPEC §2.14): what others confirm, they can lead on with. */
static usec_t stop_deadline(const Palisaded *p)
{
        const Settings *s = p->cluster ? &p->cluster->settings : NULL;

        return !s || p->authority.epoch == 0 || s->primary_stop_timeout == 0 || s->synchronous_mode == SYNC_MODE_OFF
                       ? USEC_INFINITY
                       : now_boottime() + s->primary_stop_timeout;
}

static void order_follow(Palisaded *p)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);
        const Member *leader = cluster_find_member(p->cluster, p->cluster->leader.name);
        bool standby = p->cluster->settings.standby_cluster;

        m.what = ORDER_FOLLOW;
        m.epoch = authority_is_standby(p) ? p->authority.epoch : 0;
        m.remote = standby && (m.epoch != 0 || (!cluster_is_locked(p->cluster) &&
                                                !p->cluster->settings.pause &&
                                                p->pg.pg.datadir != DATADIR_EMPTY));
        m.outgoing = unsync_waits(p) ? 0 : p->restart.outgoing;
        m.hands_off = p->facts.value[FACT_PAUSE] == PAUSE_YES;
        if (leader && !str_equal(leader->name, p->node.name)) {
                /* Only one that is a primary already can be cloned from or compared with. */
                bool ready = leader->state == RUN_RUNNING && (leader->role == ROLE_PRIMARY ||
                                                              leader->role == ROLE_STANDBY_LEADER);
                if (!ready && p->pg.pg.datadir == DATADIR_EMPTY)
                        return;
                m.leader = *leader;
                m.leader.xlog_location = m.leader.receive_lsn = m.leader.replay_lsn = 0;
                m.may_remake = true;
                m.anew = ready ? p->reinit.since : 0;
                m.from_leader = p->reinit.since != 0 && p->reinit.from_leader;
        }
        order(p, &m);
}

static void order_as_primary(Palisaded *p, OrderWhat what)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);

        if (p->want_state != WANT_GRANTED || p->want.epoch != p->authority.epoch)
                return; /* fenced has the permit first (DESIGN §2, promotion) */
        bool ready = what == ORDER_START
                             ? duties_before_start(p) && duties_names_at_start(p, m.text, sizeof m.text)
                             : duties_before_promotion(p);
        if (!ready)
                return;
        m.what = what;
        m.epoch = p->authority.epoch;
        if (what == ORDER_START) {
                m.outgoing = p->restart.outgoing;
                m.deadline = stop_deadline(p);
        }
        if (p->start_since == 0 && !restart_stops(p))
                p->start_since = now_boottime();
        order(p, &m);
}

static void order_stop(Palisaded *p)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);
        const MsgPermit *permit = &p->authority.permit;

        if (unsync_waits(p))
                return;
        m.what = ORDER_STOP;
        m.deadline = stop_deadline(p);
        if (p->authority.epoch != 0 && permit->deadline != 0)
                m.deadline = MIN(m.deadline, usec_sub(permit->deadline, permit->stop_budget));
        order(p, &m);
}

static void order_plain(Palisaded *p, OrderWhat what)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);

        m.what = what;
        m.epoch = p->authority.epoch;
        order(p, &m);
}

/* What was done for one handover or restart is not done for the next of the same epoch. */
static void order_checkpoint(Palisaded *p)
{
        usec_t since = MAX(p->handover.since, p->restart.since);

        if (p->checkpoint_for != since)
                p->order = (MsgOrder){ 0 };
        p->checkpoint_for = since;
        order_plain(p, ORDER_CHECKPOINT);
}

static void apply_goal(Palisaded *p, PgGoal goal)
{
        switch (goal) {
        case GOAL_NOTHING: break;
        case GOAL_FOLLOW: order_follow(p); break;
        case GOAL_PROMOTE: order_as_primary(p, ORDER_PROMOTE); break;
        case GOAL_START:
        case GOAL_RESTART: order_as_primary(p, ORDER_START); break;
        case GOAL_CHECKPOINT: order_checkpoint(p); break;
        case GOAL_STOP: order_stop(p); break;
        case GOAL_BOOTSTRAP: order_plain(p, ORDER_BOOTSTRAP); break;
        }
}

/* ---- fenced ---- */

const Member *orders_vip_owner(const Palisaded *p, const Vip *vip)
{
        for (uint32_t i = 0; p->cluster && i < p->cluster->n_members; i++)
                if (str_equal(p->cluster->members[i].host, vip->address))
                        return &p->cluster->members[i];
        return NULL;
}

static void tell_gate(Palisaded *p, Outcome outcome, const char *text)
{
        MsgGate m = WIRE_INIT(MsgGate, MSG_GATE);

        p->gate_owed = false;
        m.leaf = p->leaf.leaf;
        m.outcome = outcome;
        (void)STR_SET(m.text, text); /* our own short texts */
        hands_send(p->hands, HAND_PGD, &m.h);
}

static void on_want_result(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (r->h.seq != p->want.h.seq)
                return; /* a newer wish is on its way */
        p->want_state = r->outcome == OUTCOME_DONE ? WANT_GRANTED : WANT_FAILED;
        if (p->gate_owed && p->want.leaf == p->leaf.leaf) {
                bool go = p->want_state == WANT_GRANTED || p->node.gate_mode != FENCE_REQUIRED;
                tell_gate(p, go ? OUTCOME_DONE : OUTCOME_REFUSED,
                          go           ? ""
                          : r->text[0] ? r->text
                                       : "fenced does not answer and fence.gate is required");
        }
        palisaded_think(p);
}

static bool same_want(const MsgWant *a, const MsgWant *b)
{
        return a->epoch == b->epoch && a->leaf == b->leaf && a->cgroup == b->cgroup &&
               a->take == b->take && a->gate_mode == b->gate_mode && a->n_vips == b->n_vips &&
               memcmp(a->vips, b->vips, sizeof a->vips) == 0 && a->n_also == b->n_also &&
               memcmp(a->also, b->also, sizeof a->also) == 0;
}

/* A right that is being ended, and that this mind never gave. */
static bool is_anothers(const Authority *a)
{
        return a->revoked && a->permit.epoch != a->epoch;
}

/*
 * The epoch under which the server in the leaf may act as primary. It stays until the epoch is over,
 * revoked or not: what outlives its permit is killed by fenced, whoever else hangs.
 */
static void fill_want(const Palisaded *p, const Actions *a, MsgWant *ret)
{
        const Authority *auth = &p->authority;
        bool permitted = authority_is_permitted(auth);
        bool as_before = (a->hold == HOLD_AS_BEFORE || a->stay) && p->want.epoch == auth->epoch;

        ret->epoch = permitted || is_anothers(auth) ? auth->epoch : 0;
        if (ret->epoch <= p->leaf.over)
                ret->epoch = 0; /* a standby's, begun after that right had ended */
        ret->take = permitted && !auth->revoked && (as_before ? p->want.take : a->serve);
        ret->leaf = p->leaf.leaf;
        ret->cgroup = p->leaf.cgroup;
        (void)STR_SET(ret->leaf_path, p->leaf.path); /* same size */
        ret->gate_mode = p->node.gate_mode;
        for (uint32_t i = 0; i < p->node.n_vips; i++)
                if (!(p->vips_refused & 1u << i))
                        ret->vips[ret->n_vips++] = p->node.vips[i];
        ret->n_also = p->node.n_also;
        memcpy(ret->also, p->node.also, sizeof ret->also);
}

/* An address by which a member is known belongs to that host, whether it is up or not. */
static void refuse_vips(Palisaded *p)
{
        uint32_t refused = 0;

        for (uint32_t i = 0; i < p->node.n_vips && p->cluster; i++) {
                const Member *owner = orders_vip_owner(p, &p->node.vips[i]);
                if (!owner)
                        continue;
                refused |= 1u << i;
                if (!(p->vips_refused & 1u << i))
                        log_error("vip %s is the address of member %s: it is not taken, a virtual IP "
                                  "must belong to no host",
                                  p->node.vips[i].address, owner->name);
        }
        p->vips_refused = refused;
}

/* What a mind before this one has wished, or this one while it led under another epoch. */
static bool stays_as_wished(const Palisaded *p, const Actions *a)
{
        const Authority *auth = &p->authority;

        /* What fenced knows of that right, and of the leaf, stays in force; of a newer leaf it must learn. */
        if (is_anothers(auth))
                return auth->yielding || !p->known[HAND_FENCED] || p->leaf.leaf == 0 ||
                       p->leaf.leaf == p->fence.leaf;
        if (auth->retaken && auth->permit.epoch != auth->epoch)
                return true; /* until the permit of the new epoch is there */
        /* a new mind that does not know yet what is */
        return p->want.h.type != MSG_WANT &&
               (a->hold == HOLD_AS_BEFORE || (a->serve && auth->epoch == 0));
}

static void apply_want(Palisaded *p, const Actions *a)
{
        MsgWant m = WIRE_INIT(MsgWant, MSG_WANT);
        bool new_leaf = p->leaf.leaf != p->want.leaf || p->want_state == WANT_UNSENT;

        if (stays_as_wished(p, a))
                return;
        refuse_vips(p);
        fill_want(p, a, &m);
        if (p->want_state != WANT_UNSENT && same_want(&m, &p->want) &&
            (p->want_state != WANT_FAILED || !hands_is_up(p->hands, HAND_FENCED)))
                return;
        p->want_state = WANT_ASKED;
        p->want = m;
        size_t n_fds = p->leaf_fds[0] < 0 ? 0 : p->leaf_fds[1] < 0 ? 1 : 2;
        p->want.h.seq = hands_request_fds(p->hands, HAND_FENCED, &m.h, p->leaf_fds,
                                          new_leaf ? n_fds : 0, WANT_WITHIN, on_want_result, p);
}

/* pgd made a leaf for the server it is about to start, or found the one of the server that runs. */
void orders_leaf(Palisaded *p, const MsgLeaf *m, int *fds, size_t n_fds)
{
        fd_close(p->leaf_fds[0]);
        fd_close(p->leaf_fds[1]);
        p->leaf_fds[0] = n_fds >= 1 ? TAKE_FD(fds[0]) : -1;
        p->leaf_fds[1] = n_fds >= 2 ? TAKE_FD(fds[1]) : -1;
        p->leaf = *m;
        p->gate_owed = true;
        palisaded_think(p);
}

/* A FOLLOW stands; pause, or its end, changes what it may do. */
static void note_pause(Palisaded *p, const Actions *a)
{
        bool paused = p->facts.value[FACT_PAUSE] == PAUSE_YES;
        MsgOrder m = p->order;

        if (a->goal == GOAL_FOLLOW || a->hold == HOLD_AS_BEFORE || m.what != ORDER_FOLLOW ||
            m.hands_off == paused)
                return;
        m.hands_off = paused;
        orders_send(p, &m);
}

void orders_apply(Palisaded *p, const Actions *a)
{
        apply_want(p, a);
        note_pause(p, a);
        apply_goal(p, a->goal);
}

void orders_again(Palisaded *p, HandId id)
{
        if (id == HAND_FENCED)
                p->want_state = WANT_UNSENT;
        if (id == HAND_PGD) {
                p->order = (MsgOrder){ 0 };
                p->order_open = false;
        }
}
