/*
 * A server that runs already: of the pgd before us, or started by somebody else. That may be a person, in a pause
 * or after a crash, or the launcher, for a pgd or by a launcher that ended before its birth was told. Unknown, it
 * would keep every start of ours from its files, and be fenced by nobody.
 */
#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/pgd.h"

#define LOOK_EVERY (1 * USEC_PER_SEC)

/* Only now the table is believed: it is about the process that runs. */
static void believe_table(Pgd *p)
{
        const PgdTable *t = p->table;
        uint64_t leaf = server_leaf_of(server_pid(p->server));

        if (t->pid == server_pid(p->server)) {
                p->pg.role = (Role)t->role;
                p->pg.promote_sent = t->promote_sent;
                p->sync_managed = t->sync_managed;
                p->permit = t->permit;
                p->pg.permit_epoch = t->permit.epoch;
                p->pg.permit_deadline = t->permit.deadline;
                (void)STR_SET(p->pg.following, t->following); /* same size */
        } else {
                p->pg.role = pgd_has_file(p, "standby.signal") ? ROLE_REPLICA : ROLE_PRIMARY;
                p->sync_managed = p->settings.synchronous_mode != SYNC_MODE_OFF;
        }
        p->unread = true;
        p->pg.standby_signal = pgd_has_file(p, "standby.signal");
        pgd_set_run(p, RUN_STARTING); /* until the first probe says more */
        if (leaf)
                server_set_leaf(p->server, leaf, 0, -1, -1);
        else
                server_adopt_cgroup(p->server);
        p->leaf_over = server_leaf(p->server) == t->leaf ? t->leaf_over : 0;
        log_info("found postgres running, pid %d, as %s", (int)server_pid(p->server),
                 role_to_string(p->pg.role));
        authority_adopt(p);
}

/* Backends may outlive a postmaster, and still answer their clients: where it is gone they are ended first of all. */
static void on_leaf(int r, const MsgLeaf *leaf, int fds[2], void *userdata)
{
        Pgd *p = userdata;

        if (r < 0 || server_leaf(p->server) != leaf->leaf)
                return;
        p->leaf_unseen = false;
        server_set_leaf(p->server, leaf->leaf, leaf->cgroup, TAKE_FD(fds[0]), TAKE_FD(fds[1]));
        if (!server_runs(p->server)) {
                if (server_leaf_busy(p->server))
                        log_notice("the last postgres is gone, but processes of it live on: killing them");
                server_clear(p->server);
        }
        pgd_save(p);
        pgd_send_leaf(p);
        pgd_changed(p);
}

/*
 * Without its directory a leaf cannot be looked into, and a server in it is killed by pid. Where the postmaster is
 * gone, nothing is done here before, and fenced is not told of a server less.
 */
static void take_up_leaf(Pgd *p)
{
        if (p->leaf_unseen)
                (void)launch_make_leaf(p->launch, server_leaf(p->server), on_leaf, p); /* or at the next look */
}

/* 1: there is one, and it is ours now; 0: none; or negative errno. */
static int adopt_server(Pgd *p)
{
        int r = server_adopt(p->server, p->data_dir);

        if (r <= 0)
                return r;
        p->pg.fresh = p->archived = false;
        believe_table(p);
        p->leaf_unseen = leaf_is_launchers(server_leaf(p->server));
        take_up_leaf(p);
        authority_arm(p);
        heartbeat_soon(p);
        return 1;
}

bool adopt_found(Pgd *p)
{
        bool none = !server_runs(p->server) && p->step == STEP_NONE && !p->tool && !p->start.unborn;

        if (!none || adopt_server(p) <= 0) /* files that cannot be read are told of as such */
                return false;
        p->failures = 0;
        p->pg.failures = 0;
        p->retry_at = 0;
        pgd_save(p);
        pgd_send_leaf(p);
        pgd_changed(p);
        return true;
}

static void on_found_timer(Timer *t, usec_t now, void *userdata)
{
        Pgd *p = userdata;

        (void)adopt_found(p);
        take_up_leaf(p);
        timer_set(t, now + LOOK_EVERY);
}

int adopt_init(Pgd *p)
{
        int r = timer_init(&p->found_timer, p->event, "found", NULL, on_found_timer, p);

        if (r >= 0)
                timer_set(&p->found_timer, now_boottime() + LOOK_EVERY);
        return r;
}

int adopt_at_start(Pgd *p)
{
        p->pg.datadir = pgd_look_at_datadir(p);
        settings_read_cache(p);
        int r = adopt_server(p);
        if (r < 0)
                return log_error_errno(r, "Cannot look for a running postgres in %s: %m", p->data_dir);
        if (r == 0) {
                p->pg.role = p->pg.datadir == DATADIR_EMPTY ? ROLE_UNINITIALIZED : ROLE_REPLICA;
                p->pg.run = RUN_STOPPED;
                p->leaf_unseen = leaf_is_launchers(p->table->leaf);
                if (p->leaf_unseen)
                        server_set_leaf(p->server, p->table->leaf, p->table->cgroup, -1, -1);
                p->leaf_over = p->table->leaf_over;
                take_up_leaf(p);
        }
        pgd_save(p);
        return 0;
}
