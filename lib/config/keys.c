#include "base/macros.h"
#include "config/keys.h"

#define SECTION(p) { .path = (p), .kind = KEY_SECTION }
#define NEEDED_SECTION(p) { .path = (p), .kind = KEY_SECTION, .required = true }
#define TEXT(p) { .path = (p), .kind = KEY_TEXT }
#define NEEDED_TEXT(p) { .path = (p), .kind = KEY_TEXT, .required = true }
#define BOOL(p) { .path = (p), .kind = KEY_BOOL }
#define INT(p, lo, hi) { .path = (p), .kind = KEY_INT, .min = (lo), .max = (hi) }
#define SECONDS(p, lo, hi) { .path = (p), .kind = KEY_SECONDS, .min = (lo), .max = (hi) }
#define WORD(p, w) { .path = (p), .kind = KEY_WORD, .words = (w) }
#define HOSTPORT(p) { .path = (p), .kind = KEY_HOSTPORT }
#define NEEDED_HOSTPORT(p) { .path = (p), .kind = KEY_HOSTPORT, .required = true }
#define MAP(p) { .path = (p), .kind = KEY_MAP }
#define LIST(p) { .path = (p), .kind = KEY_LIST }
#define ANY(p) { .path = (p), .kind = KEY_ANY }
#define METHOD(p) { .path = (p), .kind = KEY_METHOD }
#define REFUSED(p, why) { .path = (p), .kind = KEY_REFUSED, .words = (why) }

#define CREDENTIALS(p)                                                                             \
        SECTION(p), TEXT(p ".username"), TEXT(p ".password"), TEXT(p ".sslmode"),                  \
                TEXT(p ".sslcert"), TEXT(p ".sslkey"), TEXT(p ".sslpassword"),                     \
                TEXT(p ".sslrootcert"), TEXT(p ".sslcrl"), TEXT(p ".sslcrldir"),                   \
                TEXT(p ".gssencmode"), TEXT(p ".channel_binding"), TEXT(p ".sslnegotiation")

/* Keys of `postgresql` that may stand in the local file and in the dynamic configuration. */
#define POSTGRESQL_SHARED(p)                                                                       \
        MAP(p ".parameters"), LIST(p ".pg_hba"), LIST(p ".pg_ident"), MAP(p ".recovery_conf"),     \
                BOOL(p ".use_pg_rewind"), BOOL(p ".use_slots"),                                    \
                BOOL(p ".remove_data_directory_on_rewind_failure"),                                \
                BOOL(p ".remove_data_directory_on_diverged_timelines"), MAP(p ".callbacks"),       \
                LIST(p ".create_replica_methods"), LIST(p ".create_replica_method"),               \
                ANY(p ".basebackup"), LIST(p ".rewind"), SECONDS(p ".pg_ctl_timeout", 1, 86400),   \
                TEXT(p ".pre_promote"), TEXT(p ".before_stop"), TEXT(p ".custom_conf"),            \
                BOOL(p ".use_unix_socket"), BOOL(p ".use_unix_socket_repl"), TEXT(p ".krbsrvname")

static const char other_dcs[] = "this version speaks etcd's v3 API only: use an etcd3 section";
static const char no_citus[] = "Citus clusters are not supported yet";

