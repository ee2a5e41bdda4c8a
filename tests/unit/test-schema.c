/* What is told of a configuration: key, value, what is allowed, file and line. */
#include <errno.h>
#include <unistd.h>

#include "config/schema.h"
#include "config/yaml.h"
#include "io/config.h"
#include "test-lib.h"

/* The least that is a configuration. */
#define GOOD                                                                                       \
        "scope: main\n"                                                                            \
        "name: pg1\n"                                                                              \
        "restapi: {listen: '0.0.0.0:8008'}\n"                                                      \
        "etcd3: {host: '10.0.0.1:2379'}\n"                                                         \
        "postgresql:\n"                                                                            \
        "  listen: '0.0.0.0:5432'\n"                                                               \
        "  data_dir: /data\n"                                                                      \
        "  authentication: {superuser: {username: postgres}}\n"
#define GOOD_LINES 8

typedef struct Told {
        unsigned n;
        Severity severity;
        unsigned line;
        char text[512];
        char all[4096];
} Told;

static void tell(const Problem *p, void *userdata)
{
        Told *t = userdata;

        t->n++;
        t->severity = p->severity;
        t->line = p->line;
        assert_true(STR_SET(t->text, p->text));
        assert_null(strchr(p->text, '\n'));
        snprintf(t->all + strlen(t->all), sizeof t->all - strlen(t->all), "%s\n", p->text);
}

static unsigned check(const char *text, Told *t, bool dynamic)
{
        char error[YAML_ERROR_SIZE];
        Node *n = NULL;

        *t = (Told){ 0 };
        assert_int_equal(yaml_parse(text, strlen(text), &n, error), 0);
        unsigned errors = dynamic ? schema_check_dynamic(n, tell, t) : schema_check_local(n, tell, t);
        node_free(n);
        return errors;
}

static void fine(const char *more)
{
        char text[4096];
        Told t;

        snprintf(text, sizeof text, GOOD "%s", more);
        unsigned errors = check(text, &t, false);
        assert_string_equal(t.all, "");
        assert_int_equal(errors, 0);
}

/* One problem with what stands behind the good lines, in the given line of that. */
static void one(const char *more, Severity severity, unsigned line, const char *says)
{
        char text[4096];
        Told t;

        snprintf(text, sizeof text, GOOD "%s", more);
        unsigned errors = check(text, &t, false);
        assert_string_equal(t.text, says);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.severity, severity);
        assert_int_equal(t.line, GOOD_LINES + line);
        assert_int_equal(errors, severity == PROBLEM_ERROR);
}

static void dynamic(const char *text, const char *says)
{
        Told t;
        unsigned errors = check(text, &t, true);

        assert_string_equal(t.all, says);
        assert_int_equal(errors > 0, says[0] != 0);
}

static void test_fine(void **state _unused_)
{
        fine("");
        fine("namespace: /service/\n"
             "log: {level: info, type: json, dateformat: x}\n"
             "watchdog: {mode: required, device: /dev/watchdog, safety_margin: -1}\n"
             "tags: {nofailover: true, failover_priority: -1, datacenter: dc1}\n"
             "vip: [{address: 10.0.0.100, interface: eth0}, 'fd00::1']\n"
             "fence: {gate: {mode: off}}\n"
             "ctl: {insecure: yes}\n");
        fine("bootstrap:\n"
             "  dcs: {ttl: 10, loop_wait: 2, retry_timeout: 3}\n"
             "  initdb: [{encoding: UTF8}, data-checksums]\n"
             "  method: initdb\n"
             "  mine: {command: /bin/true, keep_existing_recovery_conf: true}\n");
        fine("log: {level: }\nwatchdog:\n"); /* an empty key counts as left out */
}

