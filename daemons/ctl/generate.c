/* palisadectl generate-config: a configuration file from the server that runs here, or from none. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libpq-fe.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/environment.h"
#include "ctl/ctl.h"
#include "ctl/template.h"
#include "io/fdutil.h"
#include "io/program.h"

/* As Patroni asks: what somebody has set, and what a member's files must say in any case. */
static const char settings_sql[] =
        "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings"
        " WHERE context <> 'internal' AND source IN ('configuration file', 'command line', 'environment variable')"
        " AND category <> 'Write-Ahead Log / Recovery Target' AND setting <> '(disabled)'"
        " OR name IN ('data_directory', 'config_file', 'hba_file', 'ident_file', 'listen_addresses', 'port',"
        " 'cluster_name', 'wal_level', 'hot_standby', 'max_connections', 'max_wal_senders',"
        " 'max_prepared_transactions', 'max_locks_per_transaction', 'track_commit_timestamp',"
        " 'max_replication_slots', 'max_worker_processes', 'wal_log_hints', 'wal_keep_size',"
        " 'wal_keep_segments')";

/* How the superuser was reached here is how he is reached from then on. */
static const struct {
        const char *keyword, *variable, *key;
} credentials[] = {
        { "user", "PGUSER", "username" },
        { "password", "PGPASSWORD", "password" },
        { "sslmode", "PGSSLMODE", "sslmode" },
        { "sslcert", "PGSSLCERT", "sslcert" },
        { "sslkey", "PGSSLKEY", "sslkey" },
        { "sslpassword", NULL, "sslpassword" },
        { "sslrootcert", "PGSSLROOTCERT", "sslrootcert" },
        { "sslcrl", "PGSSLCRL", "sslcrl" },
        { "sslcrldir", "PGSSLCRLDIR", "sslcrldir" },
        { "gssencmode", "PGGSSENCMODE", "gssencmode" },
        { "channel_binding", "PGCHANNELBINDING", "channel_binding" },
};

static int no_memory(void)
{
        return ctl_fail("out of memory");
}

/* ---- this machine ---- */

/* Its name's first address, IPv4 before IPv6; empty: not known. */
static void find_address(const char *host, char *buf, size_t size)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL, *best = NULL;

        buf[0] = 0;
        if (getaddrinfo(host, NULL, &hints, &list) != 0)
                return;
        for (struct addrinfo *a = list; a; a = a->ai_next)
                if (!best || (a->ai_family == AF_INET && best->ai_family != AF_INET))
                        best = a;
        if (best)
                (void)getnameinfo(best->ai_addr, best->ai_addrlen, buf, (socklen_t)size, NULL, 0,
                                  NI_NUMERICHOST); /* a number: it fits */
        freeaddrinfo(list);
}

static Node *begin(void)
{
        char host[HOST_SIZE] = "", ip[128] = "";

        if (gethostname(host, sizeof host - 1) == 0)
                find_address(host, ip, sizeof ip);
        return template_new(host[0] ? host : NULL, ip[0] ? ip : NULL);
}

static int add_environment(Node *root)
{
        _cleanup_(node_freep) Node *over = NULL;
        char error[YAML_ERROR_SIZE] = "";
        bool changed;
        int r = environment_read((const char *const *)environ, &over, error);

        if (r >= 0)
                r = node_patch(root, over, &changed);
        return r < 0 ? ctl_fail("%s", error[0] ? error : strerror(-r)) : CTL_DONE;
}

static int set_bin_dir(Node *root, const char *program)
{
        char path[PATH_MAX];

        (void)STR_SET(path, program); /* not longer */
        return template_set(root, "postgresql.bin_dir", dirname(path)) < 0 ? no_memory() : CTL_DONE;
}

/* ---- without a server ---- */

static int fill_from_programs(Node *root)
{
        const char *renamed = node_get_text(root, "postgresql.bin_name.postgres");
        char program[PATH_MAX];

        program_find(node_get_text(root, "postgresql.bin_dir"), renamed ? renamed : "postgres", program, sizeof program);
        if (access(program, X_OK) < 0)
                return ctl_fail("%s: %s; PATRONI_POSTGRESQL_BIN_DIR says where PostgreSQL's programs are", program,
                                strerror(errno));
        int code = set_bin_dir(root, program);
        return code == CTL_DONE && template_add_sample(root) < 0 ? no_memory() : code;
}

