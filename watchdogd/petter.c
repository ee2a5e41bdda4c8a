#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/cause.h"
#include "watchdogd/clock.h"
#include "watchdogd/events.h"
#include "watchdogd/factor.h"
#include "watchdogd/holder.h"
#include "watchdogd/log.h"
#include "watchdogd/notify.h"
#include "watchdogd/petter.h"
#include "watchdogd/scan.h"

#define DEVICE_NAME "device"
#define WRITE_WITHIN (250 * USEC_PER_MSEC) /* the reason, before a reset */
#define SYSTEMD_WITHIN (500 * USEC_PER_MSEC)
#define PET_WITHIN_MOST (500 * USEC_PER_MSEC)
#define RESET_AGAIN (1 * USEC_PER_SEC)

/* ---- petting: no allocation, no log, no wait but for the device ---- */

static int pet_once(Petter *p)
{
        PolicyTable *t = &p->table->policy;
        int r = device_pet(&p->device, MIN(t->fires / 8, PET_WITHIN_MOST));
        usec_t ended = clock_now();

        p->pet_error = r;
        t->pending = r < 0; /* whatever failed may have arrived */
        if (r >= 0) {
                t->last_pet = ended;
                t->stopped = 0;
        } else {
                p->again = ended + t->fires / 16;
        }
        return policy_after_pet(t, ended).act == POLICY_RESET ? 1 : 0;
}

/* ---- the end ---- */

static void tell_who(char *ret, size_t size, const PolicyCluster *c, const char *what)
{
        const char *over = !c ? "no cluster" : c->epoch <= c->revoked ? "was given up" : "lapsed";

        snprintf(ret, size, "%s: the permit of %.60s (epoch %" PRIu64 ") %s and its fence is not "
                            "confirmed", what, c ? c->name : "?", c ? c->epoch : 0, over);
}

void petter_reset(Petter *p, const char *reason)
{
        wd_log(WD_CRIT, EVENT_WATCHDOG_RESET, "resetting this host now: %s", reason);
        cause_write(reason, WRITE_WITHIN);
        (void)reboot(RB_AUTOBOOT); /* returns only if it is not allowed */
        if (!p->reset_failed)
                wd_log(WD_CRIT, EVENT_WATCHDOG_RESET,
                       "the host cannot be reset by us: %s; the device is no longer petted",
                       strerror(errno));
        p->reset_failed = true;
}

/* Every REVOKE ends here for a moment; what is worth telling is a fence that takes its time. */
static usec_t note_stop(Petter *p, const PolicyCluster *who, usec_t now, usec_t next)
{
        PolicyTable *t = &p->table->policy;
        char why[REASON_SIZE];

        if (t->stopped == 0) {
                t->stopped = now;
                p->stop_told = false;
        }
        if (now < t->stopped + t->fires / 4)
                return t->stopped + t->fires / 4;
        if (p->stop_told)
                return next;
        p->stop_told = true;
        tell_who(why, sizeof why, who, "petting was stopped and the watchdog reset this host");
        cause_write(why, 0);
        wd_log(WD_ERR, EVENT_WATCHDOG_STOPPED,
               "%s is no longer petted: the permit of %s (epoch %" PRIu64
               ") is over; it resets this host within %s unless the fence is confirmed",
               p->device.record.path, who->name, who->epoch,
               USEC_TEXT(usec_sub(usec_add(t->last_pet, t->fires), now)));
        return next;
}

static void note_pet_error(Petter *p)
{
        if (p->pet_error < 0)
                wd_log(WD_ERR, EVENT_WATCHDOG_WEAK, "%s cannot be petted: %s", p->device.record.path,
                       p->pet_error == -EINPROGRESS ? "the BMC does not answer"
                                                    : strerror(-p->pet_error));
        p->pet_error = 0;
}

