#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "apid/apid.h"
#include "apid/exchange.h"
#include "apid/respond.h"
#include "io/fdutil.h"
#include "io/log.h"

#define TABLE_VERSION 1
#define OPEN_AT_LAST (1 * USEC_PER_SEC)  /* after that we answer with what we have */
#define LINGER (10 * USEC_PER_SEC)       /* palisade run: how long after the last permit */

/* ---- what the mind tells ---- */

static void changed(Apid *a)
{
        a->generation++;
}

static void on_status(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                      size_t n_fds _unused_, void *userdata)
{
        Apid *a = hand_userdata(((Mind *)userdata)->hand);

        memcpy(&a->status, h, sizeof a->status);
        a->status_known = true;
        a->right->serving = a->status.leader;
        changed(a);
        doors_open(a->doors, a->setup);
        loop_status("%s; %s", a->status.leader ? "leader" : "not leader", a->status.rule);
}

static void on_cluster(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                       size_t n_fds _unused_, void *userdata)
{
        Apid *a = hand_userdata(((Mind *)userdata)->hand);

        if (h->size > a->cluster_room) {
                MsgCluster *room = realloc(a->cluster, h->size);
                if (!room) {
                        (void)log_error_errno(ENOMEM, "Cannot keep the cluster's keys: %m");
                        return;
                }
                a->cluster = room;
                a->cluster_room = h->size;
        }
        memcpy(a->cluster, h, h->size);
        changed(a);
}

static void on_pg_state(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                        size_t n_fds _unused_, void *userdata)
{
        Apid *a = hand_userdata(((Mind *)userdata)->hand);

        a->pg = ((const MsgPgState *)h)->pg;
        a->pg_known = true;
        changed(a);
}

/* The DCS key `history` is what the API shows; this one is for whoever writes that key. */
static void on_history(Link *l _unused_, const MsgHeader *h _unused_, int *fds _unused_,
                       size_t n_fds _unused_, void *userdata _unused_)
{
}

static void on_permit(Link *l, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                      void *userdata)
{
        Apid *a = hand_userdata(((Mind *)userdata)->hand);
        const MsgPermit *m = (const MsgPermit *)h;
        bool taken = right_grant(a->right, m);

        if (!taken)
                log_warning("permit of epoch %llu refused: epoch %llu is over",
                            (unsigned long long)m->epoch, (unsigned long long)a->right->revoked);
        changed(a);
        if (h->seq != 0)
                link_send_result(l, h->seq, taken ? OUTCOME_DONE : OUTCOME_REFUSED, "%s", "");
}

static void on_revoke(Link *l, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                      void *userdata)
{
        Apid *a = hand_userdata(((Mind *)userdata)->hand);

        right_revoke(a->right, ((const MsgRevoke *)h)->epoch);
        changed(a);
        if (h->seq != 0)
                link_send_result(l, h->seq, OUTCOME_DONE, "%s", "");
}

static void on_row(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                   void *userdata)
{
        exchange_on_row(hand_userdata(((Mind *)userdata)->hand), (const MsgRow *)h);
}

static void on_result(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                      size_t n_fds _unused_, void *userdata)
{
        exchange_on_result(hand_userdata(((Mind *)userdata)->hand), (const MsgResult *)h);
}

static const LinkHandler handlers[] = {
        { MSG_STATUS, on_status },   { MSG_CLUSTER, on_cluster }, { MSG_PG_STATE, on_pg_state },
        { MSG_HISTORY, on_history }, { MSG_PERMIT, on_permit },   { MSG_REVOKE, on_revoke },
        { MSG_ROW, on_row },         { MSG_RESULT, on_result },
};

/* ---- its coming and going ---- */

static int on_joined(Mind *m, void *userdata)
{
        Apid *a = userdata;

        /*
         * An etcd cluster that was made anew counts its revisions from 1 again: the floor of epochs
         * falls with it. What is given out afterwards comes with a permit of its own.
         */
        if (m->dcs_id != 0 && a->cluster && a->cluster->cluster.dcs_id != 0 &&
            a->cluster->cluster.dcs_id != m->dcs_id)
                *a->right = (Right){ 0 };
        timer_set(&a->linger, USEC_INFINITY);
        changed(a);
        return 0;
}

