/* The petter is the real one, over a modelled device; the connection to the mind is done here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/hands.h"
#include "tests/sim/fds.h"
#include "tests/sim/sim.h"
#include "watchdogd/cause.h"
#include "watchdogd/holder.h"
#include "watchdogd/log.h"
#include "watchdogd/notify.h"
#include "watchdogd/petter.h"
#include "watchdogd/scan.h"

typedef struct Wd {
        Program *program;
        Petter petter;
        Timer timer;
        uint32_t mode;
        bool lacking;
        usec_t told;
} Wd;

/* ---- the kernel's side ---- */

int sim_clock_gettime(clockid_t clock, struct timespec *ret);
int sim_clock_gettime(clockid_t clock _unused_, struct timespec *ret)
{
        usec_t now = host_clock(running->host, world->now);

        *ret = (struct timespec){ .tv_sec = (time_t)(now / SEC), .tv_nsec = (long)(now % SEC) * 1000 };
        return 0;
}

static void on_bite(Event *e)
{
        Host *h = e->host;

        if (!h->powered || !h->device_open || h->device_petted != e->value)
                return;
        if (h->frozen > world->now) { /* the whole machine stands still */
                sim_event(h->frozen, on_bite, NULL, h, NULL, e->value);
                return;
        }
        TRACE(h, "watchdog", "resets the host");
        world->n_bites++;
        check_bite(h);
        host_power_off(h, sim_between(5 * SEC, 40 * SEC));
}

static void petted(Host *h)
{
        h->device_petted = world->now;
        sim_event(world->now + h->device_within, on_bite, NULL, h, NULL, world->now);
}

int device_open(Device *d, const Candidate *c, bool power_cycle _unused_)
{
        static const DeviceOps ops;
        Host *h = running->host;

        if (h->device_broken)
                return -ENXIO;
        *d = (Device){ .ops = &ops, .fd = FD_DEVICE };
        d->record = (DeviceRecord){ .kind = c->kind };
        (void)STR_SET(d->record.path, c->path);
        (void)STR_SET(d->record.identity, c->identity);
        h->device_open = true;
        return 0;
}

void device_adopt(Device *d, int fd, const DeviceRecord *record)
{
        static const DeviceOps ops;

        *d = (Device){ .ops = &ops, .fd = fd, .record = *record };
}

int device_set_timeout(Device *d, unsigned sec)
{
        Host *h = running->host;

        d->record.granted_sec = sec;
        h->device_within = sec * SEC;
        petted(h);
        return 0;
}

int device_pet(Device *d _unused_, usec_t within _unused_)
{
        Host *h = running->host;

        if (h->device_broken)
                return -EIO;
        petted(h);
        return 0;
}

void device_disarm(Device *d)
{
        running->host->device_open = false;
        *d = (Device){ .fd = -1 };
}

void device_drop(Device *d)
{
        *d = (Device){ .fd = -1 };
}

size_t scan_devices(Candidate ret[CANDIDATES_MAX])
{
        ret[0] = (Candidate){ .kind = DEVICE_HARDWARE };
        (void)STR_SET(ret[0].path, "/dev/watchdog0");
        (void)STR_SET(ret[0].identity, "model");
        if (running->host->device_broken)
                (void)STR_SET(ret[0].why_not, "it is broken");
        return 1;
}

bool scan_path(const char *path _unused_, Candidate *ret _unused_)
{
        return false;
}

int sim_reboot(int how);
int sim_reboot(int how _unused_)
{
        Host *h = running->host;

        TRACE(h, "watchdogd", "resets the host by reboot(2)");
        world->n_bites++;
        check_bite(h);
        sim_event(world->now, on_bite, NULL, h, NULL, 0); /* not in the middle of its own turn */
        h->device_open = true;
        h->device_petted = 0;
        errno = 0;
        return 0;
}

void wd_log(int priority _unused_, const char *event _unused_, const char *format, ...)
{
        char text[512];
        va_list ap;

        if (!world->trace)
                return;
        va_start(ap, format);
        vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        trace_line(running->host, "watchdogd", "%s", text);
}

void notify_send(const char *state _unused_) {}
void notify_barrier(usec_t timeout _unused_) {}
void cause_write(const char *what _unused_, usec_t wait _unused_) {}
void cause_forget(void) {}
void holder_tell(const char *path _unused_, char *ret _unused_, size_t size _unused_) {}

int notify_take_fd(const char *name _unused_)
{
        return running->host->device_stored && running->host->device_open ? FD_DEVICE : -1;
}