/* An unknown key is a warning and names the nearest known one. */
static void test_unknown_key(void **state _unused_)
{
        one("watchdog:\n  mode: off\n  devise: /dev/watchdog\n", PROBLEM_WARNING, 3,
            "watchdog.devise: no such key, ignored; did you mean watchdog.device?");
        one("watchdgo: {mode: off}\n", PROBLEM_WARNING, 1,
            "watchdgo: no such key, ignored; did you mean watchdog?");
        one("name_space: x\n", PROBLEM_WARNING, 1,
            "name_space: no such key, ignored; did you mean namespace?");
        one("something_else: x\n", PROBLEM_WARNING, 1, "something_else: no such key, ignored");
        one("restapi2: {listen: 'x'}\n", PROBLEM_WARNING, 1,
            "restapi2: no such key, ignored; did you mean restapi?");
}

/* A bad value names key, value and what is allowed. */
static void test_bad_value(void **state _unused_)
{
        one("watchdog: {safety_margin: 9999}\n", PROBLEM_ERROR, 1,
            "watchdog.safety_margin: '9999' is not allowed: a whole number from -1 to 3600");
        one("watchdog: {safety_margin: some}\n", PROBLEM_ERROR, 1,
            "watchdog.safety_margin: 'some' is not allowed: a whole number from -1 to 3600");
        one("watchdog: {safety_margin: 1.5}\n", PROBLEM_ERROR, 1,
            "watchdog.safety_margin: '1.5' is not allowed: a whole number from -1 to 3600");
        one("watchdog:\n  mode: always\n", PROBLEM_ERROR, 2,
            "watchdog.mode: 'always' is not allowed: one of "
            "off|automatic|required|disable|disabled|auto|require");
        one("tags: {nofailover: maybe}\n", PROBLEM_ERROR, 1,
            "tags.nofailover: 'maybe' is not allowed: true or false");
        one("tags: {nofailover: \"a\\nb\\e[1m\"}\n", PROBLEM_ERROR, 1,
            "tags.nofailover: 'a?b?[1m' is not allowed: true or false"); /* one line all the same */
        one("log: {max_queue_size: -1}\n", PROBLEM_ERROR, 1,
            "log.max_queue_size: '-1' is not allowed: a whole number of at least 0");
        one("tags: [a]\n", PROBLEM_ERROR, 1, "tags: expected a map, found a list");
        one("namespace: {a: b}\n", PROBLEM_ERROR, 1, "namespace: expected a text, found a map");
        one("vip: 10.0.0.1\n", PROBLEM_ERROR, 1, "vip: expected a list of addresses, found a text");
        one("vip:\n- 10.0.0.1\n- {address: 10.0.0.1/24}\n", PROBLEM_ERROR, 3,
            "vip: '10.0.0.1/24' is not allowed: an IPv4 or IPv6 address");
        one("vip: ['fd00::1', {address: 'fd00:0::1'}]\n", PROBLEM_ERROR, 1,
            "vip: 'fd00:0::1' stands there twice");
        one("vip: [{address: 10.0.0.1, interface: enterprise-vlan-1}]\n", PROBLEM_ERROR, 1,
            "vip: 'enterprise-vlan-1' is not allowed: interface is the name of one, at most 15 "
            "characters");
        fine("vip: [{address: 10.0.0.1, role: replica, name: reads}, {address: 10.0.0.2, role: primary}]\n");
        one("vip: [{address: 10.0.0.1, role: replica}]\n", PROBLEM_ERROR, 1,
            "vip: an address with role: replica, and no other, has a name");
        one("vip: [{address: 10.0.0.1, name: reads}]\n", PROBLEM_ERROR, 1,
            "vip: an address with role: replica, and no other, has a name");
        one("vip: [{address: 10.0.0.1, role: standby}]\n", PROBLEM_ERROR, 1,
            "vip: role 'standby' is not allowed: primary or replica");
        one("vip: [{address: 10.0.0.1, role: replica, name: a/b}]\n", PROBLEM_ERROR, 1,
            "vip: name 'a/b' is not allowed: a-z, 0-9, _ and -, at most 31 characters");
        one("vip: [{address: 10.0.0.1, role: replica, name: a}, {address: 10.0.0.2, role: replica, "
            "name: a}]\n", PROBLEM_ERROR, 1, "vip: two addresses are named 'a'");
        one("vip: [{address: 10.0.0.1, label: a}]\n", PROBLEM_ERROR, 1,
            "vip: no such key 'label': address, interface, role, name");
        one("vip: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8,"
            " 10.0.0.9]\n", PROBLEM_ERROR, 1, "vip: more than 8 addresses");
        one("watchdog: {mode: on}\n", PROBLEM_ERROR, 1,
            "watchdog.mode: 'true' is not allowed: one of "
            "off|automatic|required|disable|disabled|auto|require");
}

