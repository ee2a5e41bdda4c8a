#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "tests/sim/errors.h"

#define GRPC(text, code) "{\"error\":\"" text "\",\"message\":\"" text "\",\"code\":" #code "}"
#define ANSWER(status, text) .http = (status), .body = (text)
#define PAGE "<html><body>a proxy's page</body></html>"

const ErrorClass error_classes[] = {
        { .name = "connection refused" },
        { .name = "no answer", .http = -1 },
        { .name = "no answer, carried out", .http = -1, .after = true },
        { .name = "no JSON", ANSWER(200, PAGE) },
        { .name = "no JSON, carried out", ANSWER(200, PAGE), .after = true },
        { .name = "bad gateway", ANSWER(502, PAGE) },
        { .name = "bad gateway, carried out", ANSWER(502, PAGE), .after = true },
        { .name = "no such path", ANSWER(404, PAGE) },
        { .name = "no leader", ANSWER(503, GRPC("etcdserver: no leader", 14)) },
        { .name = "timed out", ANSWER(503, GRPC("etcdserver: request timed out", 14)) },
        { .name = "timed out, carried out", ANSWER(503, GRPC("etcdserver: request timed out", 14)), .after = true },
        { .name = "leader changed, carried out", ANSWER(503, GRPC("etcdserver: leader changed", 14)), .after = true },
        { .name = "cancelled, carried out", ANSWER(408, GRPC("context canceled", 1)), .after = true },
        { .name = "too many requests", ANSWER(429, GRPC("etcdserver: too many requests", 8)) },
        { .name = "invalid token", ANSWER(401, GRPC("etcdserver: invalid auth token", 16)) },
        { .name = "old auth store", ANSWER(400, GRPC("etcdserver: revision of auth store is old", 3)) },
        { .name = "permission denied for a while", ANSWER(403, GRPC("etcdserver: permission denied", 7)), .lasts = 3 * SEC },
        { .name = "lease not found", ANSWER(404, GRPC("etcdserver: requested lease not found", 5)), .at = AT_LEASE },
        { .name = "lease revoked", ANSWER(404, GRPC("etcdserver: requested lease not found", 5)), .at = AT_LEASE,
          .revokes = true },
        { .name = "compacted", ANSWER(400, GRPC("etcdserver: mvcc: required revision has been compacted", 11)) },
        { .name = "no space for a while", ANSWER(429, GRPC("etcdserver: mvcc: database space exceeded", 8)), .at = AT_WRITE,
          .lasts = 15 * SEC, .everybody = true },
        { .name = "the watch is cancelled", .at = AT_EVENT },
        { .name = "some refusal", ANSWER(400, GRPC("etcdserver: duplicate key given in txn request", 3)) },
        { .name = "answered by a deposed leader", ANSWER(200, "{}"), .at = AT_KEEPALIVE, .deposed = true },
        { .name = "unavailable for a while", ANSWER(503, GRPC("etcdserver: no leader", 14)), .lasts = 4 * SEC },
        { .name = "unavailable for everybody beyond a ttl", ANSWER(503, GRPC("etcdserver: no leader", 14)), .lasts = 14 * SEC,
          .everybody = true },
};
const unsigned n_error_classes = ELEMENTSOF(error_classes);

void (*error_hook)(Rpc *r);

void error_arm(unsigned which, int host, uint64_t skip, unsigned more)
{
        world->etcd->error = (EtcdArmed){ .class = which + 1, .host = host, .skip = skip,
                                            .more = error_classes[which].lasts ? 0 : more };
}

static int64_t lease_of(const Rpc *r)
{
        return r->kind == RPC_KEEPALIVE ? r->lease
               : r->kind == RPC_TXN && r->n_then > 0 && r->then[0].what == OP_PUT ? r->then[0].lease
                                                                                  : 0;
}

static bool writes(const Rpc *r)
{
        bool puts = false;

        for (size_t i = 0; r->kind == RPC_TXN && i < r->n_then; i++)
                puts = puts || r->then[i].what == OP_PUT;
        return puts || r->kind == RPC_GRANT;
}

bool error_fits(const ErrorClass *c, const Rpc *r)
{
        const Key *leader = etcd_key(PREFIX "leader");

        if (c->revokes && leader && leader->lease == lease_of(r))
                return false; /* nobody ends the lease of a leader: ASSUMPTIONS.md */
        if ((r->kind == RPC_EVENT) != (c->at == AT_EVENT))
                return false;
        switch (c->at) {
        case AT_ANY:
        case AT_EVENT: return true;
        case AT_WRITE: return writes(r);
        case AT_LEASE: return lease_of(r) != 0;
        case AT_KEEPALIVE: return r->kind == RPC_KEEPALIVE;
        }
        return false;
}

/* As call.c judges: what cannot be read has an unknown end. */
static EtcdError read_error(const ErrorClass *c)
{
        _cleanup_(node_freep) Node *doc = NULL;
        const char *text;

        if (!c->body)
                return ETCD_UNSENT;
        int r = json_parse(c->body, strlen(c->body), true, &doc, NULL);
        if (r < 0 && c->http >= 200 && c->http <= 299)
                return ETCD_LOST;
        return etcd_error_read(doc, c->http, &text);
}

static void meet(const ErrorClass *c, Rpc *r)
{
        if (c->deposed) {
                etcd_answer_deposed(r);
                return;
        }
        if (c->revokes)
                etcd_revoke(lease_of(r));
        if (c->after)
                etcd_carry_out(r);
        r->n_found = 0;
        r->error = read_error(c);
}

bool error_ends_watch(Program *p)
{
        static Rpc event = { .kind = RPC_EVENT };
        bool answers;

        event.program = p;
        return error_meets(&event, &answers);
}

bool error_meets(Rpc *r, bool *ret_answers)
{
        EtcdArmed *a = &world->etcd->error;

        if (error_hook)
                error_hook(r);
        if (a->class == 0 || (a->host >= 0 && a->host != r->program->host->index))
                return false;
        const ErrorClass *c = &error_classes[a->class - 1];
        if (a->until == 0 && a->skip > 0) {
                a->skip--;
                return false;
        }
        if (a->until == 0) { /* now it begins */
                a->until = world->now + c->lasts;
                a->host = c->everybody ? -1 : r->program->host->index;
                world->last_fault = MAX(world->last_fault, a->until + SEC);
        } else if (world->now > a->until && a->more == 0) {
                a->class = 0;
                return false;
        }
        if (!error_fits(c, r))
                return false;
        TRACE(r->program->host, "etcd", "%s meets: %s", rpc_name(r), c->name);
        *ret_answers = c->http >= 0;
        meet(c, r);
        if (c->lasts == 0 && a->more-- == 0)
                a->class = 0;
        return true;
}
