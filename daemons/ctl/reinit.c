/* reinit: replicas whose data is made anew from the leader, one by one. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/each.h"
#include "ctl/screen.h"
#include "io/fdutil.h"

#define LOOK_EVERY_SEC 2
#define CREATING "creating replica" /* Patroni's word for the state */

static const char *name_of(const Node *member)
{
        const char *name = node_get_text(member, "name");

        return name ? name : "";
}

static bool is_busy(const Reply *r)
{
        static const char end[] = " already in progress";
        size_t n = sizeof end - 1;

        return r->size >= n && str_equal(r->body + r->size - n, end);
}

static int call_member(Ctl *c, const Node *member, const char *own, bool force, Reply *ret)
{
        char body[64];

        snprintf(body, sizeof body, "{\"force\": %s%s}", force ? "true" : "false",
                 ctl_has(c, OPTION_FROM_LEADER) ? ", \"from_leader\": true" : "");
        Call call = { .method = "POST", .path = "/reinitialize", .body = body };
        return each_call(c, member, own, &call, ret);
}

/* What is under way there may be given up for it, if somebody says so. */
static int reinit_member(Ctl *c, const Node *member, const char *own)
{
        bool force = ctl_has(c, OPTION_FORCE), again = true;
        int code = CTL_FAILED;

        while (again) {
                Reply r;
                code = call_member(c, member, own, force, &r);
                if (code != CTL_DONE)
                        return code;
                if (r.status == 200)
                        printf("Success: reinitialize for member %s\n", name_of(member));
                else
                        code = each_failed("reinitialize", member, &r);
                fflush(stdout);
                again = r.status != 200 && !force && is_busy(&r) &&
                        ctl_confirm("Do you want to cancel it and reinitialize anyway?");
                force = again;
                reply_done(&r);
        }
        return code;
}

/* The member is at it still, and how far; one that does not answer is asked again. */
static bool is_creating(Ctl *c, const Node *member, const char *own, char *buf, size_t size)
{
        Call call = { .path = "/patroni", .timeout = 2 * USEC_PER_SEC };
        Reply r;

        if (each_call(c, member, own, &call, &r) != CTL_DONE)
                return false; /* told */
        _cleanup_(node_freep) Node *said = reply_node(&r);
        const char *state = node_get_text(said, "state");
        const char *percent = node_get_text(said, "progress.percent");
        reply_done(&r);
        snprintf(buf, size, "%s: %s%s%s", name_of(member), state ? state : "no answer",
                 percent ? ", " : "", percent ? percent : "");
        if (percent)
                strncat(buf, " %", size - strlen(buf) - 1);
        return !state || str_equal(state, CREATING);
}

static int await_members(Ctl *c, const Node *const *begun, size_t n, const char *own)
{
        const struct timespec rest = { .tv_sec = LOOK_EVERY_SEC };
        char text[256] = "";

        printf("Waiting for reinitialize to complete on:");
        for (size_t i = 0; i < n; i++)
                printf("%s %s", i > 0 ? "," : "", name_of(begun[i]));
        puts("");
        fflush(stdout);
        for (size_t i = 0; i < n; i++) {
                Progress progress = progress_begin(name_of(begun[i]), c->tty);
                do {
                        (void)nanosleep(&rest, NULL); /* cut short by a signal: sooner */
                        progress_say(&progress, text[0] ? text : name_of(begun[i]));
                } while (is_creating(c, begun[i], own, text, sizeof text));
                progress_end(&progress);
                printf("Reinitialize is completed on: %s\n", name_of(begun[i]));
                fflush(stdout);
        }
        return CTL_DONE;
}

static int reinit_chosen(Ctl *c, const Picture *p)
{
        const Node *begun[CTL_WORDS_MAX];
        size_t n = 0;
        char own[256];
        int code = CTL_DONE;

        each_own_name(c, own, sizeof own);
        NODE_FOREACH(m, node_get(p->cluster, "members")) {
                if (!each_is_chosen(c, p, m))
                        continue;
                if (reinit_member(c, m, own) != CTL_DONE)
                        code = CTL_FAILED;
                else if (n < CTL_WORDS_MAX)
                        begun[n++] = m;
        }
        return n > 0 && ctl_has(c, OPTION_WAIT) && await_members(c, begun, n, own) != CTL_DONE
                       ? CTL_FAILED
                       : code;
}

/* Nobody's data goes because a name was left out. */
static int name_one(Ctl *c, const Picture *p, char *buf, size_t size)
{
        char question[1024] = "Which member do you want to reinitialize [";
        size_t n = 0;

        for (size_t i = 0; i < c->words.n; i++)
                if (members_find(p->cluster, c->words.list[i]) || !str_equal(c->words.list[i], p->scope))
                        return CTL_DONE;
        if (ctl_has(c, OPTION_FORCE))
                return ctl_misuse(c, "which member? With --force its name must be given");
        NODE_FOREACH(m, node_get(p->cluster, "members"))
        if (each_is_chosen(c, p, m)) {
                size_t used = strlen(question);
                snprintf(question + used, sizeof question - used, "%s%s", n++ > 0 ? ", " : "",
                         name_of(m));
        }
        strncat(question, "]? ", sizeof question - strlen(question) - 1);
        if (!ctl_prompt(question, "", buf, size))
                return ctl_unanswered();
        if (!members_find(p->cluster, buf))
                return ctl_fail("%s is not a member of cluster %s", buf, p->scope);
        c->words.list[0] = buf;
        c->words.n = 1;
        return CTL_DONE;
}

int verb_reinit(Ctl *c)
{
        char name[256];
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        c->values[OPTION_ROLE] = "replica";
        ctl_print_members(c, &p, stdout, false);
        fflush(stdout);
        code = name_one(c, &p, name, sizeof name);
        if (code == CTL_DONE)
                code = each_check(c, &p);
        if (code == CTL_DONE)
                code = each_confirm(c, &p, "reinitialize");
        if (code == CTL_DONE)
                code = reinit_chosen(c, &p);
        picture_done(&p);
        return code;
}
