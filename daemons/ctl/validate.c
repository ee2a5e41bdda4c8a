/*
 * palisadectl validate-config: the file, as palisaded --check-config reads it; and whether what it names is
 * there: programs, data directory, ports, addresses, etcd, certificates (PATRONI-SPEC §3.11).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/yaml-out.h"
#include "io/fdutil.h"
#include "io/program.h"

#define CONNECT_WITHIN 3000 /* ms */

typedef struct Checks {
        const Config *config;
        unsigned errors;
} Checks;

static void print_problem(Severity severity, const char *line, void *userdata _unused_)
{
        fprintf(stderr, "%s: %s\n", severity == PROBLEM_ERROR ? "error" : "warning", line);
}

static _printf_(3, 4) void complain(Checks *k, const char *path, const char *format, ...)
{
        const Node *n = node_find(config_root(k->config), path);
        char place[CONFIG_PLACE_SIZE];
        va_list ap;

        k->errors++;
        fprintf(stderr, "error: %s: %s: ", config_place(k->config, n ? n->line : 0, place), path);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

/* ---- programs and data ---- */

static void find_program(const Checks *k, const char *name, char *buf, size_t size)
{
        const Node *names = node_find(config_root(k->config), "postgresql.bin_name");
        const char *renamed = node_get_text(names, name), *dir = config_text(k->config, "postgresql.bin_dir", NULL);

        program_find(str_empty(dir) ? NULL : dir, renamed ? renamed : name, buf, size);
}

static void check_programs(Checks *k)
{
        static const char *const names[] = { "postgres", "initdb", "pg_controldata", "pg_basebackup", "psql" };
        static const char *const for_rewind[] = { "pg_rewind", "pg_waldump" };
        bool rewinds = config_bool(k->config, "postgresql.use_pg_rewind",
                                   config_bool(k->config, "bootstrap.dcs.postgresql.use_pg_rewind", false));
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names) + (rewinds ? ELEMENTSOF(for_rewind) : 0); i++) {
                find_program(k, i < ELEMENTSOF(names) ? names[i] : for_rewind[i - ELEMENTSOF(names)], path, sizeof path);
                if (access(path, X_OK) < 0)
                        complain(k, "postgresql.bin_dir", "%s: %s", path, strerror(errno));
        }
}

/* 0: it does not say. */
static unsigned major_of_program(const Checks *k)
{
        char program[PATH_MAX], text[256] = "";
        char *const argv[] = { program, (char *)"--version", NULL };
        posix_spawn_file_actions_t actions;
        int fds[2];
        pid_t pid;

        find_program(k, "postgres", program, sizeof program);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return 0;
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
        int r = posix_spawn(&pid, program, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        fd_close(fds[1]);
        ssize_t n = r == 0 ? read(fds[0], text, sizeof text - 1) : 0;
        fd_close(fds[0]);
        if (r == 0)
                (void)waitpid(pid, NULL, 0); /* what it said counts */
        return n > 0 ? program_parse_version(text) / 10000 : 0;
}

static bool is_empty(DIR *d)
{
        for (struct dirent *e; (e = readdir(d));)
                if (!str_equal(e->d_name, ".") && !str_equal(e->d_name, ".."))
                        return false;
        return true;
}

static void check_cluster_in(Checks *k, DIR *d, const char *path)
{
        char *text;

        if (faccessat(dirfd(d), "global/pg_control", F_OK, 0) < 0 ||
            read_file_at(dirfd(d), "PG_VERSION", 64, &text, NULL) < 0) {
                complain(k, "postgresql.data_dir", "%s is not empty, and no data directory either", path);
                return;
        }
        unsigned of_data = (unsigned)strtoul(text, NULL, 10), of_program = major_of_program(k);
        free(text);
        if (of_program != 0 && of_data != of_program)
                complain(k, "postgresql.data_dir", "%s is of version %u, postgres of version %u", path, of_data,
                         of_program);
}

static void check_data_dir(Checks *k)
{
        const char *path = config_text(k->config, "postgresql.data_dir", "");
        DIR *d = opendir(path);

        if (!d) {
                if (errno != ENOENT)
                        complain(k, "postgresql.data_dir", "%s: %s", path, strerror(errno));
                return;
        }
        if (!is_empty(d))
                check_cluster_in(k, d, path);
        (void)closedir(d); /* only read */
}

static void check_files(Checks *k)
{
        static const char *const keys[] = {
                "restapi.certfile", "restapi.keyfile", "restapi.cafile", "ctl.cacert",  "ctl.certfile",
                "ctl.keyfile",      "etcd3.cacert",    "etcd3.cert",     "etcd3.key",
        };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *path = config_text(k->config, keys[i], NULL);
                if (!str_empty(path) && access(path, R_OK) < 0)
                        complain(k, keys[i], "%s: %s", path, strerror(errno));
        }
}

/* ---- addresses ---- */

static int resolve(const char *host, uint16_t port, int flags, struct addrinfo **ret)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
        char service[8];

        snprintf(service, sizeof service, "%u", port);
        return getaddrinfo(str_empty(host) || str_equal(host, "*") ? NULL : host, service, &hints, ret);
}

