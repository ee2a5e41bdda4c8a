/* Why this node is what it is: the facts, the rule, what one other fact would change, the chain. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/palisaded.h"

typedef struct Out {
        const Palisaded *p;
        uint64_t seq;
        usec_t now;
} Out;

static void row(const Out *o, const char *section, const char *key, const char *value,
                const char *note)
{
        MsgRow m = WIRE_INIT(MsgRow, MSG_ROW);

        m.h.seq = o->seq;
        (void)STR_SET(m.section, section); /* our own short texts; a reason may be cut */
        (void)STR_SET(m.key, key);
        (void)STR_SET(m.value, value);
        (void)STR_SET(m.note, note);
        hands_send(o->p->hands, HAND_APID, &m.h);
}

static void say(const Out *o, const char *section, const char *key, const char *format, ...)
        _printf_(4, 5);
static void say(const Out *o, const char *section, const char *key, const char *format, ...)
{
        char value[REASON_SIZE];
        va_list ap;

        va_start(ap, format);
        vsnprintf(value, sizeof value, format, ap);
        va_end(ap);
        row(o, section, key, value, "");
}

static void rows_decision(const Out *o)
{
        const Decision *d = &o->p->decision;

        row(o, "decision", "rule", d->rule->name, d->rule->reason);
        say(o, "decision", "intent", "%s", intent_to_string(d->intent));
        say(o, "decision", "since", "%s", USEC_TEXT(usec_sub(o->now, o->p->rule_since)));
        if (o->p->race.reason[0])
                say(o, "decision", "race", "%s", o->p->race.reason);
}

static void rows_facts(const Out *o)
{
        for (int i = 0; i < FACT_COUNT; i++)
                say(o, "facts", fact_name((FactId)i), "%s",
                    fact_value_name((FactId)i, o->p->facts.value[i]));
}

/* Each fact changed alone, to each of its other values: which other rule would fire. */
static void rows_changes(const Out *o)
{
        for (int i = 0; i < FACT_COUNT; i++)
                for (unsigned v = 1; v < fact_max((FactId)i); v++) {
                        Facts f = o->p->facts;
                        char key[64];
                        if (f.value[i] == v)
                                continue;
                        f.value[i] = (uint8_t)v;
                        Decision d = decide(&f);
                        if (d.rule == o->p->decision.rule)
                                continue;
                        snprintf(key, sizeof key, "%s = %s", fact_name((FactId)i),
                                 fact_value_name((FactId)i, v));
                        row(o, "changes", key, intent_to_string(d.intent), d.rule->name);
                }
}

static void left(const Out *o, const char *key, usec_t until, const char *note)
{
        char value[REASON_SIZE];

        if (until == 0)
                snprintf(value, sizeof value, "-");
        else if (until == USEC_INFINITY)
                snprintf(value, sizeof value, "no limit");
        else if (until <= o->now)
                snprintf(value, sizeof value, "over");
        else
                snprintf(value, sizeof value, "%s", USEC_TEXT(until - o->now));
        row(o, "chain", key, value, note);
}

