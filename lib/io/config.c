#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "config/environment.h"
#include "config/log-node.h"
#include "config/yaml.h"
#include "io/config.h"
#include "io/fdutil.h"
#include "io/log.h"

#define CONFIG_SIZE_MAX (1U << 20)

struct Config {
        char path[URL_SIZE];
        char dcs_path[NAME_SIZE * 3];
        Node *root;
        struct dirent **files; /* of a folder; NULL: path is the file */
        int n_files;
};

/* Of a folder; of one file, the one. A line's number carries the number of its file above these bits. */
#define FILES_MAX 64
#define LINE_BITS 20
_Static_assert(CONFIG_SIZE_MAX <= 1U << LINE_BITS, "more lines than the bits hold");

typedef struct Teller {
        config_tell_t tell;
        void *userdata;
        Config *config;
} Teller;

static void tell_log(Severity severity, const char *line, void *userdata _unused_)
{
        if (severity == PROBLEM_ERROR)
                log_error("%s", line);
        else
                log_warning("%s", line);
}

void config_tell_errors(Severity severity, const char *line, void *userdata)
{
        if (severity == PROBLEM_ERROR)
                tell_log(severity, line, userdata);
        else
                log_debug("%s", line);
}

const char *config_place(const Config *c, unsigned line, char buf[static CONFIG_PLACE_SIZE])
{
        unsigned number = line & ((1U << LINE_BITS) - 1);

        if (number == 0)
                snprintf(buf, CONFIG_PLACE_SIZE, "%s", c->path);
        else if (c->files)
                snprintf(buf, CONFIG_PLACE_SIZE, "%s/%s:%u", c->path, c->files[line >> LINE_BITS]->d_name,
                         number);
        else
                snprintf(buf, CONFIG_PLACE_SIZE, "%s:%u", c->path, number);
        return buf;
}

static void tell_problem(const Problem *p, void *userdata)
{
        Teller *t = userdata;
        char line[CONFIG_PLACE_SIZE + 640];

        snprintf(line, sizeof line, "%s: %s", config_place(t->config, p->line, (char[CONFIG_PLACE_SIZE]){ 0 }),
                 p->text);
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

/* ---- where it comes from: a file, a folder of files, the environment ---- */

static void number_lines(Node *n, unsigned file)
{
        n->line |= n->line > 0 ? file << LINE_BITS : 0;
        for (Node *c = n->children; c; c = c->next)
                number_lines(c, file);
}

/* Takes and wipes the text. name: for messages. */
static int parse(char *text, size_t size, const char *name, Teller *t, Node **ret)
{
        char error[YAML_ERROR_SIZE], line[YAML_ERROR_SIZE + NAME_MAX];
        int r = yaml_parse(text, size, ret, error);

        explicit_bzero(text, size);
        free(text);
        if (r < 0) {
                snprintf(line, sizeof line, "%s%s%s", name, *name ? ": " : "", error);
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, line }, t);
        }
        return r;
}

static int read_file(const char *path, const char *name, Teller *t, Node **ret)
{
        char *text;
        size_t size;
        int r = read_file_at(AT_FDCWD, path, CONFIG_SIZE_MAX, &text, &size);

        return r < 0 ? r : parse(text, size, name, t, ret);
}

static int is_part(const struct dirent *d)
{
        const char *dot = d->d_name[0] != '.' ? strrchr(d->d_name, '.') : NULL;

        return dot && (str_equal(dot, ".yml") || str_equal(dot, ".yaml"));
}

/* One after the other, each over those before it. */
static int read_part(const char *path, unsigned number, Teller *t, Node *root)
{
        const char *name = t->config->files[number]->d_name;
        _cleanup_(node_freep) Node *part = NULL;
        char file[PATH_MAX], line[NAME_MAX + 64];
        bool changed;

        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, name) >= sizeof file)
                return -ENAMETOOLONG;
        int r = read_file(file, name, t, &part);
        if (r < 0)
                return r;
        if (part->kind == NODE_NULL)
                return 0; /* an empty file says nothing */
        if (part->kind != NODE_MAP) {
                snprintf(line, sizeof line, "%s: expected a map", name);
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, line }, t);
                return -EINVAL;
        }
        number_lines(part, number);
        return node_patch(root, part, &changed);
}

static int read_folder(const char *path, Teller *t, Node **ret)
{
        _cleanup_(node_freep) Node *root = node_new(NODE_MAP);

        int n = scandir(path, &t->config->files, is_part, alphasort);
        if (n < 0)
                return -errno;
        t->config->n_files = n;
        int r = !root ? -ENOMEM : n > FILES_MAX ? -E2BIG : 0;
        for (int i = 0; r >= 0 && i < n; i++)
                r = read_part(path, (unsigned)i, t, root);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(root);
        return 0;
}

