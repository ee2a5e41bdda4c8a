/*
 * mind-for-api: stands in for palisaded before palisade-apid, so that the API and palisadectl can
 * be driven for real without a cluster. It tells a recorded scene, answers requests as a mind
 * would, and does what lines on its standard input say:
 *
 *     permit SECONDS        a permit that ends then; 0 SECONDS: standing
 *     new-permit SECONDS    the same, of the next epoch
 *     revoke                the permit's epoch is over
 *     leader 0|1            what the mind believes
 *     beat 0|1              a STATUS each second, or none
 *     dcs-age SECONDS       the DCS was heard of so long ago, and is not heard any more
 *     touch-config          somebody else writes the key config
 *     mute 0|1              requests are taken and not answered
 *     pg STATE              Postgres's state from now on ("stopped", "running")
 *
 * Each line it carried out, and each request, is told on standard output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api-scenes.h"
#include "base/str.h"
#include "config/json.h"
#include "config/schema.h"
#include "decide/restart.h"
#include "decide/switchover.h"
#include "io/fdutil.h"
#include "io/link.h"
#include "io/listen.h"
#include "io/loop.h"

typedef struct Puppet {
        sd_event *event;
        Link *link;
        Scene scene;
        Timer beat, left;
        bool beats, muted, dcs_silent;
        usec_t dcs_answered;
        char input[256];
        size_t input_size;
} Puppet;

static void tell_status(Puppet *p)
{
        usec_t now = now_boottime();

        p->scene.status.beat = now;
        p->scene.status.dcs_up = !p->dcs_silent;
        p->scene.status.link.answered = p->dcs_answered;
        p->scene.status.permit_deadline = p->scene.permit.deadline;
        (void)link_send(p->link, &p->scene.status.h);
}

static void tell_all(Puppet *p)
{
        if (p->scene.permit.epoch)
                (void)link_send(p->link, &p->scene.permit.h);
        tell_status(p);
        (void)link_send(p->link, &p->scene.cluster->h);
        (void)link_send(p->link, &p->scene.pg.h);
}

/* ---- requests ---- */

static void respond(Puppet *p, uint64_t seq, unsigned http, const char *text)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);

        m.h.seq = seq;
        m.http = http;
        m.outcome = http < 300 ? OUTCOME_DONE : OUTCOME_REFUSED;
        (void)STR_SET(m.text, text);
        (void)link_send(p->link, &m.h);
}

static void switch_over(Puppet *p, const MsgRequest *m)
{
        const SwitchoverAsk ask = { .failover = m->kind == REQUEST_FAILOVER, .leader = m->leader,
                                    .candidate = m->candidate,
                                    .scheduled = m->scheduled_wall_usec };
        Cluster *c = &p->scene.cluster->cluster;
        SwitchoverAnswer a = switchover_check(&ask, c, now_wall());
        char text[REASON_SIZE];

        if (a.http != 0) {
                respond(p, m->h.seq, a.http, a.text);
        } else if (m->scheduled_wall_usec) {
                c->failover.requested = true;
                c->failover.scheduled_wall_usec = m->scheduled_wall_usec;
                (void)STR_SET(c->failover.leader, m->leader);
                (void)STR_SET(c->failover.candidate, m->candidate);
                (void)link_send(p->link, &p->scene.cluster->h);
                respond(p, m->h.seq, 202, "Switchover scheduled");
        } else {
                (void)STR_SET(c->leader.name, m->candidate[0] ? m->candidate : "n2");
                c->leader.epoch++;
                (void)link_send(p->link, &p->scene.cluster->h);
                snprintf(text, sizeof text, "Successfully %s over to \"%s\"",
                         m->leader[0] ? "switched" : "failed", c->leader.name);
                respond(p, m->h.seq, 200, text);
        }
}