/* `off` is a boolean in YAML 1.1, and a word here. */
static void test_booleans_as_words(void **state _unused_)
{
        fine("watchdog: {mode: off}\n");
        fine("watchdog: {mode: Automatic}\n");
        dynamic("synchronous_mode: on", "");
        dynamic("synchronous_mode: quorum", "");
        dynamic("synchronous_mode: yes", "");
        dynamic("synchronous_mode: maybe",
                "synchronous_mode: 'maybe' is not allowed: one of on|off|quorum\n");
}

static void test_other_dcs(void **state _unused_)
{
        one("etcd: {host: 'x:2379'}\n", PROBLEM_ERROR, 1,
            "etcd: etcd's v2 API is not supported: rename the section to etcd3");
        one("consul: {host: 'x:8500'}\n", PROBLEM_ERROR, 1,
            "consul: this version speaks etcd's v3 API only: use an etcd3 section");
        one("citus: {group: 0}\n", PROBLEM_ERROR, 1, "citus: Citus clusters are not supported yet");
}

static void test_required(void **state _unused_)
{
        Told t;

        assert_int_equal(check("{}", &t, false), 4 + 0);
        assert_non_null(strstr(t.all, "scope: is required and not there\n"));
        assert_non_null(strstr(t.all, "name: is required and not there\n"));
        assert_non_null(strstr(t.all, "restapi: is required and not there\n"));
        assert_non_null(strstr(t.all, "postgresql: is required and not there\n"));

        assert_int_equal(check("scope: main\nname: \nrestapi: {}\netcd3: {host: 'a:1'}\n"
                               "postgresql: {listen: 'a:1', data_dir: /d, authentication: {}}\n",
                               &t, false),
                         2);
        assert_string_equal(t.all, "name: is required and empty\n"
                                   "restapi.listen: is required and not there\n");
        assert_int_equal(t.line, 3); /* of the section */

        assert_int_equal(check("[a]", &t, false), 1);
        assert_string_equal(t.text, "the configuration must be a map, not a list");
        assert_int_equal(check("", &t, false), 1);
        assert_string_equal(t.text, "the configuration must be a map, not nothing");
}

static void test_etcd_hosts(void **state _unused_)
{
        Told t;
        static const char base[] = "scope: main\nname: a\nrestapi: {listen: 'a:1'}\n"
                                   "postgresql: {listen: 'a:1', data_dir: /d, authentication: {}}\n";
        char text[1024];

        assert_int_equal(check(base, &t, false), 1);
        assert_string_equal(t.text, "etcd3: is required and not there");
        snprintf(text, sizeof text, "%setcd3: {host: 'a:1', hosts: ['a:1']}\n", base);
        assert_int_equal(check(text, &t, false), 1);
        assert_string_equal(t.text, "etcd3: needs exactly one of host, hosts, url, proxy, srv; it "
                                    "has 2");
        assert_int_equal(t.line, 5);
        snprintf(text, sizeof text, "%setcd3: {protocol: https}\n", base);
        assert_int_equal(check(text, &t, false), 1);
        assert_string_equal(t.text, "etcd3: needs exactly one of host, hosts, url, proxy, srv; it "
                                    "has 0");
}

