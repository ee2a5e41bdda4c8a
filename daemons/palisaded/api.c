/*
 * The mouth's requests. A switchover is checked, written to the failover key and then watched until
 * the leader is another one; the others are answered as soon as what they ask for has happened.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "decide/switchover.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ASKS_MAX 16
#define WRITE_WITHIN (5 * USEC_PER_SEC)
#define LEAVE_LOOKS (100 * USEC_PER_MSEC)
#define LEAVE_WITHIN (1 * USEC_PER_SEC) /* until pgd has noted it, or is told again */
#define JOIN_WITHIN (5 * USEC_PER_SEC)  /* the same; then who asks is told */

typedef enum AskState {
        ASK_FREE = 0,
        ASK_PEERS_FIRST, /* is there anybody to take over? */
        ASK_WRITING,
        ASK_WATCHING,    /* the leader key */
        ASK_CANCELLING,  /* what was scheduled */
        ASK_LEAVING,
        ASK_JOINING,     /* until pgd has noted it, so that no restart forgets it */
} AskState;

typedef struct ApiAsk {
        Api *api;
        AskState state;
        uint64_t seq;       /* of the REQUEST */
        uint64_t peers_seq; /* of ASK_PEERS */
        char old_leader[NAME_SIZE];
        Epoch old_epoch;
        bool seen_requested;
        usec_t deadline;

        /* of the REQUEST */
        RequestKind kind;
        usec_t scheduled_wall_usec;
        char leader[NAME_SIZE];
        char candidate[NAME_SIZE];
} ApiAsk;

struct Api {
        Palisaded *p;
        ApiAsk asks[ASKS_MAX];
        Timer look;
};

void api_respond(Api *a, uint64_t seq, unsigned http, const char *text)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);

        m.h.seq = seq;
        m.outcome = http < 300 ? OUTCOME_DONE : http < 500 ? OUTCOME_REFUSED : OUTCOME_UNKNOWN;
        m.http = http;
        (void)STR_SET(m.text, text); /* our own texts */
        hands_send(a->p->hands, HAND_APID, &m.h);
}

static ApiAsk *new_ask(Api *a, const MsgRequest *m)
{
        for (size_t i = 0; i < ASKS_MAX; i++)
                if (a->asks[i].state == ASK_FREE) {
                        ApiAsk *ask = &a->asks[i];
                        *ask = (ApiAsk){ .api = a, .seq = m->h.seq, .kind = (RequestKind)m->kind,
                                         .scheduled_wall_usec = m->scheduled_wall_usec };
                        (void)STR_SET(ask->leader, m->leader); /* same sizes */
                        (void)STR_SET(ask->candidate, m->candidate);
                        return ask;
                }
        api_respond(a, m->h.seq, 503, "too many requests are under way");
        return NULL;
}

static void end_ask(ApiAsk *ask, unsigned http, const char *text)
{
        api_respond(ask->api, ask->seq, http, text);
        *ask = (ApiAsk){ 0 };
}

/* ---- switchover and failover ---- */

static SwitchoverAsk words(const ApiAsk *ask)
{
        return (SwitchoverAsk){ .failover = ask->kind == REQUEST_FAILOVER,
                                .leader = ask->leader,
                                .candidate = ask->candidate,
                                .scheduled = ask->scheduled_wall_usec };
}

static void on_written(const MsgResult *r, void *userdata)
{
        ApiAsk *ask = userdata;
        const Palisaded *p;

        if (ask->state != ASK_WRITING)
                return;
        if (r->outcome != OUTCOME_DONE) {
                end_ask(ask, 503, "failed to write failover key into DCS");
                return;
        }
        if (ask->scheduled_wall_usec != 0) {
                end_ask(ask, 202, "Switchover scheduled");
                return;
        }
        p = ask->api->p;
        ask->state = ASK_WATCHING;
        ask->deadline = now_boottime() + 2 * MAX(10 * USEC_PER_SEC,
                                                 p->cluster->settings.timing.loop_wait);
        timer_set(&ask->api->look, ask->deadline);
        api_on_cluster(ask->api);
}

static void write_failover(ApiAsk *ask)
{
        FailoverKey key = { .requested = true,
                            .scheduled_wall_usec = ask->scheduled_wall_usec };

        (void)STR_SET(key.leader, ask->leader); /* same sizes */
        (void)STR_SET(key.candidate, ask->candidate);
        ask->state = ASK_WRITING;
        duties_record(ask->api->p,
                      &(RecordOrder){ RECORD_FAILOVER, 0, RECORD_ANY_REVISION, &key, WRITE_WITHIN },
                      on_written, ask);
}

