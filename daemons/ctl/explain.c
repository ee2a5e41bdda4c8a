/* Why the node is what it is: for people, for programs, or as a scenario of the decision's tests. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/record.h"

/* Sections stand out: their lines are the ones that are not indented. */
static void put_explanation(const char *text, bool paint)
{
        while (*text) {
                size_t n = strcspn(text, "\n");
                bool heading = paint && n > 0 && *text != ' ';
                printf("%s%.*s%s\n", heading ? "\033[1m" : "", (int)n, text,
                       heading ? "\033[0m" : "");
                text += n + (text[n] == '\n');
        }
}

/* The node's explanation; told where there is none. */
static int ask(Ctl *c, const char *path, Reply *ret)
{
        if (client_call(c->client, &(Call){ .path = path }, ret) >= 0 && ret->status == 200 &&
            str_after_prefix(ret->server, "Palisade"))
                return CTL_DONE;
        if (ret->status != 0 && !str_after_prefix(ret->server, "Palisade"))
                return ctl_fail("%s is not kept by Palisade: it cannot explain itself",
                                client_name(c->client));
        return ctl_tell_reply(c, "Cannot explain", ret);
}

/* ---- --record ---- */

/* A file of that name must not be there yet. */
static FILE *create(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        return fd < 0 ? NULL : fdopen(fd, "w");
}

static int write_record(const Node *explanation, const char *path)
{
        char when[64];
        time_t now = time(NULL);
        struct tm tm;

        strftime(when, sizeof when, "%F %T", gmtime_r(&now, &tm));
        FILE *f = path ? create(path) : stdout;
        if (!f)
                return ctl_fail("%s: %s", path, strerror(errno));
        int r = record_write(f, explanation, when);
        if (path && fclose(f) != 0 && r >= 0)
                r = -errno;
        if (r < 0 && path)
                (void)unlink(path); /* half a scenario is none */
        return r < 0 ? ctl_fail("%s: %s", path ? path : "standard output", strerror(-r)) : CTL_DONE;
}

static int record(Ctl *c)
{
        _cleanup_(node_freep) Node *n = NULL;
        Reply r;
        int code = ask(c, "/palisade/explain", &r);

        if (code == CTL_DONE) {
                n = reply_node(&r);
                code = record_is_possible(n)
                               ? write_record(n, c->words.n > 0 ? c->words.list[0] : NULL)
                               : ctl_fail("the node tells no facts that could be recorded");
        }
        reply_done(&r);
        return code;
}

/* ---- the verb ---- */

int verb_explain(Ctl *c)
{
        const char *format = c->values[OPTION_FORMAT];
        bool json = format && str_equal(format, "json");
        Reply r;

        if (format && !json && !str_equal(format, "text") && !str_equal(format, "pretty"))
                return ctl_misuse(c, "no format '%s': text or json", format);
        if (ctl_has(c, OPTION_RECORD))
                return format ? ctl_misuse(c, "--record has a format of its own") : record(c);
        if (c->words.n > 0)
                return ctl_misuse(c, "a file is for --record");
        int code = ask(c, json ? "/palisade/explain" : "/palisade/explain?format=text", &r);
        if (code == CTL_DONE)
                put_explanation(r.body, c->paint && !json);
        reply_done(&r);
        return code;
}
