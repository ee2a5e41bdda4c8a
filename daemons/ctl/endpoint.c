#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/endpoint.h"

/* Where `palisade run` of this user keeps its sockets, and where the units do. */
static size_t runtime_folders(char folders[3][256])
{
        const char *given = getenv("PALISADE_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
        size_t n = 0;

        if (!str_empty(given)) {
                (void)STR_SET(folders[0], given); /* too long: not found below */
                return 1;
        }
        (void)STR_SET(folders[n++], "/run/palisade");
        if (geteuid() != 0) {
                if (!str_empty(xdg))
                        snprintf(folders[n++], sizeof folders[0], "%s/palisade", xdg);
                snprintf(folders[n++], sizeof folders[0], "/tmp/palisade-%u", (unsigned)geteuid());
        }
        return n;
}

static bool socket_at(const char *folder, const char *cluster, char *ret, size_t size)
{
        struct stat st;

        return (size_t)snprintf(ret, size, "%s/%s/api.sock", folder, cluster) < size &&
               stat(ret, &st) >= 0 && S_ISSOCK(st.st_mode);
}

/* How many clusters have a socket there; the last one's path in ret, all their names in names. */
static unsigned find_sockets(const char *folder, char *ret, size_t size, char *names,
                             size_t names_size)
{
        char path[512];
        unsigned n = 0;
        DIR *d = opendir(folder);

        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                if (e->d_name[0] == '.' || !socket_at(folder, e->d_name, path, sizeof path))
                        continue;
                size_t len = strlen(names);
                snprintf(names + len, names_size - len, "%s%s", len > 0 ? ", " : "", e->d_name);
                (void)str_copy(ret, size, path);
                n++;
        }
        if (d)
                closedir(d);
        return n;
}

static int choose_socket(Ctl *c)
{
        char folders[3][256], names[512] = "";
        size_t n_folders = runtime_folders(folders);
        const char *cluster = c->values[OPTION_CLUSTER];
        unsigned found = 0;

        for (size_t i = 0; i < n_folders; i++) {
                if (cluster && socket_at(folders[i], cluster, c->socket, sizeof c->socket))
                        return -1;
                if (!cluster)
                        found += find_sockets(folders[i], c->socket, sizeof c->socket, names,
                                              sizeof names);
        }
        if (cluster)
                return ctl_fail("cluster %s does not run here (no %s/%s/api.sock): give the URL of "
                                "a member with -u",
                                cluster, folders[0], cluster);
        if (found == 0)
                return ctl_fail("no cluster runs here (nothing in %s): give the URL of a member "
                                "with -u",
                                folders[0]);
        if (found > 1)
                return ctl_fail("several clusters run here (%s): choose one with --cluster", names);
        return -1;
}

/* ---- the node's own configuration file ---- */

static void say_nothing(Severity severity _unused_, const char *line _unused_,
                        void *userdata _unused_)
{
}

/* Its credentials open the other members, for whoever may read it. */
static void read_config(Ctl *c)
{
        static const char *const sections[] = { "ctl", "restapi", NULL };
        const char *given = c->values[OPTION_CONFIG];
        char path[512], cluster[128] = "";

        if (given) {
                (void)STR_SET(path, given);
        } else if (c->socket[0]) {
                /* …/<cluster>/api.sock */
                const char *end = strrchr(c->socket, '/'), *start = end;
                while (start > c->socket && start[-1] != '/')
                        start--;
                (void)str_copy_n(cluster, sizeof cluster, start, (size_t)(end - start));
                snprintf(path, sizeof path, "/etc/palisade/%s.yml", cluster);
        } else {
                return;
        }
        if (config_load(&c->config, path, sections, say_nothing, NULL) < 0)
                c->config = NULL;
}

static const char *setting(const Ctl *c, const char *first, const char *second)
{
        const char *text = c->config ? config_text(c->config, first, NULL) : NULL;

        return text || !second || !c->config ? text : config_text(c->config, second, NULL);
}

static void choose_credentials(Ctl *c, ClientOptions *o)
{
        const char *user = setting(c, "ctl.authentication.username", "restapi.authentication.username");
        const char *password = setting(c, "ctl.authentication.password",
                                       "restapi.authentication.password");
        const char *both = setting(c, "ctl.auth", "restapi.auth"); /* as old files have it */

        if (ctl_has(c, OPTION_USER))
                (void)STR_SET(c->user, c->values[OPTION_USER]);
        else if (getenv("PALISADE_USER"))
                (void)STR_SET(c->user, getenv("PALISADE_USER"));
        else if (user && password)
                snprintf(c->user, sizeof c->user, "%s:%s", user, password);
        else if (both)
                (void)STR_SET(c->user, both);
        o->user = c->user[0] ? c->user : NULL;
        o->cacert = ctl_has(c, OPTION_CACERT) ? c->values[OPTION_CACERT]
                                              : setting(c, "ctl.cacert", "restapi.cafile");
        o->cert = ctl_has(c, OPTION_CERT) ? c->values[OPTION_CERT]
                                          : setting(c, "ctl.certfile", NULL);
        o->key = ctl_has(c, OPTION_KEY) ? c->values[OPTION_KEY] : setting(c, "ctl.keyfile", NULL);
        o->key_password = setting(c, "ctl.keyfile_password", NULL);
        o->insecure = ctl_has(c, OPTION_INSECURE) ||
                      (c->config && config_bool(c->config, "ctl.insecure", false));
}

int endpoint_open(Ctl *c)
{
        const char *environment = getenv("PALISADE_URL");
        ClientOptions o = { .url = c->values[OPTION_URL] };
        int code;

        /* A cluster's name may stand before what the verb takes, as patronictl has it; not a file's. */
        if (c->words.n > 0 && c->words.n == c->verb->words_max && !ctl_has(c, OPTION_CLUSTER) &&
            !str_equal(c->verb->arguments, "[FILE]"))
                c->values[OPTION_CLUSTER] = c->words.list[0];
        if (!o.url && !ctl_has(c, OPTION_CLUSTER) && !str_empty(environment))
                o.url = environment;
        if (!o.url) {
                code = choose_socket(c);
                if (code >= 0)
                        return code;
                o.socket = c->socket;
        }
        read_config(c);
        choose_credentials(c, &o);
        int r = client_new(&c->client, &o);
        if (r < 0)
                return ctl_fail("cannot use %s: %s", o.url ? o.url : o.socket, strerror(-r));
        return -1;
}

void endpoint_close(Ctl *c)
{
        client_free(c->client);
        config_free(c->config);
        explicit_bzero(c->user, sizeof c->user);
}
