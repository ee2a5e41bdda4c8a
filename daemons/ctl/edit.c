/* edit-config: the document fetched, changed, shown as a difference, and patched after a yes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/json.h"
#include "config/yaml.h"
#include "ctl/ctl.h"
#include "ctl/diff.h"
#include "ctl/edits.h"
#include "ctl/yaml-out.h"
#include "io/fdutil.h"

/* A change that ends a pause waits for every primary's deadlines. */
#define ANSWER_WITHIN (65 * USEC_PER_SEC)

#define FILE_MAX ((size_t)1 << 20)

/* The caller frees it. NULL: out of memory. */
static char *as_yaml(const Node *n)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        yaml_write(f, n);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* NULL: told. */
static Node *read_document(const char *path, const char *text, size_t size)
{
        char error[YAML_ERROR_SIZE] = "";
        _cleanup_(node_freep) Node *n = NULL;
        int r = yaml_parse(text, size, &n, error);

        if (r < 0)
                (void)ctl_fail("%s: %s", path, error[0] ? error : strerror(-r));
        else if (n->kind != NODE_MAP)
                (void)ctl_fail("%s: a map is wanted", path);
        else
                return TAKE_PTR(n);
        return NULL;
}

static char *read_stdin(size_t *ret_size)
{
        char *text = malloc(FILE_MAX + 1);

        *ret_size = text ? fread(text, 1, FILE_MAX, stdin) : 0;
        if (text)
                text[*ret_size] = 0;
        return text;
}

/* "-" is standard input. NULL: told. */
static Node *read_file(const char *path)
{
        bool piped = str_equal(path, "-");
        size_t size = 0;
        char *text = NULL;
        int r = 0;

        if (piped)
                text = read_stdin(&size);
        else
                r = read_file_at(AT_FDCWD, path, FILE_MAX, &text, &size);
        if (r < 0 || !text) {
                (void)ctl_fail("cannot read %s: %s", path, strerror(r < 0 ? -r : ENOMEM));
                return NULL;
        }
        Node *n = read_document(piped ? "standard input" : path, text, size);
        free(text);
        return n;
}

/* ---- the editor ---- */

static int run_editor(const char *path)
{
        static const char script[] = "for e in \"$EDITOR\" editor vi; do\n"
                                     "[ -n \"$e\" ] && command -v ${e%% *} >/dev/null || continue\n"
                                     "eval \"$e \\\"\\$1\\\"\"; exit\n"
                                     "done; exit 127";
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                execl("/bin/sh", "sh", "-c", script, "palisadectl", path, (char *)NULL);
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static bool write_text(int fd, const char *text)
{
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0)
                        return false;
                text += n;
                size -= (size_t)n;
        }
        return true;
}

/* What the file holds once the editor is closed; NULL: told, and the user has had enough. */
static Node *edit_file(const char *path)
{
        for (;;) {
                int r = run_editor(path);
                if (r == 127) {
                        (void)ctl_fail("no editor: set EDITOR, or change keys with -s and -p");
                        return NULL;
                }
                if (r != 0) {
                        (void)ctl_fail("the editor failed: nothing is changed");
                        return NULL;
                }
                Node *n = read_file(path);
                if (n || !ctl_confirm("Edit again?"))
                        return n;
        }
}

static Node *edit_by_hand(const Node *before)
{
        const char *folder = getenv("TMPDIR");
        char path[512];
        char *text = as_yaml(before);
        Node *n = NULL;

        snprintf(path, sizeof path, "%s/palisade-config-XXXXXX.yaml",
                 str_empty(folder) ? "/tmp" : folder);
        _cleanup_(closep) int fd = text ? mkostemps(path, 5, O_CLOEXEC) : -1;
        if (fd < 0) {
                (void)ctl_fail("cannot write %s: %s", path,
                               text ? strerror(errno) : "out of memory");
        } else {
                if (write_text(fd, text))
                        n = edit_file(path);
                else
                        (void)ctl_fail("cannot write %s: %s", path, strerror(errno));
                (void)unlink(path); /* it is ours, and nobody needs it */
        }
        free(text);
        return n;
}

/* ---- the change ---- */

