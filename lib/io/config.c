#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/config.h"
#include "config/yaml.h"
#include "io/fdutil.h"
#include "io/log.h"

#define CONFIG_SIZE_MAX (1U << 20)

struct Config {
        char path[URL_SIZE];
        char dcs_path[NAME_SIZE * 3];
        Node *root;
};

typedef struct Teller {
        const char *path;
        config_tell_t tell;
        void *userdata;
} Teller;

static void tell_log(Severity severity, const char *line, void *userdata _unused_)
{
        if (severity == PROBLEM_ERROR)
                log_error("%s", line);
        else
                log_warning("%s", line);
}

static void tell_problem(const Problem *p, void *userdata)
{
        Teller *t = userdata;
        char line[URL_SIZE + 640];

        if (p->line > 0)
                snprintf(line, sizeof line, "%s:%u: %s", t->path, p->line, p->text);
        else
                snprintf(line, sizeof line, "%s: %s", t->path, p->text);
        t->tell(p->severity, line, t->userdata);
}

static void keep_sections(Node *root, const char *const *sections)
{
        static const char *const always[] = { "scope", "name", "namespace" };

        for (Node *n = root->children, *next; n; n = next) {
                bool keep = false;
                next = n->next;
                for (size_t i = 0; i < ELEMENTSOF(always); i++)
                        keep = keep || str_equal(n->key, always[i]);
                for (size_t i = 0; sections[i]; i++)
                        keep = keep || str_equal(n->key, sections[i]);
                if (!keep)
                        node_remove(root, n->key);
        }
}

/* "/" + namespace + "/" + scope + "/", repeated slashes collapsed. */
static int make_dcs_path(Config *c)
{
        char raw[sizeof c->dcs_path];
        size_t n = 0;

        if ((size_t)snprintf(raw, sizeof raw, "/%s/%s/", config_text(c, "namespace", "service"),
                             config_scope(c)) >= sizeof raw)
                return -ENAMETOOLONG;
        for (const char *p = raw; *p; p++)
                if (*p != '/' || n == 0 || c->dcs_path[n - 1] != '/')
                        c->dcs_path[n++] = *p;
        c->dcs_path[n] = 0;
        return 0;
}

int config_load(Config **ret, const char *path, const char *const *sections, config_tell_t tell,
                void *userdata)
{
        _cleanup_(config_freep) Config *c = calloc(1, sizeof *c);
        Teller teller = { path, tell ? tell : tell_log, userdata };
        char error[YAML_ERROR_SIZE];
        char *text;
        size_t size;

        if (!c)
                return -ENOMEM;
        (void)STR_SET(c->path, path); /* only for messages */

        int r = read_file_at(AT_FDCWD, path, CONFIG_SIZE_MAX, &text, &size);
        if (r < 0) {
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, strerror(-r) }, &teller);
                return r;
        }
        r = yaml_parse(text, size, &c->root, error);
        explicit_bzero(text, size);
        free(text);
        if (r < 0) {
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, error }, &teller);
                return r;
        }
        if (schema_check_local(c->root, tell_problem, &teller) > 0)
                return -EINVAL;
        if (strlen(config_name(c)) >= NAME_SIZE || strlen(config_scope(c)) >= NAME_SIZE) {
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, "name and scope may have 127 bytes" },
                             &teller);
                return -EINVAL;
        }
        r = make_dcs_path(c);
        if (r < 0)
                return r;
        if (sections)
                keep_sections(c->root, sections);
        *ret = TAKE_PTR(c);
        return 0;
}

Config *config_free(Config *c)
{
        if (c) {
                node_free(c->root);
                free(c);
        }
        return NULL;
}

const Node *config_root(const Config *c)
{
        return c->root;
}

const char *config_text(const Config *c, const char *dotted, const char *fallback)
{
        const char *text = node_get_text(c->root, dotted);

        return text ? text : fallback;
}

bool config_bool(const Config *c, const char *dotted, bool fallback)
{
        return node_get_bool(c->root, dotted, fallback);
}

int64_t config_int(const Config *c, const char *dotted, int64_t fallback)
{
        return node_get_int(c->root, dotted, fallback);
}

const char *config_scope(const Config *c)
{
        return config_text(c, "scope", "");
}

const char *config_name(const Config *c)
{
        return config_text(c, "name", "");
}

const char *config_dcs_path(const Config *c)
{
        return c->dcs_path;
}

HostPort config_hostport(const Config *c, const char *dotted, uint16_t default_port)
{
        HostPort hp = { .port = default_port };
        const char *text = config_text(c, dotted, NULL);

        if (text)
                (void)hostport_parse(text, default_port, &hp); /* the schema has checked it */
        return hp;
}

void config_api_url(const Config *c, char *buf, size_t size)
{
        HostPort listen = config_hostport(c, "restapi.listen", 8008);
        HostPort connect = config_text(c, "restapi.connect_address", NULL)
                                   ? config_hostport(c, "restapi.connect_address", listen.port)
                                   : listen;
        bool v6 = strchr(connect.host, ':') != NULL;

        snprintf(buf, size, "%s://%s%s%s:%u/patroni",
                 config_text(c, "restapi.certfile", NULL) ? "https" : "http", v6 ? "[" : "",
                 connect.host, v6 ? "]" : "", connect.port);
}
