#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/pgd.h"
#include "pgd/programs.h"
#include "pgd/scripts.h"
#include "pgd/verify.h"

#define LOOK_EVERY (2 * USEC_PER_SEC) /* at a data directory that cannot be used */

/* ---- what the mind sees ---- */

/* What lies there may be made good by people. */
static void look_again_later(Pgd *p)
{
        bool bad = p->pg.datadir == DATADIR_INACCESSIBLE || p->pg.datadir == DATADIR_BROKEN;

        if (!bad || server_runs(p->server))
                timer_set(&p->look_timer, USEC_INFINITY);
        else if (p->look_timer.due == USEC_INFINITY)
                timer_set(&p->look_timer, now_boottime() + LOOK_EVERY);
}

static void on_state_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Pgd *p = userdata;
        Mind *mind = hand_find(p->hand, NULL);
        MsgPgState m = WIRE_INIT(MsgPgState, MSG_PG_STATE);

        if (p->unread)
                return; /* the mind knows more than we do: what the pgd before us told it */
        look_again_later(p);
        p->pg.leaf = server_leaf(p->server);
        p->pg.leaf_cgroup = server_cgroup(p->server);
        p->pg.postmaster_pid = server_pid(p->server);
        m.pg = p->pg;
        if (mind)
                (void)link_send(mind->link, &m.h); /* a new mind gets it again */
        loop_status("postgres %s as %s, timeline %u%s%s", run_state_to_string(p->pg.run),
                    role_to_string(p->pg.role), p->pg.timeline,
                    p->pg.operation != PGOP_NONE ? "; " : "",
                    p->pg.operation != PGOP_NONE ? pg_operation_to_string(p->pg.operation) : "");
}

void pgd_changed(Pgd *p)
{
        timer_set(&p->state_timer, now_boottime());
}

void pgd_send_state(Pgd *p)
{
        timer_set(&p->state_timer, USEC_INFINITY);
        on_state_timer(NULL, 0, p);
}

void pgd_set_run(Pgd *p, RunState run)
{
        if (p->pg.run == run)
                return;
        p->pg.run = run;
        pgd_changed(p);
}

void pgd_send_leaf(Pgd *p)
{
        Mind *mind = hand_find(p->hand, NULL);
        MsgLeaf m = WIRE_INIT(MsgLeaf, MSG_LEAF);
        int fds[2];

        if (!mind || server_leaf(p->server) == 0)
                return;
        m.leaf = server_leaf(p->server);
        m.cgroup = server_cgroup(p->server);
        m.over = p->leaf_over;
        size_t n = server_leaf_fds(p->server, fds);
        (void)link_send_fds(mind->link, &m.h, fds, n); /* the start has a deadline */
}

bool pgd_is_primary(const Pgd *p)
{
        return p->pg.role == ROLE_PRIMARY || p->pg.promote_sent || p->pg.in_recovery == TRI_NO;
}

bool pgd_is_left_alone(const Pgd *p)
{
        return p->cluster && p->cluster->settings.pause && !p->cluster->resuming &&
               p->permit.epoch <= p->pg.revoked_epoch;
}

bool pgd_leads_standby(const Pgd *p)
{
        return p->order.what == ORDER_FOLLOW && p->order.remote && p->order.epoch != 0;
}

void pgd_call_back(Pgd *p)
{
        Role role = p->pg.role == ROLE_REPLICA && pgd_leads_standby(p) ? ROLE_STANDBY_LEADER
                                                                      : p->pg.role;
        Callback what = callback_at_answer(&p->called, server_pid(p->server), role);

        if (what == CALLBACK_NONE)
                return;
        scripts_call(p->scripts, what, role);
        pgd_save(p);
}

void pgd_save(Pgd *p)
{
        *p->table = (PgdTable){
                .pid = server_pid(p->server),
                .leaf = server_leaf(p->server),
                .leaf_over = p->leaf_over,
                .cgroup = server_cgroup(p->server),
                .role = p->pg.role,
                .promote_sent = p->pg.promote_sent,
                .held = p->pg.held,
                .fresh = p->pg.fresh,
                .sync_managed = p->sync_managed,
                .half_made = p->half_made,
                .anew = p->pg.anew,
                .revoked = p->pg.revoked_epoch,
                .permit = p->permit,
                .called = p->called,
        };
        (void)STR_SET(p->table->following, p->pg.following); /* same size */
}

