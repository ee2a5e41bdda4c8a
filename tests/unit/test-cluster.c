#include "model/cluster.h"
#include "test-lib.h"

static Cluster cluster; /* too large for a stack */

static void test_find_member(void **state _unused_)
{
        cluster = (Cluster){ .n_members = 2 };
        (void)STR_SET(cluster.members[0].name, "node1");
        (void)STR_SET(cluster.members[1].name, "node2");
        (void)STR_SET(cluster.members[2].name, "node3"); /* beyond n_members */
        assert_ptr_equal(cluster_find_member(&cluster, "node1"), &cluster.members[0]);
        assert_ptr_equal(cluster_find_member(&cluster, "node2"), &cluster.members[1]);
        assert_null(cluster_find_member(&cluster, "node3"));
        assert_null(cluster_find_member(&cluster, "Node1"));
        assert_null(cluster_find_member(&cluster, ""));
}

static void test_is_locked(void **state _unused_)
{
        cluster = (Cluster){ 0 };
        assert_false(cluster_is_locked(&cluster));
        (void)STR_SET(cluster.leader.name, "node1");
        assert_true(cluster_is_locked(&cluster));
}

/* PATRONI-SPEC 1.2, sync: names compare without case. */
static void test_is_in_sync(void **state _unused_)
{
        cluster = (Cluster){ 0 };
        assert_false(cluster_is_in_sync(&cluster, "node1"));
        (void)STR_SET(cluster.sync.leader, "node1");
        (void)STR_SET(cluster.sync.standbys, "node2,Node3");
        assert_true(cluster_is_in_sync(&cluster, "node1"));
        assert_true(cluster_is_in_sync(&cluster, "NODE1"));
        assert_true(cluster_is_in_sync(&cluster, "node2"));
        assert_true(cluster_is_in_sync(&cluster, "node3"));
        assert_false(cluster_is_in_sync(&cluster, "node"));
        assert_false(cluster_is_in_sync(&cluster, "node22"));
        assert_false(cluster_is_in_sync(&cluster, "node2,Node3"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find_member),
                cmocka_unit_test(test_is_locked),
                cmocka_unit_test(test_is_in_sync),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
