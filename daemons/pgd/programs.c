#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/log.h"
#include "io/program.h"
#include "pgd/programs.h"

#define ANSWER_WITHIN (10 * USEC_PER_SEC)
#define OLDEST 120000 /* older ones are told what to recover by in recovery.conf */

/* One question at a time: pgd asks once, at its start. */
static struct {
        Launch *launch;
        programs_known_t done;
        void *userdata;
        uint32_t version;
        char path[URL_SIZE];
        Tool *tool;
} asked;

static void fail(int r, const ToolResult *result, const char *what)
{
        log_error("Cannot learn %s from %s: %s", what, asked.path,
                  result && result->error[0] ? result->error : strerror(-r));
        asked.done(r, 0, NULL, NULL, asked.userdata);
}

/* Tab-separated lines: name, context, group, type, default, min, max, … */
static Node *parse_parameters(char *text, char **ret_socket_dirs)
{
        _cleanup_(node_freep) Node *known = node_new(NODE_MAP);
        char *save = NULL;

        *ret_socket_dirs = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *column[5] = { NULL };
                for (size_t i = 0; i < ELEMENTSOF(column) && line; i++)
                        column[i] = strsep(&line, "\t");
                if (!column[4])
                        continue;
                if (str_equal(column[0], "unix_socket_directories"))
                        *ret_socket_dirs = strdup(column[4]);
                if (!known || node_put(known, column[0], node_new(NODE_NULL)) < 0)
                        return NULL;
        }
        if (!*ret_socket_dirs)
                *ret_socket_dirs = strdup("/tmp");
        return TAKE_PTR(known);
}

static void on_parameters(ToolResult *result, void *userdata _unused_)
{
        char *socket_dirs = NULL;

        asked.tool = NULL;
        if (result->r < 0 || result->status != 0) {
                fail(result->r < 0 ? result->r : -EIO, result, "its parameters");
                return;
        }
        Node *known = parse_parameters(result->output, &socket_dirs);
        if (!known || !socket_dirs || node_count(known) < 100) {
                node_free(known);
                free(socket_dirs);
                fail(-EBADMSG, NULL, "its parameters");
                return;
        }
        asked.done(0, asked.version, known, socket_dirs, asked.userdata);
}

static int ask(const char *option, tool_done_t done)
{
        _cleanup_(node_freep) Node *argv = node_new(NODE_LIST);
        ToolSpec spec = { .argv = argv, .timeout = ANSWER_WITHIN, .done = done };

        if (!argv || node_put(argv, NULL, node_new_string(asked.path)) < 0 ||
            node_put(argv, NULL, node_new_string(option)) < 0)
                return -ENOMEM;
        return tool_start(&asked.tool, asked.launch, &spec);
}

static void on_version(ToolResult *result, void *userdata _unused_)
{
        asked.tool = NULL;
        asked.version = result->r >= 0 ? program_parse_version(result->output) : 0;
        if (asked.version < OLDEST) {
                fail(result->r < 0 ? result->r : -EINVAL, result,
                     asked.version ? "how to run a version before 12" : "the version");
                return;
        }
        int r = ask("--describe-config", on_parameters);
        if (r < 0)
                fail(r, NULL, "its parameters");
}

void programs_learn(Launch *l, const char *postgres, programs_known_t done, void *userdata)
{
        asked.launch = l;
        asked.done = done;
        asked.userdata = userdata;
        (void)STR_SET(asked.path, postgres); /* same size */
        int r = ask("--version", on_version);
        if (r < 0)
                done(r, 0, NULL, NULL, userdata); /* the launcher is not there yet: no news */
}
