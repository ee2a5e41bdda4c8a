#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/order.h"
#include "io/fdutil.h"
#include "io/log.h"

#define TRIES_MAX 5 /* of a transaction whose answers are lost */

typedef struct Order Order;
struct Order {
        Order *next;
        Orders *owner;
        uint64_t seq;
        usec_t deadline;
        Wish wish;
        char *value, *member_value; /* what wish points at */
        char key[PATH_SIZE];        /* RECORD */
        usec_t ttl;                 /* BID */
        PolicyProof proof;          /* BID */
        EtcdCall *call;
        unsigned tries;
        bool lost;  /* an attempt may have been carried out */
        bool again; /* BID: a second lease was granted for it */
};

struct Orders {
        Etcd *etcd;
        Lease *lease;
        Cache *cache;
        const Paths *paths;
        const char *name;
        const OrdersCalls *calls;
        void *userdata;
        Order *list;
        size_t n;
};

static void send_txn(Order *o);

/* ---- the end ---- */

static void order_free(Order *o)
{
        for (Order **at = &o->owner->list; *at; at = &(*at)->next)
                if (*at == o) {
                        *at = o->next;
                        o->owner->n--;
                        break;
                }
        o->call = etcd_cancel(o->call);
        free(o->value);
        free(o->member_value);
        free(o);
}

static void end(Order *o, Outcome outcome, Epoch epoch, const char *text)
{
        const Orders *owner = o->owner;

        owner->calls->result(o->seq, outcome, epoch, text, owner->userdata);
        order_free(o);
}

static void note_writes(const Order *o, uint64_t revision)
{
        Orders *owner = o->owner;
        Txn t;

        wish_txn(&o->wish, &t);
        for (size_t i = 0; i < t.n_then; i++) {
                const Op *op = &t.then[i];
                int r = op->what == OP_PUT
                                ? cache_note_put(owner->cache, op->key, op->value, op->lease, revision)
                                : cache_delete(owner->cache, op->key, revision);
                if (r < 0) /* the watch brings it */
                        log_debug("a write of ours is not in the cache yet: %s", strerror(-r));
        }
        owner->calls->keys_changed(owner->userdata);
}

static void end_bid(Order *o, Epoch epoch, uint64_t raft_term)
{
        const Orders *owner = o->owner;
        PolicyProof proof = o->proof;
        bool confirmed = raft_term != 0 && raft_term == proof.raft_term;

        proof.epoch = epoch;
        lease_won(owner->lease, epoch, confirmed);
        end(o, OUTCOME_DONE, epoch, "");
        if (confirmed)
                owner->calls->proved(&proof, owner->userdata);
}

/* header: of the answer that shows it. */
static void end_done(Order *o, Epoch epoch, const EtcdHeader *header)
{
        switch (o->wish.kind) {
        case WISH_BID: end_bid(o, epoch, header->raft_term); break;
        case WISH_RELEASE:
                lease_released(o->owner->lease, o->wish.epoch);
                end(o, OUTCOME_DONE, 0, "");
                break;
        case WISH_RECORD: end(o, OUTCOME_DONE, 0, ""); break;
        case WISH_CLAIM: end(o, OUTCOME_DONE, header->revision, ""); break;
        }
}

/* ---- settling ---- */

static void judge(Order *o, const EtcdAnswer *a, bool refused)
{
        char text[REASON_SIZE];
        WishFound found;
        Epoch epoch;

        if (wish_read(a->doc, &found) < 0) {
                end(o, OUTCOME_UNKNOWN, 0, "etcd's answer could not be read");
                return;
        }
        /* Only these two would notice that libcurl has sent them twice. */
        bool tried = o->lost || o->wish.kind == WISH_BID || o->wish.kind == WISH_CLAIM;
        WishVerdict v = wish_judge(&o->wish, &found, tried, &epoch, text);
        wish_found_done(&found);
        switch (v) {
        case WISH_DONE: end_done(o, epoch, &a->header); break;
        case WISH_REFUSED: end(o, OUTCOME_REFUSED, 0, text); break;
        case WISH_OPEN:
                if (refused)
                        end(o, OUTCOME_REFUSED, 0, "etcd found a condition not met");
                else if (o->tries < TRIES_MAX && now_boottime() < o->deadline)
                        send_txn(o);
                else
                        end(o, OUTCOME_UNKNOWN, 0, "no answer in time");
                break;
        }
}

static void on_question(const EtcdAnswer *a, void *userdata)
{
        Order *o = userdata;

        o->call = NULL;
        if (a->error == ETCD_OK)
                judge(o, a, false);
        else
                end(o, OUTCOME_UNKNOWN, 0, a->text);
}

static void ask(Order *o)
{
        Txn t;
        EtcdWant want = {
                .lane = ETCD_LANE_REQUEST,
                .path = "/kv/txn",
                .deadline = o->deadline,
                .repeat = ETCD_REPEAT,
                .done = on_question,
                .userdata = o,
        };

        wish_question(&o->wish, &t);
        want.body = body_txn(&t);
        if (etcd_call(o->owner->etcd, &o->call, want) < 0)
                end(o, OUTCOME_UNKNOWN, 0, "out of memory");
}

/* ---- the transaction ---- */

static void on_fresh(const PolicyProof *proof, const char *reason, void *userdata);

