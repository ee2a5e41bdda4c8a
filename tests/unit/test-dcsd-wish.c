#include "base/str.h"
#include "dcsd/wish.h"
#include "test-dcsd.h"
#include "wire/msg.h"

#define P "/service/x/"

static Paths paths;

static int setup(void **state)
{
        (void)state;
        paths_init(&paths, P, "n1");
        return 0;
}

typedef struct Row {
        const char *key, *value;
        uint64_t create, mod;
        int64_t lease;
} Row;

static WishVerdict judge(const Wish *w, bool tried, const Row *rows, size_t n, Epoch *ret_epoch)
{
        char text[REASON_SIZE];
        WishFound f = { 0 };

        for (size_t i = 0; i < n; i++)
                f.kvs[f.n++] = make_kv(rows[i].key, rows[i].value, rows[i].create, rows[i].mod,
                                       rows[i].lease);
        WishVerdict v = wish_judge(w, &f, tried, ret_epoch, text);
        assert_true(v != WISH_REFUSED || text[0]);
        wish_found_done(&f);
        return v;
}
#define JUDGE(w, tried, ...)                                                                       \
        judge(w, tried, (const Row[]){ __VA_ARGS__ },                                              \
              sizeof((const Row[]){ __VA_ARGS__ }) / sizeof(Row), &epoch)

static void test_bid(void **state)
{
        Wish w = { .kind = WISH_BID, .paths = &paths, .name = "n1", .lease = 9, .sync_revision = 4 };
        Row sync = { P "sync", "{}", 3, 4, 0 }, config = { P "config", "{}", 6, 6, 0 };
        Epoch epoch;

        (void)state;
        assert_int_equal(JUDGE(&w, true, sync), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, sync, { P "leader", "n1", 12, 12, 9 }), WISH_DONE);
        assert_int_equal(epoch, 12);
        /* of an earlier life: another lease */
        assert_int_equal(JUDGE(&w, true, sync, { P "leader", "n1", 12, 12, 8 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, false, sync, { P "leader", "n1", 12, 12, 9 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, sync, { P "leader", "n2", 12, 12, 7 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, { P "sync", "{}", 3, 5, 0 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, config), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, sync, config), WISH_REFUSED);
}

static void test_release(void **state)
{
        Wish w = { .kind = WISH_RELEASE, .paths = &paths, .name = "n1", .lease = 9, .epoch = 12 };
        Row other = { P "leader", "n2", 15, 15, 7 };
        Epoch epoch;

        (void)state;
        assert_int_equal(JUDGE(&w, true, { P "leader", "n1", 12, 12, 9 }), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, other), WISH_DONE);
        assert_int_equal(JUDGE(&w, false, other), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, { P "x", "", 1, 1, 0 }), WISH_DONE);
        assert_int_equal(JUDGE(&w, false, { P "x", "", 1, 1, 0 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, false, { P "leader", "n1", 12, 12, 8 }), WISH_REFUSED);
}

static void test_record(void **state)
{
        Wish w = { .kind = WISH_RECORD, .paths = &paths, .name = "n1", .lease = 9, .epoch = 12,
                   .key = P "sync", .value = "new", .revision = 20 };
        Row leader = { P "leader", "n1", 12, 12, 9 }, other = { P "leader", "n2", 15, 15, 7 };
        Row there = { P "sync", "new", 20, 30, 0 };
        Epoch epoch;

        (void)state;
        assert_int_equal(JUDGE(&w, true, leader, { P "sync", "old", 20, 20, 0 }), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, leader, there), WISH_DONE);
        /* it reads so, but the new revision, which keeps older writes from taking effect, is not there */
        assert_int_equal(JUDGE(&w, true, leader, { P "sync", "new", 20, 20, 0 }), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, leader, { P "sync", "else", 20, 31, 0 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, leader), WISH_REFUSED);
        /* never for a node that does not lead, whatever the key says */
        assert_int_equal(JUDGE(&w, true, other, there), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, there), WISH_REFUSED);

        w.epoch = 0;
        w.revision = RECORD_ANY_REVISION;
        assert_int_equal(JUDGE(&w, true, { P "sync", "else", 20, 31, 0 }), WISH_OPEN);
        w.value = NULL; /* delete */
        assert_int_equal(JUDGE(&w, true, there), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, leader), WISH_DONE);
}