/* A virtual IP by which this host is known would follow the primary away from it. */
static void test_vip_of_a_host(void **state _unused_)
{
        one("restapi: {listen: '0.0.0.0:8008', connect_address: '10.0.0.1:8008'}\nvip: [10.0.0.1]\n",
            PROBLEM_ERROR, 2,
            "vip: '10.0.0.1' is the host of restapi.connect_address: a virtual IP must belong to no "
            "host");
        fine("restapi: {listen: '0.0.0.0:8008', connect_address: '10.0.0.1:8008'}\nvip: [10.0.0.2]\n");
}

static void test_hostport(void **state _unused_)
{
        one("restapi: {listen: '0.0.0.0:8008', connect_address: db1}\n", PROBLEM_ERROR, 1,
            "restapi.connect_address: 'db1' is not allowed: host:port, port 1 to 65535");
}

static void test_also(void **state _unused_)
{
        fine("fence: {gate: {also: []}}\n");
        fine("fence: {gate: {also: }}\n");
        fine("fence: {gate: {also: [pgbouncer.service, 'odyssey@a\\x2db.service', p.socket]}}\n");
        one("fence:\n gate:\n  also: [pgbouncer]\n", PROBLEM_ERROR, 3,
            "fence.gate.also: 'pgbouncer' is not allowed: the whole name of a systemd unit, as "
            "pgbouncer.service");
        one("fence: {gate: {also: [../a.service]}}\n", PROBLEM_ERROR, 1,
            "fence.gate.also: '../a.service' is not allowed: the whole name of a systemd unit, as "
            "pgbouncer.service");
        one("fence: {gate: {also: [.service]}}\n", PROBLEM_ERROR, 1,
            "fence.gate.also: '.service' is not allowed: the whole name of a systemd unit, as "
            "pgbouncer.service");
        one("fence: {gate: {also: pgbouncer.service}}\n", PROBLEM_ERROR, 1,
            "fence.gate.also: expected a list, found a text");
        one("fence: {gate: {also: [a.slice,b.slice,c.slice,d.slice,e.slice,f.slice,g.slice,h.slice,"
            "i.slice]}}\n", PROBLEM_ERROR, 1, "fence.gate.also: more than 8 units");
}

/* Known to Patroni and not followed yet: told, so that nobody believes in it; harmful: refused. */
static void test_later(void **state _unused_)
{
        Told t;

        fine("tags: {replicatefrom: node2}\n");

        assert_int_equal(check("{failsafe_mode: on, slots: {a: {type: physical}, b: {database: d, plugin: p, type: logical}}, postgresql: "
                               "{callbacks: {on_start: /bin/true}, create_replica_methods: "
                               "[mine, basebackup]}}", &t, true), 0);
        assert_string_equal(t.all, "");
        one("log:\n  loggers: {urllib3: WARNING}\n", PROBLEM_WARNING, 2,
            "log.loggers: there are no Python modules to set levels for: use log.level");
}

static void test_bootstrap(void **state _unused_)
{
        fine("bootstrap: {method: mine, mine: {command: x}, post_init: /bin/true}\n");
        fine("bootstrap: {method: initdb}\n");
        one("bootstrap:\n  method: mine\n", PROBLEM_ERROR, 2,
            "bootstrap.method: bootstrap.mine has no command");
        one("bootstrap: {method: mine, mine: {no_params: true}}\n", PROBLEM_ERROR, 1,
            "bootstrap.method: bootstrap.mine has no command");
}

