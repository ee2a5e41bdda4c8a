#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/errors.h"

#define LATE_AT_MOST (500 * MSEC) /* a lease lasts its TTL and up to so much longer */

/* ---- keys ---- */

static KeyKind place_of(const char *name)
{
        const char *key = name + strlen(PREFIX), *member = strrchr(key, '/');

        switch (key[0]) {
        case 'm': return KEY_MEMBER + (KeyKind)host_index(member + 1);
        case 'l': return KEY_LEADER;
        case 'i': return KEY_INITIALIZE;
        case 'c': return KEY_CONFIG;
        case 's': return key[1] == 't' ? KEY_STATUS : KEY_SYNC;
        case 'h': return KEY_HISTORY;
        case 'f': return str_equal(key, "failover") ? KEY_FAILOVER : KEY_FAILSAFE;
        case 'p':
                return str_equal(key, "palisade/resume") ? KEY_RESUME
                                                         : KEY_STANDING + (KeyKind)host_index(member + 1);
        }
        abort();
}

Key *keys_find(Key *keys, const char *name)
{
        Key *k = &keys[place_of(name)];

        if (!k->name[0])
                (void)STR_SET(k->name, name);
        return k;
}

const Key *etcd_key(const char *name)
{
        const Key *k = keys_find(world->etcd->keys, name);

        return k->there ? k : NULL;
}

static void changed(void)
{
        for (int i = 0; i < world->n_hosts; i++)
                dcsd_notify(&world->hosts[i].programs[PROGRAM_DCSD]);
}

static void delete(Key *k)
{
        if (!k->there)
                return;
        TRACE(NULL, "etcd", "%s is deleted (was %s, epoch %" PRIu64 ")", k->name, k->value, k->create);
        k->there = false;
        k->create = k->mod = 0;
        k->lease = 0;
}

/* ---- leases ---- */

static struct EtcdLease *find_lease(int64_t id)
{
        Etcd_ *e = world->etcd;

        for (size_t i = 0; id != 0 && i < e->n_leases; i++)
                if (e->leases[i].id == id)
                        return &e->leases[i];
        return NULL;
}

/* When it may end at the earliest, unless it is renewed. */
uint64_t etcd_lease_ends(int64_t id)
{
        const struct EtcdLease *l = find_lease(id);

        return l ? l->ends : 0;
}

static void end_lease(struct EtcdLease *l)
{
        Etcd_ *e = world->etcd;

        e->revision++;
        for (size_t i = 0; i < KEY_MAX; i++)
                if (e->keys[i].there && e->keys[i].lease == l->id)
                        delete(&e->keys[i]);
        *l = (struct EtcdLease){ 0 };
        changed();
}

bool etcd_has_quorum(void)
{
        const Etcd_ *e = world->etcd;
        int up = 0;

        for (int i = 0; i < ETCD_MEMBERS; i++)
                up += !e->down[i];
        return up > ETCD_MEMBERS / 2 && world->now >= e->without_leader;
}

static uint64_t busy_until(void)
{
        const Etcd_ *e = world->etcd;

        return MAX(e->stalled, e->without_leader);
}

static void watch_lease(struct EtcdLease *l);

static void on_lease(Event *ev)
{
        struct EtcdLease *l = ev->what;

        if (l->id != (int64_t)ev->value)
                return;
        l->watched = 0;
        if (world->now < l->ends + l->extra || !etcd_has_quorum() || world->now < busy_until())
                watch_lease(l);
        else
                end_lease(l);
}

static void watch_lease(struct EtcdLease *l)
{
        if (l->watched)
                return;
        l->watched = MAX(MAX(l->ends + l->extra, busy_until()), world->now + 10 * MSEC);
        if (!etcd_has_quorum())
                l->watched = MAX(l->watched, world->now + 100 * MSEC);
        sim_event(l->watched, on_lease, NULL, NULL, l, (uint64_t)l->id);
}

