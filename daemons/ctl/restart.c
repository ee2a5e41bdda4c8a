/* Members one by one: restart, reload, and flush, which drops what is scheduled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "ctl/each.h"
#include "ctl/screen.h"
#include "io/fdutil.h"

#define RESTART_WITHIN (3600 * USEC_PER_SEC) /* the API's own patience */

static const char *name_of(const Node *member)
{
        const char *name = node_get_text(member, "name");

        return name ? name : "";
}

static const char *words_of(const Reply *r)
{
        return r->size > 0 && r->body[0] != '<' ? r->body : "";
}

/* ---- restart ---- */

typedef struct Restart {
        const Picture *picture;
        bool forced;
        char own[256];
        char when[USEC_ISO_MAX]; /* empty: now */
        char version[32];        /* empty: any */
        char any[256];           /* --any: this one alone */
} Restart;

static bool is_pending(const Node *member)
{
        return node_get_bool(member, "pending_restart", false);
}

/* What is scheduled asks for that when its time comes. */
static bool is_meant(const Ctl *c, const Restart *x, const Node *member)
{
        return each_is_chosen(c, x->picture, member) &&
               (!x->any[0] || str_equal(x->any, name_of(member))) &&
               (!ctl_has(c, OPTION_PENDING) || x->when[0] || is_pending(member));
}

static size_t count_meant(const Ctl *c, const Restart *x)
{
        size_t n = 0;

        NODE_FOREACH(m, node_get(x->picture->cluster, "members"))
        n += is_meant(c, x, m);
        return n;
}

/* One of them, by chance: whoever asks does not care which. */
static void choose_any(const Ctl *c, Restart *x)
{
        size_t chosen = (size_t)(now_boottime() / USEC_PER_MSEC) % count_meant(c, x);

        NODE_FOREACH(m, node_get(x->picture->cluster, "members"))
        if (is_meant(c, x, m) && chosen-- == 0) {
                (void)STR_SET(x->any, name_of(m)); /* a name that fits everywhere */
                return;
        }
}

static int choose_version(const Ctl *c, Restart *x)
{
        const char *given = c->values[OPTION_PG_VERSION];

        if (given)
                (void)STR_SET(x->version, given); /* one that is cut is refused by the node */
        else if (!x->forced &&
                 !ctl_prompt("Restart if the PostgreSQL version is less than provided (e.g. 9.5.2) ", "",
                             x->version, sizeof x->version))
                return ctl_unanswered();
        return CTL_DONE;
}

/* The caller frees it. NULL: out of memory. */
static char *make_body(const Ctl *c, const Restart *x)
{
        const char *timeout = c->values[OPTION_TIMEOUT];
        _cleanup_(node_freep) Node *n = node_new(NODE_MAP);
        int r = n ? 0 : -1;

        if (r >= 0 && x->when[0])
                r = node_put(n, "schedule", node_new_string(x->when));
        if (r >= 0 && x->version[0])
                r = node_put(n, "postgres_version", node_new_string(x->version));
        if (r >= 0 && timeout)
                r = node_put(n, "timeout", node_new_string(timeout));
        if (r >= 0 && ctl_has(c, OPTION_PENDING))
                r = node_put(n, "restart_pending", node_new_bool(true));
        return r < 0 ? NULL : json_format(n, JSON_COMPACT);
}

static void drop_scheduled(Ctl *c, const Restart *x, const Node *member)
{
        Call call = { .method = "DELETE", .path = "/restart" };
        Reply r;

        if (each_call(c, member, x->own, &call, &r) == CTL_DONE)
                reply_done(&r); /* the POST that follows tells if it stayed */
}

static int restart_member(Ctl *c, const Restart *x, const Node *member, const char *body)
{
        char what[320];
        Reply r;

        if (x->forced && x->when[0] && node_get(member, "scheduled_restart"))
                drop_scheduled(c, x, member);
        snprintf(what, sizeof what, "restarting %s", name_of(member));
        Progress progress = progress_begin(what, c->tty);
        Call call = { .method = "POST", .path = "/restart", .body = body, .timeout = RESTART_WITHIN,
                      .tick = progress_tick, .userdata = &progress };
        int code = each_call(c, member, x->own, &call, &r);
        progress_end(&progress);
        if (code != CTL_DONE)
                return code;
        if (r.status == 200)
                printf("Success: restart on member %s\n", name_of(member));
        else if (r.status == 202)
                printf("Success: restart scheduled on member %s\n", name_of(member));
        else if (r.status == 409)
                code = ctl_fail("another restart is already scheduled on member %s", name_of(member));
        else
                code = each_failed("restart", member, &r);
        fflush(stdout);
        reply_done(&r);
        return code;
}

