/* Whom a replica is copied from, and whom it streams from: the tags clonefrom and replicatefrom. */
#include "config/json.h"
#include "pgd/source.h"
#include "test-lib.h"

static Cluster c;

static Member *member(unsigned i)
{
        return &c.members[i];
}

/* node0 leads; node1 and node2 are replicas. */
static int setup(void **state _unused_)
{
        c = (Cluster){ .n_members = 3 };
        for (unsigned i = 0; i < 3; i++) {
                snprintf(c.members[i].name, sizeof c.members[i].name, "node%u", i);
                (void)STR_SET(c.members[i].conn_url, "postgres://h/postgres");
                c.members[i].state = RUN_RUNNING;
        }
        return 0;
}

static void clone_from(const char *own, unsigned n, const char *expected)
{
        const Member *m = source_to_clone(&c, own, "node0", n);

        assert_string_equal(m ? m->name : "", expected);
}

static void test_clone(void **state _unused_)
{
        clone_from("new", 0, "");
        member(0)->tags.clonefrom = true; /* the leader is the last resort anyhow */
        clone_from("new", 0, "");
        member(1)->tags.clonefrom = member(2)->tags.clonefrom = true;
        clone_from("new", 0, "node1");
        clone_from("new", 1, "node2");
        clone_from("new", 2, "node1");
        clone_from("node1", 7, "node2"); /* never itself */
        member(2)->state = RUN_STARTING;
        clone_from("new", 1, "node1");
        member(1)->conn_url[0] = 0;
        clone_from("new", 1, "");
}

static void follow(const char *own, const char *tag, const char *expected)
{
        const Member *m = source_to_follow(&c, own, "node0", tag);

        assert_string_equal(m ? m->name : "", expected);
}

static void test_follow(void **state _unused_)
{
        follow("node1", "", "");
        follow("node1", "node2", "node2");
        follow("node1", "node1", "");
        follow("node1", "node0", "");
        follow("node1", "gone", "");
        /* Nobody can be its own upstream, by however many steps. */
        (void)STR_SET(member(2)->tags.replicatefrom, "node1");
        follow("node1", "node2", "");
        (void)STR_SET(member(2)->tags.replicatefrom, "node0");
        follow("node1", "node2", "node2");
        (void)STR_SET(member(2)->tags.replicatefrom, "gone");
        follow("node1", "node2", "node2");
        /* A former follower of ours that leads now. */
        (void)STR_SET(member(0)->tags.replicatefrom, "node1");
        (void)STR_SET(member(2)->tags.replicatefrom, "node0");
        follow("node1", "node2", "node2");
        /* A ring of others that never comes to the leader. */
        c.n_members = 4;
        c.members[3] = c.members[2];
        (void)STR_SET(c.members[3].name, "node3");
        (void)STR_SET(member(2)->tags.replicatefrom, "node3");
        (void)STR_SET(member(3)->tags.replicatefrom, "node2");
        follow("node1", "node2", "");
}

static void test_remote(void **state _unused_)
{
        static const char by_host[] = "{\"host\":\"a,b\",\"port\":5433}";
        static const char by_archive[] = "{\"restore_command\":\"x\"}";
        Member m;
        Node *n = NULL;

        assert_false(source_remote(NULL, &m));
        assert_string_equal(m.name, "");
        assert_int_equal(json_parse(by_host, strlen(by_host), false, &n, NULL), 0);
        assert_true(source_remote(n, &m));
        assert_string_equal(m.name, REMOTE_NAME);
        assert_string_equal(m.host, "a,b");
        assert_int_equal(m.port, 5433);
        n = node_free(n);
        assert_int_equal(json_parse(by_archive, strlen(by_archive), false, &n, NULL), 0);
        assert_false(source_remote(n, &m)); /* by the archive alone */
        node_free(n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_clone, setup),
                cmocka_unit_test_setup(test_follow, setup),
                cmocka_unit_test(test_remote),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