static void ask_peers(ApiAsk *ask, const SwitchoverAsk *w)
{
        const Palisaded *p = ask->api->p;
        const Member *candidates[CLUSTER_MEMBERS_MAX];
        PeerAddress peers[CLUSTER_MEMBERS_MAX];
        size_t n = switchover_candidates(w, p->cluster, p->cluster->leader.name, candidates);

        for (size_t i = 0; i < n; i++) {
                (void)STR_SET(peers[i].name, candidates[i]->name); /* same sizes */
                (void)STR_SET(peers[i].api_url, candidates[i]->api_url);
        }
        ask->state = ASK_PEERS_FIRST;
        ask->peers_seq = race_send_ask(ask->api->p, peers, (uint32_t)n, USEC_PER_SEC);
}

static void begin_switchover(Api *a, const MsgRequest *m)
{
        const Palisaded *p = a->p;
        ApiAsk *ask;

        if (!p->cluster || p->link.state != LINK_UP) {
                api_respond(a, m->h.seq, 503, "the DCS is not accessible");
                return;
        }
        ask = new_ask(a, m);
        if (!ask)
                return;
        SwitchoverAsk w = words(ask);
        SwitchoverAnswer answer = switchover_check(&w, p->cluster, now_wall());
        if (answer.http != 0) {
                end_ask(ask, answer.http, answer.text);
                return;
        }
        (void)STR_SET(ask->old_leader, p->cluster->leader.name); /* same size */
        ask->old_epoch = p->cluster->leader.epoch;
        if (w.scheduled != 0)
                write_failover(ask);
        else
                ask_peers(ask, &w);
}

void api_on_peers(Api *a, const MsgPeers *m)
{
        for (size_t i = 0; i < ASKS_MAX; i++) {
                ApiAsk *ask = &a->asks[i];
                if (ask->state != ASK_PEERS_FIRST || ask->peers_seq != m->h.seq)
                        continue;
                if (switchover_is_possible(m->peers, m->n_peers, a->p->cluster)) {
                        write_failover(ask);
                } else {
                        char text[REASON_SIZE];
                        snprintf(text, sizeof text,
                                 "%s is not possible: no good candidates have been found",
                                 ask->leader[0] ? "switchover" : "failover");
                        end_ask(ask, 412, text);
                }
        }
}

void api_on_cluster(Api *a)
{
        for (size_t i = 0; i < ASKS_MAX; i++) {
                ApiAsk *ask = &a->asks[i];
                if (ask->state != ASK_WATCHING)
                        continue;
                ask->seen_requested = ask->seen_requested || a->p->cluster->failover.requested ||
                                      a->p->cluster->leader.epoch != ask->old_epoch;
                if (!ask->seen_requested)
                        continue; /* our own write has not come round yet */
                SwitchoverAsk w = words(ask);
                SwitchoverAnswer answer = switchover_outcome(&w, a->p->cluster, ask->old_leader);
                if (answer.http != 0)
                        end_ask(ask, answer.http, answer.text);
        }
}

static void on_cancelled(const MsgResult *r, void *userdata)
{
        ApiAsk *ask = userdata;

        if (ask->state != ASK_CANCELLING)
                return;
        switch ((Outcome)r->outcome) {
        case OUTCOME_DONE: end_ask(ask, 200, "scheduled switchover deleted"); break;
        case OUTCOME_REFUSED: end_ask(ask, 409, r->text); break;
        case OUTCOME_UNKNOWN:
        case OUTCOME_MAX: end_ask(ask, 503, "the DCS did not answer in time"); break;
        }
}

static void cancel_switchover(Api *a, const MsgRequest *m)
{
        const FailoverKey *f = a->p->cluster ? &a->p->cluster->failover : NULL;
        static const FailoverKey none;
        ApiAsk *ask;

        if (!f || !f->requested || f->scheduled_wall_usec == 0) {
                api_respond(a, m->h.seq, 404, "no switchover is scheduled");
                return;
        }
        ask = new_ask(a, m);
        if (!ask)
                return;
        ask->state = ASK_CANCELLING;
        duties_record(a->p,
                      &(RecordOrder){ RECORD_FAILOVER, 0, f->mod_revision, &none, WRITE_WITHIN },
                      on_cancelled, ask);
}

/* ---- leave and join ---- */

static void order_held(Palisaded *p, OrderWhat what, usec_t within, hands_answer_t answer)
{
        MsgOrder m = WIRE_INIT(MsgOrder, MSG_ORDER);

        m.what = what;
        p->noting_leave = what == ORDER_LEAVE;
        p->noting_join = 0;
        uint64_t seq = hands_request(p->hands, HAND_PGD, &m.h, within, answer, p);
        if (what == ORDER_JOIN)
                p->noting_join = seq;
        p->order_again = 0; /* what was refused because of it is not any more */
}

