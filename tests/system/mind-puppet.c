/*
 * mind-puppet: plays the mind to palisade-dcsd. Connects to the socket named on the command line,
 * says HELLO for a cluster, sends what lines on stdin say, and prints each message as one line of
 * JSON with the CLOCK_BOOTTIME of its arrival.
 *
 *     hold EPOCH INTERVAL_MS TTL_MS MOVE     and again every third of the interval
 *     once EPOCH INTERVAL_MS TTL_MS MOVE     only once
 *     unhold
 *     bid SYNC FAILOVER CONFIG TTL_MS WITHIN_MS
 *     release EPOCH OPTIME WITHIN_MS
 *     publish NAME STATE ROLE XLOG
 *     record KEY EPOCH REVISION WITHIN_MS [VALUE…]
 *     ask WITHIN_MS [NAME URL]…
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "config/json.h"
#include "io/fdutil.h"
#include "io/link.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/loop.h"

#define WORDS_MAX 128

typedef struct Puppet {
        sd_event *event;
        Link *link;
        Timer timer;
        MsgHold hold;
        usec_t interval;
        char line[65536];
        size_t n_line;
} Puppet;

/* ---- printing ---- */

static void add_text(Node *n, const char *key, const char *text)
{
        (void)node_put(n, key, node_new_string(text));
}

static void add_int(Node *n, const char *key, uint64_t v)
{
        (void)node_put(n, key, node_new_int((int64_t)v));
}

static Node *begin(const MsgHeader *h)
{
        Node *n = node_new(NODE_MAP);

        add_int(n, "t", now_boottime());
        add_text(n, "msg", msg_type_to_string(h->type));
        add_int(n, "seq", h->seq);
        return n;
}

static void print(Node *n)
{
        char *text = json_format(n, JSON_COMPACT);

        puts(text);
        fflush(stdout);
        free(text);
        node_free(n);
}

static void on_result(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                      void *userdata _unused_)
{
        const MsgResult *m = (const MsgResult *)h;
        Node *n = begin(h);

        add_text(n, "outcome", outcome_to_string(m->outcome));
        add_int(n, "epoch", m->epoch);
        add_text(n, "text", m->text);
        print(n);
}

static void on_lease(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                     void *userdata _unused_)
{
        const MsgLease *m = (const MsgLease *)h;
        Node *n = begin(h);

        add_int(n, "epoch", m->epoch);
        add_int(n, "kind", m->kind);
        add_int(n, "id", (uint64_t)m->id);
        add_int(n, "sent", m->sent);
        add_int(n, "ttl", m->ttl);
        print(n);
}

static void on_link(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                    void *userdata _unused_)
{
        const MsgLink *m = (const MsgLink *)h;
        Node *n = begin(h);

        add_text(n, "state", link_state_to_string(m->state));
        add_text(n, "endpoint", m->endpoint);
        add_text(n, "version", m->server_version);
        add_text(n, "reason", m->reason);
        add_int(n, "raft_term", m->raft_term);
        add_int(n, "answered", m->answered);
        add_int(n, "stall", m->stall);
        print(n);
}

static Node *member_node(const MsgCluster *m, const Member *member)
{
        Node *n = node_new(NODE_MAP);
        const char *raw = wire_cluster_blob(m, member->raw);
        char *text = raw ? strndup(raw, member->raw.size) : strdup("");

        add_text(n, "state", run_state_to_string(member->state));
        add_text(n, "role", role_to_string(member->role));
        add_text(n, "host", member->host);
        add_text(n, "api_url", member->api_url);
        add_int(n, "xlog", member->xlog_location);
        add_int(n, "lease", (uint64_t)member->lease);
        add_int(n, "rev", member->mod_revision);
        add_text(n, "raw", text);
        free(text);
        return n;
}

