#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ctl/members.h"
#include "ctl/yaml-out.h"

typedef enum Field {
        FIELD_CLUSTER,
        FIELD_MEMBER,
        FIELD_HOST,
        FIELD_ROLE,
        FIELD_STATE,
        FIELD_TL,
        FIELD_RECEIVE_LSN,
        FIELD_RECEIVE_LAG,
        FIELD_REPLAY_LSN,
        FIELD_REPLAY_LAG,
        FIELD_PENDING,
        FIELD_REASON,
        FIELD_SCHEDULED,
        FIELD_TAGS,
        FIELD_MAX,
} Field;

static const struct {
        const char *name;   /* for programs */
        const char *pretty; /* where it differs */
        bool right;
        bool optional; /* only where a member has something there, or extended */
        bool wide;     /* not where the screen is too narrow */
} fields[FIELD_MAX] = {
        [FIELD_CLUSTER] = { .name = "Cluster" },
        [FIELD_MEMBER] = { .name = "Member" },
        [FIELD_HOST] = { .name = "Host" },
        [FIELD_ROLE] = { .name = "Role" },
        [FIELD_STATE] = { .name = "State" },
        [FIELD_TL] = { .name = "TL", .right = true },
        [FIELD_RECEIVE_LSN] = { .name = "Receive LSN", .right = true, .wide = true },
        [FIELD_RECEIVE_LAG] = { .name = "Receive Lag", .pretty = "Lag", .right = true },
        [FIELD_REPLAY_LSN] = { .name = "Replay LSN", .right = true, .wide = true },
        [FIELD_REPLAY_LAG] = { .name = "Replay Lag", .pretty = "Lag", .right = true },
        [FIELD_PENDING] = { .name = "Pending restart", .optional = true },
        [FIELD_REASON] = { .name = "Pending restart reason", .optional = true },
        [FIELD_SCHEDULED] = { .name = "Scheduled restart", .optional = true },
        [FIELD_TAGS] = { .name = "Tags", .optional = true },
};

/* ---- one member ---- */

static const char *text_of(const Node *member, const char *key)
{
        const char *text = node_get_text(member, key);

        return text ? text : "";
}

/* A port is shown where it is needed to tell addresses apart, or is not the usual one. */
static bool ports_matter(const Node *members)
{
        NODE_FOREACH(m, members) {
                if (node_get(m, "port") && node_get_int(m, "port", 5432) != 5432)
                        return true;
                for (const Node *other = m->next; other; other = other->next)
                        if (*text_of(m, "host") && str_equal(text_of(m, "host"), text_of(other, "host")))
                                return true;
        }
        return false;
}

static void put_host(FILE *f, const Node *m, bool with_port)
{
        const char *host = text_of(m, "host");
        bool v6 = strchr(host, ':') != NULL && with_port;

        if (!*host)
                return;
        fprintf(f, "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");
        if (with_port && node_get(m, "port"))
                fprintf(f, ":%s", text_of(m, "port"));
}

/* sync_standby: "Sync Standby". */
static void put_role(FILE *f, const char *role)
{
        bool start = true;

        for (; *role; role++) {
                char c = *role == '_' ? ' ' : *role;
                fputc(start && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, f);
                start = c == ' ';
        }
}

/* Bytes as whole megabytes; half goes to the even one, as Python rounds. */
static void put_lag(FILE *f, const Node *lag)
{
        const int64_t mb = 1024 * 1024;

        if (!lag || lag->kind != NODE_INT)
                return;
        int64_t whole = lag->integer / mb, rest = lag->integer % mb;
        if (rest > mb / 2 || (rest == mb / 2 && whole % 2 != 0))
                whole++;
        fprintf(f, "%lld", (long long)whole);
}

/* For people, how far a clone is: "creating replica, 45 %, 57 MB/s". */
static void put_state(FILE *f, const Node *m, bool pretty)
{
        const char *percent = node_get_text(m, "progress.percent");
        int64_t rate = node_get_int(m, "progress.bytes_per_second", 0);

        fputs(text_of(m, "state"), f);
        if (pretty && percent)
                fprintf(f, ", %s %%, %lld MB/s", percent, (long long)(rate >> 20));
}

