#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/options.h"

typedef struct OptionRow {
        OptionId id;
        const char *name;
        char letter;       /* 0: none */
        const char *value; /* NULL: a flag */
        bool value_optional;
        const char *text;
} OptionRow;

static const OptionRow rows[] = {
        { OPTION_CLUSTER, "cluster", 0, "NAME", false, "which cluster, where several run here" },
        { OPTION_URL, "url", 'u', "URL", false, "the REST API of any member, instead of this node" },
        { OPTION_USER, "user", 0, "NAME:PASS", false, "basic authentication" },
        { OPTION_INSECURE, "insecure", 'k', NULL, false, "accept any certificate" },
        { OPTION_CACERT, "cacert", 0, "FILE", false, "who signs the members' certificates" },
        { OPTION_CERT, "cert", 0, "FILE", false, "our certificate" },
        { OPTION_KEY, "key", 0, "FILE", false, "its key" },
        { OPTION_CONFIG, "config", 'c', "FILE", false,
          "the node's configuration file, for credentials" },
        { OPTION_HELP, "help", 'h', NULL, false, "print this and exit" },
        { OPTION_VERSION, "version", 0, NULL, false, "print the version and exit" },
        { OPTION_FORMAT, "format", 'f', "FORMAT", false, NULL },
        { OPTION_EXTENDED, "extended", 'e', NULL, false, "show every column" },
        { OPTION_TIMESTAMP, "timestamp", 't', NULL, false, "show when it was so" },
        { OPTION_WATCH, "watch", 'W', "SEC", true, "show it again every two seconds, or SEC" },
        { OPTION_EVERY, NULL, 'w', "SEC", false, "show it again every SEC seconds" },
        { OPTION_LEADER, "leader", 0, "NAME", false, "the member that leads now" },
        { OPTION_LEADER, "primary", 0, "NAME", false, NULL },
        { OPTION_CANDIDATE, "candidate", 0, "NAME", false, "the member that shall lead" },
        { OPTION_SCHEDULED, "scheduled", 0, "TIME", false,
          "when (ISO 8601; local time where no zone is given)" },
        { OPTION_FORCE, "force", 0, NULL, false, "ask nothing" },
        { OPTION_SET, "set", 's', "KEY=VALUE", false, "set a key (dotted path); null removes it" },
        { OPTION_PG, "pg", 'p', "GUC=VALUE", false, "set a parameter of PostgreSQL" },
        { OPTION_APPLY, "apply", 0, "FILE", false, "merge a YAML document; -: standard input" },
        { OPTION_REPLACE, "replace", 0, "FILE", false, "put a YAML document in its place" },
        { OPTION_QUIET, "quiet", 'q', NULL, false, "show no differences" },
        { OPTION_TIMEOUT, "timeout", 0, "SEC", false, "how long to wait" },
        { OPTION_RECORD, "record", 0, NULL, false, "as a scenario for tests/decide, to FILE or the screen" },
        { OPTION_ROLE, "role", 'r', "ROLE", false,
          "only members that are leader, primary, standby-leader, replica" },
        { OPTION_ANY, "any", 0, NULL, false, "only one of them, by chance" },
        { OPTION_PENDING, "pending", 0, NULL, false, "only where a restart is pending" },
        { OPTION_PG_VERSION, "pg-version", 0, "VERSION", false, "only servers older than that" },
        { OPTION_FROM_LEADER, "from-leader", 0, NULL, false, "by pg_basebackup, from the leader itself" },
        { OPTION_HOST, "host", 0, "HOST", false, "the primary of the remote cluster, or several" },
        { OPTION_PORT, "port", 0, "PORT", false, "its port" },
        { OPTION_RESTORE_COMMAND, "restore-command", 0, "COMMAND", false,
          "where its WAL can be fetched from" },
        { OPTION_PRIMARY_SLOT_NAME, "primary-slot-name", 0, "NAME", false,
          "its replication slot for this cluster" },
        { OPTION_IGNORE_LISTEN_PORT, "ignore-listen-port", 'i', NULL, false, "ports may be in use" },
        { OPTION_PRINT, "print", 'p', NULL, false, "print it as it was read, the environment over it" },
        { OPTION_SAMPLE, "sample", 0, NULL, false, "of a new cluster, from no server" },
        { OPTION_DSN, "dsn", 0, "DSN", false, "how the server is reached, as a superuser" },
        { OPTION_WAIT, "wait", 0, NULL, false, "wait until it has happened everywhere" },
        { OPTION_NO_WAIT, "no-wait", 0, NULL, false, "do not wait until it has happened" },
};

static const OptionId everywhere[] = { OPTION_CLUSTER, OPTION_URL,    OPTION_USER,
                                       OPTION_INSECURE, OPTION_CACERT, OPTION_CERT,
                                       OPTION_KEY,     OPTION_CONFIG, OPTION_HELP,
                                       OPTION_NONE };

static bool takes(const OptionId *list, OptionId id)
{
        for (; list && *list != OPTION_NONE; list++)
                if (*list == id)
                        return true;
        return false;
}

/* Two verbs may use one letter for different options. */
static bool counts(const OptionId *own, OptionId id)
{
        return takes(own, id) || takes(everywhere, id);
}

/* ---- help ---- */

static void print_option(const OptionRow *r, const char *formats)
{
        char left[64], value[32] = "";

        if (!r->text && r->id != OPTION_FORMAT)
                return;
        if (r->value)
                snprintf(value, sizeof value, r->value_optional ? "[=%s]" : " %s", r->value);
        if (r->letter && r->name)
                snprintf(left, sizeof left, "-%c, --%s%s", r->letter, r->name, value);
        else if (r->name)
                snprintf(left, sizeof left, "    --%s%s", r->name, value);
        else
                snprintf(left, sizeof left, "-%c%s", r->letter, value);
        printf("  %-25s %s\n", left, r->text ? r->text : formats);
}