/* Patroni's order: replace, apply, then each key. NULL: told. */
static Node *apply_options(const Ctl *c, const Node *before)
{
        const char *replace = c->values[OPTION_REPLACE], *apply = c->values[OPTION_APPLY];
        _cleanup_(node_freep) Node *after = replace ? read_file(replace) : node_copy(before);
        char error[EDITS_ERROR_SIZE];
        bool changed = false;
        int r = 0;

        if (!after)
                return NULL;
        if (apply) {
                _cleanup_(node_freep) Node *patch = read_file(apply);
                if (!patch)
                        return NULL;
                r = node_patch(after, patch, &changed);
        }
        (void)snprintf(error, sizeof error, "out of memory");
        for (size_t i = 0; r >= 0 && i < c->sets.n; i++)
                r = edits_set(after, "", c->sets.list[i], error);
        for (size_t i = 0; r >= 0 && i < c->pgs.n; i++)
                r = edits_set(after, "postgresql.parameters.", c->pgs.list[i], error);
        if (r < 0) {
                (void)ctl_fail("%s", error);
                return NULL;
        }
        return TAKE_PTR(after);
}

static bool is_by_hand(const Ctl *c)
{
        return c->sets.n == 0 && c->pgs.n == 0 && !ctl_has(c, OPTION_APPLY) &&
               !ctl_has(c, OPTION_REPLACE);
}

static bool reads_stdin(const Ctl *c, OptionId id)
{
        return ctl_has(c, id) && str_equal(c->values[id], "-");
}

/* The server's objections, one a line. */
static int tell_refusal(const Ctl *c, const Reply *r)
{
        if (r->status == 409)
                return ctl_fail("Config modification aborted due to concurrent changes");
        if (r->status != 400 || r->size == 0 || r->body[0] == '<')
                return ctl_tell_reply(c, "Cannot change the configuration", r);
        (void)ctl_fail("refused:");
        for (const char *line = r->body; *line;) {
                size_t n = strcspn(line, "\n");
                fprintf(stderr, "  %.*s\n", (int)n, line);
                line += n + (line[n] == '\n');
        }
        return CTL_FAILED;
}

static int send_patch(Ctl *c, const Node *before, const Node *after)
{
        _cleanup_(node_freep) Node *patch = edits_patch(before, after);
        char *body = patch ? json_format(patch, JSON_COMPACT) : NULL;
        const Call call = { .method = "PATCH", .path = "/config", .body = body,
                            .timeout = ANSWER_WITHIN };
        int code = CTL_DONE;
        Reply r;

        if (!body)
                return ctl_fail("out of memory");
        (void)client_call(c->client, &call, &r); /* the status tells */
        if (r.status == 200)
                puts("Configuration changed");
        else
                code = tell_refusal(c, &r);
        reply_done(&r);
        free(body);
        return code;
}

/* Shown, and agreed to. */
static int review(const Ctl *c, const Node *before, const Node *after)
{
        char *old = as_yaml(before), *new = as_yaml(after);
        int code = CTL_DONE;

        if (!old || !new)
                code = ctl_fail("out of memory");
        else if (!ctl_has(c, OPTION_QUIET))
                (void)diff_print(stdout, old, new, c->paint);
        free(old);
        free(new);
        fflush(stdout);
        if (code != CTL_DONE || ctl_has(c, OPTION_FORCE) || ctl_confirm("Apply these changes?"))
                return code;
        return ctl_fail("nothing is changed");
}

int verb_edit_config(Ctl *c)
{
        bool by_hand = is_by_hand(c);

        if (by_hand && (!c->ask || !c->tty))
                return ctl_misuse(c,
                                  "an editor wants a terminal: change keys with -s, -p or --apply");
        if ((reads_stdin(c, OPTION_APPLY) || reads_stdin(c, OPTION_REPLACE)) &&
            !ctl_has(c, OPTION_FORCE))
                return ctl_misuse(c, "standard input cannot answer, too: add --force");
        _cleanup_(node_freep) Node *before = ctl_get(c, "/config");
        if (!before)
                return CTL_FAILED;
        _cleanup_(node_freep) Node *after =
                        by_hand ? edit_by_hand(before) : apply_options(c, before);
        if (!after)
                return CTL_FAILED;
        if (node_equal(before, after)) {
                puts("Not changed");
                return CTL_DONE;
        }
        int code = review(c, before, after);
        return code == CTL_DONE ? send_patch(c, before, after) : code;
}
