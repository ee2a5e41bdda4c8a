/* Schedules of faults: told in words, written down, read again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/errors.h"
#include "tests/sim/sim.h"

static const char *const names[FAULT_MAX] = {
        [FAULT_NONE] = "none",
        [FAULT_KILL] = "kill",
        [FAULT_STALL] = "stall",
        [FAULT_KILL_SERVER] = "kill-postmaster",
        [FAULT_CRASH_SERVER] = "crash-postgres",
        [FAULT_FREEZE_SERVER] = "freeze-postgres",
        [FAULT_POWER] = "power",
        [FAULT_FREEZE] = "freeze-host",
        [FAULT_CUT_ETCD] = "cut-etcd",
        [FAULT_CUT_ENDPOINT] = "cut-endpoint",
        [FAULT_CUT_HOST] = "cut-host",
        [FAULT_ISOLATE] = "isolate",
        [FAULT_LOSS] = "loss",
        [FAULT_ETCD_LEADER] = "etcd-leader",
        [FAULT_ETCD_STALL] = "etcd-stall",
        [FAULT_ETCD_LOST] = "etcd-lost",
        [FAULT_ETCD_MEMBER] = "etcd-member",
        [FAULT_ETCD_DEPOSED] = "etcd-deposed",
        [FAULT_ETCD_ERROR] = "etcd-error",
        [FAULT_DELAY] = "delay",
        [FAULT_WALL] = "wall-clock",
        [FAULT_DEVICE] = "device",
        [FAULT_SLOW_SERVER] = "slow-postgres",
        [FAULT_SWITCHOVER] = "switchover",
        [FAULT_FAILOVER] = "failover",
        [FAULT_PAUSE] = "pause",
        [FAULT_RESUME] = "resume",
        [FAULT_LEAVE] = "leave",
        [FAULT_CONFIG] = "config",
        [FAULT_DEMOTE] = "demote-cluster",
        [FAULT_PROMOTE] = "promote-cluster",
        [FAULT_CANCEL] = "cancel-switchover",
        [FAULT_RESTART] = "restart",
        [FAULT_LAUNCHER] = "launcher",
};

const char *fault_name(FaultKind kind)
{
        return names[kind];
}

/* ---- settings ---- */

#define TIMING(t, l, r) { (t) * SEC, (l) * SEC, (r) * SEC }

static const Timing timings[TIMINGS] = { TIMING(10, 2, 3), TIMING(30, 10, 10), TIMING(3, 1, 1),
                                         TIMING(5, 1, 1), TIMING(20, 5, 5) };

Settings settings_of(const Schedule *s, int which)
{
        Settings v = SETTINGS_DEFAULT;
        bool changed;

        v.asked = timings[(s->timing + which) % TIMINGS];
        v.timing = timing_adjust(v.asked, &changed);
        v.failsafe_mode = s->failsafe;
        v.synchronous_mode = s->sync == 2 && which % 2 == 0 ? SYNC_MODE_QUORUM
                             : s->sync                       ? SYNC_MODE_ON
                                                             : SYNC_MODE_OFF;
        v.synchronous_node_count = s->sync == 2 ? 1 + (uint32_t)(s->seed / 7 + (unsigned)which) % 2 : 1;
        v.synchronous_mode_strict = s->sync_strict;
        v.primary_start_timeout = 60 * SEC;
        return v;
}

const Settings *settings_in_force(void)
{
        const Key *k = etcd_key(PREFIX "config");

        return k ? &world->settings[strtoul(k->value + 1, NULL, 10)] : NULL;
}

Settings settings_now(void)
{
        const Settings *s = settings_in_force();

        return s ? *s : world->settings[0];
}

/* ---- in words ---- */

