/* pause and resume: the key `pause` of the dynamic configuration, and who has noticed. */
#include <stdio.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/members.h"
#include "ctl/screen.h"
#include "io/fdutil.h"

/* The node waits up to 50 s until every primary's deadlines are in force again. */
#define RESUME_WITHIN (65 * USEC_PER_SEC)
#define NOTICED_WITHIN (30 * USEC_PER_SEC)
#define LOOK_EVERY_NSEC 200000000

static bool is_paused(const Node *n)
{
        return node_get_bool(n, "pause", false);
}

static int patch(Ctl *c, bool pause)
{
        bool force = ctl_has(c, OPTION_FORCE);
        Progress progress = progress_begin(pause ? "pausing" : "resuming", c->tty);
        const Call call = {
                .method = "PATCH",
                .path = force ? "/config?force=true" : "/config",
                .body = pause ? "{\"pause\":true}" : "{\"pause\":null}",
                .timeout = RESUME_WITHIN,
                .tick = progress_tick,
                .userdata = &progress,
        };
        int code = CTL_DONE;
        Reply r;

        (void)client_call(c->client, &call, &r); /* the status tells */
        progress_end(&progress);
        if (r.status == 503 && r.size > 0 && r.body[0] != '<')
                code = ctl_fail("%s%s", r.body, pause ? "" : " (palisadectl resume --force)");
        else if (r.status != 200)
                code = ctl_tell_reply(c, pause ? "Cannot pause" : "Cannot resume", &r);
        reply_done(&r);
        return code;
}

/* How many members do not say so yet; the first one's name. */
static unsigned unaware(Ctl *c, const Node *cluster, bool pause, const char **ret_name)
{
        unsigned n = 0;

        NODE_FOREACH(m, node_get(cluster, "members"))
        {
                const char *url = node_get_text(m, "api_url");
                char base[512];
                Reply r;

                if (!url || !url_base(url, base, sizeof base))
                        continue;
                const Call call = { .base = base, .path = "/patroni", .timeout = 2 * USEC_PER_SEC };
                (void)client_call(c->client, &call, &r); /* the status tells */
                _cleanup_(node_freep) Node *said = reply_node(&r);
                if ((!said || is_paused(said) != pause) && n++ == 0)
                        *ret_name = node_get_text(m, "name");
                reply_done(&r);
        }
        return n;
}

static int await_all(Ctl *c, const Node *cluster, bool pause)
{
        usec_t deadline = now_boottime() + NOTICED_WITHIN;
        const struct timespec rest = { .tv_nsec = LOOK_EVERY_NSEC };
        const char *name = "";
        unsigned n;

        printf("'%s' request sent, waiting until it is recognized by all nodes\n",
               pause ? "pause" : "resume");
        fflush(stdout);
        while ((n = unaware(c, cluster, pause, &name)) > 0) {
                if (now_boottime() >= deadline)
                        return ctl_fail("%u member%s not noticed it yet, %s among them", n,
                                        n == 1 ? " has" : "s have", name);
                (void)nanosleep(&rest, NULL); /* cut short is early, no more */
        }
        return CTL_DONE;
}

static int set_pause(Ctl *c, bool pause)
{
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        if (is_paused(p.cluster) == pause)
                code = ctl_fail("Cluster is %s paused", pause ? "already" : "not");
        if (code == CTL_DONE)
                code = patch(c, pause);
        if (code == CTL_DONE && ctl_has(c, OPTION_WAIT))
                code = await_all(c, p.cluster, pause);
        if (code == CTL_DONE)
                printf("Success: cluster management is %s\n", pause ? "paused" : "resumed");
        picture_done(&p);
        return code;
}

int verb_pause(Ctl *c)
{
        return set_pause(c, true);
}

int verb_resume(Ctl *c)
{
        return set_pause(c, false);
}
