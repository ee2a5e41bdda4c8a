/*
 * What daemons/dcsd/call.c does with an answer before anybody else sees it: log in and ask again, ask
 * elsewhere, pause when everybody was asked.
 */
#include <stdlib.h>

#include "io/fdutil.h"
#include "tests/sim/dcsd.h"

#define PAUSE_MIN (100 * USEC_PER_MSEC)
#define PAUSE_MAX USEC_PER_SEC
#define LOGINS_MAX 2

static bool may_repeat(const Rpc *r, usec_t now)
{
        if (now >= r->deadline)
                return false;
        switch (r->repeat) {
        case RPC_ONCE: return false;
        case RPC_REPEAT_UNSENT: return r->error == ETCD_UNSENT;
        case RPC_REPEAT: return etcd_error_is_local(r->error);
        }
        return false;
}

static void send(Rpc *r)
{
        r->attempts++;
        r->error = ETCD_OK;
        r->n_found = 0;
        r->member = r->program->host->endpoint;
        dcsd_asked_again(r->program->state, r, now_boottime());
        etcd_send(r);
}

static void on_resume(Event *e)
{
        Rpc *r = e->what;
        Program *p = r->program;

        running = p;
        if (p->up && p->life == r->life && dcsd_awaits(p->state, r))
                send(r);
        else
                free(r);
}

void call_forget(const Event *e)
{
        if (e->fire == on_resume)
                free(e->what);
}

bool call_goes_on(Rpc *r)
{
        Dcsd *d = r->program->state;
        usec_t now = now_boottime();

        if (!dcsd_awaits(d, r))
                return false;
        if (r->error == ETCD_NEEDS_LOGIN && r->logins < LOGINS_MAX) {
                r->logins++;
                send(r);
                return true;
        }
        if (r->error != ETCD_OK && etcd_error_is_local(r->error))
                dcsd_next_endpoint(d);
        if (!may_repeat(r, now))
                return false;
        if ((r->attempts + 1) % ETCD_MEMBERS != 0) {
                send(r);
                return true;
        }
        r->attempts++;
        r->pause = r->pause == 0 ? PAUSE_MIN : MIN(r->pause * 2, PAUSE_MAX);
        dcsd_asked_again(d, r, now + r->pause);
        sim_event(world->now + r->pause, on_resume, NULL, r->program->host, r, 0);
        return true;
}
