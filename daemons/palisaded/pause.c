/*
 * Pause: standing permits, and the two steps that end them (DESIGN §2).
 *
 * A primary of a paused cluster has no deadline: it goes on whatever happens to the DCS or to us.
 * So that nobody takes over from one that cannot be seen, it says so first in a key of its own,
 * palisade/standing/NAME, and deletes it only after its deadlines are in force again. As long as
 * such a key of another member is there, nobody here bids.
 *
 * Resume writes palisade/resume; who stands arms its deadlines and deletes its key; when no such
 * key is left, the flag `pause` is cleared. A member that does not is named, and needs force.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define WRITE_WITHIN (3 * USEC_PER_SEC)
#define RESUME_LOOKS (200 * USEC_PER_MSEC)
/* Arming counts with the first renewal that pays for the watchdog: one ttl covers it. */
#define RESUME_EXTRA (3 * USEC_PER_SEC)
#define RESUME_MOST (50 * USEC_PER_SEC)

static bool is_on(const Palisaded *p)
{
        return p->cluster && p->cluster->settings.pause && !p->cluster->resuming;
}

static bool says_so(const Palisaded *p)
{
        return p->cluster && str_list_contains(p->cluster->standing, p->node.name);
}

bool pause_stands(const Palisaded *p)
{
        return is_on(p) && says_so(p) && !p->pause.ending;
}

/* Another member that may be a primary without a deadline; NULL: there is none. */
const char *pause_who_stands(const Palisaded *p, char *buf, size_t size)
{
        const char *list = p->cluster ? p->cluster->standing : "";

        while (str_list_next(&list, buf, size))
                if (!str_equal(buf, p->node.name))
                        return buf;
        return NULL;
}

/* ---- the key ---- */

static void on_answered(const MsgResult *r _unused_, void *userdata)
{
        Palisaded *p = userdata;

        p->pause.writing = false;
        palisaded_think(p);
}

static void on_written(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (r->outcome == OUTCOME_DONE)
                p->pause.ending = false;
        on_answered(r, p);
}

static void send_record(Palisaded *p, RecordKey key, const void *value, hands_answer_t answer,
                        void *userdata)
{
        duties_record(p, &(RecordOrder){ key, 0, RECORD_ANY_REVISION, value, WRITE_WITHIN }, answer,
                      userdata);
}

static void on_forgotten(const MsgResult *r _unused_, void *userdata _unused_)
{
}

static void write_standing(Palisaded *p, bool standing)
{
        StandingKey key = { .standing = standing, .epoch = p->authority.epoch };

        if (p->pause.writing || p->link.state != LINK_UP)
                return;
        (void)STR_SET(key.name, p->node.name); /* same size */
        p->pause.writing = true;
        if (!standing)
                p->pause.ending = true;
        send_record(p, RECORD_STANDING, &key, standing ? on_written : on_answered, p);
}

/* Every deadline of ours is in force, as the hands themselves say. */
static bool is_armed(const Palisaded *p)
{
        const Authority *a = &p->authority;

        return authority_is_permitted(a) && !a->permit.standing && p->fence.epoch == a->epoch && !p->fence.standing;
}

/* Whatever is started under our right would have no deadline. */
static bool would_have_none(const Palisaded *p)
{
        const Authority *a = &p->authority;

        return a->epoch != 0 && !a->revoked && a->permit.epoch == a->epoch && a->permit.standing;
}

void pause_run(Palisaded *p)
{
        FactPg pg = (FactPg)p->facts.value[FACT_PG];
        bool primary = fact_pg_acts(pg), stopped = !primary && pg != PG_STOPPING;

        if (!p->cluster || pg == PG_UNKNOWN || p->facts.value[FACT_HANDS] != HANDS_KNOWN)
                return;
        if (!says_so(p))
                p->pause.ending = false; /* it is done */
        else if (stopped)
                p->pause.ending = true;
        if (is_on(p) && primary && !pause_stands(p))
                write_standing(p, true);
        else if (says_so(p) && !(is_on(p) && primary) &&
                 (is_armed(p) || (stopped && !would_have_none(p))))
                write_standing(p, false);
        authority_stand(p);
}

/* ---- resume ---- */

static void set_resuming(Palisaded *p, bool wanted)
{
        ResumeKey key = { .wanted = wanted };

        (void)STR_SET(key.by, p->node.name); /* same size */
        send_record(p, RECORD_RESUME, &key, on_forgotten, NULL);
}

