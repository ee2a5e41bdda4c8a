#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/members.h"

int ctl_fail(const char *format, ...)
{
        va_list ap;

        fflush(stdout);
        fputs("Error: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return CTL_FAILED;
}

int ctl_misuse(const Ctl *c, const char *format, ...)
{
        va_list ap;

        fputs("palisadectl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fprintf(stderr, "\nTry 'palisadectl %s --help'.\n", c->verb->name);
        return CTL_USAGE;
}

/* ---- the node ---- */

int ctl_tell_reply(const Ctl *c, const char *what, const Reply *r)
{
        bool page = r->body && strncmp(r->body, "<!DOCTYPE", 9) == 0;
        char text[512];

        if (r->status == 0)
                return ctl_fail("%s: %s: %s", what, client_name(c->client), r->error);
        (void)STR_SET(text, r->body); /* so much of a long one is enough */
        text[strcspn(text, "\n")] = 0;
        if (!page && r->status != 200 && text[0] && text[0] != '{')
                return ctl_fail("%s: %u, %s", what, r->status, text_clean(text));
        if (r->status == 200)
                return ctl_fail("%s: %s answered with something else", what,
                                client_name(c->client));
        return ctl_fail("%s: %s answered %u", what, client_name(c->client), r->status);
}

static Node *get_quietly(Ctl *c, const char *path, Reply *r)
{
        const Call call = { .path = path };

        if (client_call(c->client, &call, r) < 0 || r->status != 200)
                return NULL;
        return reply_node(r);
}

Node *ctl_get(Ctl *c, const char *path)
{
        Reply r;
        Node *n = get_quietly(c, path, &r);

        if (!n)
                (void)ctl_tell_reply(c, path, &r);
        reply_done(&r);
        return n;
}

/* ---- the cluster ---- */

/* Any health check says it, without asking the server anew. */
static void look_for_sysid(Ctl *c, Picture *p)
{
        const Call health = { .path = "/health" };
        Reply r;

        if (client_call(c->client, &health, &r) >= 0) {
                _cleanup_(node_freep) Node *n = reply_node(&r);
                const char *sysid = node_get_text(n, "database_system_identifier");
                if (sysid)
                        (void)STR_SET(p->sysid, sysid);
        }
        reply_done(&r);
        if (p->sysid[0])
                return;

        /* This node has no data yet; what the DCS says is known to our own API. */
        _cleanup_(node_freep) Node *status = get_quietly(c, "/palisade/status", &r);
        const char *sysid = node_get_text(status, "system_identifier");
        if (sysid)
                (void)STR_SET(p->sysid, sysid);
        reply_done(&r);
}

int ctl_look(Ctl *c, Picture *ret)
{
        Picture p = { 0 };
        Reply r;
        int code = CTL_DONE;

        p.cluster = get_quietly(c, "/cluster", &r);
        if (!p.cluster && r.status == 503) {
                reply_done(&r);
                p.cluster = get_quietly(c, "/cluster?cached=1", &r);
                p.cached = p.cluster != NULL;
        }
        if (!node_get(p.cluster, "members"))
                code = ctl_tell_reply(c, "Cannot see the cluster", &r);
        reply_done(&r);
        if (code != CTL_DONE) {
                picture_done(&p);
                return code;
        }
        const char *scope = node_get_text(p.cluster, "scope");
        (void)STR_SET(p.scope, scope ? scope : "");
        look_for_sysid(c, &p);
        *ret = p;
        return CTL_DONE;
}

void picture_done(Picture *p)
{
        node_free(p->cluster);
        *p = (Picture){ 0 };
}

/* 0: no screen, or one that does not say. */
static size_t screen_width(const Ctl *c)
{
        struct winsize size;

        return c->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 ? size.ws_col : 0;
}

void ctl_print_members(const Ctl *c, const Picture *p, FILE *f, bool topology)
{
        const MembersView v = {
                .cluster = p->cluster,
                .scope = p->scope,
                .sysid = p->sysid[0] ? p->sysid : NULL,
                .extended = ctl_has(c, OPTION_EXTENDED),
                .topology = topology,
                .paint = c->paint,
                .width = screen_width(c),
        };

        members_print_pretty(&v, f);
}

/* ---- people ---- */

bool ctl_prompt(const char *question, const char *fallback, char *ret, size_t size)
{
        char line[512];

        printf("%s [%s]: ", question, fallback);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) {
                fputc('\n', stdout);
                return false;
        }
        line[strcspn(line, "\n")] = 0;
        return str_copy(ret, size, line[0] ? line : fallback);
}

int ctl_unanswered(void)
{
        fputs("Aborted: there was no answer. --force asks nothing\n", stderr);
        return CTL_FAILED;
}

bool ctl_confirm(const char *question)
{
        char line[64];
        bool yes;

        printf("%s [y/N]: ", question);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) {
                fputc('\n', stdout);
                return false;
        }
        line[strcspn(line, "\n")] = 0;
        return str_equal_nocase(line, "y") || (str_to_bool(line, &yes) >= 0 && yes);
}

const char *ctl_now(char *buf, size_t size)
{
        struct timeval now;
        struct tm tm;

        gettimeofday(&now, NULL);
        localtime_r(&now.tv_sec, &tm);
        size_t n = strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(buf + n, size - n, ".%05ld", (long)now.tv_usec / 10);
        return buf;
}