/* Gone: nothing runs here, and no key says that this node leads. */
bool api_has_left(const Palisaded *p)
{
        return p->leaving && !pg_may_run(&p->pg.pg) && p->authority.epoch == 0 &&
               p->decision.intent == INTENT_STAY_OUT;
}

static void begin_leave(Api *a, const MsgRequest *m)
{
        ApiAsk *ask = new_ask(a, m);

        if (!ask)
                return;
        ask->state = ASK_LEAVING;
        ask->deadline = USEC_INFINITY;
        palisaded_leave(a->p);
        timer_set(&a->look, now_boottime() + LEAVE_LOOKS);
}

void palisaded_leave(Palisaded *p)
{
        if (p->leaving)
                return;
        log_event(LOG_NOTICE, EVENT_LEFT, NO_FIELDS,
                  "leaving the cluster: handing over and stopping postgres");
        p->leaving = true;
        p->joined = false;
        for (size_t i = 0; i < ASKS_MAX; i++)
                if (p->api->asks[i].state == ASK_JOINING)
                        end_ask(&p->api->asks[i], 503, "told to leave again");
        handover_begin_leave(p);
        palisaded_think(p);
}

static void on_join_noted(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;
        bool done = r->outcome == OUTCOME_DONE;

        if (r->h.seq != p->noting_join)
                return; /* told again since, or to leave */
        p->noting_join = 0;
        for (size_t i = 0; i < ASKS_MAX; i++)
                if (p->api->asks[i].state == ASK_JOINING)
                        end_ask(&p->api->asks[i], done ? 200 : 503,
                                done ? "joining" : "joining, but palisade-pgd has not noted it, and a restart would "
                                                   "forget it: ask again");
        palisaded_think(p);
}

static void begin_join(Api *a, const MsgRequest *m)
{
        ApiAsk *ask = new_ask(a, m);
        Palisaded *p = a->p;

        if (!ask)
                return;
        if (p->leaving)
                log_event(LOG_NOTICE, EVENT_LEFT, NO_FIELDS, "joining the cluster again");
        p->leaving = false;
        p->joined = true;
        ask->state = ASK_JOINING;
        order_held(p, ORDER_JOIN, JOIN_WITHIN, on_join_noted);
        palisaded_think(p);
}

static void on_leave_noted(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (r->outcome != OUTCOME_DONE)
                p->noting_leave = false; /* said again; else pgd's state shows it in a moment */
        palisaded_think(p);
}

/* pgd remembers that this node has left, for the minds that come after us. */
void api_note_left(Palisaded *p)
{
        if (p->pg.pg.held || p->noting_leave)
                return;
        order_held(p, ORDER_LEAVE, LEAVE_WITHIN, on_leave_noted);
        log_event(LOG_NOTICE, EVENT_LEFT, NO_FIELDS,
                  "left the cluster: postgres is stopped here until palisadectl join");
}

/* It was not reached, or is another one by now. */
void api_note_joined(Palisaded *p)
{
        if (p->joined && p->pg.pg.held && p->noting_join == 0)
                order_held(p, ORDER_JOIN, JOIN_WITHIN, on_join_noted);
}

static void on_look(Timer *t, usec_t now, void *userdata)
{
        Api *a = userdata;
        usec_t next = USEC_INFINITY;

        for (size_t i = 0; i < ASKS_MAX; i++) {
                ApiAsk *ask = &a->asks[i];
                if (ask->state == ASK_LEAVING) {
                        if (api_has_left(a->p) && a->p->pg.pg.held)
                                end_ask(ask, 200, "left");
                        else if (!a->p->leaving)
                                end_ask(ask, 503, "told to join again");
                        else
                                next = MIN(next, now + LEAVE_LOOKS);
                } else if (ask->state == ASK_WATCHING) {
                        if (now >= ask->deadline)
                                end_ask(ask, 503, ask->leader[0] ? "Switchover status unknown"
                                                                         : "Failover status unknown");
                        else
                                next = MIN(next, ask->deadline);
                }
        }
        timer_set(t, next);
}

/* ---- config ---- */

static void on_config_written(const MsgResult *r, void *userdata)
{
        ApiAsk *ask = userdata;

        switch ((Outcome)r->outcome) {
        case OUTCOME_DONE: end_ask(ask, 200, ""); break;
        case OUTCOME_REFUSED: end_ask(ask, 409, r->text); break;
        case OUTCOME_UNKNOWN:
        case OUTCOME_MAX: end_ask(ask, 503, "the DCS did not answer in time"); break;
        }
}

MsgRecord *api_config_record(const MsgRequest *m)
{
        size_t size = sizeof(MsgRecord) + m->blob_size;
        MsgRecord *record = malloc(size);

        if (!record)
                return NULL;
        wire_header(&record->h, MSG_RECORD, size);
        record->key = RECORD_CONFIG;
        record->pad = 0;
        record->epoch = 0;
        record->revision = m->revision;
        record->deadline = now_boottime() + WRITE_WITHIN;
        memcpy(record->value, m->blob, m->blob_size);
        return record;
}

