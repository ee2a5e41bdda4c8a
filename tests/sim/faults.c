/* What goes wrong, and what people do. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/errors.h"
#include "tests/sim/sim.h"

/* ---- operators ---- */

static Host *some_host(void)
{
        for (int i = 0; i < 20; i++) {
                Host *h = &world->hosts[sim_below((uint64_t)world->n_hosts)];
                if (h->powered && h->programs[PROGRAM_MIND].up)
                        return h;
        }
        return NULL;
}

/* later: not at once, but so much later by that host's wall clock. */
static void request_later(Host *h, RequestKind kind, const char *leader, const char *candidate,
                          const Settings *settings, uint64_t later)
{
        MsgRequest *m = calloc(1, sizeof *m + 16);
        char text[16] = "";

        if (settings) {
                uint32_t i = 1 + world->n_settings++ % (ELEMENTSOF(world->settings) - 1);
                world->settings[i] = *settings;
                world->newest = i;
                snprintf(text, sizeof text, "S%u", i);
        }
        wire_header(&m->h, MSG_REQUEST, sizeof *m + strlen(text));
        m->kind = kind;
        m->revision = RECORD_ANY_REVISION;
        m->blob_size = (uint32_t)strlen(text);
        memcpy(m->blob, text, strlen(text));
        (void)STR_SET(m->leader, leader);
        (void)STR_SET(m->candidate, candidate);
        if (h && later)
                m->scheduled_wall_usec = m->restart.scheduled_wall_usec = host_wall(h) + later;
        if (h)
                apid_request(h, m, request_to_string(kind));
        free(m);
}

static void request(Host *h, RequestKind kind, const char *leader, const char *candidate,
                    const Settings *settings)
{
        request_later(h, kind, leader, candidate, settings, 0);
}

static void ask_pause(bool pause)
{
        Settings s = settings_now();

        world->want_pause = pause;
        s.pause = pause;
        request(some_host(), pause ? REQUEST_CONFIG : REQUEST_RESUME, "", "", &s);
}

static void ask_standby(bool standby)
{
        Settings s = settings_now();

        world->want_standby = s.standby_cluster = standby;
        if (standby)
                s.synchronous_mode = SYNC_MODE_OFF; /* as settings_read() has it */
        else
                s.synchronous_mode = world->schedule->sync ? SYNC_MODE_ON : SYNC_MODE_OFF;
        request(some_host(), REQUEST_CONFIG, "", "", &s);
}

static void ask_join(Host *h)
{
        h->ask_join = world->now + 5 * SEC;
        request(h, REQUEST_JOIN, "", "", NULL);
}

/* Who wanted a node to join, the pause, or the standby cluster, to end asks again until it has. */
void operators_look(void)
{
        for (int i = 0; i < world->n_hosts; i++)
                if (world->hosts[i].ask_join != 0 && world->now >= world->hosts[i].ask_join)
                        ask_join(&world->hosts[i]);
        if (!world->want_standby && settings_now().standby_cluster && !settings_now().pause &&
            world->now > world->asked + 60 * SEC) {
                world->asked = world->now;
                ask_standby(false);
                return;
        }
        if (!world->want_pause && settings_now().pause && world->now > world->asked + 60 * SEC) {
                world->asked = world->now;
                ask_pause(false);
        }
}

static void on_end_of_standby(Event *e _unused_)
{
        ask_standby(false);
}

static void on_end_of_pause(Event *e _unused_)
{
        ask_pause(false);
}

static void ask_switchover(const Fault *f)
{
        const Key *k = etcd_key(PREFIX "leader");
        char candidate[8] = "";

        if (!k)
                return;
        if (f->a)
                snprintf(candidate, sizeof candidate, "n%d", (int)((f->a - 1) % (uint64_t)world->n_hosts));
        request_later(some_host(), REQUEST_SWITCHOVER, k->value, candidate, NULL, f->b * MSEC);
}

static void on_change_of_mind(Event *e _unused_)
{
        request(some_host(), REQUEST_CANCEL_SWITCHOVER, "", "", NULL);
}

/* ---- carrying out ---- */

typedef struct Undo {
        FaultKind kind;
        Host *host;
        uint64_t a;
} Undo;