static void renew(struct EtcdLease *l)
{
        l->ends = world->now + l->ttl;
        l->extra = sim_chance(300) ? 0 : sim_below(LATE_AT_MOST);
        watch_lease(l);
}

/* A new leader, who gives every lease its whole TTL again. */
static void on_elected(Event *ev _unused_)
{
        Etcd_ *e = world->etcd;

        if (!etcd_has_quorum())
                return;
        for (size_t i = 0; i < e->n_leases; i++)
                if (e->leases[i].id)
                        e->leases[i].ends = MAX(e->leases[i].ends, world->now + e->leases[i].ttl);
}

void etcd_elect(uint64_t within)
{
        Etcd_ *e = world->etcd;

        e->term += 1 + sim_below(2);
        e->without_leader = MAX(e->without_leader, world->now + within);
        for (unsigned i = 0; i < ETCD_MEMBERS; i++) {
                e->leader = (e->leader + 1) % ETCD_MEMBERS;
                if (!e->down[e->leader] && (int)e->leader != e->deposed)
                        break;
        }
        sim_event(e->without_leader, on_elected, NULL, NULL, NULL, 0);
}

/* ---- what a call does ---- */

void rpc_set_txn(Rpc *r, const Txn *t)
{
        r->kind = RPC_TXN;
        r->n_compares = t->n_compares;
        r->n_then = t->n_then;
        r->n_otherwise = t->n_otherwise;
        for (size_t i = 0; i < t->n_compares; i++) {
                r->compares[i].what = t->compares[i].what;
                r->compares[i].number = t->compares[i].number;
                (void)STR_SET(r->compares[i].key, t->compares[i].key);
                (void)STR_SET(r->compares[i].text, t->compares[i].text ? t->compares[i].text : "");
        }
        for (int side = 0; side < 2; side++) {
                RpcOp *to = side ? r->otherwise : r->then;
                const Op *from = side ? t->otherwise : t->then;
                for (size_t i = 0; i < (side ? t->n_otherwise : t->n_then); i++) {
                        to[i].what = from[i].what;
                        to[i].lease = from[i].lease;
                        (void)STR_SET(to[i].key, from[i].key);
                        (void)STR_SET(to[i].value, from[i].value ? from[i].value : "");
                }
        }
}

static bool holds(const RpcCompare *c)
{
        const Key *k = etcd_key(c->key);

        switch (c->what) {
        case COMPARE_CREATE: return (k ? k->create : 0) == (uint64_t)c->number;
        case COMPARE_MOD: return (k ? k->mod : 0) == (uint64_t)c->number;
        case COMPARE_LEASE: return k && k->lease == c->number;
        case COMPARE_VALUE: return k && str_equal(k->value, c->text);
        }
        return false;
}

static void put(const RpcOp *op)
{
        Etcd_ *e = world->etcd;
        Key *k = keys_find(e->keys, op->key);

        if (!k->there)
                k->create = e->revision;
        k->there = true;
        k->mod = e->revision;
        k->lease = op->lease;
        (void)STR_SET(k->value, op->value);
        if (str_equal(op->key, PREFIX "config"))
                check_config();
        if (!str_equal(op->key, PREFIX "status") && !strstr(op->key, "/members/"))
                TRACE(NULL, "etcd", "%s = '%s', epoch %" PRIu64 ", revision %" PRIu64, k->name,
                      k->value, k->create, k->mod);
}

