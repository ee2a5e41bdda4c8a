#include "model/member.h"
#include "test-lib.h"

static void test_split_url(void **state _unused_)
{
        static const struct {
                const char *url, *host;
                unsigned port;
        } good[] = {
                { "postgres://127.0.0.1:15431/postgres", "127.0.0.1", 15431 },
                { "postgres://10.0.0.1:5432/postgres", "10.0.0.1", 5432 },
                { "postgres://db1/postgres", "db1", 5432 },
                { "postgres://db1", "db1", 5432 },
                { "postgresql://db1:6000", "db1", 6000 },
                { "postgres://user@db1:6000/x?application_name=y", "db1", 6000 },
                { "postgres://user:secret@db1:6000/x", "db1", 6000 },
                { "postgres://[fd00::1]:6000/postgres", "fd00::1", 6000 },
                { "postgres://[fd00::1]/postgres", "fd00::1", 5432 },
                { "postgres://db1:6000,db2:6001/postgres", "db1", 6000 },
                { "postgres://db1:65535/", "db1", 65535 },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                char host[HOST_SIZE] = "";
                uint16_t port = 7;
                assert_true(member_split_url(good[i].url, host, sizeof host, &port));
                assert_string_equal(host, good[i].host);
                assert_int_equal(port, good[i].port);
        }
}

static void test_split_url_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "", "db1:5432", "http://db1:5432/", "postgres://", "postgres:///postgres",
                "postgres://:5432/postgres", "postgres://db1:0/", "postgres://db1:65536/",
                "postgres://db1:x/", "postgres://db1:/postgres", "postgres://[fd00::1/postgres",
                "postgres://db1:-1/",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char host[HOST_SIZE] = "before";
                uint16_t port = 7;
                assert_false(member_split_url(bad[i], host, sizeof host, &port));
                assert_string_equal(host, "before");
                assert_int_equal(port, 7);
        }

        char small[4] = "";
        uint16_t port;
        assert_true(member_split_url("postgres://abc/", small, sizeof small, &port));
        assert_false(member_split_url("postgres://abcd/", small, sizeof small, &port));
}

/* PATRONI-SPEC 1.1; the third is from a running cluster (appendix B). */
static void test_slot_name(void **state _unused_)
{
        static const struct {
                const char *name, *slot;
        } names[] = {
                { "node1", "node1" },
                { "pg-1.example.com", "pg_1_example_com" },
                { "N\303\266-de.0", "nu0246_de_0" },
                { "NODE_9", "node_9" },
                { "a b", "au0032b" },
                { "a/b", "au0047b" },
                { "AZaz09", "azaz09" },
                { "\303\200\303\236\303\227", "u0224u0254u0215" }, /* À Þ, and × has no case */
                { "\316\221", "u0945" },         /* Α -> α */
                { "\320\220\320\257", "u1072u1103" }, /* А Я */
                { "\320\200\320\217", "u1104u1119" }, /* Ѐ Џ */
                { "\340\240\200", "u2048" },
                { "\303\204", "u0228" },         /* Ä, lower-cased first */
                { "\326\240", "u1440" },         /* U+05A0: four digits */
                { "\360\237\230\200", "u128512" }, /* more than four digits are not cut */
                { "\320\226", "u1078" },         /* Ж -> ж */
                { "\317\211", "u0969" },         /* ω */
                { "\316\251", "u0969" },         /* Ω */
                { "x\377", "xu0255" },           /* not UTF-8: as Latin-1 */
                { "", "" },
        };
        char slot[IDENT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                member_slot_name(names[i].name, slot);
                assert_string_equal(slot, names[i].slot);
        }
}

static void test_slot_name_is_cut(void **state _unused_)
{
        char name[NAME_SIZE], slot[IDENT_SIZE];

        memset(name, 'a', sizeof name);
        name[63] = 0;
        member_slot_name(name, slot);
        assert_int_equal(strlen(slot), 63);
        name[63] = 'a';
        name[100] = 0;
        member_slot_name(name, slot);
        assert_int_equal(strlen(slot), 63);
        memset(name, '/', 20);
        name[20] = 0;
        member_slot_name(name, slot); /* 20 times five characters */
        assert_int_equal(strlen(slot), 63);
        assert_memory_equal(slot, "u0047u0047", 10);
}

static void test_tags_default(void **state _unused_)
{
        Tags t = TAGS_DEFAULT;

        assert_false(t.nofailover || t.nosync || t.noloadbalance || t.clonefrom || t.nostream);
        assert_int_equal(t.failover_priority, 1);
        assert_int_equal(t.sync_priority, 1);
        assert_string_equal(t.replicatefrom, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split_url),        cmocka_unit_test(test_split_url_refuse),
                cmocka_unit_test(test_slot_name),        cmocka_unit_test(test_slot_name_is_cut),
                cmocka_unit_test(test_tags_default),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
