/*
 * Failsafe mode: what this node has promised to a leader that the DCS cannot see, and, when it leads
 * itself, the asking of the others. The rules are lib/decide/failsafe.h's.
 *
 * A promise must outlive the mind that gave it, so it is a file under /run before it is answered.
 * A restart of the host loses it. How long the longest promise is stands in the state directory: a mind that
 * finds none keeps quiet for that long, or for one ttl if that is longer.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ASK_MOST (2 * USEC_PER_SEC)

/* ---- the file ---- */

/* "until leader", of CLOCK_BOOTTIME: neither outlives a boot. */
static bool parse_promise(char *text, Promise *ret)
{
        char *space = strchr(text, ' ');
        uint64_t until;

        text[strcspn(text, "\n")] = 0;
        if (!space)
                return false;
        *space = 0;
        if (str_to_u64(text, &until) < 0 || !STR_SET(ret->leader, space + 1))
                return false;
        ret->until = until;
        return true;
}

static void load_length(Failsafe *f)
{
        char *text = NULL;
        int r = read_file_at(AT_FDCWD, f->length_path, 32, &text, NULL);

        if (r >= 0) {
                text[strcspn(text, "\n")] = 0;
                r = str_to_u64(text, &f->length);
        }
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s does not tell how long promises were, and is ignored: %m", f->length_path);
        free(text);
}

void failsafe_load(Palisaded *p, const char *runtime)
{
        const char *own = getenv("RUNTIME_DIRECTORY"), *state = getenv("STATE_DIRECTORY"); /* our unit's */
        char *text = NULL;
        Failsafe *f = &p->failsafe;

        snprintf(f->path, sizeof f->path, "%s/%s.promise", own ? own : runtime, p->cluster_name);
        snprintf(f->length_path, sizeof f->length_path, "%s/%s.promised", state ? state : runtime, p->cluster_name);
        f->started = now_boottime();
        load_length(f);
        int r = read_file_at(AT_FDCWD, f->path, NAME_SIZE + 32, &text, NULL);
        if (r >= 0)
                f->known = parse_promise(text, &f->kept);
        if (!f->known && r != -ENOENT)
                log_warning("%s is no promise of ours, and is ignored", f->path);
        if (!f->known)
                f->kept = (Promise){ .until = f->length != 0 ? usec_add(f->started, f->length) : 0 };
        free(text);
}

static int store(const Failsafe *f, const Promise *promise)
{
        char text[NAME_SIZE + 32];
        int n = snprintf(text, sizeof text, "%" PRIu64 " %s\n", promise->until, promise->leader);

        return write_file_atomic(f->path, text, (size_t)n, 0600);
}

/* Before a promise of that length is given; 0: none holds any more. */
static int store_length(Failsafe *f, usec_t length)
{
        char text[32];
        int n = snprintf(text, sizeof text, "%" PRIu64 "\n", length);
        int r = write_file_atomic(f->length_path, text, (size_t)n, 0600);

        if (r >= 0)
                f->length = length;
        return r;
}

/* ---- as a member ---- */

/* The first time failsafe mode is seen on: what an earlier run has promised is not known. */
void failsafe_on_cluster(Palisaded *p)
{
        const Settings *s = &p->cluster->settings;
        Failsafe *f = &p->failsafe;

        if (f->length != 0 && now_boottime() >= f->kept.until)
                (void)store_length(f, 0); /* if not, the next start is quiet for longer than it need be */
        if (!s->failsafe_mode || f->known)
                return;
        Promise quiet = failsafe_promise(&f->kept, "", f->started, s->timing.ttl);
        int r = store(f, &quiet);
        if (r < 0) {
                log_warning_errno(r, "Cannot keep promises in %s, so this node bids for nothing: %m",
                                  f->path);
                return;
        }
        f->kept = quiet;
        f->known = true;
}

const char *failsafe_barred(const Palisaded *p, usec_t now)
{
        const Failsafe *f = &p->failsafe;

        return p->cluster ? failsafe_bar(p->cluster, p->node.name, &f->kept, f->known, now) : NULL;
}

static bool acts(const Palisaded *p)
{
        FactPg pg = (FactPg)p->facts.value[FACT_PG];

        return p->authority.epoch != 0 || p->authority.bidding || !p->known[HAND_PGD] ||
               pg == PG_UNKNOWN || fact_pg_acts(pg);
}