/* ---- the server's end ---- */

static void tell_end(const Pgd *p, bool expected, bool was_primary, bool starting)
{
        if (expected) {
                log_event(LOG_INFO, EVENT_POSTGRES_STOPPED, NO_FIELDS, "postgres has stopped");
                return;
        }
        if (server_was_killed(p->server)) { /* what for, was told */
                log_event(LOG_INFO, EVENT_POSTGRES_STOPPED, NO_FIELDS, "postgres has ended, killed by us");
                return;
        }
        log_event(LOG_ERR, EVENT_POSTGRES_CRASHED,
                  FIELDS({ "PALISADE_ROLE", was_primary ? "primary" : "replica", 0 }),
                  "postgres ended though nobody here stopped it%s",
                  starting ? ", while it was starting: its own log says why" : "");
        /* It often meets the loss of its files before our next look does. */
        if (p->pg.datadir != DATADIR_VALID)
                pgd_tell_loss(p, p->pg.datadir, "where postgres has just ended");
}

static void on_gone(void *userdata)
{
        Pgd *p = userdata;
        bool was_primary = pgd_is_primary(p), starting = p->pg.run == RUN_STARTING;
        bool expected = step_is_stop(p->step) || p->pg.run == RUN_STOPPING;
        /* A stop under an order to run is one half of a restart. */
        bool restarts = step_is_stop(p->step) && p->order.what != ORDER_STOP;
        Role role = (Role)p->called.role;

        p->unread = false;
        conn_reset(p->heartbeat);
        conn_reset(p->admin);
        chores_reset(p->chores);
        p->pg.accepts = false;
        p->pg.silent_since = 0;
        p->pg.in_recovery = TRI_UNKNOWN;
        p->pg.receiver_alive = false;
        p->pg.replication_state = REPLICATION_NONE;
        p->pg.n_standbys = 0;
        p->pg.pending = (Pending){ 0 };
        p->recovery_waits = false;
        p->pg.promote_sent = false;
        p->pg.checkpoint_pending = false;
        p->pg.role = was_primary ? ROLE_DEMOTED : ROLE_REPLICA;
        p->before_stop = HOOK_NONE;
        scripts_call(p->scripts, callback_at_end(&p->called, expected, restarts), role);
        p->history_timeline = 0;
        p->control_known = false;
        p->pg.datadir = pgd_look_at_datadir(p);
        p->pg.control = CONTROL_UNKNOWN;
        pgd_set_run(p, expected ? RUN_STOPPED : starting ? RUN_START_FAILED : RUN_CRASHED);
        timer_set(&p->permit_timer, USEC_INFINITY);
        timer_set(&p->probe_timer, USEC_INFINITY);
        tell_end(p, expected, was_primary, starting);
        pgd_save(p);
        pgd_changed(p);
        if (starting && !expected) {
                p->retry_at = now_boottime() + (p->order.what == ORDER_START ? 0 : USEC_PER_SEC);
                p->pg.failures = (int32_t)++p->failures;
                timer_set(&p->retry_timer, p->retry_at);
        }
}

/* The leaf is empty as well: now the files can be read, and the next server started. */
static void on_empty(void *userdata)
{
        Pgd *p = userdata;

        if (step_is_stop(p->step) || p->step == STEP_PROMOTE || p->step == STEP_CHECKPOINT ||
            p->step == STEP_RECONFIGURE || p->step == STEP_PRE_PROMOTE ||
            p->step == STEP_BEFORE_STOP) {
                bool stop = step_is_stop(p->step);
                p->tool = tool_free(p->tool); /* a script that waits for nothing any more */
                timer_set(&p->retry_timer, USEC_INFINITY);
                engine_step_done(p, stop ? 0 : -ECONNRESET, stop ? "stopped" : "postgres ended");
        }
        pgd_read_control(p);
        engine_advance(p);
}

static const ServerCalls server_calls = { .gone = on_gone, .empty = on_empty };

/* ---- messages ---- */

#define HANDLER(name)                                                                              \
        static void name(Link *link _unused_, const MsgHeader *h _unused_, int *fds _unused_,       \
                         size_t n_fds _unused_, void *userdata)