static void undo(Undo *u)
{
        Host *h = u->host;

        switch ((int)u->kind) {
        case FAULT_CUT_ETCD:
                for (int i = 0; i < ETCD_MEMBERS; i++) {
                        h->to_etcd[i] = u->a & 1 ? false : h->to_etcd[i];
                        h->from_etcd[i] = u->a & 2 ? false : h->from_etcd[i];
                }
                break;
        case FAULT_CUT_ENDPOINT:
                if (u->a & 1)
                        h->to_etcd[u->a >> 4] = false;
                if (u->a & 2)
                        h->from_etcd[u->a >> 4] = false;
                break;
        case FAULT_CUT_HOST: h->to_host[u->a] = false; break;
        case FAULT_ISOLATE:
                memset(h->to_etcd, 0, sizeof h->to_etcd);
                memset(h->from_etcd, 0, sizeof h->from_etcd);
                for (int i = 0; i < world->n_hosts; i++)
                        h->to_host[i] = world->hosts[i].to_host[h->index] = false;
                break;
        case FAULT_LOSS: h->loss = 0; break;
        case FAULT_ETCD_MEMBER: world->etcd->down[u->a] = false; break;
        case FAULT_ETCD_LOST:
                memset(world->etcd->down, 0, sizeof world->etcd->down);
                etcd_elect(sim_between(200 * MSEC, 2 * SEC));
                break;
        case FAULT_DEVICE: h->device_broken = false; break;
        case FAULT_LEAVE:
                h->left = false;
                ask_join(h);
                break;
        }
        TRACE(h, "fault", "%s is over", fault_name(u->kind));
}

static void on_over(Event *e)
{
        undo(e->what);
        free(e->what);
}

void fault_forget(const Event *e)
{
        if (e->fire == on_over)
                free(e->what);
}

static void over_after(const Fault *f, Host *h, uint64_t a, uint64_t after)
{
        Undo *u = calloc(1, sizeof *u);

        *u = (Undo){ f->kind, h, a };
        sim_event(world->now + after, on_over, NULL, h, u, 0);
}

static void cut(bool *which, uint64_t directions, bool *other)
{
        if (directions & 1)
                *which = true;
        if (directions & 2)
                *other = true;
}

static void on_thaw(Event *e)
{
        (void)e;
}

/* A host, its programs, its server, its clock and its device; slow servers everywhere. */
static bool begin_host(const Fault *f, Host *h)
{
        uint64_t lasts = f->b * MSEC, now = world->now;

        switch ((int)f->kind) {
        case FAULT_KILL: program_kill(&h->programs[f->a % PROGRAM_MAX]); break;
        case FAULT_STALL: {
                Program *p = &h->programs[f->a % PROGRAM_MAX];
                p->stalled = MAX(p->stalled, now + lasts);
                break;
        }
        case FAULT_LAUNCHER: h->launcher_dies = true; break;
        case FAULT_KILL_SERVER: postgres_kill_postmaster(h); break;
        case FAULT_CRASH_SERVER: postgres_kill(h); break;
        case FAULT_FREEZE_SERVER:
                if (h->pg.phase != SERVER_DOWN) {
                        h->pg.frozen = MAX(h->pg.frozen, now + lasts);
                        if (f->a & 1)
                                h->pg.stuck = MAX(h->pg.stuck, now + lasts);
                }
                break;
        case FAULT_POWER: host_power_off(h, lasts); break;
        case FAULT_FREEZE:
                h->frozen = MAX(h->frozen, now + lasts);
                sim_event(h->frozen, on_thaw, NULL, h, NULL, 0);
                break;
        case FAULT_SLOW_SERVER:
                world->slow_server = f->a * MSEC;
                world->slow_server_until = now + lasts;
                for (int i = 0; i < world->n_hosts; i++)
                        world->hosts[i].hurt_until = MAX(world->hosts[i].hurt_until,
                                                         now + lasts + f->a * MSEC);
                world->last_fault = MAX(world->last_fault, now + lasts + f->a * MSEC);
                break;
        case FAULT_WALL: h->wall_offset += ((int64_t)f->a - 5000) * (int64_t)SEC; break;
        case FAULT_DEVICE:
                h->device_broken = true;
                h->hurt_until = MAX(h->hurt_until, now + lasts + 2 * SEC);
                over_after(f, h, 0, lasts);
                break;
        default: return false;
        }
        return true;
}

/* What the network does. */
static bool begin_net(const Fault *f, Host *h)
{
        uint64_t lasts = f->b * MSEC;

        switch ((int)f->kind) {
        case FAULT_CUT_ETCD:
                for (int i = 0; i < ETCD_MEMBERS; i++)
                        cut(&h->to_etcd[i], f->a, &h->from_etcd[i]);
                over_after(f, h, f->a, lasts);
                break;
        case FAULT_CUT_ENDPOINT:
                cut(&h->to_etcd[(f->a >> 4) % ETCD_MEMBERS], f->a & 3,
                    &h->from_etcd[(f->a >> 4) % ETCD_MEMBERS]);
                over_after(f, h, (f->a & 3) | ((f->a >> 4) % ETCD_MEMBERS) << 4, lasts);
                break;
        case FAULT_CUT_HOST:
                h->to_host[f->a % NODES_MAX] = true;
                over_after(f, h, f->a % NODES_MAX, lasts);
                break;
        case FAULT_ISOLATE:
                for (int i = 0; i < ETCD_MEMBERS; i++)
                        h->to_etcd[i] = h->from_etcd[i] = true;
                for (int i = 0; i < world->n_hosts; i++)
                        h->to_host[i] = world->hosts[i].to_host[h->index] = true;
                over_after(f, h, 0, lasts);
                break;
        case FAULT_LOSS:
                h->loss = (unsigned)f->a;
                over_after(f, h, 0, lasts);
                break;
        case FAULT_DELAY:
                world->slow_messages = f->a * MSEC;
                world->slow_messages_until = world->now + lasts;
                break;
        default: return false;
        }
        return true;
}