static void on_cluster(Link *l _unused_, const MsgHeader *h, int *fds _unused_,
                       size_t n_fds _unused_, void *userdata _unused_)
{
        const MsgCluster *m = (const MsgCluster *)h;
        const Cluster *c = &m->cluster;
        const char *raw = wire_cluster_blob(m, c->config.raw);
        Node *n = begin(h), *members = node_new(NODE_MAP);

        add_text(n, "leader", c->leader.name);
        add_int(n, "epoch", c->leader.epoch);
        add_int(n, "leader_lease", (uint64_t)c->leader.lease);
        add_int(n, "revision", c->revision);
        add_int(n, "initialize", c->initialize.state);
        add_int(n, "initialize_rev", c->initialize.mod_revision);
        add_int(n, "config_rev", c->config.mod_revision);
        add_int(n, "ttl", c->settings.timing.ttl);
        add_int(n, "sync_rev", c->sync.mod_revision);
        add_text(n, "sync_standbys", c->sync.standbys);
        add_int(n, "failover_rev", c->failover.mod_revision);
        add_int(n, "optime", c->status.optime);
        add_int(n, "slots", c->status.n_slots);
        add_int(n, "timeline", c->history.timeline);
        if (raw) {
                char *text = strndup(raw, c->config.raw.size);
                add_text(n, "config", text);
                free(text);
        }
        for (uint32_t i = 0; i < c->n_members; i++)
                (void)node_put(members, c->members[i].name, member_node(m, &c->members[i]));
        (void)node_put(n, "members", members);
        print(n);
}

static void on_peers(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n_fds _unused_,
                     void *userdata _unused_)
{
        const MsgPeers *m = (const MsgPeers *)h;
        Node *n = begin(h), *peers = node_new(NODE_MAP);

        for (uint32_t i = 0; i < m->n_peers; i++) {
                Node *p = node_new(NODE_MAP);
                (void)node_put(p, "answered", node_new_bool(m->peers[i].answered));
                (void)node_put(p, "primary", node_new_bool(m->peers[i].primary));
                add_int(p, "lsn", m->peers[i].lsn);
                add_int(p, "timeline", m->peers[i].timeline);
                (void)node_put(peers, m->peers[i].name, p);
        }
        (void)node_put(n, "peers", peers);
        print(n);
}

static const LinkHandler handlers[] = {
        { MSG_RESULT, on_result },   { MSG_LEASE, on_lease }, { MSG_LINK, on_link },
        { MSG_CLUSTER, on_cluster }, { MSG_PEERS, on_peers },
};

static void on_closed(Link *l _unused_, const char *reason, void *userdata)
{
        Puppet *p = userdata;

        printf("{\"t\":%" PRIu64 ",\"msg\":\"CLOSED\",\"text\":\"%s\"}\n", now_boottime(), reason);
        fflush(stdout);
        (void)sd_event_exit(p->event, 0);
}

/* ---- commands ---- */

static uint64_t number(char **words, size_t n, size_t i)
{
        uint64_t v = 0;

        if (i < n && str_equal(words[i], "any"))
                return RECORD_ANY_REVISION;
        if (i < n)
                (void)str_to_u64(words[i], &v);
        return v;
}

static usec_t msec(char **words, size_t n, size_t i)
{
        return number(words, n, i) * USEC_PER_MSEC;
}

static void send_hold(Puppet *p)
{
        usec_t now = now_boottime();

        p->hold.renew_until = now + p->hold.interval;
        (void)link_send(p->link, &p->hold.h);
        if (p->interval)
                timer_set(&p->timer, now + p->interval);
}

static void do_hold(Puppet *p, char **w, size_t n)
{
        p->hold = WIRE_INIT(MsgHold, MSG_HOLD);
        p->hold.epoch = number(w, n, 1);
        p->hold.interval = msec(w, n, 2);
        p->hold.ttl = msec(w, n, 3);
        p->hold.move = number(w, n, 4);
        p->interval = str_equal(w[0], "hold") ? p->hold.interval / 3 : 0;
        timer_set(&p->timer, USEC_INFINITY);
        send_hold(p);
}

static void do_unhold(Puppet *p, char **w _unused_, size_t n _unused_)
{
        timer_set(&p->timer, USEC_INFINITY);
}