static const char *const *variables(void)
{
        return (const char *const *)environ;
}

/* No file: PATRONI_CONFIGURATION is all there is, or else the other variables are. */
static int read_nothing(Teller *t, Node **ret)
{
        const char *document = environment_document(variables());

        if (!document) {
                *ret = node_new(NODE_MAP);
                return *ret ? 0 : -ENOMEM;
        }
        char *text = strdup(document);
        return text ? parse(text, strlen(text), "PATRONI_CONFIGURATION", t, ret) : -ENOMEM;
}

static int add_environment(Node *root, Teller *t, bool *ret_any)
{
        _cleanup_(node_freep) Node *over = NULL;
        char error[YAML_ERROR_SIZE];
        bool changed;
        int r = environment_read(variables(), &over, error);

        if (r < 0) {
                if (error[0])
                        tell_problem(&(Problem){ PROBLEM_ERROR, 0, error }, t);
                return r;
        }
        *ret_any = over->children != NULL;
        return root->kind == NODE_MAP ? node_patch(root, over, &changed) : 0;
}

static int read_all(const char *path, Teller *t, Node **ret)
{
        struct stat st;
        bool there = stat(path, &st) >= 0, any = true;
        int r = there && S_ISDIR(st.st_mode) ? read_folder(path, t, ret) : read_file(path, "", t, ret);
        bool alone = r == -ENOENT && !there;

        if (alone)
                r = read_nothing(t, ret);
        if (r >= 0 && !(alone && environment_document(variables())))
                r = add_environment(*ret, t, &any);
        if (r >= 0 && alone && !any)
                r = -ENOENT;
        return r;
}

static int check(Config *c, Teller *t)
{
        if (schema_check_local(c->root, tell_problem, t) > 0)
                return -EINVAL;
        if (strlen(config_name(c)) < NAME_SIZE && strlen(config_scope(c)) < NAME_SIZE)
                return make_dcs_path(c);
        tell_problem(&(Problem){ PROBLEM_ERROR, 0, "name and scope may have 127 bytes" }, t);
        return -EINVAL;
}

/* What a journal has no use for, and what there is in its place. */
static void tell_of_journal(const Node *log, Teller *t)
{
        static const struct {
                const char *key, *text;
        } needless[] = {
                { "type", "the journal keeps fields of its own: journalctl -o json shows them" },
                { "format", "the journal has a form of its own: see journalctl -o" },
                { "dateformat", "the journal has a form of its own: see journalctl -o" },
                { "static_fields", "the journal has fields of its own: PALISADE_CLUSTER and others" },
        };
        char line[160];

        for (size_t i = 0; i < ELEMENTSOF(needless); i++) {
                const Node *n = node_get(log, needless[i].key);
                if (!n || n->kind == NODE_NULL || (n->text && str_equal(n->text, "plain")))
                        continue;
                snprintf(line, sizeof line, "log.%s: %s; it counts without one (palisade run)", needless[i].key,
                         needless[i].text);
                tell_problem(&(Problem){ PROBLEM_WARNING, n->line, line }, t);
        }
}

/* Of a program that runs by it: a reload changes it, too. */
static void follow_log(const Config *c, Teller *t)
{
        const char *given = getenv("PALISADE_LOG_LEVEL");
        const Node *log = node_get(c->root, "log");
        LogForm form;

        /* The schema has checked it; a bad word in the environment leaves the level as it is. */
        (void)log_set_level(config_text(c, "log.level", given ? given : "INFO"));
        if (log_is_journal()) {
                tell_of_journal(log, t);
        } else if (log) {
                log_node_read(log, &form);
                log_set_form(&form);
        }
}

int config_load(Config **ret, const char *path, const char *const *sections, config_tell_t tell,
                void *userdata)
{
        _cleanup_(config_freep) Config *c = calloc(1, sizeof *c);
        Teller t = { .tell = tell ? tell : tell_log, .userdata = userdata, .config = c };
        bool runs = !tell || tell == config_tell_errors;

        if (!c)
                return -ENOMEM;
        (void)STR_SET(c->path, path); /* only for messages */
        int r = read_all(path, &t, &c->root);
        if (r < 0 && r != -EBADMSG && r != -EINVAL)
                tell_problem(&(Problem){ PROBLEM_ERROR, 0, strerror(-r) }, &t);
        if (r >= 0)
                r = check(c, &t);
        if (r < 0)
                return r;
        if (runs)
                follow_log(c, &t);
        if (sections)
                keep_sections(c->root, sections);
        *ret = TAKE_PTR(c);
        return 0;
}

Config *config_free(Config *c)
{
        if (c) {
                node_free(c->root);
                for (int i = 0; i < c->n_files; i++)
                        free(c->files[i]);
                free(c->files);
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