static void print_options(const OptionId *list, const char *formats)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (takes(list, rows[i].id))
                        print_option(&rows[i], formats);
}

static void help_verb(const Verb *v)
{
        printf("Usage: palisadectl %s [OPTION]…%s%s\n\n%s.\n", v->name, v->arguments ? " " : "",
               v->arguments ? v->arguments : "", v->summary);
        if (v->text)
                printf("\n%s", v->text);
        if (v->options) {
                printf("\nOptions:\n");
                print_options(v->options, strcmp(v->name, "explain") == 0 ? "text or json"
                                                                          : "pretty, json, tsv, yaml");
        }
        printf("\nGeneral options:\n");
        print_options(everywhere, "");
}

static void help(void)
{
        printf("Usage: palisadectl [OPTION]… VERB [OPTION]…\n\n"
               "Shows and steers a PostgreSQL cluster kept by Palisade.\n\nVerbs:\n");
        for (size_t i = 0; i < n_verbs; i++)
                printf("  %-15s %s\n", verbs[i].name, verbs[i].summary);
        printf("\nGeneral options:\n");
        print_options(everywhere, "");
        printf("      --version             print the version and exit\n"
               "\nOn a node it needs no options: it asks the daemons here. From elsewhere, give\n"
               "the URL of any member's REST API, or set PALISADE_URL. See palisadectl(1), and\n"
               "`palisadectl VERB --help`.\n");
}

/* ---- reading ---- */

static void add_word(Words *w, const char *word)
{
        if (w->n < CTL_WORDS_MAX)
                w->list[w->n++] = word;
}

static void take(Ctl *c, const OptionRow *r, const char *value)
{
        c->values[r->id] = value ? value : "";
        if (r->id == OPTION_SET)
                add_word(&c->sets, value);
        if (r->id == OPTION_PG)
                add_word(&c->pgs, value);
}

/* One pass of getopt over the options of `own` and the general ones. -1, or the exit code. */
static int read_options(Ctl *c, int argc, char **argv, const OptionId *own, const char *order)
{
        struct option longs[ELEMENTSOF(rows) + 1] = { 0 };
        char shorts[4 * ELEMENTSOF(rows) + 2];
        size_t n_longs = 0, n_shorts = (size_t)snprintf(shorts, sizeof shorts, "%s", order);
        int found;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const OptionRow *r = &rows[i];
                if (!counts(own, r->id))
                        continue;
                int wants = !r->value           ? no_argument
                            : r->value_optional ? optional_argument
                                                : required_argument;
                if (r->name)
                        longs[n_longs++] = (struct option){ r->name, wants, NULL, 256 + (int)i };
                if (r->letter)
                        n_shorts += (size_t)snprintf(shorts + n_shorts, sizeof shorts - n_shorts,
                                                     "%c%s", r->letter,
                                                     wants == required_argument ? ":" : "");
        }
        while ((found = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                const OptionRow *r = NULL;
                if (found == '?') { /* getopt has said why */
                        fprintf(stderr, "Try 'palisadectl %s%s--help'.\n",
                                c->verb ? c->verb->name : "", c->verb ? " " : "");
                        return CTL_USAGE;
                }
                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if (found == 256 + (int)i ||
                            (found < 256 && rows[i].letter == (char)found && counts(own, rows[i].id)))
                                r = &rows[i];
                if (r)
                        take(c, r, optarg);
        }
        return -1;
}

static const Verb *find_verb(const char *name)
{
        for (size_t i = 0; i < n_verbs; i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

static const Verb *nearest_verb(const char *name)
{
        const Verb *best = NULL;
        unsigned least = 4; /* three edits away is another word */

        for (size_t i = 0; i < n_verbs; i++) {
                unsigned d = str_distance(verbs[i].name, name);
                if (d < least) {
                        least = d;
                        best = &verbs[i];
                }
        }
        return best;
}

static int choose_verb(Ctl *c, const char *name)
{
        const Verb *near;

        c->verb = find_verb(name);
        if (c->verb)
                return -1;
        near = nearest_verb(name);
        fprintf(stderr, "palisadectl: no verb '%s'%s%s%s\nTry 'palisadectl --help'.\n", name,
                near ? "; did you mean " : "", near ? near->name : "", near ? "?" : "");
        return CTL_USAGE;
}

int options_parse(Ctl *c, int argc, char **argv)
{
        static const OptionId first[] = { OPTION_VERSION, OPTION_NONE };
        static char program[] = "palisadectl";
        int code = read_options(c, argc, argv, first, "+");

        if (code >= 0)
                return code;
        if (ctl_has(c, OPTION_VERSION)) {
                printf("palisadectl " PACKAGE_VERSION "\n");
                return CTL_DONE;
        }
        if (optind == argc) {
                help();
                return ctl_has(c, OPTION_HELP) ? CTL_DONE : CTL_USAGE;
        }
        code = choose_verb(c, argv[optind]);
        if (code >= 0)
                return code;
        argc -= optind;
        argv += optind;
        argv[0] = program; /* whom getopt names when it complains */
        optind = 0; /* glibc: begin anew */
        code = read_options(c, argc, argv, c->verb->options, "");
        if (code >= 0)
                return code;
        if (ctl_has(c, OPTION_HELP)) {
                help_verb(c->verb);
                return CTL_DONE;
        }
        for (int i = optind; i < argc; i++)
                add_word(&c->words, argv[i]);
        if (c->words.n > c->verb->words_max)
                return ctl_misuse(c, "%s takes no argument '%s'", c->verb->name,
                                  c->words.list[c->verb->words_max]);
        return -1;
}