static Pgd *pgd_of(void *userdata)
{
        return hand_userdata(((Mind *)userdata)->hand);
}

HANDLER(on_permit)
{
        authority_permit(pgd_of(userdata), (const MsgPermit *)h);
}

HANDLER(on_revoke)
{
        authority_revoke(pgd_of(userdata), ((const MsgRevoke *)h)->epoch, h->seq);
}

HANDLER(on_cancel)
{
        engine_cancel(pgd_of(userdata));
}

HANDLER(on_gate)
{
        step_start_gate(pgd_of(userdata), (const MsgGate *)h);
}

HANDLER(on_order)
{
        Pgd *p = pgd_of(userdata);
        const MsgOrder *order = (const MsgOrder *)h;

        switch ((OrderWhat)order->what) {
        case ORDER_RELOAD:
                settings_reload(p);
                break;
        case ORDER_LEAVE:
        case ORDER_JOIN:
                p->pg.held = order->what == ORDER_LEAVE;
                pgd_save(p);
                pgd_send_state(p);
                break;
        case ORDER_NONE:
        case ORDER_BOOTSTRAP:
        case ORDER_FOLLOW:
        case ORDER_PROMOTE:
        case ORDER_START:
        case ORDER_STOP:
        case ORDER_CHECKPOINT:
        case ORDER_SYNC_NAMES:
        case ORDER_MAX: engine_order(p, order); return;
        }
        /* These are noted and done; what is under way goes on. */
        link_send_result(link, h->seq, OUTCOME_DONE, "%s", "noted");
        engine_advance(p);
}

HANDLER(on_cluster)
{
        Pgd *p = pgd_of(userdata);
        const MsgCluster *m = (const MsgCluster *)h;
        size_t size = wire_cluster_fixed_size(&m->cluster) - offsetof(MsgCluster, cluster);
        bool was_locked = p->cluster && cluster_is_locked(p->cluster);

        if (!p->cluster)
                p->cluster = calloc(1, sizeof *p->cluster);
        if (!p->cluster)
                return; /* out of memory: the next one */
        memcpy(p->cluster, &m->cluster, size);
        p->settings = m->cluster.settings;
        settings_take_dynamic(p, m);
        if (was_locked && !cluster_is_locked(p->cluster))
                heartbeat_soon(p); /* the race wants to know where we stand */
        engine_advance(p);
}

HANDLER(on_probe)
{
        heartbeat_asked(pgd_of(userdata), h->seq);
}

static const LinkHandler handlers[] = {
        { MSG_PERMIT, on_permit }, { MSG_REVOKE, on_revoke },   { MSG_ORDER, on_order },
        { MSG_CANCEL, on_cancel }, { MSG_CLUSTER, on_cluster }, { MSG_GATE, on_gate },
        { MSG_PROBE, on_probe },
};

static int on_joined(Mind *m _unused_, void *userdata)
{
        Pgd *p = userdata;

        p->history_timeline = 0; /* sent again with the next probe */
        pgd_send_leaf(p);
        on_state_timer(NULL, 0, p);
        heartbeat_soon(p);
        return 0;
}

static const HandCalls calls = { .joined = on_joined };

/* ---- start ---- */

static void on_programs(int r, uint32_t version, Node *known, char *socket_dirs, void *userdata)
{
        Pgd *p = userdata;

        p->learning = false;
        if (r < 0) {
                timer_set(&p->retry_timer, now_boottime() + USEC_PER_SEC);
                return;
        }
        if (p->version == 0)
                p->version = version;
        p->known = known;
        p->socket_dirs = socket_dirs;
        if (!server_runs(p->server))
                pgd_read_control(p);
        engine_advance(p);
}

static void learn_programs(Pgd *p)
{
        char program[URL_SIZE];

        if (p->known || p->learning || p->tool)
                return;
        p->learning = true;
        pgd_program(p, "postgres", program, sizeof program);
        programs_learn(p->launch, program, on_programs, p);
}

static void on_retry(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Pgd *p = userdata;

        learn_programs(p);
        if (!server_runs(p->server) && !p->control_known && p->step == STEP_NONE)
                pgd_read_control(p);
        if (step_is_stop(p->step))
                step_stop_overdue(p);
        step_start_overdue(p);
        engine_advance(p);
}