static void announce(Puppet *p, MsgHeader *h)
{
        h->seq = link_next_seq(p->link);
        Node *n = begin(h);
        (void)node_put(n, "msg", node_new_string("SENT"));
        add_text(n, "what", msg_type_to_string(h->type));
        print(n);
        (void)link_send(p->link, h);
}

static void do_bid(Puppet *p, char **w, size_t n)
{
        MsgBid m = WIRE_INIT(MsgBid, MSG_BID);

        m.sync_revision = number(w, n, 1);
        m.failover_revision = number(w, n, 2);
        m.config_revision = number(w, n, 3);
        m.ttl = msec(w, n, 4);
        m.deadline = now_boottime() + msec(w, n, 5);
        announce(p, &m.h);
}

static void do_release(Puppet *p, char **w, size_t n)
{
        MsgRelease m = WIRE_INIT(MsgRelease, MSG_RELEASE);

        m.epoch = number(w, n, 1);
        m.optime = number(w, n, 2);
        m.deadline = now_boottime() + msec(w, n, 3);
        announce(p, &m.h);
}

static void do_publish(Puppet *p, char **w, size_t n)
{
        MsgPublish m = WIRE_INIT(MsgPublish, MSG_PUBLISH);
        Member *member = &m.member;

        member->tags = TAGS_DEFAULT;
        (void)STR_SET(member->name, n > 1 ? w[1] : "");
        snprintf(member->conn_url, sizeof member->conn_url, "postgres://127.0.0.1:5432/postgres");
        snprintf(member->api_url, sizeof member->api_url, "http://127.0.0.1:8008/patroni");
        (void)STR_SET(member->version, "4.1.4");
        member->state = n > 2 ? run_state_from_string(w[2]) : RUN_RUNNING;
        member->role = n > 3 ? role_from_string(w[3]) : ROLE_REPLICA;
        member->xlog_location = number(w, n, 4);
        member->timeline = 1;
        (void)link_send(p->link, &m.h);
}

static size_t fill_value(RecordKey key, char **w, size_t n, void *value)
{
        InitializeKey *initialize = value;
        FailoverKey *failover = value;
        StatusKey *status = value;
        History *history = value;
        SyncKey *sync = value;
        StandingKey *standing = value;
        ResumeKey *resume = value;

        switch (key) {
        case RECORD_INITIALIZE:
                initialize->state = (Initialize)number(w, n, 5);
                initialize->sysid = number(w, n, 6);
                break;
        case RECORD_CONFIG: return n > 5 ? (size_t)sprintf(value, "%s", w[5]) : 0;
        case RECORD_STATUS: status->optime = number(w, n, 5); break;
        case RECORD_SYNC:
                (void)STR_SET(sync->leader, n > 5 ? w[5] : "");
                (void)STR_SET(sync->standbys, n > 6 ? w[6] : "");
                sync->quorum = (uint32_t)number(w, n, 7);
                break;
        case RECORD_FAILOVER:
                failover->requested = n > 5;
                (void)STR_SET(failover->leader, n > 5 ? w[5] : "");
                (void)STR_SET(failover->candidate, n > 6 ? w[6] : "");
                break;
        case RECORD_HISTORY:
                history->n_lines = 1;
                history->lines[0].timeline = (uint32_t)number(w, n, 5);
                history->lines[0].switch_lsn = number(w, n, 6);
                (void)STR_SET(history->lines[0].reason, "no recovery target specified");
                break;
        case RECORD_STANDING:
                (void)STR_SET(standing->name, n > 5 ? w[5] : "");
                standing->standing = number(w, n, 6);
                break;
        case RECORD_RESUME: resume->wanted = number(w, n, 5); break;
        case RECORD_FAILSAFE:
        case RECORD_NONE:
        case RECORD_MAX: break;
        }
        return wire_record_value_size(key);
}

static void do_record(Puppet *p, char **w, size_t n)
{
        static _Alignas(max_align_t) char packet[WIRE_PACKET_MAX];
        MsgRecord *m = (MsgRecord *)packet;

        memset(packet, 0, sizeof packet);
        m->key = n > 1 ? record_key_from_string(w[1]) : RECORD_NONE;
        size_t size = fill_value(m->key, w, n, m->value);
        wire_header(&m->h, MSG_RECORD, sizeof *m + size);
        m->epoch = number(w, n, 2);
        m->revision = number(w, n, 3);
        m->deadline = now_boottime() + msec(w, n, 4);
        announce(p, &m->h);
}