/* 0 or negative errno: somebody listens there, or it is no address of this host. */
static int try_to_bind(const struct addrinfo *a)
{
        const int on = 1;
        _cleanup_(closep) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return errno == EAFNOSUPPORT ? 0 : -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections of before do not count */
        if (a->ai_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* the other family is tried, too */
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
                return errno == EACCES ? 0 : -errno; /* a low port: the daemon may, we may not */
        return listen(fd, 1) < 0 ? -errno : 0;
}

static void check_port(Checks *k, const char *path, const char *host, uint16_t port)
{
        struct addrinfo *list = NULL;
        int r = resolve(host, port, AI_PASSIVE, &list), worst = 0;

        if (r != 0) {
                complain(k, path, "%s: %s", host, gai_strerror(r));
                return;
        }
        for (const struct addrinfo *a = list; a && worst == 0; a = a->ai_next)
                worst = try_to_bind(a);
        freeaddrinfo(list);
        if (worst < 0)
                complain(k, path, "port %u of %s: %s", port, str_empty(host) ? "*" : host, strerror(-worst));
}

/* "host,host:port" */
static void check_listen(Checks *k, const char *path, uint16_t port)
{
        const char *text = config_text(k->config, path, NULL);
        const char *end = text ? strrchr(text, ':') : NULL;
        char hosts[1024], host[HOST_SIZE];
        uint64_t given;

        if (!text)
                return;
        if (end && !strchr(end, ']') && str_to_u64(end + 1, &given) >= 0 && given <= UINT16_MAX)
                port = (uint16_t)given;
        else
                end = text + strlen(text);
        if (!str_copy_n(hosts, sizeof hosts, text, (size_t)(end - text)))
                return;
        for (const char *rest = hosts; str_list_next(&rest, host, sizeof host);) {
                size_t n = strlen(host);
                if (host[0] == '[' && host[n - 1] == ']') {
                        host[n - 1] = 0;
                        memmove(host, host + 1, n - 1);
                }
                check_port(k, path, host + strspn(host, " "), port);
        }
}

static void check_connect_address(Checks *k, const char *path)
{
        static const char *const here[] = { "", "*", "localhost", "0.0.0.0", "::", "::1" };
        HostPort at;

        if (!config_text(k->config, path, NULL))
                return;
        at = config_hostport(k->config, path, 1);
        bool local = str_after_prefix(at.host, "127.") != NULL;
        for (size_t i = 0; i < ELEMENTSOF(here); i++)
                local = local || str_equal(at.host, here[i]);
        if (local)
                complain(k, path, "'%s' is not where other nodes reach this one", at.host);
}

static int try_to_connect(const struct addrinfo *a)
{
        _cleanup_(closep) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int error = 0;
        socklen_t size = sizeof error;

        if (fd < 0)
                return -errno;
        if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
                return -errno;
        if (poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, CONNECT_WITHIN) <= 0)
                return -ETIMEDOUT;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

static void check_server(Checks *k, const char *path, const char *text)
{
        const char *scheme = strstr(text, "://");
        struct addrinfo *list = NULL;
        char name[URL_SIZE];
        HostPort at;

        (void)str_copy_n(name, sizeof name, scheme ? scheme + 3 : text, strcspn(scheme ? scheme + 3 : text, "/"));
        if (hostport_parse(name, 2379, &at) < 0) {
                complain(k, path, "'%s' is no host and port", text);
                return;
        }
        int r = resolve(at.host, at.port, 0, &list), last = -EHOSTUNREACH;
        if (r != 0) {
                complain(k, path, "%s: %s", at.host, gai_strerror(r));
                return;
        }
        for (const struct addrinfo *a = list; a && last < 0; a = a->ai_next)
                last = try_to_connect(a);
        freeaddrinfo(list);
        if (last < 0)
                complain(k, path, "%s: %s", text, strerror(-last));
}

static void check_etcd(Checks *k)
{
        static const char *const single[] = { "etcd3.host", "etcd3.url", "etcd3.proxy" };
        const Node *hosts = node_find(config_root(k->config), "etcd3.hosts");
        char host[URL_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(single); i++)
                if (config_text(k->config, single[i], NULL))
                        check_server(k, single[i], config_text(k->config, single[i], NULL));
        NODE_FOREACH(n, hosts)
                if (n->text)
                        check_server(k, "etcd3.hosts", n->text);
        for (const char *rest = hosts && hosts->text ? hosts->text : ""; str_list_next(&rest, host, sizeof host);)
                check_server(k, "etcd3.hosts", host + strspn(host, " "));
}

int verb_validate_config(Ctl *c)
{
        _cleanup_(config_freep) Config *config = NULL;

        if (c->words.n == 0)
                return ctl_misuse(c, "validate-config needs a file");
        if (config_load(&config, c->words.list[0], NULL, print_problem, NULL) < 0)
                return CTL_FAILED;
        Checks k = { .config = config };
        check_programs(&k);
        check_data_dir(&k);
        check_files(&k);
        check_connect_address(&k, "restapi.connect_address");
        check_connect_address(&k, "postgresql.connect_address");
        if (!ctl_has(c, OPTION_IGNORE_LISTEN_PORT)) {
                check_listen(&k, "restapi.listen", 8008);
                check_listen(&k, "postgresql.listen", 5432);
        }
        check_etcd(&k);
        if (ctl_has(c, OPTION_PRINT))
                yaml_write(stdout, config_root(config));
        return k.errors > 0 ? CTL_FAILED : CTL_DONE;
}