static void do_txn(Rpc *r)
{
        Etcd_ *e = world->etcd;
        bool writes = false;

        r->succeeded = true;
        for (size_t i = 0; i < r->n_compares; i++)
                r->succeeded = r->succeeded && holds(&r->compares[i]);
        const RpcOp *ops = r->succeeded ? r->then : r->otherwise;
        size_t n = r->succeeded ? r->n_then : r->n_otherwise;
        for (size_t i = 0; i < n; i++) {
                if (ops[i].what == OP_PUT && ops[i].lease && !find_lease(ops[i].lease)) {
                        r->error = ETCD_LEASE_GONE;
                        return;
                }
                writes = writes || ops[i].what != OP_RANGE;
        }
        if (writes)
                e->revision++;
        for (size_t i = 0; i < n; i++) {
                const Key *k = etcd_key(ops[i].key);
                if (ops[i].what == OP_PUT)
                        put(&ops[i]);
                else if (ops[i].what == OP_DELETE)
                        delete(keys_find(e->keys, ops[i].key));
                else if (k && r->n_found < FOUND_MAX)
                        r->found[r->n_found++] = *k;
        }
        if (writes)
                changed();
        if (writes && r->succeeded)
                wish_carried_out(r);
}

static void do_call(Rpc *r)
{
        Etcd_ *e = world->etcd;
        struct EtcdLease *l = find_lease(r->lease);
        const Key *k;

        switch (r->kind) {
        case RPC_GRANT:
                l = NULL;
                for (size_t i = 0; !l && i < e->n_leases; i++)
                        if (!e->leases[i].id)
                                l = &e->leases[i];
                if (!l && e->n_leases == ELEMENTSOF(e->leases))
                        abort();
                if (!l)
                        l = &e->leases[e->n_leases++];
                *l = (struct EtcdLease){ .id = ++e->next_lease, .ttl = r->ttl_sec * SEC };
                r->lease = l->id;
                renew(l);
                break;
        case RPC_KEEPALIVE:
                if (!l) {
                        r->error = ETCD_LEASE_GONE;
                        break;
                }
                r->ttl_sec = l->ttl / SEC;
                renew(l);
                if (!world->schedule->stale_revoke)
                        l->known = 0;
                break;
        case RPC_READ:
                k = etcd_key(PREFIX "leader");
                if (k)
                        r->found[r->n_found++] = *k;
                break;
        case RPC_TXN: do_txn(r); break;
        case RPC_SYNC:
        case RPC_EVENT: break;
        }
        r->revision = e->revision;
        r->term = e->term;
}

/* ---- the way there and back ---- */

static uint64_t delay(void)
{
        uint64_t d = sim_between(200, 2000);

        if (world->now < world->slow_messages_until)
                d += sim_below(world->slow_messages);
        return sim_chance(5) ? d + sim_below(300 * MSEC) : d;
}

static bool is_lost(const Host *h)
{
        return h->loss && sim_below(100) < h->loss;
}

static void on_answer(Event *e)
{
        Rpc *r = e->what;
        Program *p = r->program;
        uint64_t until = MAX(p->stalled, p->host->frozen);

        if (p->up && p->life == r->life && until > world->now) {
                sim_event(until, on_answer, NULL, p->host, r, 0);
                return;
        }
        if (p->up && p->life == r->life) {
                running = p;
                if (call_goes_on(r))
                        return;
                dcsd_answer(p, r);
        }
        free(r);
}

static void answer(Rpc *r)
{
        const Host *h = r->program->host;

        if (h->from_etcd[r->member] || is_lost(h)) {
                free(r);
                return;
        }
        sim_event(world->now + delay(), on_answer, NULL, r->program->host, r, 0);
}

void etcd_answer_deposed(Rpc *r)
{
        const Etcd_ *e = world->etcd;
        const struct EtcdLease *l = find_lease(r->lease);

        if (l)
                r->ttl_sec = l->ttl / SEC;
        r->term = e->deposed >= 0 ? e->deposed_term : e->term - 1;
        r->revision = e->revision;
}

/* A deposed leader that does not know it: its keepalives renew nothing, its reads do not return. */
static bool ask_deposed(Rpc *r)
{
        if ((int)r->member != world->etcd->deposed)
                return false;
        if (r->kind == RPC_KEEPALIVE && find_lease(r->lease)) {
                etcd_answer_deposed(r);
                answer(r);
                return true;
        }
        return false;
}