static void pet_or_reset(Petter *p, void (*drain)(void *), void *userdata)
{
        PolicyTable *t = &p->table->policy;
        usec_t stopped = t->stopped;
        char why[REASON_SIZE];

        if (pet_once(p)) {
                drain(userdata);
                Policy v = policy_after_pet(t, t->pending ? clock_now() : t->last_pet);
                if (v.act == POLICY_RESET) {
                        tell_who(why, sizeof why, v.who, "a pet ended too late");
                        petter_reset(p, why);
                }
                return;
        }
        note_pet_error(p);
        if (stopped != 0 && t->stopped == 0 && p->stop_told) {
                cause_forget();
                wd_log(WD_NOTICE, NULL, "%s is petted again", p->device.record.path);
        }
}

usec_t petter_run(Petter *p, void (*drain)(void *), void *userdata)
{
        const PolicyTable *t = &p->table->policy;
        usec_t now = clock_now();
        char why[REASON_SIZE];

        if (!device_is_open(&p->device) || p->orphaned)
                return p->due = USEC_INFINITY;
        Policy v = policy_now(t, now);
        switch (v.act) {
        case POLICY_NONE: return p->due = USEC_INFINITY;
        case POLICY_WAIT: return p->due = v.next;
        case POLICY_PET:
                if (now < p->again)
                        return p->due = p->again;
                stall_note(&p->stall, p->due, now);
                pet_or_reset(p, drain, userdata);
                v = policy_now(t, clock_now());
                return p->due = v.act == POLICY_WAIT ? v.next : MAX(p->again, now + 1);
        case POLICY_STOP: return p->due = note_stop(p, v.who, now, v.next);
        case POLICY_RESET:
                tell_who(why, sizeof why, v.who,
                         t->pending ? "a pet is still on its way" : "the watchdog did not fire");
                petter_reset(p, why);
                return p->due = now + RESET_AGAIN;
        case POLICY_ACT_MAX: break;
        }
        return p->due = USEC_INFINITY;
}

/* ---- arming ---- */

static void tell_armed(const Petter *p)
{
        const DeviceRecord *d = &p->device.record;
        const PolicyTable *t = &p->table->policy;
        char status[512];

        snprintf(status, sizeof status, "STATUS=%s (%s), resets %s after the last pet", d->path,
                 d->identity, USEC_TEXT(t->fires));
        notify_send(status);
        wd_log(WD_NOTICE, EVENT_WATCHDOG_ARMED,
               "armed %s (%s): timeout %u s, resets this host %s after the last pet", d->path,
               d->identity, d->granted_sec, USEC_TEXT(t->fires));
        if (p->remark[0])
                wd_log(WD_WARNING, EVENT_WATCHDOG_WEAK, "%s: %s", d->path, p->remark);
        if (d->nowayout)
                wd_log(WD_WARNING, EVENT_WATCHDOG_WEAK,
                       "%s cannot be disarmed (nowayout): it is petted also while no cluster "
                       "needs it, and stopping this service resets the host", d->path);
}

static void forget_device(Petter *p)
{
        PolicyTable *t = &p->table->policy;

        p->table->device = (DeviceRecord){ 0 };
        p->table->reset_after = 0;
        t->fires = t->last_pet = t->stopped = 0;
        t->pending = t->nowayout = 0;
        p->remark[0] = 0;
        p->again = 0;
}

static void close_device(Petter *p)
{
        char path[HOST_SIZE];

        (void)STR_SET(path, p->device.record.path); /* same size */
        notify_remove_fd(DEVICE_NAME);
        device_disarm(&p->device);
        forget_device(p);
        notify_send("WATCHDOG=1");
        notify_barrier(SYSTEMD_WITHIN); /* systemd's duplicate is closed: it may be opened again */
        notify_send("STATUS=no cluster has the watchdog armed");
        wd_log(WD_NOTICE, EVENT_WATCHDOG_RELEASED, "released %s: no cluster has it armed", path);
        cause_forget();
}

static void tell_open_error(Candidate *c, int error)
{
        c->error = error;
        if (error == -EBUSY)
                holder_tell(c->path, c->why_not, sizeof c->why_not);
}

/* Opens the most trusted candidate that opens. */
static int open_some(Petter *p, const char *wanted, char *ret_why, size_t size)
{
        Candidate list[CANDIDATES_MAX];
        size_t n = scan_devices(list);
        const Candidate *c;

        if (wanted[0] && n < CANDIDATES_MAX && !choose_knows(list, n, wanted))
                n += scan_path(wanted, &list[n]);
        while ((c = choose_device(list, n, wanted, ret_why, size))) {
                int r = device_open(&p->device, c, p->power_cycle);
                if (r >= 0) {
                        choose_remark(list, n, c, p->remark, sizeof p->remark);
                        return 0;
                }
                tell_open_error(&list[c - list], r);
        }
        return -ENODEV;
}