/* What etcd does. */
static bool begin_etcd(const Fault *f)
{
        uint64_t lasts = f->b * MSEC;
        Etcd_ *etcd = world->etcd;

        switch ((int)f->kind) {
        case FAULT_ETCD_LEADER: etcd_elect(f->a * MSEC); break;
        case FAULT_ETCD_STALL: etcd->stalled = MAX(etcd->stalled, world->now + lasts); break;
        case FAULT_ETCD_LOST:
                for (int i = 0; i < ETCD_MEMBERS; i++)
                        etcd->down[i] = true;
                over_after(f, NULL, 0, lasts);
                break;
        case FAULT_ETCD_MEMBER:
                etcd->down[f->a % ETCD_MEMBERS] = true;
                if (etcd->leader == f->a % ETCD_MEMBERS)
                        etcd_elect(sim_between(200 * MSEC, 2 * SEC));
                over_after(f, NULL, f->a % ETCD_MEMBERS, lasts);
                break;
        case FAULT_ETCD_DEPOSED: etcd_depose(world->now + lasts); break;
        case FAULT_ETCD_ERROR: error_arm((unsigned)f->a % n_error_classes, f->host, f->b, 0); break;
        default: return false;
        }
        return true;
}

/* What operators do. */
static bool begin_people(const Fault *f, Host *h)
{
        uint64_t lasts = f->b * MSEC, now = world->now;
        char text[16];

        switch ((int)f->kind) {
        case FAULT_SWITCHOVER:
                world->named_until = now + lasts + 120 * SEC;
                ask_switchover(f);
                break;
        case FAULT_CANCEL:
                world->named_until = now + 2 * lasts + 120 * SEC;
                ask_switchover(&(Fault){ .a = f->a, .b = 2 * f->b });
                sim_event(now + lasts, on_change_of_mind, NULL, NULL, NULL, 0);
                break;
        case FAULT_FAILOVER:
                snprintf(text, sizeof text, "n%d", (int)(f->a % (uint64_t)world->n_hosts));
                world->failover_until = now + 120 * SEC;
                request(some_host(), REQUEST_FAILOVER, "", text, NULL);
                break;
        case FAULT_PAUSE:
                ask_pause(true);
                sim_event(now + lasts, on_end_of_pause, NULL, NULL, NULL, 0);
                break;
        case FAULT_RESUME: ask_pause(false); break;
        case FAULT_RESTART: request_later(h, REQUEST_RESTART, "", "", NULL, lasts); break;
        case FAULT_LEAVE:
                h->left = true;
                h->ask_join = 0;
                request(h, REQUEST_LEAVE, "", "", NULL);
                over_after(f, h, 0, lasts);
                break;
        case FAULT_CONFIG: {
                Settings s = settings_of(world->schedule, (int)f->a), before = settings_now();
                if (before.standby_cluster) /* that it is paused ends with it */
                        break;
                request(some_host(), REQUEST_CONFIG, "", "", &s);
                break;
        }
        case FAULT_DEMOTE:
                if (settings_now().pause)
                        break;
                ask_standby(true);
                sim_event(now + lasts, on_end_of_standby, NULL, NULL, NULL, 0);
                break;
        case FAULT_PROMOTE: ask_standby(false); break;
        default: return false;
        }
        return true;
}

void fault_begin(const Fault *f)
{
        Host *h = f->host >= 0 && f->host < world->n_hosts ? &world->hosts[f->host] : NULL;
        uint64_t lasts = f->b * MSEC, now = world->now;
        char text[128];

        TRACE(h, "fault", "%s", fault_describe(f, text, sizeof text));
        world->last_fault = MAX(world->last_fault, now + lasts + SEC);
        if (!h && (f->kind < FAULT_ETCD_LEADER || f->kind == FAULT_WALL || f->kind == FAULT_DEVICE ||
                   f->kind == FAULT_LEAVE))
                return;
        if (h && f->kind <= FAULT_FREEZE)
                h->hurt_until = MAX(h->hurt_until, now + lasts + 2 * SEC);
        if (!begin_host(f, h) && !begin_net(f, h) && !begin_etcd(f))
                (void)begin_people(f, h);
}