static void on_arrival(Event *ev)
{
        Etcd_ *e = world->etcd;
        Rpc *r = ev->what;
        bool answers = true;

        if (e->down[r->member]) {
                r->error = ETCD_UNSENT;
                answer(r);
                return;
        }
        if (ask_deposed(r))
                return;
        uint64_t until = busy_until();
        if ((int)r->member == e->deposed)
                until = MAX(until, e->deposed_until);
        if (!etcd_has_quorum())
                until = MAX(until, world->now + 50 * MSEC);
        if (until > world->now) {
                if (until > r->patience)
                        free(r); /* no answer: etcd itself has given it up */
                else
                        sim_event(until, on_arrival, NULL, NULL, r, 0);
                return;
        }
        if (!error_meets(r, &answers))
                do_call(r);
        if (answers)
                answer(r);
        else
                free(r);
}

void etcd_carry_out(Rpc *r)
{
        do_call(r);
}

void etcd_revoke(int64_t lease)
{
        struct EtcdLease *l = find_lease(lease);

        if (l)
                end_lease(l);
}

const char *rpc_name(const Rpc *r)
{
        static const char *const names[] = { [RPC_GRANT] = "grant", [RPC_KEEPALIVE] = "keepalive",
                                             [RPC_READ] = "read",   [RPC_TXN] = "transaction",
                                             [RPC_SYNC] = "watch", [RPC_EVENT] = "an event" };

        return r->kind == RPC_TXN && r->n_then > 0 ? r->then[0].key + strlen(PREFIX) : names[r->kind];
}

void etcd_send(Rpc *r)
{
        const Host *h = r->program->host;

        r->patience = world->now + 7 * SEC; /* etcd's own request timeout */
        if (h->to_etcd[r->member] || is_lost(h)) {
                free(r);
                return;
        }
        sim_event(world->now + delay(), on_arrival, NULL, NULL, r, 0);
}

bool etcd_reaches(const Host *h, unsigned member)
{
        const Etcd_ *e = world->etcd;

        return !e->down[member] && (int)member != e->deposed && !h->from_etcd[member] &&
               !h->to_etcd[member] && etcd_has_quorum();
}

void rpc_forget(const Event *e)
{
        if (e->fire == on_answer || e->fire == on_arrival)
                free(e->what);
}

/* ---- the deposed leader's end: what it believes to have expired, it revokes ---- */

static void on_deposed_over(Event *ev _unused_)
{
        Etcd_ *e = world->etcd;

        if (e->deposed < 0 || world->now < e->deposed_until)
                return;
        TRACE(NULL, "etcd", "member %d learns that it was deposed", e->deposed);
        e->deposed = -1;
        for (size_t i = 0; i < e->n_leases; i++) {
                struct EtcdLease *l = &e->leases[i];
                bool believes = l->id && l->known && l->known <= world->now;
                if (believes && sim_chance(500))
                        end_lease(l);
                else
                        l->known = 0;
        }
}

/*
 * Its own list of leases stands still from now on. A lease that was renewed at the new leader since is
 * spared, unless the schedule asks for etcd's bug (ASSUMPTIONS.md).
 */
void etcd_depose(uint64_t until)
{
        Etcd_ *e = world->etcd;

        if (e->deposed >= 0)
                return;
        for (size_t i = 0; i < e->n_leases; i++)
                e->leases[i].known = e->leases[i].ends;
        e->deposed = (int)e->leader;
        e->deposed_term = e->term;
        e->deposed_until = until;
        etcd_elect(sim_between(100 * MSEC, 1500 * MSEC));
        sim_event(until, on_deposed_over, NULL, NULL, NULL, 0);
}

void etcd_init(void)
{
        world->etcd = calloc(1, sizeof *world->etcd);
        world->etcd->term = 2;
        world->etcd->revision = 1;
        world->etcd->deposed = -1;
}

void etcd_done(void)
{
        free(world->etcd);
}
