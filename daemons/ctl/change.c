/* Who leads: switchover, failover. As patronictl asks and tells, but for exit codes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "ctl/ctl.h"
#include "ctl/members.h"
#include "ctl/screen.h"

#define ANSWER_WITHIN (160 * USEC_PER_SEC) /* the API's own patience, and a little */

typedef struct Change {
        bool failover;
        bool forced; /* ask nothing */
        const Picture *picture;
        const char *current;     /* who leads now; NULL: nobody */
        char leader[256];        /* who shall hand over */
        char candidate[256];     /* empty: whoever is best */
        char when[USEC_ISO_MAX]; /* empty: now */
} Change;

static const char *name_of(const Change *h)
{
        return h->failover ? "failover" : "switchover";
}

/* ---- what is asked for ---- */

static bool may_lead(const Change *h, const Node *member)
{
        const char *name = node_get_text(member, "name");

        return name && !(h->current && str_equal(name, h->current)) &&
               !node_get_bool(member, "tags.nofailover", false);
}

/* "Candidate ['n1', 'n3']". The number of candidates. */
static size_t put_candidates(const Change *h, char *buf, size_t size)
{
        size_t n = 0, len = (size_t)snprintf(buf, size, "Candidate [");

        NODE_FOREACH(m, node_get(h->picture->cluster, "members"))
        if (may_lead(h, m) && len < size)
                len += (size_t)snprintf(buf + len, size - len, "%s'%s'", n++ > 0 ? ", " : "",
                                        node_get_text(m, "name"));
        if (len < size)
                snprintf(buf + len, size - len, "]");
        return n;
}

static int choose_leader(const Ctl *c, Change *h)
{
        const char *given = c->values[OPTION_LEADER];
        const Node *m = h->current ? members_find(h->picture->cluster, h->current) : NULL;
        const char *role = node_get_text(m, "role");

        if (given)
                (void)STR_SET(h->leader, given); /* a name that is cut is no member's */
        else if (!h->current)
                return ctl_fail("This cluster has no leader");
        else if (h->forced)
                (void)STR_SET(h->leader, h->current);
        else if (!ctl_prompt(role && str_equal(role, "standby_leader") ? "Standby Leader"
                                                                       : "Primary",
                             h->current, h->leader, sizeof h->leader))
                return ctl_unanswered();
        if (!h->current || !str_equal(h->leader, h->current))
                return ctl_fail("Member %s is not the leader of cluster %s", h->leader,
                                h->picture->scope);
        return CTL_DONE;
}

static int choose_candidate(const Ctl *c, Change *h)
{
        const char *given = c->values[OPTION_CANDIDATE];
        char question[1024];

        if (put_candidates(h, question, sizeof question) == 0)
                return ctl_fail("No candidates found to %s to", name_of(h));
        if (given)
                (void)STR_SET(h->candidate, given);
        else if (!h->forced && !ctl_prompt(question, "", h->candidate, sizeof h->candidate))
                return ctl_unanswered();
        if (h->failover && !h->candidate[0])
                return ctl_fail("Failover could be performed only to a specific candidate");
        if (!h->candidate[0])
                return CTL_DONE;
        if (h->current && str_equal(h->candidate, h->current))
                return ctl_fail("Member %s is already the leader of cluster %s", h->candidate,
                                h->picture->scope);
        const Node *m = members_find(h->picture->cluster, h->candidate);
        if (!m || !may_lead(h, m))
                return ctl_fail("Member %s does not exist in cluster %s or is tagged as nofailover",
                                h->candidate, h->picture->scope);
        return CTL_DONE;
}

static int choose_time(const Ctl *c, Change *h)
{
        return ctl_ask_when(c, "switchover", h->forced,
                            node_get_bool(h->picture->cluster, "pause", false), h->when);
}

/* ---- is it meant? ---- */

static bool has_role(const Node *m, const char *role)
{
        const char *is = node_get_text(m, "role");

        return is && str_equal(is, role);
}

/* Others confirm each commit, the candidate does not: it may lack some. */
static bool would_lose_commits(const Change *h)
{
        const Node *candidate = members_find(h->picture->cluster, h->candidate);

        if (!h->failover || has_role(candidate, "sync_standby") ||
            has_role(candidate, "quorum_standby"))
                return false;
        NODE_FOREACH(m, node_get(h->picture->cluster, "members"))
        if (has_role(m, "sync_standby") || has_role(m, "quorum_standby"))
                return true;
        return false;
}