static int restart_meant(Ctl *c, Restart *x)
{
        char *body = make_body(c, x);
        int code = CTL_DONE;

        if (!body)
                return ctl_fail("out of memory");
        each_own_name(c, x->own, sizeof x->own);
        NODE_FOREACH(m, node_get(x->picture->cluster, "members"))
        if (is_meant(c, x, m) && restart_member(c, x, m, body) != CTL_DONE)
                code = CTL_FAILED;
        free(body);
        return code;
}

static int prepare(Ctl *c, Restart *x)
{
        int code = each_check(c, x->picture);

        if (code == CTL_DONE)
                ctl_print_members(c, x->picture, stdout, false);
        fflush(stdout);
        if (code == CTL_DONE)
                code = ctl_ask_when(c, "restart", x->forced,
                                    node_get_bool(x->picture->cluster, "pause", false), x->when);
        if (code == CTL_DONE)
                code = each_confirm(c, x->picture, "restart");
        return code == CTL_DONE ? choose_version(c, x) : code;
}

int verb_restart(Ctl *c)
{
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        Restart x = { .picture = &p, .forced = ctl_has(c, OPTION_FORCE) };
        code = prepare(c, &x);
        if (code == CTL_DONE && count_meant(c, &x) == 0) {
                puts("No member has a pending restart");
        } else if (code == CTL_DONE) {
                if (ctl_has(c, OPTION_ANY))
                        choose_any(c, &x);
                code = restart_meant(c, &x);
        }
        picture_done(&p);
        return code;
}

/* ---- reload ---- */

static int reload_member(Ctl *c, const Node *member, const char *own)
{
        Call call = { .method = "POST", .path = "/reload" };
        Reply r;
        int code = each_call(c, member, own, &call, &r);

        if (code != CTL_DONE)
                return code;
        if (r.status == 202)
                printf("Reload request received for member %s\n", name_of(member));
        else if (r.status == 200)
                printf("No changes to apply on member %s\n", name_of(member));
        else
                code = each_failed("reload", member, &r);
        reply_done(&r);
        return code;
}

int verb_reload(Ctl *c)
{
        return each_do(c, "reload", reload_member);
}

/* ---- flush ---- */

static int flush_switchover(Ctl *c)
{
        const Call call = { .method = "DELETE", .path = "/switchover" };
        int code = CTL_DONE;
        Reply r;

        (void)client_call(c->client, &call, &r); /* the status tells */
        if (r.status == 200)
                printf("Success: %s\n", r.body);
        else if (r.status == 404)
                puts("No pending scheduled switchover");
        else
                code = ctl_tell_reply(c, "Cannot drop the switchover", &r);
        reply_done(&r);
        return code;
}

static int flush_restart(Ctl *c, const Node *member, const char *own)
{
        Call call = { .method = "DELETE", .path = "/restart" };
        Reply r;

        if (!node_get(member, "scheduled_restart")) {
                printf("No scheduled restart for member %s\n", name_of(member));
                return CTL_DONE;
        }
        int code = each_call(c, member, own, &call, &r);
        if (code != CTL_DONE)
                return code;
        if (r.status == 200)
                printf("Success: flush scheduled restart for member %s\n", name_of(member));
        else if (r.status == 404)
                printf("No scheduled restart for member %s\n", name_of(member));
        else
                code = ctl_fail("flush of the scheduled restart on member %s: %u %s", name_of(member),
                                r.status, r.status ? words_of(&r) : r.error);
        reply_done(&r);
        return code;
}

int verb_flush(Ctl *c)
{
        const char *what = c->words.n > 0 ? c->words.list[c->words.n - 1] : "";

        if (!str_equal(what, "switchover") && !str_equal(what, "restart"))
                return ctl_misuse(c, "flush what? A scheduled restart, or the scheduled switchover");
        c->words.n--; /* the others name the cluster and its members */
        return str_equal(what, "switchover") ? flush_switchover(c)
                                              : each_do(c, "delete scheduled restart of", flush_restart);
}
