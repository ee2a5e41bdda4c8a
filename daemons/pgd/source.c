#include "base/str.h"
#include "pgd/source.h"

bool source_remote(const Node *standby_cluster, Member *ret)
{
        const char *host = node_get_text(standby_cluster, "host");
        const Node *port = node_get(standby_cluster, "port");

        *ret = (Member){ .role = ROLE_PRIMARY, .state = RUN_RUNNING };
        if (str_empty(host) && !port)
                return false;
        if (!STR_SET(ret->host, str_empty(host) ? "localhost" : host))
                return false;
        ret->port = (uint16_t)CLAMP(node_get_int(standby_cluster, "port", 5432), 1, UINT16_MAX);
        (void)STR_SET(ret->name, REMOTE_NAME); /* short */
        return true;
}

static bool offers_itself(const Member *m, const char *own_name, const char *leader)
{
        return m->tags.clonefrom && m->state == RUN_RUNNING && m->conn_url[0] &&
               !str_equal(m->name, own_name) && !str_equal(m->name, leader);
}

const Member *source_to_clone(const Cluster *c, const char *own_name, const char *leader, unsigned n)
{
        unsigned count = 0;

        for (uint32_t i = 0; i < c->n_members; i++)
                count += offers_itself(&c->members[i], own_name, leader);
        if (count == 0)
                return NULL;
        n %= count;
        for (uint32_t i = 0; i < c->n_members; i++)
                if (offers_itself(&c->members[i], own_name, leader) && n-- == 0)
                        return &c->members[i];
        return NULL;
}

/* Following the tags from m one comes to the leader, and not back to this node. */
static bool leads_to_leader(const Cluster *c, const Member *m, const char *own_name,
                            const char *leader)
{
        for (uint32_t hops = 0; hops <= c->n_members; hops++) {
                if (str_equal(m->name, own_name))
                        return false;
                const Member *next = str_equal(m->name, leader) || !m->tags.replicatefrom[0]
                                             ? NULL
                                             : cluster_find_member(c, m->tags.replicatefrom);
                if (!next || str_equal(next->name, m->name))
                        return true;
                m = next;
        }
        return false;
}

const Member *source_to_follow(const Cluster *c, const char *own_name, const char *leader,
                               const char *replicatefrom)
{
        const Member *m = str_empty(replicatefrom) || str_equal(replicatefrom, own_name) ||
                                          str_equal(replicatefrom, leader)
                                  ? NULL
                                  : cluster_find_member(c, replicatefrom);

        return m && m->conn_url[0] && leads_to_leader(c, m, own_name, leader) ? m : NULL;
}