void notify_put_fd(const char *name _unused_, int fd _unused_)
{
        running->host->device_stored = true;
}

void notify_remove_fd(const char *name _unused_)
{
        running->host->device_stored = false;
}

Table *table_open(bool *ret_found)
{
        void **kept = &running->host->stores[2];

        *ret_found = *kept != NULL;
        if (!*kept)
                *kept = calloc(1, sizeof(Table));
        return *kept;
}

/* ---- watchdogd.c's part ---- */

static void no_drain(void *userdata _unused_) {}

static void send_state(Wd *w);

#define LOOK_AGAIN (5 * USEC_PER_SEC)

static void run(Wd *w)
{
        usec_t next = petter_run(&w->petter, no_drain, NULL);

        if (w->lacking && now_boottime() >= w->told + LOOK_AGAIN)
                send_state(w);
        timer_set(&w->timer, w->lacking ? MIN(next, w->told + LOOK_AGAIN) : next);
}

static void on_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        run(userdata);
}

static void send_state(Wd *w)
{
        static const PolicyCluster nobody;
        MsgWatchdogState m = WIRE_INIT(MsgWatchdogState, MSG_WATCHDOG_STATE);
        const Petter *p = &w->petter;
        const PolicyTable *t = &p->table->policy;
        const PolicyCluster *row = policy_row(&w->petter.table->policy, "main", false);

        row = row ? row : &nobody;
        m.armed = row->armed && t->fires != 0 ? TRI_YES : TRI_NO;
        m.mode = w->mode;
        m.granted = p->device.record.granted_sec * SEC;
        m.fires = t->fires;
        m.last_pet = t->last_pet;
        m.epoch = row->epoch;
        m.deadline = row->deadline;
        m.revoked_epoch = row->revoked;
        m.stall = stall_worst(&p->stall, host_clock(w->program->host, world->now));
        if (m.armed != TRI_YES)
                petter_prospect(p, m.reason, sizeof m.reason);
        else
                (void)STR_SET(m.reason, t->stopped ? "no longer petted" : p->remark);
        w->lacking = m.armed != TRI_YES && m.reason[0] != 0;
        w->told = now_boottime();
        message_to_mind(w->program->host, HAND_WATCHDOGD, &m.h, NULL, 0);
}

static void send_result(Wd *w, uint64_t seq, Outcome outcome, const char *text)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);

        m.h.seq = seq;
        m.outcome = outcome;
        (void)STR_SET(m.text, text);
        message_to_mind(w->program->host, HAND_WATCHDOGD, &m.h, NULL, 0);
}

void watchdogd_message(Program *p, const MsgHeader *h)
{
        Wd *w = p->state;
        PolicyCluster *row = policy_row(&w->petter.table->policy, "main", true);
        char why[REASON_SIZE] = "";

        switch ((int)h->type) {
        case MSG_HELLO:
                policy_dcs(row, ((const MsgHello *)h)->dcs_id);
                send_state(w);
                break;
        case MSG_ARM: {
                w->mode = ((const MsgArm *)h)->mode;
                int r = petter_arm(&w->petter, "main", (const MsgArm *)h, why, sizeof why);
                send_state(w);
                send_result(w, h->seq, r < 0 ? OUTCOME_REFUSED : OUTCOME_DONE, why);
                break;
        }
        case MSG_PERMIT: policy_permit(row, (const MsgPermit *)h); break;
        case MSG_REVOKE:
                policy_revoke(row, ((const MsgRevoke *)h)->epoch);
                send_state(w);
                send_result(w, h->seq, OUTCOME_DONE, "");
                break;
        case MSG_DISARM: {
                bool armed = w->petter.device.ops != NULL;
                bool done = petter_disarm(&w->petter, "main", (const MsgDisarm *)h);
                if (armed && done && !((const MsgDisarm *)h)->goes_on)
                        check_disarm(w->program->host);
                send_state(w);
                send_result(w, h->seq, done ? OUTCOME_DONE : OUTCOME_REFUSED, "");
                break;
        }
        default: sim_fail("watchdogd got %s", msg_type_to_string((MsgType)h->type));
        }
        run(w);
}

int watchdogd_start(Program *p)
{
        Wd *w = calloc(1, sizeof *w);

        w->program = p;
        p->state = w;
        timer_init(&w->timer, (sd_event *)p, "pet", NULL, on_timer, w);
        if (petter_init(&w->petter) < 0)
                return -ENOMEM;
        run(w);
        return 0;
}

void watchdogd_end(Program *p)
{
        free(p->state);
        p->state = NULL;
}