/* Both racers write "": only the member key of the same revision tells whose it was. */
static void test_claim(void **state)
{
        Wish w = { .kind = WISH_CLAIM, .paths = &paths, .name = "n1", .lease = 9,
                   .member_value = "{}" };
        Row claim = { P "initialize", "", 40, 40, 0 }, done = { P "initialize", "7", 40, 41, 0 };
        Epoch epoch;

        (void)state;
        assert_int_equal(JUDGE(&w, true, { P "members/n1", "{}", 3, 3, 9 }), WISH_OPEN);
        assert_int_equal(JUDGE(&w, true, claim, { P "members/n1", "{}", 3, 40, 9 }), WISH_DONE);
        assert_int_equal(JUDGE(&w, true, claim, { P "members/n1", "{}", 3, 39, 9 }), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, claim), WISH_REFUSED);
        assert_int_equal(JUDGE(&w, true, done, { P "members/n1", "{}", 3, 40, 9 }), WISH_REFUSED);
        w.member_value = NULL;
        assert_int_equal(JUDGE(&w, true, claim, { P "members/n1", "{}", 3, 40, 9 }), WISH_REFUSED);
}

static bool compares(const Txn *t, CompareWhat what, const char *key, int64_t number)
{
        for (size_t i = 0; i < t->n_compares; i++)
                if (t->compares[i].what == what && str_equal(t->compares[i].key, key) &&
                    t->compares[i].number == number)
                        return true;
        return false;
}

static void test_transactions(void **state)
{
        Wish bid = { .kind = WISH_BID, .paths = &paths, .name = "n1", .lease = 9,
                     .sync_revision = 4, .config_revision = 6 };
        Wish release = { .kind = WISH_RELEASE, .paths = &paths, .name = "n1", .lease = 9, .epoch = 12,
                         .value = "{}" };
        Wish record = { .kind = WISH_RECORD, .paths = &paths, .name = "n1", .lease = 9,
                        .key = P "sync", .value = "x", .revision = RECORD_ANY_REVISION };
        Txn t;

        (void)state;
        wish_txn(&bid, &t);
        assert_int_equal(t.n_compares, 4);
        assert_true(compares(&t, COMPARE_CREATE, P "leader", 0));
        assert_true(compares(&t, COMPARE_MOD, P "sync", 4));
        assert_true(compares(&t, COMPARE_MOD, P "failover", 0));
        assert_true(compares(&t, COMPARE_MOD, P "config", 6));
        assert_int_equal(t.n_then, 1);
        assert_int_equal(t.then[0].lease, 9);
        assert_int_equal(t.n_otherwise, 4);

        wish_txn(&release, &t);
        assert_int_equal(t.n_compares, 3);
        assert_true(compares(&t, COMPARE_CREATE, P "leader", 12));
        assert_true(compares(&t, COMPARE_LEASE, P "leader", 9));
        assert_int_equal(t.n_then, 2);
        assert_int_equal(t.then[1].what, OP_DELETE);

        wish_txn(&record, &t);
        assert_int_equal(t.n_compares, 0);
        record.epoch = 12;
        record.revision = 0;
        wish_txn(&record, &t);
        assert_int_equal(t.n_compares, 4);
        assert_true(compares(&t, COMPARE_CREATE, P "sync", 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bid),   cmocka_unit_test(test_release),
                cmocka_unit_test(test_record), cmocka_unit_test(test_claim),
                cmocka_unit_test(test_transactions),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