static void on_look(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Pgd *p = userdata;
        DataDir is = server_runs(p->server) || p->step != STEP_NONE || p->tool
                             ? p->pg.datadir
                             : pgd_look_at_datadir(p);

        if (is != p->pg.datadir) {
                log_notice("%s is not what it was: looking at it anew", p->data_dir);
                p->pg.datadir = is;
                p->control_known = false;
                pgd_changed(p);
                pgd_read_control(p);
                engine_advance(p);
        }
        look_again_later(p);
}

static int init(Pgd *p)
{
        char path[URL_SIZE * 2];
        bool found;
        int r = store_open(&p->store, "pgd", PGD_TABLE_VERSION, sizeof(PgdTable), &found);

        if (r < 0)
                return r;
        p->table = store_data(p->store);
        p->pg.held = p->table->held;
        p->pg.fresh = p->table->fresh;
        p->half_made = p->table->half_made;
        p->pg.anew = p->table->anew;
        p->called = p->table->called;
        p->pg.revoked_epoch = p->table->revoked;

        snprintf(path, sizeof path, "%s/%s/launcher.sock", p->options->runtime, p->options->cluster);
        r = launch_new(&p->launch, p->event, path, p->options->cluster);
        if (r >= 0)
                r = server_new(&p->server, p->event, &server_calls, p);
        if (r >= 0)
                r = timer_init(&p->state_timer, p->event, "state", NULL, on_state_timer, p);
        if (r >= 0)
                r = adopt_init(p);
        if (r >= 0)
                r = step_start_init(p);
        if (r >= 0)
                r = timer_init(&p->look_timer, p->event, "look", NULL, on_look, p);
        if (r >= 0)
                r = timer_init(&p->retry_timer, p->event, "retry", NULL, on_retry, p);
        if (r >= 0)
                r = authority_init(p);
        if (r >= 0)
                r = chores_new(&p->chores, p);
        if (r >= 0)
                r = scripts_new(&p->scripts, p);
        if (r >= 0)
                r = verify_new(&p->verify, p);
        if (r >= 0)
                r = heartbeat_init(p);
        if (r >= 0)
                r = settings_load(p);
        return r;
}

int pgd_new(Pgd **ret, sd_event *e, const HandOptions *options)
{
        _cleanup_(pgd_freep) Pgd *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(e);
        p->options = options;
        p->settings = SETTINGS_DEFAULT;
        snprintf(p->socket_dir, sizeof p->socket_dir, "%s/%s/pg", options->runtime,
                 options->cluster);
        int r = make_dirs(p->socket_dir, 0700);
        if (r < 0)
                return log_error_errno(r, "Cannot make %s: %m", p->socket_dir);
        r = init(p);
        if (r >= 0)
                r = adopt_at_start(p);
        if (r < 0)
                return r;
        learn_programs(p);

        int socket = hand_options_listen(options);
        if (socket < 0)
                return socket;
        r = hand_new(&p->hand, e, socket, options->cluster, options->mind_uid, handlers,
                     ELEMENTSOF(handlers), &calls, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Pgd *pgd_free(Pgd *p)
{
        if (p) {
                p->hand = hand_free(p->hand);
                p->tool = tool_free(p->tool);
                p->scripts = scripts_free(p->scripts);
                p->verify = verify_free(p->verify);
                p->chores = chores_free(p->chores);
                p->heartbeat = conn_free(p->heartbeat);
                p->admin = conn_free(p->admin);
                p->server = server_free(p->server);
                p->launch = launch_free(p->launch);
                p->store = store_free(p->store);
                timer_done(&p->probe_timer);
                timer_done(&p->permit_timer);
                timer_done(&p->retry_timer);
                timer_done(&p->found_timer);
                timer_done(&p->birth_timer);
                timer_done(&p->look_timer);
                timer_done(&p->state_timer);
                node_free(p->start.argv);
                node_free(p->dynamic);
                node_free(p->known);
                free(p->socket_dirs);
                free(p->cluster);
                config_free(p->config);
                sd_event_unref(p->event);
                free(p);
        }
        return NULL;
}
