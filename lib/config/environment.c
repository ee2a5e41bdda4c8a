#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "config/environment.h"

#define PREFIX "PATRONI_"
#define KEY_SIZE 128

typedef enum EnvKind { ENV_TEXT, ENV_LIST, ENV_MAP, ENV_TEXT_OR_LIST } EnvKind;

typedef struct EnvRow {
        const char *name; /* without PATRONI_ */
        const char *path;
        EnvKind kind;
} EnvRow;

static const EnvRow rows[] = {
        { "NAME", "name", ENV_TEXT },
        { "NAMESPACE", "namespace", ENV_TEXT },
        { "SCOPE", "scope", ENV_TEXT },
        { "THREAD_POOL_SIZE", "thread_pool_size", ENV_TEXT },
        { "THREAD_STACK_SIZE", "thread_stack_size", ENV_TEXT },

        { "RESTAPI_LISTEN", "restapi.listen", ENV_TEXT },
        { "RESTAPI_CONNECT_ADDRESS", "restapi.connect_address", ENV_TEXT },
        { "RESTAPI_CERTFILE", "restapi.certfile", ENV_TEXT },
        { "RESTAPI_KEYFILE", "restapi.keyfile", ENV_TEXT },
        { "RESTAPI_KEYFILE_PASSWORD", "restapi.keyfile_password", ENV_TEXT },
        { "RESTAPI_CAFILE", "restapi.cafile", ENV_TEXT },
        { "RESTAPI_CIPHERS", "restapi.ciphers", ENV_TEXT },
        { "RESTAPI_VERIFY_CLIENT", "restapi.verify_client", ENV_TEXT },
        { "RESTAPI_HTTP_EXTRA_HEADERS", "restapi.http_extra_headers", ENV_MAP },
        { "RESTAPI_HTTPS_EXTRA_HEADERS", "restapi.https_extra_headers", ENV_MAP },
        { "RESTAPI_ALLOWLIST", "restapi.allowlist", ENV_LIST },
        { "RESTAPI_ALLOWLIST_INCLUDE_MEMBERS", "restapi.allowlist_include_members", ENV_TEXT },
        { "RESTAPI_REQUEST_QUEUE_SIZE", "restapi.request_queue_size", ENV_TEXT },
        { "RESTAPI_SERVER_TOKENS", "restapi.server_tokens", ENV_TEXT },
        { "RESTAPI_USERNAME", "restapi.authentication.username", ENV_TEXT },
        { "RESTAPI_PASSWORD", "restapi.authentication.password", ENV_TEXT },

        { "CTL_INSECURE", "ctl.insecure", ENV_TEXT },
        { "CTL_CACERT", "ctl.cacert", ENV_TEXT },
        { "CTL_CERTFILE", "ctl.certfile", ENV_TEXT },
        { "CTL_KEYFILE", "ctl.keyfile", ENV_TEXT },
        { "CTL_KEYFILE_PASSWORD", "ctl.keyfile_password", ENV_TEXT },
        { "CTL_USERNAME", "ctl.authentication.username", ENV_TEXT },
        { "CTL_PASSWORD", "ctl.authentication.password", ENV_TEXT },

        { "POSTGRESQL_LISTEN", "postgresql.listen", ENV_TEXT },
        { "POSTGRESQL_CONNECT_ADDRESS", "postgresql.connect_address", ENV_TEXT },
        { "POSTGRESQL_PROXY_ADDRESS", "postgresql.proxy_address", ENV_TEXT },
        { "POSTGRESQL_CONFIG_DIR", "postgresql.config_dir", ENV_TEXT },
        { "POSTGRESQL_DATA_DIR", "postgresql.data_dir", ENV_TEXT },
        { "POSTGRESQL_PGPASS", "postgresql.pgpass", ENV_TEXT },
        { "POSTGRESQL_BIN_DIR", "postgresql.bin_dir", ENV_TEXT },
        { "POSTGRESQL_BIN_PG_CTL", "postgresql.bin_name.pg_ctl", ENV_TEXT },
        { "POSTGRESQL_BIN_INITDB", "postgresql.bin_name.initdb", ENV_TEXT },
        { "POSTGRESQL_BIN_PG_CONTROLDATA", "postgresql.bin_name.pg_controldata", ENV_TEXT },
        { "POSTGRESQL_BIN_PG_BASEBACKUP", "postgresql.bin_name.pg_basebackup", ENV_TEXT },
        { "POSTGRESQL_BIN_POSTGRES", "postgresql.bin_name.postgres", ENV_TEXT },
        { "POSTGRESQL_BIN_PG_ISREADY", "postgresql.bin_name.pg_isready", ENV_TEXT },
        { "POSTGRESQL_BIN_PG_REWIND", "postgresql.bin_name.pg_rewind", ENV_TEXT },

        /* The old names first: the new ones are put over them. */
        { "LOGLEVEL", "log.level", ENV_TEXT },
        { "LOGFORMAT", "log.format", ENV_TEXT },
        { "LOG_DATEFMT", "log.dateformat", ENV_TEXT },
        { "LOG_TYPE", "log.type", ENV_TEXT },
        { "LOG_LEVEL", "log.level", ENV_TEXT },
        { "LOG_TRACEBACK_LEVEL", "log.traceback_level", ENV_TEXT },
        { "LOG_FORMAT", "log.format", ENV_TEXT_OR_LIST },
        { "LOG_DATEFORMAT", "log.dateformat", ENV_TEXT },
        { "LOG_STATIC_FIELDS", "log.static_fields", ENV_MAP },
        { "LOG_MAX_QUEUE_SIZE", "log.max_queue_size", ENV_TEXT },
        { "LOG_DIR", "log.dir", ENV_TEXT },
        { "LOG_MODE", "log.mode", ENV_TEXT },
        { "LOG_FILE_SIZE", "log.file_size", ENV_TEXT },
        { "LOG_FILE_NUM", "log.file_num", ENV_TEXT },
        { "LOG_LOGGERS", "log.loggers", ENV_MAP },
        { "LOG_DEDUPLICATE_HEARTBEAT_LOGS", "log.deduplicate_heartbeat_logs", ENV_TEXT },

        { "RAFT_DATA_DIR", "raft.data_dir", ENV_TEXT },
        { "RAFT_SELF_ADDR", "raft.self_addr", ENV_TEXT },
        { "RAFT_BIND_ADDR", "raft.bind_addr", ENV_TEXT },
        { "RAFT_PARTNER_ADDRS", "raft.partner_addrs", ENV_LIST },
        { "RAFT_PASSWORD", "raft.password", ENV_TEXT },
        { "CITUS_GROUP", "citus.group", ENV_TEXT },
        { "CITUS_DATABASE", "citus.database", ENV_TEXT },
};