static void test_dynamic(void **state _unused_)
{
        dynamic("{ttl: 30, loop_wait: 10, retry_timeout: 10, maximum_lag_on_failover: 1048576}", "");
        dynamic("{ttl: '30', loop_wait: 10s, retry_timeout: 1 min, member_slots_ttl: 30min}", "");
        dynamic("{ttl: 30, pause: null, slots: {}, failsafe_mode: false}", "");
        dynamic("postgresql: {parameters: {max_connections: 200}, use_pg_rewind: true, "
                "use_slots: on, pg_hba: [a]}", "");
        dynamic("ttl: 0", "ttl: '0' is not allowed: seconds from 1 to 86400\n");
        dynamic("ttl: many", "ttl: 'many' is not allowed: seconds from 1 to 86400\n");
        dynamic("maximum_lag_on_failover: -1",
                "maximum_lag_on_failover: '-1' is not allowed: a whole number of at least 0\n");
        dynamic("synchronous_node_count: 0",
                "synchronous_node_count: '0' is not allowed: a whole number from 1 to 1000\n");
        dynamic("pause: perhaps", "pause: 'perhaps' is not allowed: true or false\n");
        dynamic("slots: [a]", "slots: expected a map, found a list\n");
        dynamic("[1]", "the configuration must be a map, not a list\n");

        Told t;
        assert_int_equal(check("retry_timout: 3", &t, true), 0);
        assert_string_equal(t.text, "retry_timout: no such key, ignored; did you mean "
                                    "retry_timeout?");
        assert_int_equal(t.severity, PROBLEM_WARNING);
}

/* bootstrap.dcs is a dynamic configuration. */
static void test_bootstrap_dcs(void **state _unused_)
{
        one("bootstrap:\n  dcs:\n    ttl: -3\n", PROBLEM_ERROR, 3,
            "ttl: '-3' is not allowed: seconds from 1 to 86400");
}

/* ---- the file ---- */

static char told_line[1024];

static void tell_line(Severity severity _unused_, const char *line, void *userdata _unused_)
{
        (void)STR_SET(told_line, line);
}

static int load(const char *text, char *path, Config **ret)
{
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        told_line[0] = 0;
        int r = config_load(ret, path, NULL, tell_line, NULL);
        unlink(path);
        return r;
}

static void test_file_and_line(void **state _unused_)
{
        char path[] = "/tmp/palisade-test-XXXXXX", expected[256];
        Config *c = NULL;

        assert_int_equal(load(GOOD "watchdog:\n  devise: x\n", path, &c), 0);
        snprintf(expected, sizeof expected, "%s:10: watchdog.devise: no such key, ignored; did you "
                                            "mean watchdog.device?", path);
        assert_string_equal(told_line, expected);
        assert_string_equal(config_dcs_path(c), "/service/main/");
        config_free(c);

        char bad[] = "/tmp/palisade-test-XXXXXX";
        assert_int_equal(load(GOOD "watchdog: {safety_margin: 9999}\n", bad, &c), -EINVAL);
        snprintf(expected, sizeof expected, "%s:9: watchdog.safety_margin: '9999' is not allowed: a "
                                            "whole number from -1 to 3600", bad);
        assert_string_equal(told_line, expected);

        char broken[] = "/tmp/palisade-test-XXXXXX";
        assert_int_equal(load("a: [\n", broken, &c), -EBADMSG);
        assert_non_null(strstr(told_line, broken));
        assert_non_null(strstr(told_line, "line 2"));
}

static void test_dcs_path(void **state _unused_)
{
        char path[] = "/tmp/palisade-test-XXXXXX";
        Config *c = NULL;

        assert_int_equal(load(GOOD "namespace: //db//ha/\n", path, &c), 0);
        assert_string_equal(config_dcs_path(c), "/db/ha/main/");
        assert_string_equal(config_scope(c), "main");
        assert_string_equal(config_name(c), "pg1");
        config_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fine),
                cmocka_unit_test(test_unknown_key),
                cmocka_unit_test(test_bad_value),
                cmocka_unit_test(test_booleans_as_words),
                cmocka_unit_test(test_other_dcs),
                cmocka_unit_test(test_required),
                cmocka_unit_test(test_etcd_hosts),
                cmocka_unit_test(test_hostport),
                cmocka_unit_test(test_dynamic),
                cmocka_unit_test(test_also),
                cmocka_unit_test(test_vip_of_a_host),
                cmocka_unit_test(test_later),
                cmocka_unit_test(test_bootstrap),
                cmocka_unit_test(test_bootstrap_dcs),
                cmocka_unit_test(test_file_and_line),
                cmocka_unit_test(test_dcs_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