/* ---- from a server ---- */

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
        for (const PQconninfoOption *o = options; o && o->keyword; o++)
                if (str_equal(o->keyword, keyword) && !str_empty(o->val))
                        return o->val;
        return NULL;
}

static int fail_by(const PGconn *conn)
{
        const char *text = PQerrorMessage(conn);

        return ctl_fail("%.*s", (int)strcspn(text, "\n"), text);
}

static int add_superuser(Node *root, const PQconninfoOption *given, const PGconn *conn)
{
        int r = template_set(root, "postgresql.authentication.superuser.username", PQuser(conn));

        if (r >= 0)
                r = template_set(root, "postgresql.authentication.replication.username", TEMPLATE_OPEN);
        for (size_t i = 0; i < ELEMENTSOF(credentials) && r >= 0; i++) {
                const char *value = option_of(given, credentials[i].keyword);
                char dotted[128];

                if (!value && credentials[i].variable)
                        value = getenv(credentials[i].variable);
                snprintf(dotted, sizeof dotted, "postgresql.authentication.superuser.%s", credentials[i].key);
                if (!str_empty(value))
                        r = template_set(root, dotted, value);
        }
        return r;
}

static const char *value_of(const PGresult *rows, const char *name)
{
        for (int i = 0; i < PQntuples(rows); i++)
                if (str_equal(PQgetvalue(rows, i, 0), name))
                        return PQgetvalue(rows, i, 1);
        return "";
}

static int add_lines(Node *root, const char *key, const char *path)
{
        FILE *f = fopen(path, "re");
        char *line = NULL;
        size_t room = 0;
        int r = f ? 0 : -errno;

        if (!f)
                return ctl_fail("cannot read %s: %s", path, strerror(-r));
        while (r >= 0 && getline(&line, &room, f) >= 0)
                r = template_take_line(root, key, line);
        free(line);
        (void)fclose(f); /* only read */
        return r < 0 ? no_memory() : CTL_DONE;
}

/* The files of the configuration: where they are, if that is not PGDATA; and what the two lists say. */
static int add_files(Node *root, const PGresult *rows)
{
        char dir[PATH_MAX];

        (void)STR_SET(dir, value_of(rows, "config_file")); /* PostgreSQL's own limit is less */
        const char *config_dir = dirname(dir);
        if (!str_equal(config_dir, value_of(rows, "data_directory")) &&
            template_set(root, "postgresql.config_dir", config_dir) < 0)
                return no_memory();
        int code = add_lines(root, "pg_hba", value_of(rows, "hba_file"));
        return code != CTL_DONE ? code : add_lines(root, "pg_ident", value_of(rows, "ident_file"));
}

static int add_listen(Node *root, const PGresult *rows, const PQconninfoOption *given)
{
        const char *port = option_of(given, "port"), *known = node_get_text(root, "postgresql.connect_address");
        const char *end = known ? strrchr(known, ':') : NULL;
        char text[512];

        if (!port)
                port = getenv("PGPORT");
        if (str_empty(port))
                port = value_of(rows, "port");
        snprintf(text, sizeof text, "%.*s:%s", end ? (int)(end - known) : 0, known, port);
        int r = template_set(root, "postgresql.connect_address", text);
        snprintf(text, sizeof text, "%s:%s", value_of(rows, "listen_addresses"), value_of(rows, "port"));
        return r < 0 || template_set(root, "postgresql.listen", text) < 0 ? no_memory() : CTL_DONE;
}

static int add_settings(Node *root, const PGresult *rows)
{
        for (int i = 0; i < PQntuples(rows); i++)
                if (template_take_setting(root, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1)) < 0)
                        return no_memory();
        return CTL_DONE;
}