static void on_left(Mind *m _unused_, void *userdata)
{
        Apid *a = userdata;

        exchange_on_lost(a);
        changed(a);
        loop_status("waiting for the mind");
        if (a->options.foreground)
                timer_set(&a->linger, now_boottime() + LINGER);
}

static const HandCalls calls = { .joined = on_joined, .left = on_left };

Link *apid_mind(const Apid *a)
{
        Mind *m = hand_find(a->hand, NULL);

        return m ? m->link : NULL;
}

View apid_view(const Apid *a)
{
        return (View){
                .now = now_boottime(),
                .right = *a->right,
                .mind = apid_mind(a) != NULL,
                .status = a->status_known ? &a->status : NULL,
                .pg = a->pg_known ? &a->pg : NULL,
                .cluster = a->cluster,
                .tags = a->setup->tags,
                .name = config_name(a->setup->config),
                .scope = config_scope(a->setup->config),
        };
}

/* ---- timers and signals ---- */

static void on_opening(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Apid *a = userdata;

        doors_open(a->doors, a->setup);
}

static void on_deadline(Timer *t _unused_, usec_t now, void *userdata)
{
        exchange_on_deadline(userdata, now);
}

static void on_linger(Timer *t, usec_t now, void *userdata)
{
        Apid *a = userdata;

        if (right_runs(a->right, now))
                timer_set(t, now + LINGER);
        else
                (void)sd_event_exit(a->event, 0); /* fails only if it is exiting already */
}

void apid_reload(Apid *a)
{
        Setup *setup;

        if (setup_load(&setup, a->options.config, false) < 0) {
                log_warning("the configuration as it was stays in force");
                return;
        }
        doors_reload(a->doors, a->setup, setup);
        setup_free(a->setup);
        a->setup = setup;
        respond_forget(a);
        changed(a);
        log_info("configuration read again");
}

static int on_hangup(sd_event_source *s _unused_, const struct signalfd_siginfo *si _unused_,
                     void *userdata)
{
        apid_reload(userdata);
        return 0;
}

static int watch_hangup(Apid *a)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        return sd_event_add_signal(a->event, NULL, SIGHUP, on_hangup, a);
}

/* ---- life ---- */

static int open_store(Apid *a)
{
        bool found;
        int r = store_open(&a->store, "apid", TABLE_VERSION, sizeof(Right), &found);

        if (r < 0)
                return r;
        a->right = store_data(a->store);
        return 0;
}

static int open_hand(Apid *a)
{
        int socket = hand_options_listen(&a->options);

        if (socket < 0)
                return socket;
        return hand_new(&a->hand, a->event, socket, a->options.cluster, a->options.mind_uid, handlers,
                        ELEMENTSOF(handlers), &calls, a);
}

static int init_timers(Apid *a)
{
        int r = timer_init(&a->opening, a->event, "opening", NULL, on_opening, a);

        if (r >= 0)
                r = timer_init(&a->deadline, a->event, "request deadline", NULL, on_deadline, a);
        if (r >= 0)
                r = timer_init(&a->linger, a->event, "linger", NULL, on_linger, a);
        return r;
}

int apid_new(Apid **ret, sd_event *e, const HandOptions *options)
{
        static const DoorsCalls doors_calls = { exchange_handle, exchange_completed };
        _cleanup_(apid_freep) Apid *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        a->event = sd_event_ref(e);
        a->options = *options;
        int r = init_timers(a);
        if (r >= 0)
                r = setup_load(&a->setup, a->options.config, true);
        if (r >= 0)
                r = open_store(a);
        if (r >= 0)
                r = open_hand(a);
        if (r >= 0)
                r = doors_new(&a->doors, e, &a->options, a->setup, &doors_calls, a);
        if (r >= 0)
                r = watch_hangup(a);
        if (r < 0)
                return r;
        timer_set(&a->opening, now_boottime() + OPEN_AT_LAST);
        *ret = TAKE_PTR(a);
        return 0;
}

Apid *apid_free(Apid *a)
{
        if (a) {
                if (a->waiting)
                        exchange_on_lost(a); /* no connection may be suspended when its server ends */
                doors_free(a->doors);
                respond_forget(a);
                hand_free(a->hand);
                timer_done(&a->opening);
                timer_done(&a->deadline);
                timer_done(&a->linger);
                store_free(a->store);
                setup_free(a->setup);
                free(a->cluster);
                sd_event_unref(a->event);
                free(a);
        }
        return NULL;
}
