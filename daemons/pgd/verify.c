#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/verify.h"

#define ANSWER_WITHIN (3 * USEC_PER_SEC)
#define ROUNDS_MAX 4 /* the server may stop at the first name it does not know */

struct Verify {
        Pgd *pgd;
        Tool *tool;
        bool stale;
        unsigned round;
        Node *asked;   /* the parameters under question, or answered for */
        Node *refused; /* name -> value */
        Complaint complaint;
        unsigned found; /* complaints of this round */
};

static void ask(Verify *v);

/* ---- who set it, for people ---- */

static void tell(const Verify *v, const char *name, const char *why)
{
        const Pgd *p = v->pgd;
        const Node *local = node_get(node_get(p->section, "parameters"), name);

        if (local)
                log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS,
                          "%s: postgresql.parameters.%s is left out: %s",
                          config_place(p->config, local->line, (char[CONFIG_PLACE_SIZE]){ 0 }), name,
                          why);
        else
                log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS,
                          "dynamic configuration: postgresql.parameters.%s is left out: %s", name, why);
}

static void refuse(Verify *v, const char *name, const char *why)
{
        const char *value = node_get_text(v->asked, name);

        if (!value || node_get(v->refused, name))
                return;
        tell(v, name, why);
        if (!v->refused)
                v->refused = node_new(NODE_MAP);
        if (v->refused && node_put(v->refused, name, node_new_string(value)) >= 0)
                v->found++;
}

static void on_line(const char *line, void *userdata)
{
        Verify *v = userdata;
        Complaint next = v->complaint;

        if (verify_read_line(line, &next) == 1 || !next.name[0])
                refuse(v, v->complaint.name, v->complaint.why); /* it is complete now */
        v->complaint = next;
}

static void on_done(ToolResult *result, void *userdata)
{
        Verify *v = userdata;

        v->tool = NULL;
        refuse(v, v->complaint.name, v->complaint.why);
        v->complaint = (Complaint){ 0 };
        if (result->r < 0 || (result->status != 0 && v->found == 0))
                log_warning("Cannot verify the parameters of postgres, they are taken as they are: %s",
                            result->error[0] ? result->error : strerror(-result->r));
        else if (result->status != 0 && ++v->round < ROUNDS_MAX)
                ask(v);
        if (!v->tool)
                engine_advance(v->pgd);
}

/* ---- the question ---- */

static int write_question(const Verify *v, const char *path)
{
        char *text = pgconf_plain_text(v->asked, v->refused);
        int r = text ? write_file_atomic(path, text, strlen(text), 0600) : -ENOMEM;

        free(text);
        return r;
}

static int start_tool(Verify *v)
{
        char program[URL_SIZE], path[PATH_MAX];
        Pgd *p = v->pgd;

        snprintf(path, sizeof path, "%s/verify.conf", p->socket_dir);
        pgd_program(p, "postgres", program, sizeof program);
        _cleanup_(node_freep) Node *argv = run_argv(program, "-D", p->socket_dir, NULL);
        ToolSpec spec = { .argv = argv, .timeout = ANSWER_WITHIN, .on_error_line = on_line,
                          .done = on_done, .userdata = v };
        int r = argv ? run_arg(argv, "--config-file=%s", path) : -ENOMEM;
        if (r >= 0)
                r = run_arg(argv, "-C");
        if (r >= 0)
                r = run_arg(argv, "config_file");
        if (r >= 0)
                r = write_question(v, path);
        return r < 0 ? r : tool_start(&v->tool, p->launch, &spec);
}

static void ask(Verify *v)
{
        v->found = 0;
        int r = start_tool(v);
        if (r < 0)
                log_warning_errno(r, "Cannot verify the parameters of postgres, they are taken as "
                                     "they are: %m");
}

static void begin(Verify *v)
{
        PgConf c = pgd_section(v->pgd);
        c.known = v->pgd->known;
        Node *wanted = pgconf_users(&c);

        v->stale = false;
        if (!wanted || (v->asked && node_equal(wanted, v->asked))) {
                node_free(wanted);
                return;
        }
        v->tool = tool_free(v->tool);
        node_free(v->asked);
        v->asked = wanted;
        v->refused = node_free(v->refused);
        v->complaint = (Complaint){ 0 };
        v->round = 0;
        NODE_FOREACH(n, wanted)
                if (!pgconf_knows(&c, n->key))
                        refuse(v, n->key, "the installed server has no such parameter");
        if (node_count(wanted) > 0)
                ask(v);
}

void verify_stale(Verify *v)
{
        v->stale = true;
}

bool verify_wait(Verify *v)
{
        if (v->stale && v->pgd->known)
                begin(v);
        return v->tool != NULL;
}

const Node *verify_refused(const Verify *v)
{
        return v->refused;
}

int verify_new(Verify **ret, Pgd *p)
{
        Verify *v = calloc(1, sizeof *v);

        if (!v)
                return -ENOMEM;
        v->pgd = p;
        v->stale = true;
        *ret = v;
        return 0;
}

Verify *verify_free(Verify *v)
{
        if (v) {
                tool_free(v->tool);
                node_free(v->asked);
                node_free(v->refused);
                free(v);
        }
        return NULL;
}