/* PATRONI_<ROLE>_<KEY>: postgresql.authentication.<role>.<key>. */
static const char *const roles[] = { "REPLICATION", "SUPERUSER", "REWIND" };
static const char *const role_keys[] = {
        "USERNAME", "PASSWORD",  "SSLMODE",    "SSLCERT",         "SSLKEY",         "SSLPASSWORD",
        "SSLROOTCERT", "SSLCRL", "SSLCRLDIR",  "GSSENCMODE", "CHANNEL_BINDING", "SSLNEGOTIATION",
};

/* PATRONI_<DCS>_<SUFFIX>: <dcs>.<suffix>. A section that we cannot serve is for the schema to refuse. */
static const char *const dcs[] = { "ETCD", "ETCD3", "CONSUL", "ZOOKEEPER", "EXHIBITOR", "KUBERNETES" };
static const struct {
        const char *name;
        EnvKind kind;
} suffixes[] = {
        { "HOST", ENV_TEXT }, { "HOSTS", ENV_LIST }, { "PORT", ENV_TEXT },
        { "USE_PROXIES", ENV_TEXT }, { "PROTOCOL", ENV_TEXT }, { "SRV", ENV_TEXT },
        { "SRV_SUFFIX", ENV_TEXT }, { "URL", ENV_TEXT }, { "PROXY", ENV_TEXT },
        { "CACERT", ENV_TEXT }, { "CERT", ENV_TEXT }, { "KEY", ENV_TEXT }, { "VERIFY", ENV_TEXT },
        { "USERNAME", ENV_TEXT }, { "PASSWORD", ENV_TEXT }, { "TOKEN", ENV_TEXT },
        { "CHECKS", ENV_LIST }, { "DC", ENV_TEXT }, { "CONSISTENCY", ENV_TEXT },
        { "REGISTER_SERVICE", ENV_TEXT }, { "SERVICE_CHECK_INTERVAL", ENV_TEXT },
        { "SERVICE_CHECK_TLS_SERVER_NAME", ENV_TEXT }, { "SERVICE_TAGS", ENV_LIST },
        { "NAMESPACE", ENV_TEXT }, { "CONTEXT", ENV_TEXT }, { "USE_ENDPOINTS", ENV_TEXT },
        { "SCOPE_LABEL", ENV_TEXT }, { "ROLE_LABEL", ENV_TEXT }, { "POD_IP", ENV_TEXT },
        { "PORTS", ENV_LIST }, { "LABELS", ENV_MAP }, { "BYPASS_API_SERVICE", ENV_TEXT },
        { "RETRIABLE_HTTP_CODES", ENV_LIST }, { "KEY_PASSWORD", ENV_TEXT }, { "USE_SSL", ENV_TEXT },
        { "SET_ACLS", ENV_MAP }, { "LEADER_LABEL_VALUE", ENV_TEXT },
        { "FOLLOWER_LABEL_VALUE", ENV_TEXT }, { "STANDBY_LEADER_LABEL_VALUE", ENV_TEXT },
        { "TMP_ROLE_LABEL", ENV_TEXT }, { "AUTH_DATA", ENV_MAP }, { "BOOTSTRAP_LABELS", ENV_MAP },
};

