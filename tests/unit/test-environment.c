/* PATRONI_* variables, and where a configuration comes from (PATRONI-SPEC 3.1, 3.4). */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/environment.h"
#include "config/json.h"
#include "io/config.h"
#include "test-lib.h"

static void check(const char *const *env, const char *expected)
{
        char error[YAML_ERROR_SIZE];
        _cleanup_(node_freep) Node *n = NULL;

        assert_int_equal(environment_read(env, &n, error), 0);
        char *text = json_format(n, JSON_COMPACT);
        assert_string_equal(text, expected);
        free(text);
}

static void test_variables(void **state _unused_)
{
        check((const char *const[]){ "HOME=/x", "PATRONI_NAMES=y", "PATRONI_NAME", NULL }, "{}");
        check((const char *const[]){ "PATRONI_NAME=pg1", "PATRONI_SCOPE=main", "PATRONI_NAMESPACE=", NULL },
              "{\"name\":\"pg1\",\"scope\":\"main\"}");
        check((const char *const[]){ "PATRONI_RESTAPI_USERNAME=u", "PATRONI_RESTAPI_ALLOWLIST=10.0.0.0/8, h",
                          "PATRONI_RESTAPI_HTTP_EXTRA_HEADERS=a: 'b'", "PATRONI_CTL_PASSWORD=p", NULL },
              "{\"restapi\":{\"http_extra_headers\":{\"a\":\"b\"},\"allowlist\":[\"10.0.0.0/8\","
              "\"h\"],\"authentication\":{\"username\":\"u\"}},\"ctl\":{\"authentication\":"
              "{\"password\":\"p\"}}}");
        check((const char *const[]){ "PATRONI_POSTGRESQL_BIN_PG_ISREADY=r", "PATRONI_REWIND_SSLCRLDIR=/d",
                          "PATRONI_SUPERUSER_PASSWORD=a=b", "PATRONI_REPLICATION_CHANNEL_BINDING=x",
                          NULL },
              "{\"postgresql\":{\"bin_name\":{\"pg_isready\":\"r\"},\"authentication\":{"
              "\"replication\":{\"channel_binding\":\"x\"},\"superuser\":{\"password\":\"a=b\"},"
              "\"rewind\":{\"sslcrldir\":\"/d\"}}}}");
        check((const char *const[]){ "PATRONI_ETCD3_HOSTS=a:1,b:2", "PATRONI_ETCD3_USE_PROXIES=on",
                          "PATRONI_KUBERNETES_LABELS={a: b}", NULL },
              "{\"etcd3\":{\"hosts\":[\"a:1\",\"b:2\"],\"use_proxies\":\"on\"},\"kubernetes\":"
              "{\"labels\":{\"a\":\"b\"}}}");
        check((const char *const[]){ "PATRONI_ETCD3_HOSTS=- a:1\n- b:2", "PATRONI_LOG_FORMAT=%(x)s", NULL },
              "{\"log\":{\"format\":\"%(x)s\"},\"etcd3\":{\"hosts\":[\"a:1\",\"b:2\"]}}");
        check((const char *const[]){ "PATRONI_LOG_LEVEL=DEBUG", "PATRONI_LOGLEVEL=INFO",
                          "PATRONI_LOG_FORMAT=[message]", "PATRONI_LOG_LOGGERS=urllib3: WARNING", NULL },
              "{\"log\":{\"level\":\"DEBUG\",\"format\":[\"message\"],\"loggers\":{\"urllib3\":"
              "\"WARNING\"}}}");
}

static void test_bad(void **state _unused_)
{
        static const char *const bad[][2] = { { "PATRONI_ETCD3_HOSTS=[a", NULL },
                                        { "PATRONI_LOG_LOGGERS={a", NULL } };
        char error[YAML_ERROR_SIZE];
        Node *n = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(environment_read(bad[i], &n, error), -EBADMSG);
                assert_non_null(strstr(error, i == 0 ? "PATRONI_ETCD3_HOSTS: '[a' is no list"
                                                     : "PATRONI_LOG_LOGGERS: "));
        }
        assert_null(n);
}

/* ---- files ---- */

static char folder[] = "/tmp/palisade-test-XXXXXX", told[1024];

static void tell(Severity severity _unused_, const char *line, void *userdata _unused_)
{
        (void)STR_SET(told, line);
}

static void put(const char *name, const char *text)
{
        char path[256];

        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        fclose(f);
}

static int load(const char *name, Config **ret)
{
        char path[256];

        snprintf(path, sizeof path, "%s%s%s", folder, name ? "/" : "", name ? name : "");
        told[0] = 0;
        return config_load(ret, path, NULL, tell, NULL);
}