const char *fault_describe(const Fault *f, char *buf, size_t size)
{
        double s = (double)f->b / 1000;
        int n;
        static const char *const ways[] = { "no", "requests to", "answers from", "both ways to" };

        switch (f->kind) {
        case FAULT_KILL:
                snprintf(buf, size, "%s is killed", program_name((ProgramId)(f->a % PROGRAM_MAX)));
                break;
        case FAULT_STALL:
                snprintf(buf, size, "%s stands still for %.2f s",
                         program_name((ProgramId)(f->a % PROGRAM_MAX)), s);
                break;
        case FAULT_KILL_SERVER: snprintf(buf, size, "the postmaster is killed"); break;
        case FAULT_CRASH_SERVER: snprintf(buf, size, "postgres crashes"); break;
        case FAULT_FREEZE_SERVER:
                snprintf(buf, size, "postgres is frozen for %.2f s%s", s,
                         f->a & 1 ? ", and cannot be killed" : "");
                break;
        case FAULT_POWER: snprintf(buf, size, "loses its power for %.1f s", s); break;
        case FAULT_FREEZE: snprintf(buf, size, "the whole host stands still for %.2f s", s); break;
        case FAULT_CUT_ETCD:
                snprintf(buf, size, "cut off: %s etcd, for %.2f s", ways[f->a & 3], s);
                break;
        case FAULT_CUT_ENDPOINT:
                snprintf(buf, size, "cut off: %s etcd member %d, for %.2f s", ways[f->a & 3],
                         (int)((f->a >> 4) % ETCD_MEMBERS), s);
                break;
        case FAULT_CUT_HOST:
                snprintf(buf, size, "nothing arrives from it at n%d for %.2f s", (int)f->a, s);
                break;
        case FAULT_ISOLATE: snprintf(buf, size, "cut off from everybody for %.2f s", s); break;
        case FAULT_LOSS:
                snprintf(buf, size, "loses %d %% of its packets for %.2f s", (int)f->a, s);
                break;
        case FAULT_ETCD_LEADER:
                snprintf(buf, size, "etcd elects a new leader within %d ms", (int)f->a);
                break;
        case FAULT_ETCD_STALL: snprintf(buf, size, "etcd stands still for %.2f s", s); break;
        case FAULT_ETCD_LOST: snprintf(buf, size, "every etcd member is down for %.2f s", s); break;
        case FAULT_ETCD_MEMBER:
                snprintf(buf, size, "etcd member %d is down for %.2f s", (int)(f->a % ETCD_MEMBERS), s);
                break;
        case FAULT_ETCD_DEPOSED:
                snprintf(buf, size, "etcd's leader is deposed, and does not know it for %.2f s", s);
                break;
        case FAULT_ETCD_ERROR:
                snprintf(buf, size, "after %d requests to etcd: %s", (int)f->b,
                         error_classes[f->a % n_error_classes].name);
                break;
        case FAULT_DELAY:
                snprintf(buf, size, "messages take up to %d ms more for %.2f s", (int)f->a, s);
                break;
        case FAULT_WALL:
                snprintf(buf, size, "its wall clock steps by %d s", (int)f->a - 5000);
                break;
        case FAULT_DEVICE: snprintf(buf, size, "its watchdog device fails for %.1f s", s); break;
        case FAULT_SLOW_SERVER:
                snprintf(buf, size, "servers take up to %d ms more to start and stop, for %.1f s",
                         (int)f->a, s);
                break;
        case FAULT_SWITCHOVER:
                n = f->a ? snprintf(buf, size, "a switchover to n%d", (int)f->a - 1)
                         : snprintf(buf, size, "a switchover to anybody");
                if (f->b)
                        snprintf(buf + n, size - (size_t)n, ", in %.2f s", s);
                break;
        case FAULT_FAILOVER: snprintf(buf, size, "a failover to n%d by hand", (int)f->a); break;
        case FAULT_PAUSE: snprintf(buf, size, "the cluster is paused for %.1f s", s); break;
        case FAULT_LEAVE: snprintf(buf, size, "leaves, and joins again after %.1f s", s); break;
        case FAULT_CONFIG: snprintf(buf, size, "configuration %d", (int)f->a); break;
        case FAULT_RESTART:
                n = snprintf(buf, size, "postgres is restarted, as asked");
                if (f->b)
                        snprintf(buf + n, size - (size_t)n, ", in %.2f s", s);
                break;
        case FAULT_LAUNCHER: snprintf(buf, size, "the launcher dies at its next birth, whose child lives"); break;
        case FAULT_CANCEL: snprintf(buf, size, "a switchover is scheduled, and called off after %.2f s", s); break;
        case FAULT_DEMOTE: snprintf(buf, size, "a standby cluster for %.1f s", s); break;
        case FAULT_NONE:
        case FAULT_RESUME:
        case FAULT_PROMOTE:
        case FAULT_MAX: snprintf(buf, size, "%s", names[f->kind]); break;
        }
        return buf;
}

