/*
 * What must hold at every step, and what must come about once nothing is wrong any more. Each of these
 * speaks of the world as it truly is, not as anybody in it believes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "palisaded/palisaded.h"
#include "tests/sim/etcd.h"
#include "tests/sim/sim.h"

#define LOOK_EVERY (1 * SEC)
#define BIDS_MOST 20
#define OUTLIVES_MOST 3 /* looks */
#define ACKS_EVERY (7 * SEC) /* a healthy leader's clients are answered at least so often */

/* ---- safety, at every step ---- */

static bool is_leader_key(const Host *h)
{
        const Key *k = etcd_key(PREFIX "leader");

        return k && str_equal(k->value, h->name);
}

void check_step(void)
{
        int primaries = 0, first = -1;

        for (int i = 0; i < world->n_hosts; i++)
                primaries += world->hosts[i].pg.primary &&
                             (world->hosts[i].pg.phase == SERVER_UP || world->hosts[i].pg.lingers);
        if (primaries < 2)
                return;
        for (int i = 0; i < world->n_hosts; i++) {
                if (!postgres_may_acknowledge(&world->hosts[i]))
                        continue;
                if (first >= 0) {
                        sim_fail("two nodes acknowledge writes: n%d and n%d", first, i);
                        return;
                }
                first = i;
        }
}

static SyncMode sync_mode(void)
{
        const Settings *s = settings_in_force();

        return s ? s->synchronous_mode : SYNC_MODE_OFF;
}

/* A standby cluster knows no synchronous standbys: whoever leads it is elected without them. */
void check_config(void)
{
        if (settings_in_force()->standby_cluster)
                world->acked_branch = -1;
}

/* The demotion is orderly, and a permit that was given runs on: by then all of that is over. */
static bool has_long_been_standby(void)
{
        const Key *k = etcd_key(PREFIX "config");

        return world->standby_since != 0 && k && k->mod == world->standby_config &&
               settings_in_force()->standby_cluster &&
               world->now > world->standby_since + 2 * world->settings[0].timing.ttl + 90 * SEC &&
               !world->schedule->failsafe && !world->schedule->pauses;
}

void check_acknowledged(Host *h, Lsn lsn)
{
        const Key *k = etcd_key(PREFIX "sync");
        char leader[16];

        if (has_long_been_standby())
                sim_fail("%s takes writes in a standby cluster", h->name);
        world->n_acks++;
        world->last_ack = world->now;
        if (!k || sync_mode() == SYNC_MODE_OFF) {
                world->acked_branch = -1;
                world->sync_void = false;
                return;
        }
        (void)str_copy_n(leader, sizeof leader, k->value, strcspn(k->value, "|"));
        /* In quorum mode who was elected acts under the key as it is. */
        if (!str_equal(leader, h->name) && sync_mode() != SYNC_MODE_QUORUM)
                return;
        world->acked_branch = h->pg.branch;
        world->acked_lsn = lsn;
        world->sync_void = false;
}

static uint64_t number_of(const char *key)
{
        const Key *k = etcd_key(key);

        return k ? strtoull(k->value, NULL, 10) : 0;
}

void check_promotion(Host *h)
{
        const Postgres *pg = &h->pg;
        Lsn known = number_of(PREFIX "status"), lag = world->settings[0].maximum_lag_on_failover;
        bool by_hand = world->now < world->failover_until;

        if (has_long_been_standby())
                sim_fail("%s became primary of a standby cluster", h->name);
        if (h->tags.nofailover)
                sim_fail("%s is tagged nofailover and became primary", h->name);
        if (!postgres_may_acknowledge(h))
                return; /* too late: its gate is shut */
        if (world->branches[pg->branch].from == pg->lsn && world->n_branches > 1 && !by_hand &&
            world->now >= world->named_until &&
            pg->lsn + lag < known)
                sim_fail("%s became primary %" PRIu64 " bytes behind the last known position", h->name,
                         known - pg->lsn);
        if (by_hand)
                world->sync_void = true;
        if (world->acked_branch >= 0 && !world->sync_void && sync_mode() != SYNC_MODE_OFF &&
            !branch_contains(world->acked_branch, world->acked_lsn, pg->branch, pg->lsn))
                sim_fail("%s became primary without rows acknowledged under synchronous_mode (up to "
                         "%llx of n%d's line, it has %llx)",
                         h->name, (unsigned long long)world->acked_lsn,
                         world->branches[world->acked_branch].owner, (unsigned long long)pg->lsn);
}

