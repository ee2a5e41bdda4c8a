/* What concerns this node alone: leave, join. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "ctl/members.h"
#include "ctl/screen.h"
#include "io/fdutil.h"

#define LOOK_EVERY (200 * USEC_PER_MSEC)
#define SILENCE_MAX                                                                                \
        (15 * USEC_PER_SEC) /* daemons are back within a second; this is another thing */
#define LEAVE_WITHIN  (110 * USEC_PER_SEC) /* less than the unit's TimeoutStopSec */
#define JOIN_WITHIN   (300 * USEC_PER_SEC)
#define ACCEPT_WITHIN (25 * USEC_PER_SEC) /* less than TimeoutStartSec */
#define ASK_EVERY     (2 * USEC_PER_SEC)

/* ---- waiting ---- */

typedef enum Wish { WISH_LEAVE, WISH_JOIN } Wish;

/* One wait until the node is as wished: it asks, looks, and asks again whoever forgot. */
typedef struct Wait {
        Ctl *c;
        Wish wish;
        Progress progress;
        bool accepted;
        usec_t asked;
        usec_t silent_since; /* 0: the daemons answer */
        char silence[320];   /* what is wrong, while they don't */
        char last[256];      /* told last */
        Node *status;
} Wait;

static void note_silence(Wait *w, const Reply *r)
{
        if (w->silent_since == 0)
                w->silent_since = now_boottime();
        if (r->status == 0)
                (void)STR_SET(w->silence, r->error);
        else if (r->size > 0 && r->body[0] != '<' && r->body[0] != '{')
                (void)STR_SET(w->silence, r->body);
        else
                snprintf(w->silence, sizeof w->silence, "it answered %u", r->status);
}

/* CTL_DONE: told; or not, but it may be later. Else it never will (told). */
static int ask(Wait *w)
{
        const Call call = { .method = "POST",
                            .path = w->wish == WISH_LEAVE ? "/leave" : "/join",
                            .tick = progress_tick,
                            .userdata = &w->progress };
        Reply r;
        int code = CTL_DONE;

        w->asked = now_boottime();
        (void)client_call(w->c->client, &call, &r); /* the status tells */
        if (r.status == 200 || r.status == 202) {
                w->accepted = true;
                w->silent_since = 0;
        } else if (r.status == 0 || r.status == 503) {
                note_silence(w, &r);
        } else {
                progress_end(&w->progress);
                code = r.status == 501 || r.status == 404 ? ctl_fail("%s is not kept by Palisade",
                                                                     client_name(w->c->client))
                                                          : ctl_tell_reply(w->c, call.path + 1, &r);
        }
        reply_done(&r);
        return code;
}

static void look(Wait *w)
{
        const Call call = { .path = "/palisade/status", .timeout = 3 * USEC_PER_SEC };
        static const Reply no_mind = { .error = "the deciding daemon (palisaded) is not there" };
        Reply r;

        w->status = node_free(w->status);
        if (client_call(w->c->client, &call, &r) >= 0 && r.status == 200)
                w->status = reply_node(&r);
        if (w->status && !node_get_bool(w->status, "mind", false))
                note_silence(w, &no_mind);
        else if (!w->status)
                note_silence(w, &r);
        else
                w->silent_since = 0;
        reply_done(&r);
}

static const char *text_of(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);

        return text ? text : "";
}

/*
 * PostgreSQL is stopped, that is noted for the time after a reboot, and the lock is not ours: of our
 * name it is another's where the name was taken.
 */
static bool has_left(const Node *status)
{
        bool taken = str_equal(text_of(status, "rule"), "name-taken-left");

        return node_get_bool(status, "left", false) && !node_get_bool(status, "leader", true) &&
               !node_get_bool(status, "postgres.may_run", true) &&
               (taken || !str_equal(text_of(status, "lock"), text_of(status, "name")));
}

static bool has_joined(const Node *status)
{
        return !node_get_bool(status, "left", false) && !node_get_bool(status, "leaving", false) &&
               str_equal(text_of(status, "postgres.state"), "running");
}

/* A mind that has just started knows nothing of what its predecessor was told. */
static bool has_forgotten(const Wait *w)
{
        bool away = node_get_bool(w->status, "leaving", false) ||
                    node_get_bool(w->status, "left", false);

        return !w->accepted ||
               (w->status && w->silent_since == 0 && away == (w->wish == WISH_JOIN));
}

static void tell(Wait *w)
{
        char text[256];

        if (w->silent_since != 0)
                snprintf(text, sizeof text, "waiting for the daemons: %.200s", w->silence);
        else if (w->status)
                snprintf(text, sizeof text, "%.160s (postgres: %.60s)",
                         text_of(w->status, "reason"), text_of(w->status, "postgres.state"));
        else
                return;
        if (w->c->tty) {
                progress_say(&w->progress, text);
        } else if (!str_equal(text, w->last)) {
                puts(text); /* the journal keeps each step once */
                fflush(stdout);
                (void)STR_SET(w->last, text);
        }
}