/* The server's programs are where its postmaster was started from. */
static int add_bin_dir(Node *root, const char *data_dir)
{
        char path[PATH_MAX], program[PATH_MAX];
        char *text;

        snprintf(path, sizeof path, "%s/postmaster.pid", data_dir);
        int r = read_file_at(AT_FDCWD, path, 4096, &text, NULL);
        if (r < 0)
                return ctl_fail("cannot read %s: %s", path, strerror(-r));
        snprintf(path, sizeof path, "/proc/%ld/exe", strtol(text, NULL, 10));
        free(text);
        ssize_t n = readlink(path, program, sizeof program - 1);
        if (n < 0)
                return ctl_fail("cannot find the server's programs: %s: %s", path, strerror(errno));
        program[n] = 0;
        return set_bin_dir(root, program);
}

static int add_server(Node *root, PGconn *conn, const PQconninfoOption *given)
{
        const char *super = PQparameterStatus(conn, "is_superuser");

        if (!super || !str_equal(super, "on"))
                return ctl_fail("%s is no superuser", PQuser(conn));
        if (add_superuser(root, given, conn) < 0)
                return no_memory();
        PGresult *rows = PQexec(conn, settings_sql);
        int code = PQresultStatus(rows) == PGRES_TUPLES_OK
                           ? add_settings(root, rows)
                           : fail_by(conn);
        if (code == CTL_DONE)
                code = add_listen(root, rows, given);
        if (code == CTL_DONE)
                code = add_files(root, rows);
        if (code == CTL_DONE)
                code = add_bin_dir(root, value_of(rows, "data_directory"));
        PQclear(rows);
        return code;
}

static int fill_from_server(Node *root, const char *dsn)
{
        const char *const keywords[] = { "dbname", "fallback_application_name", NULL };
        const char *const values[] = { dsn ? dsn : "postgres", "palisadectl", NULL };
        char *error = NULL;
        PQconninfoOption *given = dsn ? PQconninfoParse(dsn, &error) : NULL;

        if (dsn && !given) {
                int code = ctl_fail("--dsn: %s", error ? error : "it cannot be read");
                PQfreemem(error);
                return code;
        }
        PGconn *conn = PQconnectdbParams(keywords, values, 1);
        if (PQconnectionNeedsPassword(conn) && isatty(STDIN_FILENO)) {
                char *password = getpass("Please enter the user password:");
                (void)setenv("PGPASSWORD", password ? password : "", 1); /* without it the next attempt fails */
                PQfinish(conn);
                conn = PQconnectdbParams(keywords, values, 1);
        }
        int code = PQstatus(conn) == CONNECTION_OK ? add_server(root, conn, given)
                                                   : fail_by(conn);
        PQfinish(conn);
        PQconninfoFree(given);
        return code;
}

/* ---- out ---- */

/* It holds passwords. */
static int write_out(const Node *root, const char *path)
{
        char *text = NULL, dir[PATH_MAX];
        size_t size = 0;

        if (!path) {
                template_write(stdout, root);
                return fflush(stdout) == 0 ? CTL_DONE : ctl_fail("cannot write: %s", strerror(errno));
        }
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return no_memory();
        template_write(f, root);
        bool whole = fclose(f) == 0;
        (void)STR_SET(dir, path); /* one that is too long cannot be written */
        int r = whole ? make_dirs(dirname(dir), 0755) : -ENOMEM;
        if (r >= 0)
                r = write_file_atomic(path, text, size, 0600);
        free(text);
        return r < 0 ? ctl_fail("cannot write %s: %s", path, strerror(-r)) : CTL_DONE;
}

int verb_generate_config(Ctl *c)
{
        _cleanup_(node_freep) Node *root = begin();

        if (ctl_has(c, OPTION_SAMPLE) && ctl_has(c, OPTION_DSN))
                return ctl_misuse(c, "--sample asks no server: it takes no --dsn");
        int code = root ? add_environment(root) : no_memory();
        if (code == CTL_DONE)
                code = ctl_has(c, OPTION_SAMPLE) ? fill_from_programs(root)
                                                 : fill_from_server(root, c->values[OPTION_DSN]);
        return code == CTL_DONE ? write_out(root, c->words.n > 0 ? c->words.list[0] : NULL) : code;
}