static bool has_no_deadline(const Host *h)
{
        return h->stands && !h->left && h->powered && h->pg.primary && h->pg.phase == SERVER_UP;
}

/* The etcd lease behind a permit must last at least as long, and permits never move back. */
void check_permit(Host *h, const MsgPermit *m)
{
        const Palisaded *mind = h->programs[PROGRAM_MIND].state;
        const Key *k = etcd_key(PREFIX "leader");
        char standing[KEY_SIZE];

        if (h->last_epoch == m->epoch && m->deadline < h->last_deadline)
                sim_fail("a permit of %s moves back within epoch %" PRIu64, h->name, m->epoch);
        if (m->epoch <= h->revoked_epoch)
                sim_fail("%s gives a permit for epoch %" PRIu64 ", which it has revoked", h->name, m->epoch);
        if (h->last_epoch != m->epoch && h->watchdog_mode == WATCHDOG_REQUIRED && !h->device_open &&
            !m->standing)
                sim_fail("%s gives the first permit of epoch %" PRIu64 " with no watchdog armed", h->name,
                         m->epoch);
        snprintf(standing, sizeof standing, PREFIX "palisade/standing/%s", h->name);
        if (m->standing && !etcd_key(standing))
                sim_fail("%s drops its deadline, and no key says so", h->name);
        h->stands = m->standing;
        if (h->last_epoch != m->epoch)
                h->by_promise = false;
        h->last_epoch = m->epoch;
        h->last_deadline = m->deadline;
        if (!mind || mind->authority.lease.kind == LEASE_FAILSAFE)
                h->by_promise = true;
        if (h->by_promise || m->standing)
                return;
        uint64_t until = host_true(h, m->deadline);
        if (!is_leader_key(h) || k->create != m->epoch) {
                if (until > world->now)
                        sim_fail("%s gives a permit for epoch %" PRIu64 ", whose key is gone", h->name,
                                 m->epoch);
                return;
        }
        uint64_t ends = etcd_lease_ends(k->lease);
        if (until > ends)
                sim_fail("a permit of %s outlives its lease by %.3f s", h->name,
                         (double)(until - ends) / 1e6);
}

/* The flag goes when nobody is known to stand: a node of Patroni knows nothing of /standing, and would take over. */
void check_end_of_pause(const Host *h, const MsgRecord *m)
{
        const Palisaded *mind = h->programs[PROGRAM_MIND].state;
        const MsgRequest *resume = mind->pause.request;

        if (mind->pause.resume != RESUME_WRITING || m->h.size != sizeof *m + resume->blob_size ||
            memcmp(m->value, resume->blob, resume->blob_size) != 0)
                return; /* another edit, while the answer to the resume's is on its way */
        if (!resume->force && mind->cluster->standing[0])
                sim_fail("%s ends the pause, and %s may still have no deadline", h->name,
                         mind->cluster->standing);
}

/* Who ends a pause is told so when every primary that is known there has its deadline again. */
void check_resumed(const Host *h)
{
        const Palisaded *mind = h->programs[PROGRAM_MIND].state;

        for (int i = 0; i < world->n_hosts; i++)
                if (has_no_deadline(&world->hosts[i]) && mind->cluster &&
                    str_list_contains(mind->cluster->standing, world->hosts[i].name))
                        sim_fail("%s tells that the pause is over, and %s still has no deadline", h->name,
                                 world->hosts[i].name);
}

/* What was scheduled, the failover key of that revision, is gone when its deletion is told. */
void check_cancelled(uint64_t request)
{
        const Key *k = etcd_key(PREFIX "failover");

        if (k && k->mod == request && !str_equal(k->value, "{}"))
                sim_fail("%s is told to be deleted, and is not", k->value);
}

