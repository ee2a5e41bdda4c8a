#include <stdio.h>
#include <string.h>

#include "ctl/each.h"

static const char *text_of(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);

        return text ? text : "";
}

static bool is_leader(const Node *member)
{
        return str_equal(text_of(member, "role"), "leader") ||
               str_equal(text_of(member, "role"), "standby_leader");
}

static bool has_role(const Node *member, const char *wanted)
{
        if (str_equal(wanted, "any"))
                return true;
        if (str_equal(wanted, "leader"))
                return is_leader(member);
        if (str_equal(wanted, "primary") || str_equal(wanted, "master"))
                return str_equal(text_of(member, "role"), "leader");
        if (str_equal(wanted, "standby-leader"))
                return str_equal(text_of(member, "role"), "standby_leader");
        return !is_leader(member); /* replica, standby */
}

static bool is_role(const char *text)
{
        static const char *const roles[] = { "leader", "primary", "standby-leader", "replica",
                                             "standby", "any", "master" };

        for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
                if (str_equal(roles[i], text))
                        return true;
        return false;
}

/* The first word may be the cluster's name. */
static bool is_cluster(const Ctl *c, const Picture *p, size_t i)
{
        return i == 0 && str_equal(c->words.list[0], p->scope) && !members_find(p->cluster, p->scope);
}

bool each_is_chosen(const Ctl *c, const Picture *p, const Node *member)
{
        const char *role = c->values[OPTION_ROLE];
        bool named = false;

        if (role && !has_role(member, role))
                return false;
        for (size_t i = 0; i < c->words.n; i++) {
                if (is_cluster(c, p, i))
                        continue;
                named = true;
                if (str_equal(c->words.list[i], text_of(member, "name")))
                        return true;
        }
        return !named;
}

int each_check(const Ctl *c, const Picture *p)
{
        const char *role = c->values[OPTION_ROLE];

        if (role && !is_role(role))
                return ctl_misuse(c, "no role '%s': leader, primary, standby-leader, replica, standby or any",
                                  role);
        for (size_t i = 0; i < c->words.n; i++)
                if (!members_find(p->cluster, c->words.list[i]) && !is_cluster(c, p, i))
                        return ctl_fail("%s is not a member of cluster %s", c->words.list[i],
                                        p->scope);
        NODE_FOREACH(m, node_get(p->cluster, "members"))
        if (each_is_chosen(c, p, m))
                return CTL_DONE;
        return ctl_fail("No %s among provided members", role ? role : "any");
}

int each_confirm(const Ctl *c, const Picture *p, const char *what)
{
        char question[1024];
        size_t n = 0, len = (size_t)snprintf(question, sizeof question,
                                             "Are you sure you want to %s members", what);

        if (ctl_has(c, OPTION_FORCE))
                return CTL_DONE;
        NODE_FOREACH(m, node_get(p->cluster, "members"))
        if (each_is_chosen(c, p, m) && len < sizeof question)
                len += (size_t)snprintf(question + len, sizeof question - len, "%s %s",
                                        n++ > 0 ? "," : "", text_of(m, "name"));
        if (len < sizeof question)
                snprintf(question + len, sizeof question - len, "?");
        return ctl_confirm(question) ? CTL_DONE : ctl_fail("Aborting %s", what);
}

void each_own_name(Ctl *c, char *buf, size_t size)
{
        _cleanup_(node_freep) Node *self = ctl_get(c, "/patroni");
        const char *name = node_get_text(self, "patroni.name");

        snprintf(buf, size, "%s", name ? name : "");
}

int each_call(Ctl *c, const Node *member, const char *own, Call *call, Reply *ret)
{
        char base[512] = "";
        bool mine = str_equal(text_of(member, "name"), own);

        if (!mine && !url_base(text_of(member, "api_url"), base, sizeof base))
                return ctl_fail("member %s has no URL", text_of(member, "name"));
        call->base = mine ? NULL : base;
        (void)client_call(c->client, call, ret); /* the status tells */
        call->base = NULL;
        return CTL_DONE;
}

int each_failed(const char *what, const Node *member, const Reply *r)
{
        const char *name = text_of(member, "name");

        if (r->status != 0)
                return ctl_fail("%s for member %s, status code=%u, (%s)", what, name, r->status,
                                r->size > 0 && r->body[0] != '<' ? r->body : "");
        return ctl_fail("%s for member %s: %s", what, name, r->error);
}

int each_do(Ctl *c, const char *what, int (*one)(Ctl *c, const Node *member, const char *own))
{
        Picture p;
        char own[256];
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        code = each_check(c, &p);
        if (code == CTL_DONE) {
                ctl_print_members(c, &p, stdout, false);
                code = each_confirm(c, &p, what);
        }
        if (code == CTL_DONE) {
                each_own_name(c, own, sizeof own);
                NODE_FOREACH(m, node_get(p.cluster, "members"))
                if (each_is_chosen(c, &p, m) && one(c, m, own) != CTL_DONE)
                        code = CTL_FAILED;
        }
        picture_done(&p);
        return code;
}