static int confirm(const Change *h)
{
        char question[1024], demoting[320] = "";

        if (h->forced)
                return CTL_DONE;
        if (would_lose_commits(h)) {
                snprintf(question, sizeof question,
                         "Are you sure you want to failover to the asynchronous node %s?",
                         h->candidate);
                if (!ctl_confirm(question))
                        return ctl_fail("Aborting failover");
        }
        if (h->current)
                snprintf(demoting, sizeof demoting, ", demoting current leader %s", h->current);
        if (h->when[0])
                snprintf(question, sizeof question,
                         "Are you sure you want to schedule switchover of cluster %s at %s%s?",
                         h->picture->scope, h->when, demoting);
        else
                snprintf(question, sizeof question, "Are you sure you want to %s cluster %s%s?",
                         name_of(h), h->picture->scope, demoting);
        if (ctl_confirm(question))
                return CTL_DONE;
        return ctl_fail("Aborting %s%s", h->when[0] ? "scheduled " : "", name_of(h));
}

/* ---- doing it ---- */

/* The caller frees it. NULL: out of memory. */
static char *make_body(const Change *h)
{
        _cleanup_(node_freep) Node *n = node_new(NODE_MAP);
        int r = n ? 0 : -1;

        if (r >= 0 && h->leader[0])
                r = node_put(n, "leader", node_new_string(h->leader));
        if (r >= 0 && h->candidate[0])
                r = node_put(n, "candidate", node_new_string(h->candidate));
        if (r >= 0 && h->when[0])
                r = node_put(n, "scheduled_at", node_new_string(h->when));
        return r < 0 ? NULL : json_format(n, JSON_COMPACT);
}

static void tell_failure(const Ctl *c, const Change *h, const Reply *r)
{
        const char *title = h->failover ? "Failover" : "Switchover";

        if (r->status != 0 && r->size > 0 && r->body[0] != '<')
                (void)ctl_fail("%s failed, details: %u, %s", title, r->status, r->body);
        else if (r->status != 0)
                (void)ctl_tell_reply(c, title, r);
        else
                (void)ctl_fail("%s: %s did not say how it ended (%s): it may still happen, see "
                               "list",
                               title, client_name(c->client), r->error);
}

static int perform(Ctl *c, const Change *h)
{
        char *body = make_body(h);
        Progress progress = progress_begin(h->failover ? "failing over" : "switching over", c->tty);
        const Call call = { .method = "POST",
                            .path = h->failover ? "/failover" : "/switchover",
                            .body = body,
                            .timeout = ANSWER_WITHIN,
                            .tick = progress_tick,
                            .userdata = &progress };
        char now[64];
        Reply r;
        Picture after;

        if (!body)
                return ctl_fail("out of memory");
        (void)client_call(c->client, &call, &r); /* the status tells */
        free(body);
        progress_end(&progress);
        bool done = r.status == 200 || r.status == 202;
        if (done)
                printf("%s %s\n", ctl_now(now, sizeof now), r.body);
        else
                tell_failure(c, h, &r);
        reply_done(&r);
        if (!done)
                return CTL_FAILED;
        if (ctl_look(c, &after) == CTL_DONE) {
                ctl_print_members(c, &after, stdout, false);
                picture_done(&after);
        }
        return CTL_DONE;
}

static int prepare(Ctl *c, Change *h)
{
        int code = h->failover ? CTL_DONE : choose_leader(c, h);

        if (code == CTL_DONE)
                code = choose_candidate(c, h);
        if (code == CTL_DONE && !h->failover)
                code = choose_time(c, h);
        return code == CTL_DONE ? confirm(h) : code;
}

static int change_leader(Ctl *c, bool failover)
{
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        Change h = { .failover = failover,
                     .forced = ctl_has(c, OPTION_FORCE),
                     .picture = &p,
                     .current = members_leader(p.cluster) };
        puts("Current cluster topology");
        ctl_print_members(c, &p, stdout, false);
        fflush(stdout);
        code = prepare(c, &h);
        if (code == CTL_DONE)
                code = perform(c, &h);
        picture_done(&p);
        return code;
}

int verb_switchover(Ctl *c)
{
        return change_leader(c, false);
}

int verb_failover(Ctl *c)
{
        return change_leader(c, true);
}