/* The hardware resets a host only where something on it was in no state to fence softly. */
void check_bite(Host *h)
{
        if (world->now > h->hurt_until + h->device_within + 10 * SEC)
                sim_fail("the watchdog reset %s, where nothing hindered the softer fences", h->name);
}

/* Whoever bids in vain asks the others first, and again only when something has changed. */
void check_bid(Host *h)
{
        if (world->now > h->bids_since + SEC) {
                h->bids_since = world->now;
                h->bids = 0;
        }
        if (++h->bids > BIDS_MOST)
                sim_fail("%s bids more than %d times in a second", h->name, BIDS_MOST);
}

/* A key under which there was a permit is let go of when nothing that acted by it is left. */
void check_release(Host *h, Epoch epoch)
{
        for (size_t i = 0; i < LEAVES; i++)
                if (h->last_epoch == epoch && h->leaves[i].populated)
                        sim_fail("%s releases its key while processes of its server live", h->name);
}

/* Whoever leads on without the watchdog says so; else nothing is left that it would have to fence. */
void check_disarm(Host *h)
{
        if (h->pg.phase == SERVER_UP && h->pg.primary)
                sim_fail("the watchdog of %s is disarmed while its server is a primary", h->name);
}

/* By then fenced knows it for a primary's: the gate ends with the permit. */
void check_gate_of_promotion(const Host *h)
{
        const Leaf *l = h->pg.leaf >= 0 ? &h->leaves[h->pg.leaf] : NULL;

        if (l && l->gated && l->gate == USEC_INFINITY && !h->stands)
                sim_fail("%s is promoted behind a gate that has no deadline", h->name);
}

/* What pgd has once answered for is answered for by the pgd after it. */
void check_remembers(Host *h, Epoch revoked)
{
        if (revoked < h->told_revoked)
                sim_fail("pgd of %s has forgotten that epoch %" PRIu64 " was revoked", h->name, h->told_revoked);
        h->told_revoked = revoked;
}

/*
 * What outlives its permit is killed by fenced, whoever else hangs; what outlives its REVOKE, by pgd, long before.
 * Who stands has no deadline, until a renewal after the pause pays for the watchdog: the key in /standing says so.
 */
static void check_outlived(void)
{
        for (int i = 0; i < world->n_hosts; i++) {
                Host *h = &world->hosts[i];
                bool leads = h->powered && h->pg.primary && h->pg.phase == SERVER_UP &&
                             h->pg.stuck <= world->now;
                bool outlives = leads && !h->stands && program_runs(&h->programs[PROGRAM_FENCED]) &&
                                host_clock(h, world->now) >= h->last_deadline;
                bool defies = leads && program_runs(&h->programs[PROGRAM_PGD]) && h->last_epoch <= h->revoked_epoch;
                h->defied = defies ? h->defied + 1 : 0;
                if (h->defied > OUTLIVES_MOST)
                        sim_fail("the primary of %s takes writes %d looks after it was revoked", h->name,
                                 OUTLIVES_MOST);
                h->outlived = outlives ? h->outlived + 1 : 0;
                if (h->outlived > OUTLIVES_MOST)
                        sim_fail("the primary of %s has outlived its permit by %d looks of fenced's", h->name,
                                 OUTLIVES_MOST);
        }
}

/* ---- liveness, once all is well ---- */

static uint64_t bound_writable(void)
{
        return 2 * world->settings[world->newest].timing.ttl + 30 * SEC;
}

static uint64_t bound_streaming(void)
{
        return bound_writable() + 120 * SEC;
}

/* Nobody is waited for to take writes: the cluster is paused, or has no primary. */
static bool is_paused(void)
{
        const Key *k = etcd_key(PREFIX "config");
        const Settings *s = settings_in_force();
        bool standby = s && s->standby_cluster;

        if (!standby || k->mod != world->standby_config)
                world->standby_since = standby ? world->now : 0;
        world->standby_config = k ? k->mod : 0;
        return world->want_pause || world->want_standby || standby || (s && s->pause);
}