static const KeyRow local_rows[] = {
        NEEDED_TEXT("scope"),
        NEEDED_TEXT("name"),
        TEXT("namespace"),
        INT("thread_pool_size", 1, 10000),
        ANY("thread_stack_size"),

        NEEDED_SECTION("restapi"),
        NEEDED_HOSTPORT("restapi.listen"),
        HOSTPORT("restapi.connect_address"),
        SECTION("restapi.authentication"),
        TEXT("restapi.authentication.username"),
        TEXT("restapi.authentication.password"),
        TEXT("restapi.auth"),
        TEXT("restapi.certfile"),
        TEXT("restapi.keyfile"),
        TEXT("restapi.keyfile_password"),
        TEXT("restapi.cafile"),
        TEXT("restapi.ciphers"),
        WORD("restapi.verify_client", "none|optional|required"),
        LIST("restapi.allowlist"),
        BOOL("restapi.allowlist_include_members"),
        MAP("restapi.http_extra_headers"),
        MAP("restapi.https_extra_headers"),
        INT("restapi.request_queue_size", 0, 4096),
        INT("restapi.thread_pool_size", 1, 10000),
        WORD("restapi.server_tokens", "original|productonly|minimal"),

        SECTION("ctl"),
        SECTION("ctl.authentication"),
        TEXT("ctl.authentication.username"),
        TEXT("ctl.authentication.password"),
        TEXT("ctl.auth"),
        BOOL("ctl.insecure"),
        TEXT("ctl.cacert"),
        TEXT("ctl.certfile"),
        TEXT("ctl.keyfile"),
        TEXT("ctl.keyfile_password"),

        SECTION("log"),
        WORD("log.type", "plain|json"),
        WORD("log.level", "DEBUG|INFO|WARNING|ERROR|CRITICAL"),
        WORD("log.traceback_level", "DEBUG|INFO|WARNING|ERROR|CRITICAL"),
        ANY("log.format"),
        TEXT("log.dateformat"),
        MAP("log.static_fields"),
        MAP("log.loggers"),
        INT("log.max_queue_size", 0, INT64_MAX),
        TEXT("log.dir"),
        INT("log.file_num", 0, 1000),
        INT("log.file_size", 0, INT64_MAX),
        ANY("log.mode"),
        BOOL("log.deduplicate_heartbeat_logs"),

        SECTION("etcd3"),
        TEXT("etcd3.host"),
        LIST("etcd3.hosts"),
        TEXT("etcd3.url"),
        TEXT("etcd3.proxy"),
        TEXT("etcd3.srv"),
        TEXT("etcd3.srv_domain"),
        TEXT("etcd3.discovery_srv"),
        TEXT("etcd3.srv_suffix"),
        BOOL("etcd3.use_proxies"),
        WORD("etcd3.protocol", "http|https"),
        TEXT("etcd3.username"),
        TEXT("etcd3.password"),
        TEXT("etcd3.cacert"),
        TEXT("etcd3.cert"),
        TEXT("etcd3.key"),
        REFUSED("etcd", "etcd's v2 API is not supported: rename the section to etcd3"),
        REFUSED("consul", other_dcs),
        REFUSED("zookeeper", other_dcs),
        REFUSED("exhibitor", other_dcs),
        REFUSED("kubernetes", other_dcs),
        REFUSED("raft", other_dcs),
        REFUSED("citus", no_citus),

        SECTION("bootstrap"),
        MAP("bootstrap.dcs"), /* the dynamic table checks it */
        TEXT("bootstrap.method"),
        ANY("bootstrap.initdb"),
        LIST("bootstrap.pg_hba"),
        TEXT("bootstrap.post_bootstrap"),
        TEXT("bootstrap.post_init"),
        ANY("bootstrap.users"),
        METHOD("bootstrap.*"),

        NEEDED_SECTION("postgresql"),
        NEEDED_TEXT("postgresql.listen"),
        HOSTPORT("postgresql.connect_address"),
        HOSTPORT("postgresql.proxy_address"),
        NEEDED_TEXT("postgresql.data_dir"),
        TEXT("postgresql.config_dir"),
        TEXT("postgresql.config_base_name"),
        TEXT("postgresql.bin_dir"),
        SECTION("postgresql.bin_name"),
        TEXT("postgresql.bin_name.pg_ctl"),
        TEXT("postgresql.bin_name.initdb"),
        TEXT("postgresql.bin_name.pg_controldata"),
        TEXT("postgresql.bin_name.pg_basebackup"),
        TEXT("postgresql.bin_name.postgres"),
        TEXT("postgresql.bin_name.pg_isready"),
        TEXT("postgresql.bin_name.pg_rewind"),
        TEXT("postgresql.database"),
        TEXT("postgresql.pgpass"),
        NEEDED_SECTION("postgresql.authentication"),
        CREDENTIALS("postgresql.authentication.superuser"),
        CREDENTIALS("postgresql.authentication.replication"),
        CREDENTIALS("postgresql.authentication.rewind"),
        POSTGRESQL_SHARED("postgresql"),
        METHOD("postgresql.*"),

        SECTION("watchdog"),
        WORD("watchdog.mode", "off|automatic|required|disable|disabled|auto|require"),
        TEXT("watchdog.device"),
        TEXT("watchdog.driver"),
        INT("watchdog.safety_margin", -1, 3600),
        INT("watchdog.reset_after", 0, 3600),

        SECTION("fence"),
        SECTION("fence.gate"),
        WORD("fence.gate.mode", "off|automatic|required"),
        LIST("fence.gate.also"),
        ANY("vip"),

        SECTION("tags"),
        BOOL("tags.nofailover"),
        INT("tags.failover_priority", INT32_MIN, INT32_MAX),
        BOOL("tags.noloadbalance"),
        BOOL("tags.clonefrom"),
        BOOL("tags.nosync"),
        INT("tags.sync_priority", INT32_MIN, INT32_MAX),
        TEXT("tags.replicatefrom"),
        BOOL("tags.nostream"),
        ANY("tags.*"),
};

static const KeyRow dynamic_rows[] = {
        SECONDS("ttl", 1, 86400),
        SECONDS("loop_wait", 1, 3600),
        SECONDS("retry_timeout", 1, 3600),
        INT("maximum_lag_on_failover", 0, INT64_MAX),
        INT("maximum_lag_on_syncnode", -1, INT64_MAX),
        INT("max_timelines_history", 0, INT32_MAX),
        SECONDS("primary_start_timeout", 0, INT32_MAX),
        SECONDS("master_start_timeout", 0, INT32_MAX),
        SECONDS("primary_stop_timeout", 0, INT32_MAX),
        SECONDS("master_stop_timeout", 0, INT32_MAX),
        WORD("synchronous_mode", "on|off|quorum"),
        BOOL("synchronous_mode_strict"),
        INT("synchronous_node_count", 1, 1000),
        BOOL("failsafe_mode"),
        BOOL("check_timeline"),
        BOOL("pause"),
        SECONDS("member_slots_ttl", 0, INT32_MAX),
        SECONDS("primary_race_backoff", 0, 3600),
        MAP("slots"),
        MAP("permanent_slots"),
        MAP("permanent_replication_slots"),
        LIST("ignore_slots"),
        SECTION("standby_cluster"),
        TEXT("standby_cluster.host"),
        INT("standby_cluster.port", 1, 65535),
        TEXT("standby_cluster.primary_slot_name"),
        LIST("standby_cluster.create_replica_methods"),
        TEXT("standby_cluster.restore_command"),
        TEXT("standby_cluster.archive_cleanup_command"),
        ANY("standby_cluster.recovery_min_apply_delay"),
        SECTION("postgresql"),
        POSTGRESQL_SHARED("postgresql"),
        METHOD("postgresql.*"),
};

const KeyRow *keys_local(size_t *ret_n)
{
        *ret_n = ELEMENTSOF(local_rows);
        return local_rows;
}

const KeyRow *keys_dynamic(size_t *ret_n)
{
        *ret_n = ELEMENTSOF(dynamic_rows);
        return dynamic_rows;
}