static void end_resume(Palisaded *p, unsigned http, const char *text)
{
        uint64_t seq = p->pause.request->h.seq;

        if (p->cluster->resuming || p->pause.resume == RESUME_ASKING)
                set_resuming(p, false);
        free(TAKE_PTR(p->pause.request));
        p->pause.resume = RESUME_FREE;
        timer_set(&p->pause.look, USEC_INFINITY);
        api_respond(p->api, seq, http, text);
}

static void on_config(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;

        if (p->pause.resume != RESUME_WRITING)
                return;
        switch ((Outcome)r->outcome) {
        case OUTCOME_DONE:
                if (!p->pause.request->force && p->cluster->standing[0]) { /* not seen before */
                        p->pause.resume = RESUME_ENDING;
                        timer_set(&p->pause.look, now_boottime() + RESUME_LOOKS);
                } else {
                        end_resume(p, 200, "");
                }
                break;
        case OUTCOME_REFUSED: end_resume(p, 409, r->text); break;
        case OUTCOME_UNKNOWN:
        case OUTCOME_MAX: end_resume(p, 503, "the DCS did not answer in time"); break;
        }
}

static void write_config(Palisaded *p)
{
        MsgRecord *m = api_config_record(p->pause.request);

        if (!m) {
                end_resume(p, 503, "out of memory");
                return;
        }
        p->pause.resume = RESUME_WRITING;
        (void)hands_request(p->hands, HAND_DCSD, &m->h, usec_sub(m->deadline, now_boottime()) + USEC_PER_SEC,
                            on_config, p);
        free(m);
}

/* A person knows that they are no primaries any more. */
static void forget_all(Palisaded *p)
{
        const char *list = p->cluster->standing;

        for (StandingKey key = { 0 }; str_list_next(&list, key.name, sizeof key.name);) {
                if (str_equal(key.name, p->node.name))
                        continue;
                log_event(LOG_WARNING, EVENT_PAUSE, FIELDS({ "PALISADE_MEMBER", key.name, 0 }),
                          "resume is forced: %s is taken to be no primary any more", key.name);
                send_record(p, RECORD_STANDING, &key, on_forgotten, NULL);
        }
}

void pause_resume(Palisaded *p, const MsgRequest *m)
{
        usec_t ttl = p->cluster ? p->cluster->settings.timing.ttl : 0;

        if (!p->cluster || p->link.state != LINK_UP) {
                api_respond(p->api, m->h.seq, 503, "the DCS is not accessible");
                return;
        }
        if (p->pause.resume != RESUME_FREE) {
                api_respond(p->api, m->h.seq, 503, "a resume is under way");
                return;
        }
        p->pause.request = malloc(m->h.size);
        if (!p->pause.request) {
                api_respond(p->api, m->h.seq, 503, "out of memory");
                return;
        }
        memcpy(p->pause.request, m, m->h.size);
        p->pause.resume = RESUME_ASKING;
        p->pause.deadline = now_boottime() + MIN(ttl + RESUME_EXTRA, RESUME_MOST);
        if (m->force)
                forget_all(p);
        if (m->force || !p->cluster->standing[0]) {
                write_config(p);
                return;
        }
        log_event(LOG_NOTICE, EVENT_PAUSE, NO_FIELDS,
                  "resuming: waiting until the deadlines of %s are in force again",
                  p->cluster->standing);
        set_resuming(p, true);
        timer_set(&p->pause.look, now_boottime() + RESUME_LOOKS);
}

void pause_on_look(Palisaded *p, usec_t now)
{
        bool over = p->pause.resume == RESUME_ENDING;
        char text[REASON_SIZE];

        if (p->pause.resume != RESUME_ASKING && !over)
                return;
        if (!p->cluster->standing[0]) {
                if (over)
                        end_resume(p, 200, "");
                else
                        write_config(p);
        } else if (now >= p->pause.deadline) {
                snprintf(text, sizeof text, over ? "the pause is over, but %.120s may still be a primary without a deadline"
                                                 : "the cluster stays paused: %.120s may still be a primary without a "
                                                   "deadline; make sure it is not, then force the resume",
                         p->cluster->standing);
                end_resume(p, 503, text);
        } else {
                timer_set(&p->pause.look, now + RESUME_LOOKS);
        }
}

/* Its writer is gone, and nobody else ends it. */
void pause_on_cluster(Palisaded *p)
{
        usec_t now = now_boottime(), most = p->cluster->settings.timing.ttl * 2 + RESUME_EXTRA;

        if (!p->cluster->resuming)
                p->pause.resuming_since = 0;
        else if (p->pause.resuming_since == 0)
                p->pause.resuming_since = now;
        else if (now > p->pause.resuming_since + most && p->pause.resume == RESUME_FREE)
                set_resuming(p, false);
        pause_on_look(p, now);
}