static void put_reasons(FILE *f, const Node *reasons, bool pretty)
{
        enum { WIDEST = 50 };
        bool first = true;

        NODE_FOREACH(r, reasons) {
                const char *old = text_of(r, "old_value"), *new = text_of(r, "new_value");
                bool hide = pretty && strlen(r->key) + strlen(old) + strlen(new) + 4 > WIDEST;
                fprintf(f, "%s%s: ", first ? "" : "\n", r->key);
                if (hide)
                        fputs("[hidden - too long]", f);
                else
                        fprintf(f, "%s->%s", old, new);
                first = false;
        }
}

static void put_scheduled(FILE *f, const Node *m)
{
        const char *version = node_get_text(m, "scheduled_restart.postgres_version");

        fputs(text_of(m, "scheduled_restart.schedule"), f);
        if (version)
                fprintf(f, " if version < %s", version);
}

static void put_tags(FILE *f, const Node *tags, bool block)
{
        if (!tags || !tags->children)
                return;
        if (block)
                yaml_write(f, tags);
        else
                yaml_write_flow(f, tags);
}

static void put_field(FILE *f, const MembersView *v, const Node *m, Field field, bool pretty)
{
        switch (field) {
        case FIELD_CLUSTER: fputs(v->scope, f); break;
        case FIELD_MEMBER: fputs(text_of(m, "name"), f); break;
        case FIELD_HOST: put_host(f, m, ports_matter(node_get(v->cluster, "members"))); break;
        case FIELD_ROLE: put_role(f, text_of(m, "role")); break;
        case FIELD_STATE: put_state(f, m, pretty); break;
        case FIELD_TL: fputs(text_of(m, "timeline"), f); break;
        case FIELD_RECEIVE_LSN: fputs(text_of(m, "receive_lsn"), f); break;
        case FIELD_RECEIVE_LAG: put_lag(f, node_get(m, "receive_lag")); break;
        case FIELD_REPLAY_LSN: fputs(text_of(m, "replay_lsn"), f); break;
        case FIELD_REPLAY_LAG: put_lag(f, node_get(m, "replay_lag")); break;
        case FIELD_PENDING: fputs(node_get_bool(m, "pending_restart", false) ? "*" : "", f); break;
        case FIELD_REASON: put_reasons(f, node_get(m, "pending_restart_reason"), pretty); break;
        case FIELD_SCHEDULED: put_scheduled(f, m); break;
        case FIELD_TAGS: put_tags(f, node_get(m, "tags"), pretty && !v->topology); break;
        case FIELD_MAX: break;
        }
}

/* The caller frees it. NULL: out of memory. */
static char *field_text(const MembersView *v, const Node *m, Field field, bool pretty)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        put_field(f, v, m, field, pretty);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = 0;
        return text;
}

/* ---- all of them ---- */

static bool is_shown(const MembersView *v, Field field, bool pretty)
{
        bool any = false;

        if (field == FIELD_CLUSTER)
                return !pretty;
        if (!fields[field].optional || v->extended)
                return true;
        NODE_FOREACH(m, node_get(v->cluster, "members")) {
                char *text = field_text(v, m, field, pretty);
                any = any || (text && *text);
                free(text);
        }
        return any;
}

static void add_row(Grid *g, const MembersView *v, const Node *m, const bool *shown, bool pretty,
                    unsigned depth)
{
        size_t column = 0;

        grid_add_row(g);
        for (Field field = 0; field < FIELD_MAX; field++) {
                char *text, *indented = NULL;
                if (!shown[field])
                        continue;
                text = field_text(v, m, field, pretty);
                if (field == FIELD_MEMBER && depth > 0 && text &&
                    asprintf(&indented, "%*s+ %s", (int)(2 * (depth - 1)), "", text) < 0)
                        indented = NULL;
                grid_set(g, column++, indented ? indented : text);
                free(indented);
                free(text);
        }
}

/* Whom a member follows: the one its tag names, if that is a member; else the leader. */
static bool follows(const MembersView *v, const Node *m, const char *upstream)
{
        const char *from = node_get_text(m, "tags.replicatefrom");
        const char *leader = members_leader(v->cluster);

        if (leader && str_equal(text_of(m, "name"), leader))
                return upstream == NULL;
        if (from && (!members_find(v->cluster, from) || str_equal(from, text_of(m, "name"))))
                from = NULL;
        if (!from)
                from = leader;
        if (!from || !upstream)
                return from == upstream;
        return str_equal(from, upstream);
}