static void do_ask(Puppet *p, char **w, size_t n)
{
        static _Alignas(max_align_t) char packet[WIRE_PACKET_MAX];
        MsgAskPeers *m = (MsgAskPeers *)packet;
        uint32_t n_peers = 0;

        memset(packet, 0, sizeof packet);
        for (size_t i = 2; i + 1 < n; i += 2, n_peers++) {
                (void)STR_SET(m->peers[n_peers].name, w[i]);
                (void)STR_SET(m->peers[n_peers].api_url, w[i + 1]);
        }
        wire_header(&m->h, MSG_ASK_PEERS, sizeof *m + n_peers * sizeof(PeerAddress));
        m->kind = ASK_RACE;
        m->n_peers = n_peers;
        m->deadline = now_boottime() + msec(w, n, 1);
        announce(p, &m->h);
}

static const struct {
        const char *name;
        void (*run)(Puppet *p, char **words, size_t n);
} commands[] = {
        { "hold", do_hold },       { "once", do_hold },       { "unhold", do_unhold },
        { "bid", do_bid },         { "release", do_release }, { "publish", do_publish },
        { "record", do_record },   { "ask", do_ask },
};

/* Words are separated by single tabs, so that values may have blanks. */
static void run_line(Puppet *p, char *line)
{
        char *words[WORDS_MAX], *rest;
        size_t n = 0;

        for (char *s = strtok_r(line, "\t", &rest); s && n < WORDS_MAX;
             s = strtok_r(NULL, "\t", &rest))
                words[n++] = s;
        for (size_t i = 0; n > 0 && i < ELEMENTSOF(commands); i++)
                if (str_equal(commands[i].name, words[0])) {
                        commands[i].run(p, words, n);
                        return;
                }
        fprintf(stderr, "there is no command '%s'\n", n > 0 ? words[0] : "");
}

static int on_stdin(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        Puppet *p = userdata;
        ssize_t got = read(fd, p->line + p->n_line, sizeof p->line - p->n_line - 1);
        char *start = p->line, *end;

        if (got <= 0)
                return sd_event_exit(p->event, 0);
        p->n_line += (size_t)got;
        p->line[p->n_line] = 0;
        while ((end = strchr(start, '\n'))) {
                *end = 0;
                run_line(p, start);
                start = end + 1;
        }
        p->n_line = strlen(start);
        memmove(p->line, start, p->n_line + 1);
        return 0;
}

static void on_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        send_hold(userdata);
}

static int run(Puppet *p, const char *path, const char *cluster)
{
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);
        int r = loop_new(&p->event), fd;

        if (r < 0)
                return r;
        fd = connect_unix(path, SOCK_SEQPACKET);
        if (fd < 0)
                return fd;
        r = link_new(&p->link, p->event, fd, "dcsd", handlers, ELEMENTSOF(handlers), on_closed, p);
        if (r >= 0)
                r = timer_init(&p->timer, p->event, "hold", NULL, on_timer, p);
        if (r >= 0)
                r = sd_event_add_io(p->event, NULL, STDIN_FILENO, EPOLLIN, on_stdin, p);
        if (r < 0)
                return r;
        (void)STR_SET(hello.cluster, cluster);
        (void)link_send(p->link, &hello.h);
        return loop_run(p->event);
}

int main(int argc, char **argv)
{
        static Puppet p;

        if (argc != 3) {
                fprintf(stderr, "Usage: mind-puppet SOCKET CLUSTER\n");
                return EXIT_FAILURE;
        }
        log_open("mind-puppet");
        int r = run(&p, argv[1], argv[2]);
        if (r < 0)
                fprintf(stderr, "mind-puppet: %s\n", strerror(-r));
        p.link = link_free(p.link);
        timer_done(&p.timer);
        sd_event_unref(p.event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