/* The timeout for this W, set and petted; 0 and W in the table. */
static int set_within(Petter *p, usec_t within, usec_t reset_after)
{
        PolicyTable *t = &p->table->policy;
        DeviceRecord *d = &p->device.record;
        int r = device_set_timeout(&p->device, factor_timeout(d->identity, within));

        if (r < 0)
                return r;
        p->table->reset_after = MAX(p->table->reset_after, reset_after);
        t->fires = factor_fires(d->identity, d->granted_sec, p->table->reset_after);
        t->last_pet = clock_now();
        t->stopped = 0;
        t->pending = 0;
        p->table->device = *d;
        return 0;
}

static int arm_first(Petter *p, const MsgArm *m, char *ret_why, size_t size)
{
        int r = open_some(p, m->device, ret_why, size);

        if (r < 0)
                return r;
        r = set_within(p, m->within, m->reset_after);
        if (r < 0) {
                snprintf(ret_why, size, "%s: %s", p->device.record.path,
                         r == -EOPNOTSUPP ? "it does not tell its timeout" : strerror(-r));
                device_disarm(&p->device);
                forget_device(p);
                return r;
        }
        p->table->policy.nowayout = p->device.record.nowayout;
        notify_put_fd(DEVICE_NAME, p->device.fd);
        p->orphaned = false;
        tell_armed(p);
        return 0;
}

static const char *holder_of(const PolicyTable *t)
{
        for (uint32_t i = 0; i < t->n; i++)
                if (t->clusters[i].armed)
                        return t->clusters[i].name;
        return "nobody";
}

static bool is_other_device(const Petter *p, const char *wanted)
{
        Candidate list[CANDIDATES_MAX];

        return wanted[0] &&
               !choose_same(list, scan_devices(list), wanted, p->device.record.path);
}

/* W may shrink while something is armed, and grow only when nothing is. */
static int arm_open(Petter *p, const PolicyCluster *c, const MsgArm *m, char *ret_why, size_t size)
{
        PolicyTable *t = &p->table->policy;
        DeviceRecord *d = &p->device.record;
        bool idle = !policy_any_armed(t);
        unsigned wanted = factor_timeout(d->identity, m->within);

        if (is_other_device(p, m->device)) {
                snprintf(ret_why, size, "%.60s is asked for, but a host has one watchdog, and %s "
                                        "has %.60s armed", m->device, holder_of(t), d->path);
                return -EBUSY;
        }
        if (!idle && m->reset_after > t->fires) {
                snprintf(ret_why, size, "reset_after of %s is more than the %s that %s counts on",
                         USEC_TEXT(m->reset_after), USEC_TEXT(t->fires), holder_of(t));
                return -EBUSY;
        }
        Policy v = policy_now(t, clock_now());
        bool stopped = v.act == POLICY_STOP || v.act == POLICY_RESET;
        if (stopped && v.who != c) {
                snprintf(ret_why, size, "the permit of %.60s is over and its fence is not confirmed: "
                                        "this host is about to be reset", v.who->name);
                return -EBUSY;
        }
        if (stopped || wanted == d->granted_sec || (wanted > d->granted_sec && !idle))
                return 0; /* what sets it would pet it */
        usec_t before = t->fires;
        if (idle)
                p->table->reset_after = 0;
        int r = set_within(p, m->within, m->reset_after);
        if (r < 0 || t->fires != before)
                wd_log(r < 0 ? WD_ERR : WD_NOTICE, NULL, "%s: timeout %u s: %s", d->path,
                       d->granted_sec, r < 0 ? strerror(-r) : "as a cluster asked");
        if (policy_after_pet(t, t->last_pet).act == POLICY_RESET)
                petter_reset(p, "setting the watchdog's timeout, which pets it, took too long");
        return 0;
}