#define REST                                                                                       \
        "restapi: {listen: '0.0.0.0:8008'}\n"                                                      \
        "postgresql:\n"                                                                            \
        "  listen: '0.0.0.0:5432'\n"                                                               \
        "  data_dir: /data\n"                                                                      \
        "  authentication: {superuser: {username: postgres}}\n"
#define WHOLE "scope: main\nname: pg1\netcd3: {host: '10.0.0.1:2379'}\n" REST

/* I1: every file of the folder, in the order of their names. */
static void test_folder(void **state _unused_)
{
        char expected[256];
        Config *c = NULL;

        put("10-base.yml", WHOLE);
        put("20-node.yaml", "name: pg2\npostgresql: {bin_dir: /b}\n");
        put("30-empty.yml", "");
        put("README", "no: [yaml");
        put(".hidden.yml", "name: pg9\n");
        assert_int_equal(load(NULL, &c), 0);
        assert_string_equal(config_name(c), "pg2");
        assert_string_equal(config_scope(c), "main");
        assert_string_equal(config_text(c, "postgresql.bin_dir", ""), "/b");
        assert_string_equal(config_text(c, "postgresql.data_dir", ""), "/data");
        config_free(c);

        put("20-node.yaml", "name: pg2\npostgresql:\n  bin_dri: /b\n");
        assert_int_equal(load(NULL, &c), 0);
        snprintf(expected, sizeof expected, "%s/20-node.yaml:3: postgresql.bin_dri: no such key, "
                                            "ignored; did you mean postgresql.bin_dir?", folder);
        assert_string_equal(told, expected);
        config_free(c);

        put("20-node.yaml", "- a\n");
        assert_int_equal(load(NULL, &c), -EINVAL);
        assert_non_null(strstr(told, "20-node.yaml: expected a map"));
        put("20-node.yaml", "a: [\n");
        assert_int_equal(load(NULL, &c), -EBADMSG);
        assert_non_null(strstr(told, "20-node.yaml: line 2"));
        put("20-node.yaml", "");
}

/* I2: over the file; instead of one that is not there. */
static void test_precedence(void **state _unused_)
{
        Config *c = NULL;

        assert_int_equal(load("absent.yml", &c), -ENOENT);
        setenv("PATRONI_NAME", "pg7", 1);
        setenv("PATRONI_POSTGRESQL_BIN_DIR", "/env", 1);
        assert_int_equal(load("10-base.yml", &c), 0);
        assert_string_equal(config_name(c), "pg7");
        assert_string_equal(config_text(c, "postgresql.bin_dir", ""), "/env");
        config_free(c);
        assert_int_equal(load("absent.yml", &c), -EINVAL); /* the variables alone say too little */
        assert_non_null(strstr(told, "required"));

        setenv("PATRONI_CONFIGURATION", WHOLE, 1);
        assert_int_equal(load("absent.yml", &c), 0);
        assert_string_equal(config_name(c), "pg1"); /* the other variables do not count */
        config_free(c);
        assert_int_equal(load("10-base.yml", &c), 0);
        assert_string_equal(config_name(c), "pg7"); /* nor does it, where there is a file */
        config_free(c);
        setenv("PATRONI_CONFIGURATION", "a: [", 1);
        assert_int_equal(load("absent.yml", &c), -EBADMSG);
        assert_non_null(strstr(told, "PATRONI_CONFIGURATION: line"));
        unsetenv("PATRONI_CONFIGURATION");

        setenv("PATRONI_ETCD3_HOSTS", "[a", 1);
        assert_int_equal(load("10-base.yml", &c), -EBADMSG);
        assert_non_null(strstr(told, "PATRONI_ETCD3_HOSTS: '[a' is no list"));
        unsetenv("PATRONI_ETCD3_HOSTS");
        setenv("PATRONI_CONSUL_HOST", "h:1", 1);
        assert_int_equal(load("10-base.yml", &c), -EINVAL);
        assert_non_null(strstr(told, "consul"));
        unsetenv("PATRONI_CONSUL_HOST");
        unsetenv("PATRONI_NAME");
        unsetenv("PATRONI_POSTGRESQL_BIN_DIR");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_variables),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_folder),
                cmocka_unit_test(test_precedence),
        };

        if (!mkdtemp(folder))
                return 1;
        int r = cmocka_run_group_tests(tests, NULL, NULL);
        static const char *const names[] = { "10-base.yml", "20-node.yaml", "30-empty.yml", "README",
                                             ".hidden.yml" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[256];
                snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                (void)unlink(path); /* a temporary file */
        }
        (void)rmdir(folder);
        return r;
}
