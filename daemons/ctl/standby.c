/* demote-cluster and promote-cluster: whether this cluster has a primary, or follows another one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/json.h"
#include "ctl/each.h"
#include "io/fdutil.h"

#define CHANGED_WITHIN (600 * USEC_PER_SEC) /* a rewind may be part of it */

typedef struct Kind {
        bool demote;
        const char *verb;   /* "demot", "promot": what Patroni's texts are made of */
        const char *target; /* the leader's role in the end */
        char leader[256];   /* who led before */
} Kind;

static const char *text_of(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);

        return text ? text : "";
}

/* What a member says of itself; the caller frees it. NULL: it does not answer. */
static Node *ask_member(Ctl *c, const Node *member, const char *own)
{
        Call call = { .path = "/patroni", .timeout = 2 * USEC_PER_SEC };
        Reply r;

        if (!member || each_call(c, member, own, &call, &r) != CTL_DONE)
                return NULL;
        Node *said = reply_node(&r);
        reply_done(&r);
        return said;
}

static bool is_running(const Node *said)
{
        return str_equal(text_of(said, "state"), "running");
}

/* The caller frees it. NULL: out of memory. */
static char *make_body(const Ctl *c, const Kind *k)
{
        static const struct {
                OptionId option;
                const char *key;
        } keys[] = {
                { OPTION_HOST, "host" },
                { OPTION_PORT, "port" },
                { OPTION_RESTORE_COMMAND, "restore_command" },
                { OPTION_PRIMARY_SLOT_NAME, "primary_slot_name" },
        };
        _cleanup_(node_freep) Node *body = node_new(NODE_MAP);
        Node *section = node_new(k->demote ? NODE_MAP : NODE_NULL);
        int r = body && section ? 0 : -1;

        for (size_t i = 0; k->demote && i < ELEMENTSOF(keys); i++) {
                const char *value = c->values[keys[i].option];
                uint64_t port;
                if (r < 0 || str_empty(value))
                        continue;
                r = keys[i].option == OPTION_PORT && str_to_u64(value, &port) >= 0
                            ? node_put(section, keys[i].key, node_new_int((int64_t)port))
                            : node_put(section, keys[i].key, node_new_string(value));
        }
        if (r >= 0)
                r = node_put(body, "standby_cluster", section);
        else
                node_free(section);
        return r < 0 ? NULL : json_format(body, JSON_COMPACT);
}

static int patch(Ctl *c, const Kind *k, const char *scope)
{
        char *body = make_body(c, k);
        Reply r;

        if (!body)
                return ctl_fail("out of memory");
        const Call call = { .method = "PATCH", .path = "/config", .body = body };
        (void)client_call(c->client, &call, &r); /* the status tells */
        free(body);
        int code = r.status == 200 ? CTL_DONE
                   : r.status != 0
                           ? ctl_fail("Failed to %se %s cluster: /config PATCH status code=%u, (%s)",
                                      k->verb, scope, r.status, r.body)
                           : ctl_fail("Failed to %se %s cluster: %s", k->verb, scope, r.error);
        reply_done(&r);
        return code;
}

/* One look: told in Patroni's words. True: it is done. */
static bool look(Ctl *c, const Kind *k, const char *own)
{
        char now[64];
        Picture p;

        if (ctl_look(c, &p) != CTL_DONE)
                return false; /* told; another look */
        const char *name = members_leader(p.cluster);
        _cleanup_(node_freep) Node *leader =
                name ? ask_member(c, members_find(p.cluster, name), own) : NULL;
        _cleanup_(node_freep) Node *old = ask_member(c, members_find(p.cluster, k->leader), own);
        bool done = name && str_equal(text_of(leader, "role"), k->target) && is_running(leader) &&
                    (!k->demote || is_running(old));

        if (done)
                printf("%s cluster is successfully %sed\n", ctl_now(now, sizeof now), k->verb);
        else
                printf("%s cluster is unlocked: %s, leader role: %s, leader state: '%s'\n",
                       ctl_now(now, sizeof now), name ? "False" : "True", text_of(leader, "role"),
                       text_of(leader, "state"));
        fflush(stdout);
        picture_done(&p);
        return done;
}

static int await(Ctl *c, const Kind *k)
{
        const struct timespec rest = { .tv_sec = 1 };
        usec_t until = now_boottime() + CHANGED_WITHIN;
        char own[256];

        each_own_name(c, own, sizeof own);
        while (!look(c, k, own)) {
                if (now_boottime() >= until)
                        return ctl_fail("the cluster is not %sed yet; it goes on", k->verb);
                (void)nanosleep(&rest, NULL); /* cut short by a signal: sooner */
        }
        return CTL_DONE;
}

static int confirm(Ctl *c, const Kind *k, const char *scope)
{
        char question[256];

        snprintf(question, sizeof question, "Are you sure you want to %se %s cluster?", k->verb, scope);
        return ctl_has(c, OPTION_FORCE) || ctl_confirm(question)
                       ? CTL_DONE
                       : ctl_fail("Aborted cluster %sion", k->verb);
}

static int change(Ctl *c, Kind *k, const Picture *p)
{
        const char *leader = members_leader(p->cluster);
        char own[256];

        if (!leader)
                return ctl_fail("Cluster has no leader, %sion is not possible", k->verb);
        each_own_name(c, own, sizeof own);
        (void)STR_SET(k->leader, leader); /* a name that fits everywhere */
        _cleanup_(node_freep) Node *said = ask_member(c, members_find(p->cluster, leader), own);
        if (str_equal(text_of(said, "role"), k->target))
                return ctl_fail("Cluster is already in the required state");
        puts("Current cluster topology");
        ctl_print_members(c, p, stdout, false);
        fflush(stdout);
        int code = confirm(c, k, p->scope);
        if (code == CTL_DONE)
                code = patch(c, k, p->scope);
        return code == CTL_DONE ? await(c, k) : code;
}

static int run(Ctl *c, Kind *k)
{
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        code = change(c, k, &p);
        picture_done(&p);
        if (code == CTL_DONE && ctl_look(c, &p) == CTL_DONE) {
                ctl_print_members(c, &p, stdout, false);
                picture_done(&p);
        }
        return code;
}

int verb_demote_cluster(Ctl *c)
{
        if (!ctl_has(c, OPTION_HOST) && !ctl_has(c, OPTION_PORT) && !ctl_has(c, OPTION_RESTORE_COMMAND))
                return ctl_misuse(c, "At least --host, --port or --restore-command should be specified");
        return run(c, &(Kind){ .demote = true, .verb = "demot", .target = "standby_leader" });
}

int verb_promote_cluster(Ctl *c)
{
        return run(c, &(Kind){ .verb = "promot", .target = "primary" });
}