int petter_arm(Petter *p, const char *cluster, const MsgArm *m, char *ret_why, size_t size)
{
        PolicyTable *t = &p->table->policy;
        PolicyCluster *c = policy_row(t, cluster, true);
        int r;

        ret_why[0] = 0;
        if (!c || !policy_may_arm(c, m->epoch) || p->orphaned) {
                (void)str_copy(ret_why, size, /* they fit */
                               !c            ? "too many clusters on this host"
                               : p->orphaned ? "the device was armed by a process whose table is "
                                               "lost: it resets this host"
                                             : "that epoch is over");
                return -EBUSY;
        }
        r = device_is_open(&p->device) ? arm_open(p, c, m, ret_why, size)
                                       : arm_first(p, m, ret_why, size);
        if (r < 0)
                return r;
        policy_arm(c, m->epoch, m->mode);
        (void)str_copy(ret_why, size, p->remark); /* same size */
        return 0;
}

bool petter_disarm(Petter *p, const char *cluster, const MsgDisarm *m)
{
        PolicyTable *t = &p->table->policy;
        PolicyCluster *c = policy_row(t, cluster, false);

        if (c && !policy_disarm(c, m->epoch, m->goes_on != 0))
                return false;
        if (!device_is_open(&p->device) || policy_any_armed(t) || p->orphaned)
                return true;
        if (t->nowayout)
                cause_forget();
        else
                close_device(p);
        return true;
}

void petter_prospect(const Petter *p, char *ret, size_t size)
{
        Candidate list[CANDIDATES_MAX];

        ret[0] = 0;
        if (p->orphaned)
                (void)str_copy(ret, size, "the device's table is lost"); /* it fits */
        else if (!device_is_open(&p->device))
                (void)choose_device(list, scan_devices(list), "", ret, size); /* the reason is asked */
}

/* ---- after a restart ---- */

static void no_drain(void *userdata _unused_) {}

/* The device is gone from the store, and is wanted: nobody has stopped it, so it counts down. */
static void open_again(Petter *p)
{
        const DeviceRecord *d = &p->table->device;
        Candidate c = { .kind = (DeviceKind)d->kind, .nowayout = d->nowayout };
        PolicyTable *t = &p->table->policy;
        unsigned sec = d->granted_sec;
        int r;

        Policy v = policy_now(t, clock_now());
        if (v.act == POLICY_STOP || v.act == POLICY_RESET || v.act == POLICY_NONE)
                return;
        (void)STR_SET(c.path, d->path); /* same sizes */
        (void)STR_SET(c.identity, d->identity);
        r = device_open(&p->device, &c, p->power_cycle);
        if (r >= 0)
                r = device_set_timeout(&p->device, sec);
        if (r < 0) {
                wd_log(WD_ERR, EVENT_WATCHDOG_WEAK, "%s was armed and cannot be opened again: %s",
                       c.path, strerror(-r));
                return;
        }
        t->last_pet = clock_now();
        notify_put_fd(DEVICE_NAME, p->device.fd);
}

int petter_init(Petter *p)
{
        int fd = notify_take_fd(DEVICE_NAME);
        p->device = (Device){ .fd = -1 };
        p->due = USEC_INFINITY;
        p->table = table_open(&p->restarted);
        if (!p->table)
                return -ENOMEM;
        if (fd >= 0 && p->table->device.kind != DEVICE_NONE) {
                device_adopt(&p->device, fd, &p->table->device);
                (void)petter_run(p, no_drain, NULL); /* its answer: the loop asks again */
                wd_log(WD_INFO, NULL, "going on with %s, last petted %s ago",
                       p->device.record.path,
                       USEC_TEXT(usec_sub(clock_now(), p->table->policy.last_pet)));
        } else if (fd >= 0) {
                p->device.fd = fd;
                p->orphaned = true;
                wd_log(WD_CRIT, EVENT_WATCHDOG_STOPPED,
                       "a watchdog device was kept for us, but not its table: it is not petted, "
                       "and resets this host");
                cause_write("the table of the watchdog was lost in a restart of palisade-watchdogd",
                            0);
        } else if (p->table->device.kind != DEVICE_NONE) {
                open_again(p);
        }
        return 0;
}