/* As if the leader had written them to /status: pgd moves our own slots there. */
static void take_slots(Palisaded *p, const MsgRequest *m)
{
        StatusKey *status = &p->snapshot->cluster.status;
        StatusKey told;

        if (m->blob_size != sizeof told || !str_equal(m->leader, p->cluster->leader.name))
                return;
        memcpy(&told, m->blob, sizeof told);
        status->n_slots = told.n_slots;
        memcpy(status->slots, told.slots, sizeof told.slots);
        hands_send(p->hands, HAND_PGD, &p->snapshot->h);
}

void failsafe_request(Palisaded *p, const MsgRequest *m)
{
        usec_t now = now_boottime();
        Failsafe *f = &p->failsafe;

        switch (failsafe_answer(p->cluster, acts(p))) {
        case FAILSAFE_IS_OFF: api_respond(p->api, m->h.seq, 502, ""); return;
        case FAILSAFE_LEADS_ITSELF:
                api_respond(p->api, m->h.seq, 500, "Running as a leader");
                return;
        case FAILSAFE_ACCEPTED: break;
        }
        bool is_new = now >= f->kept.until || !str_equal(f->kept.leader, m->leader);
        /* Its ttl may be an older one: it cannot see that another is configured now. */
        usec_t ttl = MAX(p->cluster->settings.timing.ttl, m->timing.ttl);
        Promise promise = failsafe_promise(&f->kept, m->leader, now, ttl);
        int r = ttl > f->length ? store_length(f, ttl) : 0;
        if (r >= 0)
                r = store(f, &promise);
        if (r < 0) {
                log_warning_errno(r, "Cannot store a promise in %s or %s, so none is given: %m", f->path,
                                  f->length_path);
                api_respond(p->api, m->h.seq, 500, "the promise could not be stored");
                return;
        }
        f->kept = promise;
        f->known = true;
        if (is_new)
                log_event(LOG_NOTICE, EVENT_FAILSAFE, FIELDS({ "PALISADE_LEADER", m->leader, 0 }),
                          "promised %s, whom the DCS cannot see, not to bid until it is silent "
                          "for %s (failsafe mode)",
                          m->leader, USEC_TEXT(ttl));
        api_respond(p->api, m->h.seq, 200, "Accepted");
        take_slots(p, m);
        palisaded_think(p);
}

/* ---- as the leader ---- */

static void on_asked(const MsgResult *r, void *userdata)
{
        Palisaded *p = userdata;
        Failsafe *f = &p->failsafe;

        const char *text = r->outcome == OUTCOME_DONE ? ""
                           : r->text[0]               ? r->text
                                                      : "the members did not answer in time";

        f->asking = false;
        if (text[0] && !str_equal(f->told, text))
                log_event(LOG_WARNING, EVENT_FAILSAFE, NO_FIELDS,
                          "the DCS does not answer and failsafe mode does not help: %s", text);
        (void)STR_SET(f->told, text); /* same size; done: LEASE came before */
}

void failsafe_tick(Palisaded *p, usec_t now)
{
        const Authority *a = &p->authority;
        FactPg pg = (FactPg)p->facts.value[FACT_PG];
        Failsafe *f = &p->failsafe;
        static MsgAskFailsafe m; /* too large for the stack of every call */
        PermitInput in = authority_input(p);
        PermitTerms terms = permit_terms(&in);

        if (f->asking || !p->cluster || !p->cluster->settings.failsafe_mode || a->revoked ||
            !authority_is_permitted(a) || now >= a->permit.deadline ||
            (pg != PG_PRIMARY && pg != PG_ADOPTED) ||
            !failsafe_is_due(a->lease.sent, terms.interval, now))
                return;
        m = WIRE_INIT(MsgAskFailsafe, MSG_ASK_FAILSAFE);
        m.epoch = a->epoch;
        duties_status(p, &m.status);
        m.ttl = in.timing.ttl;
        m.deadline = now + MIN(ASK_MOST, terms.interval);
        f->asking = true;
        (void)hands_request(p->hands, HAND_DCSD, &m.h, m.deadline - now + USEC_PER_SEC, on_asked, p);
}

bool failsafe_leads(const Palisaded *p, usec_t now)
{
        const Authority *a = &p->authority;

        return authority_is_permitted(a) && now < a->permit.deadline && a->lease.epoch == a->epoch &&
               a->lease.kind == LEASE_FAILSAFE;
}

/* For the API: by promise instead of by key, as leader or as member. */
bool failsafe_is_active(const Palisaded *p, usec_t now)
{
        return failsafe_leads(p, now) ||
               (now < p->failsafe.kept.until && p->failsafe.kept.leader[0]);
}