static void restart(Puppet *p, const MsgRequest *m)
{
        ScheduledRestart *s = &p->scene.status.restart;
        const char *why = restart_refusal(&m->restart, &p->scene.pg.pg, false);

        if (m->restart.scheduled_wall_usec && s->ask.scheduled_wall_usec) {
                respond(p, m->h.seq, 409, "Another restart is already scheduled");
        } else if (m->restart.scheduled_wall_usec) {
                *s = (ScheduledRestart){ .ask = m->restart };
                tell_status(p);
                respond(p, m->h.seq, 202, "Restart scheduled");
        } else {
                respond(p, m->h.seq, why ? 503 : 200, why ? why : restart_end_text(RESTART_DONE));
        }
}

static void cancel_restart(Puppet *p, const MsgRequest *m)
{
        bool was = p->scene.status.restart.ask.scheduled_wall_usec != 0;

        p->scene.status.restart = (ScheduledRestart){ 0 };
        tell_status(p);
        respond(p, m->h.seq, was ? 200 : 404,
                was ? "scheduled restart deleted" : "no restarts are scheduled");
}

static void cancel(Puppet *p, const MsgRequest *m)
{
        FailoverKey *f = &p->scene.cluster->cluster.failover;

        if (!f->requested) {
                respond(p, m->h.seq, 404, "no switchover is scheduled");
                return;
        }
        *f = (FailoverKey){ 0 };
        (void)link_send(p->link, &p->scene.cluster->h);
        respond(p, m->h.seq, 200, "scheduled switchover deleted");
}

/* The document goes behind the other blobs; the old one stays there, unused. */
static void put_config(Puppet *p, const char *text, size_t size)
{
        MsgCluster *m = p->scene.cluster;
        size_t old = m->h.size;
        Node *n = NULL;
        bool adjusted;

        m = realloc(m, old + size);
        if (!m || json_parse(text, size, false, &n, NULL) < 0)
                abort();
        memcpy((char *)m + old, text, size);
        m->cluster.config.raw = (BlobRef){ m->blobs_size, (uint32_t)size };
        m->cluster.config.mod_revision++;
        m->cluster.settings = settings_read(n, &adjusted);
        m->blobs_size += (uint32_t)size;
        m->h.size += (uint32_t)size;
        node_free(n);
        p->scene.cluster = m;
        (void)link_send(p->link, &m->h);
}

static void write_config(Puppet *p, const MsgRequest *m)
{
        const ConfigKey *key = &p->scene.cluster->cluster.config;

        if (m->revision != RECORD_ANY_REVISION && m->revision != key->mod_revision) {
                respond(p, m->h.seq, 409, "");
                return;
        }
        put_config(p, m->blob, m->blob_size);
        respond(p, m->h.seq, 200, "");
}

static void explain(Puppet *p, uint64_t seq)
{
        static const char *const rows[][4] = {
                { "decision", "rule", "leader-leads", "this node holds the lock" },
                { "decision", "intent", "lead", "" },
                { "facts", "lock", "mine", "" },
                { "facts", "dcs", "up", "" },
                { "facts", "pg", "primary", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MsgRow m = WIRE_INIT(MsgRow, MSG_ROW);
                m.h.seq = seq;
                (void)STR_SET(m.section, rows[i][0]);
                (void)STR_SET(m.key, rows[i][1]);
                (void)STR_SET(m.value, rows[i][2]);
                (void)STR_SET(m.note, rows[i][3]);
                (void)link_send(p->link, &m.h);
        }
        respond(p, seq, 200, "");
}

static void set_leaving(Puppet *p, bool leaving)
{
        p->scene.status.leaving = leaving;
        p->scene.status.left = false;
        (void)STR_SET(p->scene.status.rule, leaving ? "leave" : "a-rule");
        (void)STR_SET(p->scene.status.reason, leaving ? "told to leave" : "told to join");
        if (!leaving) {
                p->scene.pg.pg.run = RUN_RUNNING;
                p->scene.pg.pg.accepts = true;
        }
        tell_all(p);
        timer_set(&p->left, leaving ? now_boottime() + 700 * USEC_PER_MSEC : USEC_INFINITY);
}

static void on_left_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Puppet *p = userdata;

        p->scene.status.left = true;
        p->scene.status.leader = false;
        p->scene.pg.pg.run = RUN_STOPPED;
        p->scene.pg.pg.accepts = false;
        if (str_equal(p->scene.cluster->cluster.leader.name, p->scene.status.name))
                (void)STR_SET(p->scene.cluster->cluster.leader.name, "n3");
        tell_all(p);
}