/* ---- as a text ---- */

void schedule_print(const Schedule *s, const char *path, const char *why)
{
        FILE *f = path ? fopen(path, "w") : stdout;
        char text[128];

        if (!f)
                return;
        fprintf(f, "# %s\n", why);
        fprintf(f, "seed %" PRIu64 " nodes %d seconds %" PRIu64 " timing %d failsafe %d sync %d strict %d "
                   "watchdog %d revoke %d\n",
                s->seed, s->hosts, s->length / SEC, s->timing, s->failsafe, s->sync, s->sync_strict,
                s->watchdog, s->stale_revoke);
        for (size_t i = 0; i < s->n_faults; i++) {
                const Fault *x = &s->faults[i];
                char host[8] = "";
                if (x->host >= 0)
                        snprintf(host, sizeof host, "n%d: ", x->host);
                fprintf(f, "%9.3f %s %d %" PRIu64 " %" PRIu64 " # %s%s\n", (double)x->at / 1000,
                        names[x->kind], x->host, x->a, x->b, host,
                        fault_describe(x, text, sizeof text));
        }
        if (path)
                fclose(f);
}

static FaultKind kind_of(const char *name)
{
        for (int i = 0; i < FAULT_MAX; i++)
                if (str_equal(names[i], name))
                        return (FaultKind)i;
        return FAULT_NONE;
}

int schedule_load(Schedule *s, const char *path)
{
        FILE *f = fopen(path, "r");
        char line[256], name[32];
        uint64_t seconds;
        double at;
        int flags[5];

        if (!f)
                return -errno;
        s->faults = calloc(FAULTS_MAX, sizeof *s->faults);
        while (fgets(line, sizeof line, f)) {
                Fault x = { 0 };
                if (line[0] == '#' || line[0] == '\n')
                        continue;
                if (sscanf(line, "seed %" SCNu64 " nodes %d seconds %" SCNu64 " timing %d failsafe %d "
                                 "sync %d strict %d watchdog %d revoke %d",
                           &s->seed, &s->hosts, &seconds, &s->timing, &flags[0], &flags[1], &flags[2],
                           &flags[3], &flags[4]) == 9) {
                        s->length = seconds * SEC;
                        s->failsafe = flags[0];
                        s->sync = flags[1];
                        s->sync_strict = flags[2];
                        s->watchdog = flags[3];
                        s->stale_revoke = flags[4];
                } else if (s->n_faults < FAULTS_MAX &&
                           sscanf(line, "%lf %31s %d %" SCNu64 " %" SCNu64, &at, name, &x.host, &x.a,
                                  &x.b) == 5 &&
                           (x.kind = kind_of(name)) != FAULT_NONE) {
                        x.at = (uint64_t)(at * 1000 + 0.5);
                        s->faults[s->n_faults++] = x;
                } else {
                        fprintf(stderr, "%s: cannot be read: %s", path, line);
                        fclose(f);
                        return -EINVAL;
                }
        }
        fclose(f);
        return s->hosts >= 2 && s->hosts <= NODES_MAX ? 0 : -EINVAL;
}