static const char *find(const char *const *env, const char *name)
{
        for (; *env; env++) {
                const char *rest = str_after_prefix(*env, PREFIX);
                rest = rest ? str_after_prefix(rest, name) : NULL;
                if (rest && *rest == '=')
                        return rest + 1;
        }
        return NULL;
}

/* "a, b" is "[a, b]", "a: 1" is "{a: 1}"; what is written as YAML already stays. */
static int parse_value(const char *value, EnvKind kind, Node **ret)
{
        const char *at = value + strspn(value, " \t\n");
        char *text, error[YAML_ERROR_SIZE];
        NodeKind wanted = kind == ENV_MAP ? NODE_MAP : NODE_LIST;
        bool whole = kind == ENV_MAP ? *at == '{' : *at == '[' || (*at == '-' && at[1] == ' ');
        int n = asprintf(&text, whole ? "%s" : kind == ENV_MAP ? "{%s}" : "[%s]", value);

        if (n < 0)
                return -ENOMEM;
        int r = yaml_parse(text, (size_t)n, ret, error);
        explicit_bzero(text, (size_t)n);
        free(text);
        if (r >= 0 && (*ret)->kind != wanted) {
                *ret = node_free(*ret);
                r = -EBADMSG;
        }
        return r;
}

static Node *section(Node *map, const char *key)
{
        Node *n = node_get(map, key);

        if (!n && node_put(map, key, node_new(NODE_MAP)) >= 0)
                n = node_get(map, key);
        return n;
}

/* Takes the value. */
static int put_path(Node *root, const char *path, Node *value)
{
        char key[KEY_SIZE];
        size_t n;

        while (path[n = strcspn(path, ".")]) {
                (void)str_copy_n(key, sizeof key, path, n); /* of our own tables */
                root = section(root, key);
                if (!root) {
                        node_free(value);
                        return -ENOMEM;
                }
                path += n + 1;
        }
        return node_put(root, path, value);
}

static int take(const char *const *env, const EnvRow *row, Node *out, char error[YAML_ERROR_SIZE])
{
        const char *value = find(env, row->name);
        bool text = row->kind == ENV_TEXT || (row->kind == ENV_TEXT_OR_LIST && value && *value != '[');
        Node *n = NULL;

        if (str_empty(value))
                return 0; /* as if it were not there */
        int r = text ? 0 : parse_value(value, row->kind, &n);
        if (r == 0)
                r = put_path(out, row->path, text ? node_new_string(value) : n);
        if (r == -EBADMSG)
                snprintf(error, YAML_ERROR_SIZE, PREFIX "%s: '%.80s' is no %s", row->name, value,
                         row->kind == ENV_MAP ? "map" : "list");
        return r;
}

static void lower(char *text)
{
        for (; *text; text++)
                *text = (char)tolower((unsigned char)*text);
}

static int take_pair(const char *const *env, const char *prefix, const char *first, const char *second,
                     EnvKind kind, Node *out, char error[YAML_ERROR_SIZE])
{
        char name[KEY_SIZE], path[KEY_SIZE], tail[KEY_SIZE];

        snprintf(name, sizeof name, "%s_%s", first, second);
        snprintf(tail, sizeof tail, "%s.%s", first, second);
        lower(tail);
        if ((size_t)snprintf(path, sizeof path, "%s%s", prefix, tail) >= sizeof path)
                return -EINVAL;
        return take(env, &(EnvRow){ name, path, kind }, out, error);
}

int environment_read(const char *const *env, Node **ret, char error[YAML_ERROR_SIZE])
{
        _cleanup_(node_freep) Node *out = node_new(NODE_MAP);
        int r = out ? 0 : -ENOMEM;

        error[0] = 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                r = take(env, &rows[i], out, error);
        for (size_t i = 0; i < ELEMENTSOF(roles); i++)
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(role_keys); k++)
                        r = take_pair(env, "postgresql.authentication.", roles[i], role_keys[k], ENV_TEXT,
                                      out, error);
        for (size_t i = 0; i < ELEMENTSOF(dcs); i++)
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(suffixes); k++)
                        r = take_pair(env, "", dcs[i], suffixes[k].name, suffixes[k].kind, out, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(out);
        return 0;
}

const char *environment_document(const char *const *env)
{
        return find(env, "CONFIGURATION");
}