static void rows_chain(const Out *o)
{
        const Palisaded *p = o->p;
        const Authority *a = &p->authority;
        PermitInput in = authority_input(p);
        PermitTerms t = permit_terms(&in);
        char note[REASON_SIZE];

        if (a->epoch == 0) {
                const char *bar = palisaded_bar(p);
                row(o, "chain", "lock", "not ours", bar ? bar : "");
                if (o->now < p->failsafe.kept.until)
                        left(o, "promise", p->failsafe.kept.until, p->failsafe.kept.leader);
                return;
        }
        say(o, "chain", "epoch", "%" PRIu64, a->epoch);
        left(o, "lease", a->lease.sent + a->lease.ttl,
             a->lease.kind == LEASE_FAILSAFE ? "promised by every member (failsafe mode)"
                                             : "then another node may hold the lock");
        if (authority_is_standby(p)) {
                row(o, "chain", "permit", "none", "a standby leader never acts as primary");
                left(o, "API", a->standby_until, "until then /leader and /standby-leader answer 200");
                return;
        }
        if (a->permit.standing) {
                row(o, "chain", "permit", "no limit", "paused: nothing below is enforced");
                return;
        }
        snprintf(note, sizeof note, "ttl %s less %s for the watchdog, %s margin",
                 USEC_TEXT(in.timing.ttl), USEC_TEXT(in.watchdog), USEC_TEXT(t.margin));
        left(o, "permit", a->permit.deadline, note);
        snprintf(note, sizeof note, "renewed every %s", USEC_TEXT(t.interval));
        left(o, "postgres fast stop", usec_sub(a->permit.deadline, 2 * a->permit.stop_budget), note);
        left(o, "postgres kill", a->permit.deadline, "by pgd, and by fenced for itself");
        for (uint32_t i = 0; i < p->fence.n_vips; i++) {
                const VipState *v = &p->fence.vips[i];
                if (v->vip.name[0])
                        continue;
                int n = snprintf(note, sizeof note, "virtual IP %s%s%s%s", v->vip.address,
                                 v->present ? "" : " is not here", v->reason[0] ? ": " : "",
                                 v->reason);
                if (v->present && v->limit != 0 && v->limit < a->permit.deadline && n > 0 &&
                    (size_t)n < sizeof note)
                        snprintf(note + n, sizeof note - (size_t)n,
                                 "; the kernel may remove it %s before the permit's end",
                                 USEC_TEXT(a->permit.deadline - v->limit));
                left(o, "address", v->present ? v->until : 0, note);
        }
        for (uint32_t i = 0; i < p->node.n_vips; i++) {
                const Member *owner = orders_vip_owner(p, &p->node.vips[i]);
                snprintf(note, sizeof note, "virtual IP %s is member %s's own address",
                         p->node.vips[i].address, owner ? owner->name : "");
                if (owner)
                        row(o, "chain", "address", "refused", note);
        }
        if (p->fence.gate == GATE_OPEN || p->fence.gate == GATE_SHUT)
                left(o, "gate", p->fence.gate == GATE_SHUT ? o->now : a->permit.deadline,
                     "then the kernel drops what leaves postgres's sockets");
        else
                row(o, "chain", "gate", gate_state_to_string((GateState)p->fence.gate),
                    p->fence.gate_reason);
        for (uint32_t i = 0; i < p->fence.n_also; i++) {
                const UnitState *u = &p->fence.also[i];
                snprintf(note, sizeof note, "%s%s%s", u->unit.name, u->reason[0] ? ": " : "",
                         u->reason);
                if (u->gate == GATE_OPEN || u->gate == GATE_SHUT)
                        left(o, "gate", u->gate == GATE_SHUT ? o->now : a->permit.deadline, note);
                else
                        row(o, "chain", "gate",
                            u->gate == GATE_UNKNOWN ? "-" : gate_state_to_string((GateState)u->gate),
                            note);
        }
        if (p->watchdog.armed != TRI_YES) {
                row(o, "chain", "watchdog", "not armed", p->watchdog.reason);
                return;
        }
        snprintf(note, sizeof note, "%s (%s) resets the host %s after the last pet%s%s",
                 p->watchdog.device, p->watchdog.identity, USEC_TEXT(p->watchdog.fires),
                 p->watchdog.reason[0] ? "; " : "", p->watchdog.reason);
        left(o, "watchdog", usec_add(p->watchdog.last_pet, p->watchdog.fires), note);
}

/* Why this host went down the last time, as far as its watchdog knows. */
static void rows_boot(const Out *o)
{
        if (o->p->watchdog.boot_cause[0])
                say(o, "boot", "cause", "%s", o->p->watchdog.boot_cause);
}

/* Those for a replica, wherever they are. */
static void rows_addresses(const Out *o)
{
        const Palisaded *p = o->p;

        for (uint32_t i = 0; i < p->fence.n_vips; i++) {
                const VipState *v = &p->fence.vips[i];
                const char *holder = "nobody";
                for (uint32_t k = 0; p->cluster && k < p->cluster->n_vips; k++)
                        if (str_equal(p->cluster->vips[k].name, v->vip.name))
                                holder = p->cluster->vips[k].holder;
                if (!v->vip.name[0])
                        continue;
                if (v->present)
                        say(o, "addresses", v->vip.name, "%s, held here for another %s",
                            v->vip.address, USEC_TEXT(usec_sub(v->until, o->now)));
                else
                        say(o, "addresses", v->vip.name, "%s, held by %s%s%s", v->vip.address, holder,
                            v->reason[0] ? "; here: " : "", v->reason);
        }
}

static void rows_hands(const Out *o)
{
        for (int i = 0; i < HAND_COUNT; i++) {
                usec_t lost = hands_lost_since(o->p->hands, (HandId)i);
                if (lost)
                        say(o, "hands", hand_name((HandId)i), "away for %s",
                            USEC_TEXT(usec_sub(o->now, lost)));
                else
                        say(o, "hands", hand_name((HandId)i), "connected");
        }
        say(o, "hands", "dcs", "%s%s%s", link_state_to_string((LinkState)o->p->link.state),
            o->p->link.reason[0] ? ": " : "", o->p->link.reason);
        say(o, "hands", "endpoint", "%s", o->p->link.endpoint);
}

void explain_rows(const Palisaded *p, uint64_t seq)
{
        Out o = { p, seq, now_boottime() };

        rows_decision(&o);
        rows_facts(&o);
        rows_changes(&o);
        rows_chain(&o);
        rows_addresses(&o);
        rows_boot(&o);
        rows_hands(&o);
}