/* True if the bid goes on with another lease. */
static bool bid_again(Order *o)
{
        if (o->wish.kind != WISH_BID || o->again)
                return false;
        o->again = true;
        lease_gone(o->owner->lease, o->wish.lease);
        return lease_freshen(o->owner->lease, o->ttl, o->deadline, on_fresh, o) >= 0;
}

static void on_txn(const EtcdAnswer *a, void *userdata)
{
        Order *o = userdata;

        o->call = NULL;
        if (a->error == ETCD_OK && reply_txn_succeeded(a->doc)) {
                uint64_t revision = a->header.revision;
                if (o->wish.kind == WISH_BID) /* before the cache shows a key nobody claims */
                        lease_won(o->owner->lease, revision, true);
                note_writes(o, revision);
                end_done(o, revision, &a->header);
        } else if (a->error == ETCD_OK) {
                judge(o, a, true);
        } else if (a->error == ETCD_LEASE_GONE && bid_again(o)) {
                return;
        } else if (etcd_error_is_harmless(a->error)) {
                end(o, o->lost ? OUTCOME_UNKNOWN : OUTCOME_REFUSED, 0, a->text);
        } else {
                o->lost = true;
                ask(o);
        }
}

static void send_txn(Order *o)
{
        Txn t;
        EtcdWant want = {
                .lane = ETCD_LANE_REQUEST,
                .path = "/kv/txn",
                .deadline = o->deadline,
                .repeat = ETCD_REPEAT_UNSENT,
                .done = on_txn,
                .userdata = o,
        };

        o->tries++;
        wish_txn(&o->wish, &t);
        want.body = body_txn(&t);
        if (etcd_call(o->owner->etcd, &o->call, want) < 0)
                end(o, o->lost ? OUTCOME_UNKNOWN : OUTCOME_REFUSED, 0, "out of memory");
}

/* ---- the orders ---- */

static Order *order_new(Orders *owner, uint64_t seq, usec_t deadline, WishKind kind)
{
        Order *o = owner->n < ORDERS_MAX ? calloc(1, sizeof *o) : NULL;

        if (!o) {
                owner->calls->result(seq, OUTCOME_REFUSED, 0, "too much is under way",
                                     owner->userdata);
                return NULL;
        }
        *o = (Order){ .owner = owner, .next = owner->list, .seq = seq, .deadline = deadline };
        o->wish = (Wish){ .kind = kind, .paths = owner->paths, .name = owner->name,
                          .lease = lease_id(owner->lease) };
        owner->list = o;
        owner->n++;
        return o;
}

static void on_fresh(const PolicyProof *proof, const char *reason, void *userdata)
{
        Order *o = userdata;

        if (!proof) {
                end(o, OUTCOME_REFUSED, 0, reason);
                return;
        }
        o->proof = *proof;
        o->wish.lease = proof->lease;
        send_txn(o);
}

void orders_bid(Orders *owner, const MsgBid *bid)
{
        Order *o = order_new(owner, bid->h.seq, bid->deadline, WISH_BID);

        if (!o)
                return;
        o->ttl = bid->ttl;
        o->wish.sync_revision = bid->sync_revision;
        o->wish.failover_revision = bid->failover_revision;
        o->wish.config_revision = bid->config_revision;
        if (lease_freshen(owner->lease, bid->ttl, bid->deadline, on_fresh, o) < 0)
                end(o, OUTCOME_REFUSED, 0, "this node leads already");
}

void orders_release(Orders *owner, const MsgRelease *release, char *status)
{
        Order *o = order_new(owner, release->h.seq, release->deadline, WISH_RELEASE);

        if (!o) {
                free(status);
                return;
        }
        o->wish.epoch = release->epoch;
        o->wish.value = o->value = status;
        send_txn(o);
}

void orders_record(Orders *owner, const MsgRecord *record, const char *key, char *value,
                   uint64_t revision)
{
        Order *o = order_new(owner, record->h.seq, record->deadline, WISH_RECORD);

        if (!o) {
                free(value);
                return;
        }
        o->wish.epoch = record->epoch;
        (void)STR_SET(o->key, key); /* same size */
        o->wish.key = o->key;
        o->wish.value = o->value = value;
        o->wish.revision = revision;
        send_txn(o);
}

void orders_claim(Orders *owner, const MsgRecord *record, char *member)
{
        Order *o = order_new(owner, record->h.seq, record->deadline, WISH_CLAIM);

        if (!o) {
                free(member);
                return;
        }
        o->wish.member_value = o->member_value = member;
        send_txn(o);
}

void orders_forget(Orders *owner)
{
        for (Order *o = owner->list; o; o = o->next)
                o->seq = 0;
}

bool orders_has_claim(const Orders *owner)
{
        for (const Order *o = owner->list; o; o = o->next)
                if (o->wish.kind == WISH_CLAIM)
                        return true;
        return false;
}

int orders_new(Orders **ret, Etcd *e, Lease *lease, Cache *cache, const Paths *paths,
               const char *name, const OrdersCalls *calls, void *userdata)
{
        Orders *o = calloc(1, sizeof *o);

        if (!o)
                return -ENOMEM;
        *o = (Orders){ .etcd = e, .lease = lease, .cache = cache, .paths = paths, .name = name,
                       .calls = calls, .userdata = userdata };
        *ret = o;
        return 0;
}

Orders *orders_free(Orders *o)
{
        if (o) {
                while (o->list)
                        order_free(o->list);
                free(o);
        }
        return NULL;
}