static void on_request(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                       size_t n_fds _unused_, void *userdata)
{
        Puppet *p = userdata;
        const MsgRequest *m = (const MsgRequest *)h;

        printf("request %s leader=%s candidate=%s scheduled=%d blob=%.*s\n",
               request_to_string((RequestKind)m->kind), m->leader, m->candidate,
               m->scheduled_wall_usec != 0, (int)m->blob_size, m->blob);
        if (p->muted)
                return;
        switch ((RequestKind)m->kind) {
        case REQUEST_SWITCHOVER:
        case REQUEST_FAILOVER: switch_over(p, m); break;
        case REQUEST_CANCEL_SWITCHOVER: cancel(p, m); break;
        case REQUEST_CONFIG:
        case REQUEST_RESUME: write_config(p, m); break;
        case REQUEST_FAILSAFE: respond(p, h->seq, 200, "Accepted"); break;
        case REQUEST_LEAVE: set_leaving(p, true); break;
        case REQUEST_JOIN:
                set_leaving(p, false);
                respond(p, h->seq, 200, "joining");
                break;
        case REQUEST_RELOAD: respond(p, h->seq, 202, "reload scheduled"); break;
        case REQUEST_EXPLAIN: explain(p, h->seq); break;
        case REQUEST_PROBE:
                (void)link_send(p->link, &p->scene.pg.h);
                respond(p, h->seq, 200, "");
                break;
        case REQUEST_RESTART: restart(p, m); break;
        case REQUEST_CANCEL_RESTART: cancel_restart(p, m); break;
        case REQUEST_REINITIALIZE: respond(p, m->h.seq, 200, "reinitialize started"); break;
        case REQUEST_NONE:
        case REQUEST_MAX: break;
        }
}

static void on_result(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                      size_t n_fds _unused_, void *userdata _unused_)
{
        const MsgResult *m = (const MsgResult *)h;

        printf("result %s\n", outcome_to_string((Outcome)m->outcome));
}

static const LinkHandler handlers[] = { { MSG_REQUEST, on_request }, { MSG_RESULT, on_result } };

/* ---- lines ---- */

static void permit(Puppet *p, usec_t seconds)
{
        usec_t now = now_boottime();

        p->scene.permit.deadline = MAX(p->scene.permit.deadline, now + seconds * USEC_PER_SEC);
        p->scene.permit.standing = seconds == 0;
        if (p->scene.permit.epoch == 0)
                p->scene.permit.epoch = 1;
        (void)link_send(p->link, &p->scene.permit.h);
}

static void tell_revoke(Puppet *p)
{
        MsgRevoke m = WIRE_INIT(MsgRevoke, MSG_REVOKE);

        m.h.seq = link_next_seq(p->link);
        m.epoch = p->scene.permit.epoch;
        (void)link_send(p->link, &m.h);
}