static int give_up_silent(Wait *w)
{
        progress_end(&w->progress);
        (void)ctl_fail("%s: %s", client_name(w->c->client), w->silence);
        if (w->wish == WISH_LEAVE)
                fputs("This node has not been seen to leave; PostgreSQL may still run here. If the "
                      "daemons do\n"
                      "not come back: systemctl status 'palisade*', and journalctl -u "
                      "'palisade*'.\n",
                      stderr);
        return CTL_FAILED;
}

static int give_up_late(Wait *w, usec_t timeout)
{
        const Node *s = w->status;

        progress_end(&w->progress);
        if (w->wish == WISH_JOIN)
                return ctl_fail("after %s postgres is not running yet (%s: %s). It goes on; see "
                                "'palisadectl explain'",
                                USEC_TEXT(timeout), text_of(s, "postgres.state"),
                                text_of(s, "reason"));
        return ctl_fail("after %s this node has not left: postgres is %s, the lock is %s (%s). It "
                        "goes on; see 'palisadectl explain'",
                        USEC_TEXT(timeout), text_of(s, "postgres.state"),
                        str_equal(text_of(s, "lock"), text_of(s, "name")) ? "ours" : "not ours",
                        text_of(s, "reason"));
}

/* Most of the wait, with the time running on. */
static void rest(Wait *w)
{
        const struct timespec t = { .tv_nsec = LOOK_EVERY / 2 * 1000 };

        for (int i = 0; i < 2; i++) {
                (void)nanosleep(&t, NULL); /* cut short is early, no more */
                progress_tick(&w->progress);
        }
}

/* CTL_DONE: the node is as wished, or, without is_so, the daemons have been told. */
static int wait_until(Wait *w, bool (*is_so)(const Node *), usec_t timeout)
{
        usec_t deadline = usec_add(now_boottime(), timeout);
        usec_t patience = is_so ? SILENCE_MAX : timeout; /* a unit may be earlier than the daemons */
        int code = ask(w);

        while (code == CTL_DONE) {
                if (!is_so && w->accepted)
                        break;
                look(w);
                if (is_so && w->silent_since == 0 && is_so(w->status))
                        break;
                usec_t now = now_boottime();
                if (w->silent_since != 0 && now >= usec_add(w->silent_since, patience))
                        return give_up_silent(w);
                if (now >= deadline)
                        return w->silent_since != 0 ? give_up_silent(w) : give_up_late(w, timeout);
                tell(w);
                rest(w);
                if (has_forgotten(w) && now >= usec_add(w->asked, ASK_EVERY))
                        code = ask(w);
        }
        progress_end(&w->progress);
        return code;
}

static int become(Ctl *c, Wish wish, bool (*is_so)(const Node *), usec_t fallback, Node **ret)
{
        usec_t timeout = fallback;
        Wait w = { .c = c, .wish = wish };

        if (ctl_has(c, OPTION_TIMEOUT) &&
            str_to_usec(c->values[OPTION_TIMEOUT], USEC_PER_SEC, &timeout) < 0)
                return ctl_misuse(c, "--timeout wants seconds");
        w.progress = progress_begin(wish == WISH_LEAVE ? "leaving" : "joining", c->tty);
        int code = wait_until(&w, is_so, timeout);
        *ret = w.status;
        return code;
}

/* ---- leave and join ---- */

int verb_leave(Ctl *c)
{
        _cleanup_(node_freep) Node *status = NULL;
        int code = become(c, WISH_LEAVE, has_left, LEAVE_WITHIN, &status);

        if (code != CTL_DONE)
                return code;
        const char *lock = node_get_text(status, "lock");
        printf("%s has left cluster %s: PostgreSQL is stopped, %s%s\n", text_of(status, "name"),
               text_of(status, "scope"), str_empty(lock) ? "nobody leads" : lock,
               str_empty(lock) ? "" : " leads");
        return CTL_DONE;
}

int verb_join(Ctl *c)
{
        _cleanup_(node_freep) Node *status = NULL;
        bool waits = !ctl_has(c, OPTION_NO_WAIT);
        int code = become(c, WISH_JOIN, waits ? has_joined : NULL,
                          waits ? JOIN_WITHIN : ACCEPT_WITHIN, &status);

        if (code != CTL_DONE)
                return code;
        if (waits)
                printf("%s has joined cluster %s: PostgreSQL runs as %s\n", text_of(status, "name"),
                       text_of(status, "scope"), text_of(node_get(status, "postgres"), "role"));
        else
                puts("joining");
        return CTL_DONE;
}
