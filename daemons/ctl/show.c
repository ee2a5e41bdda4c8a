/* What only looks: list, topology, history, show-config, version. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/json.h"
#include "ctl/ctl.h"
#include "ctl/members.h"
#include "ctl/screen.h"
#include "ctl/timelines.h"
#include "ctl/yaml-out.h"

typedef enum Format { FORMAT_PRETTY, FORMAT_JSON, FORMAT_TSV, FORMAT_YAML, FORMAT_UNKNOWN } Format;

static Format read_format(const Ctl *c)
{
        static const char *const names[] = { "pretty", "json", "tsv", "yaml" };
        const char *name = c->values[OPTION_FORMAT];

        if (!name)
                return FORMAT_PRETTY;
        if (str_equal(name, "yml"))
                return FORMAT_YAML;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (str_equal(names[i], name))
                        return (Format)i;
        return FORMAT_UNKNOWN;
}

static int refuse_format(const Ctl *c)
{
        return ctl_misuse(c, "no format '%s': pretty, json, tsv or yaml", c->values[OPTION_FORMAT]);
}

/* JSON on a line, or YAML with an empty line behind it, as patronictl prints them. */
static int print_document(FILE *f, const Node *n, Format format)
{
        char *text = n && format == FORMAT_JSON ? json_format(n, JSON_SPACED) : NULL;

        if (!n || (format == FORMAT_JSON && !text))
                return ctl_fail("out of memory");
        if (format == FORMAT_YAML)
                yaml_write(f, n);
        fprintf(f, "%s\n", text ? text : "");
        free(text);
        return CTL_DONE;
}

/* ---- list and topology ---- */

static void put_timestamp(FILE *f)
{
        time_t now = time(NULL);
        char text[32];
        struct tm tm;

        localtime_r(&now, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        fprintf(f, "%s\n", text);
}

static int show_members(Ctl *c, FILE *f, Format format, bool topology)
{
        Picture p;
        int code = ctl_look(c, &p);

        if (code != CTL_DONE)
                return code;
        const MembersView v = { .cluster = p.cluster, .scope = p.scope,
                                .extended = ctl_has(c, OPTION_EXTENDED) };
        if (ctl_has(c, OPTION_TIMESTAMP) && format == FORMAT_PRETTY)
                put_timestamp(f);
        if (format == FORMAT_PRETTY) {
                ctl_print_members(c, &p, f, topology);
        } else if (format == FORMAT_TSV) {
                members_print_tsv(&v, f);
        } else {
                _cleanup_(node_freep) Node *list = members_list(&v);
                code = print_document(f, list, format);
        }
        if (p.cached) {
                fflush(f);
                fprintf(format == FORMAT_PRETTY ? f : stderr,
                        " The DCS is not accessible: this is the cluster as it was last known\n");
        }
        picture_done(&p);
        return code;
}

static bool read_interval(const Ctl *c, usec_t *ret)
{
        const char *text = c->values[OPTION_EVERY];
        char *end;

        *ret = 0;
        if (!text)
                text = c->values[OPTION_WATCH];
        if (!text)
                return true;
        double seconds = *text ? strtod(text, &end) : 2;
        if (*text && (*end || !(seconds >= 0.1 && seconds < 86400)))
                return false;
        *ret = (usec_t)(seconds * (double)USEC_PER_SEC);
        return true;
}

/* Again and again, until Ctrl-C. A node that does not answer is told in the same place. */
static int watch(Ctl *c, Format format, bool topology, usec_t interval)
{
        screen_begin(c->tty);
        for (;;) {
                char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);
                if (!f)
                        return ctl_fail("out of memory");
                (void)show_members(c, f, format, topology); /* it has told; the next may succeed */
                if (fclose(f) == 0 && size > 0)
                        screen_draw(text);
                free(text);
                if (!screen_wait(interval))
                        return CTL_DONE;
        }
}

static int show(Ctl *c, bool topology)
{
        Format format = read_format(c);
        usec_t interval;

        if (format == FORMAT_UNKNOWN)
                return refuse_format(c);
        if (!read_interval(c, &interval))
                return ctl_misuse(c, "--watch wants seconds, at least 0.1");
        if (interval > 0)
                return watch(c, format, topology, interval);
        return show_members(c, stdout, format, topology);
}

int verb_list(Ctl *c)
{
        return show(c, false);
}

int verb_topology(Ctl *c)
{
        return show(c, true);
}

/* ---- history ---- */

int verb_history(Ctl *c)
{
        Format format = read_format(c);

        if (format == FORMAT_UNKNOWN)
                return refuse_format(c);
        _cleanup_(node_freep) Node *history = ctl_get(c, "/history");
        if (!history)
                return CTL_FAILED;
        if (format == FORMAT_PRETTY) {
                timelines_print_pretty(history, stdout);
        } else if (format == FORMAT_TSV) {
                timelines_print_tsv(history, stdout);
        } else {
                _cleanup_(node_freep) Node *list = timelines_list(history);
                return print_document(stdout, list, format);
        }
        return CTL_DONE;
}

/* ---- show-config ---- */

int verb_show_config(Ctl *c)
{
        _cleanup_(node_freep) Node *n = ctl_get(c, "/config");

        return n ? print_document(stdout, n, FORMAT_YAML) : CTL_FAILED;
}

/* ---- version ---- */

/* 150020 -> 15.20. */
static void put_server_version(const Node *n)
{
        int64_t v = node_get_int(n, "server_version", 0);

        if (v >= 100000)
                printf(" PostgreSQL %lld.%lld", (long long)v / 10000, (long long)v % 10000);
}

static void put_member_version(Ctl *c, const Node *member)
{
        const char *name = node_get_text(member, "name"), *url = node_get_text(member, "api_url");
        char base[512];
        Reply r;

        if (!name || !url || !url_base(url, base, sizeof base))
                return;
        const Call call = { .base = base, .path = "/health", .timeout = 3 * USEC_PER_SEC };
        int answered = client_call(c->client, &call, &r);
        _cleanup_(node_freep) Node *n = answered >= 0 ? reply_node(&r) : NULL;
        const char *palisade = str_after_prefix(r.server, "Palisade");
        const char *patroni = node_get_text(n, "patroni.version");
        if (!n)
                printf("%s: %s\n", name, r.error[0] ? r.error : "no answer");
        else
                printf("%s: %s %s", name, palisade ? "Palisade" : "Patroni",
                       palisade ? (*palisade == '/' ? palisade + 1 : "") : patroni ? patroni : "");
        if (n) {
                put_server_version(n);
                fputc('\n', stdout);
        }
        reply_done(&r);
}

int verb_version(Ctl *c)
{
        Picture p;

        printf("palisadectl version " PACKAGE_VERSION "\n");
        int code = ctl_look(c, &p);
        if (code != CTL_DONE)
                return code;
        fputc('\n', stdout);
        NODE_FOREACH(m, node_get(p.cluster, "members"))
                put_member_version(c, m);
        picture_done(&p);
        return CTL_DONE;
}