static void obey(Puppet *p, char *line)
{
        char *word = strsep(&line, " ");
        uint64_t n = 0;

        if (line)
                (void)str_to_u64(line, &n);
        if (str_equal(word, "permit")) {
                permit(p, n);
        } else if (str_equal(word, "new-permit")) {
                p->scene.permit.epoch++;
                p->scene.permit.deadline = 0;
                permit(p, n);
        } else if (str_equal(word, "revoke")) {
                tell_revoke(p);
        } else if (str_equal(word, "leader")) {
                p->scene.status.leader = n != 0;
                tell_status(p);
        } else if (str_equal(word, "beat")) {
                p->beats = n != 0;
        } else if (str_equal(word, "dcs-age")) {
                p->dcs_silent = true;
                p->dcs_answered = p->scene.cluster->cluster.seen = now_boottime() - n * USEC_PER_SEC;
                tell_all(p);
        } else if (str_equal(word, "touch-config")) {
                /* The API is not told: it merges into what it knows. */
                p->scene.cluster->cluster.config.mod_revision++;
        } else if (str_equal(word, "mute")) {
                p->muted = n != 0;
        } else if (str_equal(word, "pg") && line) {
                p->scene.pg.pg.run = run_state_from_string(line);
                p->scene.pg.pg.accepts = p->scene.pg.pg.run == RUN_RUNNING;
                (void)link_send(p->link, &p->scene.pg.h);
        } else {
                printf("unknown %s\n", word);
                return;
        }
        printf("ok %s\n", word);
}

static int on_input(sd_event_source *s, int fd, uint32_t events _unused_, void *userdata)
{
        Puppet *p = userdata;
        ssize_t n = read(fd, p->input + p->input_size, sizeof p->input - 1 - p->input_size);

        if (n <= 0)
                return sd_event_exit(sd_event_source_get_event(s), 0);
        p->input_size += (size_t)n;
        p->input[p->input_size] = 0;
        for (char *end; (end = strchr(p->input, '\n'));) {
                *end = 0;
                obey(p, p->input);
                p->input_size -= (size_t)(end + 1 - p->input);
                memmove(p->input, end + 1, p->input_size + 1);
        }
        return 0;
}

/* ---- life ---- */

static void on_beat(Timer *t, usec_t now, void *userdata)
{
        Puppet *p = userdata;

        if (p->beats)
                tell_status(p);
        timer_set(t, now + USEC_PER_SEC);
}

static void on_closed(Link *l _unused_, const char *reason, void *userdata)
{
        Puppet *p = userdata;

        printf("closed: %s\n", reason);
        (void)sd_event_exit(p->event, 3);
}

static int connect_to(Puppet *p, const char *path, const char *cluster)
{
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);
        int fd = connect_unix(path, SOCK_SEQPACKET);

        if (fd < 0)
                return fd;
        int r = link_new(&p->link, p->event, fd, "the API", handlers, ELEMENTSOF(handlers),
                         on_closed, p);
        if (r < 0)
                return r;
        (void)STR_SET(hello.cluster, cluster);
        r = link_send(p->link, &hello.h);
        if (r >= 0)
                tell_all(p);
        return r;
}

int main(int argc, char **argv)
{
        static Puppet p = { .beats = true };
        const char *socket, *cluster, *folder, *role;
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc != 6) {
                fprintf(stderr, "usage: %s SOCKET CLUSTER FOLDER leader|replica LEADS(0|1)\n",
                        argv[0]);
                return 2;
        }
        socket = argv[1];
        cluster = argv[2];
        folder = argv[3];
        role = argv[4];
        usec_t now = now_boottime();
        scene_load(&p.scene, folder, role, str_equal(argv[5], "1"), now, now);
        p.dcs_answered = now;

        r = loop_new(&p.event);
        if (r >= 0)
                r = timer_init(&p.beat, p.event, "beat", NULL, on_beat, &p);
        if (r >= 0)
                r = timer_init(&p.left, p.event, "left", NULL, on_left_timer, &p);
        if (r >= 0)
                r = sd_event_add_io(p.event, NULL, STDIN_FILENO, EPOLLIN, on_input, &p);
        if (r >= 0)
                r = connect_to(&p, socket, cluster);
        if (r < 0) {
                fprintf(stderr, "mind-for-api: %s\n", strerror(-r));
                return 1;
        }
        timer_set(&p.beat, now_boottime() + USEC_PER_SEC);
        printf("ready\n");
        r = loop_run(p.event);
        link_free(p.link);
        scene_done(&p.scene);
        return r < 0 ? 1 : r;
}