static void check_streaming(void)
{
        for (int i = 0; i < world->n_hosts; i++) {
                const Host *h = &world->hosts[i];
                if (h->left || (h->pg.primary && h->pg.phase == SERVER_UP) || h->pg.streaming_since)
                        continue;
                sim_fail("%s does not stream %.0f s after the last fault", h->name,
                         (double)(world->now - world->last_fault) / 1e6);
                return;
        }
}

static bool is_any_off(void)
{
        for (int i = 0; i < world->n_hosts; i++)
                if (!world->hosts[i].powered)
                        return true;
        return false;
}

/* A leader that nobody sees may lead on by the promises of those whom /failsafe names; who is not named bids for nothing. */
static bool may_bid_in_failsafe_mode(const Host *h)
{
        const Key *named = etcd_key(PREFIX "failsafe");

        return !world->settings[world->newest].failsafe_mode || !named || !named->value[0] ||
               str_list_contains(named->value, h->name);
}

/* Some host that runs has enough of the WAL to lead. */
static bool is_any_fit(void)
{
        Lsn known = number_of(PREFIX "status"), lag = world->settings[0].maximum_lag_on_failover;

        for (int i = 0; i < world->n_hosts; i++) {
                const Host *h = &world->hosts[i];
                if (h->powered && !h->tags.nofailover && may_bid_in_failsafe_mode(h) && h->pg.lsn + lag >= known)
                        return true;
        }
        return false;
}

/*
 * A host that its watchdog has reset boots as long as it likes. Its WAL may be the only one that
 * reaches far enough. In synchronous mode it may be the
 * only one that can lead, in strict mode the standby that a commit waits for.
 */
static bool waits_for_a_host(void)
{
        const Key *sync = etcd_key(PREFIX "sync");
        const char *bar = sync ? strchr(sync->value, '|') : NULL; /* leader|quorum|standbys */
        unsigned off = 0, listed_and_on = 0;

        if (sync_mode() == SYNC_MODE_OFF)
                return is_any_off() && !is_any_fit();
        for (int i = 0; i < world->n_hosts; i++) {
                const Host *h = &world->hosts[i];
                off += !h->powered;
                listed_and_on += h->powered && sync && strstr(sync->value, h->name);
        }
        if (off > 0 && settings_in_force()->synchronous_mode_strict)
                return true;
        return off > 0 && bar && listed_and_on <= strtoul(bar + 1, NULL, 10);
}

/* What the pause took from a primary, its deadline, it has again once the pause is over. */
static void check_deadlines(void)
{
        for (int i = 0; i < world->n_hosts; i++)
                if (has_no_deadline(&world->hosts[i]))
                        sim_fail("%s still has no deadline %.0f s after the last fault", world->hosts[i].name,
                                 (double)(world->now - world->last_fault) / 1e6);
}

/* A switchover or failover, for now, is carried out or called off. */
static void check_request(void)
{
        const Key *k = etcd_key(PREFIX "failover");
        bool by_time = k && strchr(k->value, '|') != strrchr(k->value, '|'); /* leader|candidate|time */

        if (k && !str_equal(k->value, "{}") && !by_time)
                sim_fail("what was asked for, %s, is neither done nor called off", k->value);
}

static void on_look(Event *e _unused_)
{
        uint64_t quiet = world->now > world->last_fault ? world->now - world->last_fault : 0;

        sim_event(world->now + LOOK_EVERY, on_look, NULL, NULL, NULL, 0);
        operators_look();
        if (is_paused()) {
                world->last_fault = MAX(world->last_fault, world->now);
                return;
        }
        check_outlived();
        if (waits_for_a_host())
                world->last_fault = MAX(world->last_fault, world->now);
        if (quiet > bound_writable()) {
                if (world->now > world->last_ack + ACKS_EVERY)
                        sim_fail("nobody takes writes %.0f s after the last fault", (double)quiet / 1e6);
                check_deadlines();
        }
        if (quiet > bound_streaming()) {
                check_streaming();
                check_request();
        }
}


void checks_init(void)
{
        world->acked_branch = -1;
        world->last_ack = world->now;
        sim_event(world->now + LOOK_EVERY, on_look, NULL, NULL, NULL, 0);
}