static void write_config(Api *a, const MsgRequest *m)
{
        char why[REASON_SIZE];

        if (m->timing.ttl != 0 && !timing_fits(a->p, m->timing, why, sizeof why)) {
                api_respond(a, m->h.seq, 400, why);
                return;
        }
        ApiAsk *ask = new_ask(a, m);
        MsgRecord *record = ask ? api_config_record(m) : NULL;

        if (!ask)
                return;
        if (!record) {
                end_ask(ask, 503, "out of memory");
                return;
        }
        ask->state = ASK_WRITING;
        (void)hands_request(a->p->hands, HAND_DCSD, &record->h, WRITE_WITHIN + USEC_PER_SEC,
                            on_config_written, ask);
        free(record);
}

/* ---- dispatch ---- */

static void reload(Api *a, const MsgRequest *m)
{
        int r = palisaded_reload(a->p);

        api_respond(a, m->h.seq, r < 0 ? 500 : 202,
                r < 0 ? "the configuration file is not usable: see the journal" : "reload scheduled");
}

void api_request(Api *a, const MsgRequest *m)
{
        switch ((RequestKind)m->kind) {
        case REQUEST_SWITCHOVER:
        case REQUEST_FAILOVER: begin_switchover(a, m); return;
        case REQUEST_CANCEL_SWITCHOVER: cancel_switchover(a, m); return;
        case REQUEST_CONFIG: write_config(a, m); return;
        case REQUEST_LEAVE: begin_leave(a, m); return;
        case REQUEST_JOIN: begin_join(a, m); return;
        case REQUEST_RELOAD: reload(a, m); return;
        case REQUEST_EXPLAIN:
                explain_rows(a->p, m->h.seq);
                api_respond(a, m->h.seq, 200, "");
                return;
        case REQUEST_PROBE: probe_request(a->p, m); return;
        case REQUEST_RESUME: pause_resume(a->p, m); return;
        case REQUEST_FAILSAFE: failsafe_request(a->p, m); return;
        case REQUEST_RESTART: restart_request(a->p, m); return;
        case REQUEST_CANCEL_RESTART: restart_cancel(a->p, m); return;
        case REQUEST_REINITIALIZE: reinit_request(a->p, m); return;
        case REQUEST_NONE:
        case REQUEST_MAX: break;
        }
        api_respond(a, m->h.seq, 501, "no such request");
}

/* ---- what the mouth knows ---- */

static void fill_status(const Palisaded *p, MsgStatus *m)
{
        PermitInput in = authority_input(p);
        PermitTerms terms = permit_terms(&in);

        (void)STR_SET(m->name, p->node.name); /* same sizes */
        (void)STR_SET(m->scope, p->node.scope);
        m->leader = p->serving;
        m->leaving = p->leaving;
        m->left = p->pg.pg.held;
        m->watchdog_failed = palisaded_lacks_watchdog(p);
        m->dcs_up = p->link.state == LINK_UP;
        m->failsafe = failsafe_is_active(p, now_boottime());
        m->reinitializing = p->reinit.since != 0;
        m->permit_deadline = p->authority.permit.deadline;
        m->permit_margin = terms.margin;
        m->renewal_interval = terms.interval;
        m->beat = p->beat;
        m->rule_since = p->rule_since;
        m->epoch = p->authority.epoch;
        (void)STR_SET(m->rule, p->decision.rule->name); /* short */
        (void)STR_SET(m->reason, p->decision.rule->reason);
        m->fence = p->fence;
        m->watchdog = p->watchdog;
        m->link = p->link;
        m->restart = p->restart.scheduled;
}

void api_status(Api *a, bool everything)
{
        Palisaded *p = a->p;
        static MsgStatus m;

        m = WIRE_INIT(MsgStatus, MSG_STATUS);
        fill_status(p, &m);
        hands_send(p->hands, HAND_APID, &m.h);
        if (!everything)
                return;
        if (p->snapshot)
                hands_send(p->hands, HAND_APID, &p->snapshot->h);
        if (p->known[HAND_PGD])
                hands_send(p->hands, HAND_APID, &p->pg.h);
        if (p->history_known)
                hands_send(p->hands, HAND_APID, &p->history.h);
}

int api_new(Api **ret, Palisaded *p)
{
        Api *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        a->p = p;
        int r = timer_init(&a->look, p->event, "api", NULL, on_look, a);
        if (r < 0) {
                free(a);
                return r;
        }
        *ret = a;
        return 0;
}

Api *api_free(Api *a)
{
        if (a) {
                timer_done(&a->look);
                free(a);
        }
        return NULL;
}
