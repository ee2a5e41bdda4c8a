/* sockets-codec: what sock_diag is asked for, and what of its answers counts. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fence/sockets-codec.h"
#include "test-lib.h"

typedef struct Reply {
        struct nlmsghdr h;
        struct inet_diag_msg m;
} Reply;

static Reply reply(void)
{
        return (Reply){ .h = { .nlmsg_len = sizeof(Reply), .nlmsg_type = TCPDIAG_GETSOCK },
                        .m = { .idiag_family = AF_INET6, .id = { .idiag_sport = 5432,
                                                                 .idiag_cookie = { 7, 8 } } } };
}

static void test_request(void **state _unused_)
{
        struct inet_diag_req r = sockets_request(1U << TCP_LISTEN);
        SocketsFilter f = sockets_filter(4711);

        assert_int_equal(r.idiag_family, AF_UNSPEC);
        assert_int_equal(r.idiag_states, 1U << TCP_LISTEN);
        assert_int_equal(f.op.code, INET_DIAG_BC_CGROUP_COND);
        assert_int_equal(f.op.yes, sizeof f); /* to the end: taken */
        assert_int_equal(f.op.no, sizeof f + 4);
        assert_int_equal(f.cgroup, 4711);
}

static void test_reply(void **state _unused_)
{
        Reply r = reply();
        struct inet_diag_req_v2 s;

        assert_true(sockets_read(&r.h, &s));
        assert_int_equal(s.sdiag_family, AF_INET6);
        assert_int_equal(s.sdiag_protocol, IPPROTO_TCP);
        assert_memory_equal(&s.id, &r.m.id, sizeof s.id);
        r.h.nlmsg_len--;
        assert_false(sockets_read(&r.h, &s));
        r = reply();
        r.h.nlmsg_type = NLMSG_DONE;
        assert_false(sockets_read(&r.h, &s));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_reply),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