static void add_branch(Grid *g, const MembersView *v, const bool *shown, const char *upstream,
                       unsigned depth)
{
        if (depth > 32)
                return; /* members that follow each other */
        NODE_FOREACH(m, node_get(v->cluster, "members"))
                if (follows(v, m, upstream)) {
                        add_row(g, v, m, shown, true, depth);
                        add_branch(g, v, shown, text_of(m, "name"), depth + 1);
                }
}

static Grid make_grid(const MembersView *v, bool pretty, bool narrow)
{
        Grid g = { 0 };
        bool shown[FIELD_MAX];

        for (Field field = 0; field < FIELD_MAX; field++) {
                /* Beside their positions the lags need no more than that word. */
                bool brief = pretty && !narrow && fields[field].pretty;
                shown[field] = is_shown(v, field, pretty) && !(narrow && fields[field].wide);
                if (shown[field])
                        grid_add_column(&g, brief ? fields[field].pretty : fields[field].name,
                                        fields[field].right);
        }
        if (v->topology)
                add_branch(&g, v, shown, NULL, 0);
        else
                NODE_FOREACH(m, node_get(v->cluster, "members"))
                        add_row(&g, v, m, shown, pretty, 0);
        return g;
}

/* ---- output ---- */

static void put_footer(const MembersView *v, FILE *f)
{
        const Node *scheduled = node_get(v->cluster, "scheduled_switchover");

        if (node_get_bool(v->cluster, "pause", false))
                fputs(" Maintenance mode: on\n", f);
        if (!scheduled)
                return;
        fprintf(f, " %24s %s\n", "Switchover scheduled at:", text_of(scheduled, "at"));
        if (node_get(scheduled, "from"))
                fprintf(f, " %24s %s\n", "from:", text_of(scheduled, "from"));
        if (node_get(scheduled, "to"))
                fprintf(f, " %24s %s\n", "to:", text_of(scheduled, "to"));
}

void members_print_pretty(const MembersView *v, FILE *f)
{
        Grid g = make_grid(v, true, false);
        char *title = NULL;

        if (v->width > 0 && !v->extended && grid_width(&g) > v->width) {
                grid_done(&g);
                g = make_grid(v, true, true);
        }
        if (asprintf(&title, " Cluster: %s (%s) ", v->scope, v->sysid ? v->sysid : "uninitialized") < 0)
                title = NULL;
        grid_print(&g, f, title, v->paint);
        put_footer(v, f);
        free(title);
        grid_done(&g);
}

void members_print_tsv(const MembersView *v, FILE *f)
{
        Grid g = make_grid(v, false, false);

        grid_print_tsv(&g, f);
        grid_done(&g);
}

/* Numbers stay numbers and tags stay a map; the rest are texts. */
static Node *field_node(const MembersView *v, const Node *m, Field field)
{
        char *text = field_text(v, m, field, false);
        Node *n = NULL;
        int64_t number;

        if (text && *text) {
                if (field == FIELD_TAGS)
                        n = node_copy(node_get(m, "tags"));
                else if (fields[field].right && str_to_i64(text, &number) >= 0)
                        n = node_new_int(number);
                else
                        n = node_new_string(text);
        }
        free(text);
        return n;
}

Node *members_list(const MembersView *v)
{
        _cleanup_(node_freep) Node *list = node_new(NODE_LIST);

        if (!list)
                return NULL;
        NODE_FOREACH(m, node_get(v->cluster, "members")) {
                Node *row = node_new(NODE_MAP);
                if (node_put(list, NULL, row) < 0)
                        return NULL;
                for (Field field = 0; field < FIELD_MAX; field++) {
                        Node *n = field_node(v, m, field);
                        if (n && node_put(row, fields[field].name, n) < 0)
                                return NULL;
                }
        }
        return TAKE_PTR(list);
}

const char *members_leader(const Node *cluster)
{
        NODE_FOREACH(m, node_get(cluster, "members"))
                if (str_equal(text_of(m, "role"), "leader") ||
                    str_equal(text_of(m, "role"), "standby_leader"))
                        return text_of(m, "name");
        return NULL;
}

const Node *members_find(const Node *cluster, const char *name)
{
        NODE_FOREACH(m, node_get(cluster, "members"))
                if (str_equal(text_of(m, "name"), name))
                        return m;
        return NULL;
}
