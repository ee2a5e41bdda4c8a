/* palisaded: the mind of one cluster's node; `palisade run` makes a whole node of it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/log.h"
#include "palisaded/palisaded.h"
#include "palisaded/reaper.h"
#include "palisaded/run.h"

typedef struct Options {
        const char *config;
        const char *check;
        char cluster[NAME_SIZE];
        char runtime[URL_SIZE];
        bool run;
} Options;

static void usage(void)
{
        puts("Usage: palisaded --cluster NAME [OPTION]…\n"
             "       palisaded --check-config FILE\n"
             "       palisaded --validate-config FILE [-i] [-p]\n"
             "       palisaded --generate-config [FILE] [--dsn DSN]\n"
             "       palisaded --generate-sample-config [FILE]\n"
             "       palisade run FILE\n\n"
             "The mind of one node of a PostgreSQL cluster. It is started by\n"
             "palisaded@NAME.service; `palisade run` is a whole node in the foreground,\n"
             "for containers and machines without systemd.\n\n"
             "  --cluster NAME       the cluster this instance serves\n"
             "  --config FILE        default /etc/palisade/NAME.yml\n"
             "  --check-config FILE  read it, tell what is wrong, start nothing\n"
             "  --validate-config    the same, and look for what it names (palisadectl validate-config)\n"
             "  --generate-config    make one from the server that runs here (palisadectl generate-config)\n"
             "  --generate-sample-config\n"
             "                       make one from none\n"
             "  --runtime DIR        where the hands' sockets are; default /run/palisade\n"
             "  --help, --version\n\n"
             "See palisaded(8), palisade.yml(5).");
}

/* 0: go on; 1: done; -1: said what was wrong. */
static int parse(Options *o, int argc, char **argv)
{
        enum { CLUSTER = 256, CONFIG, CHECK, RUNTIME, HELP, VERSION_ };
        static const struct option options[] = {
                { "cluster", required_argument, NULL, CLUSTER },
                { "config", required_argument, NULL, CONFIG },
                { "check-config", required_argument, NULL, CHECK },
                { "runtime", required_argument, NULL, RUNTIME },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_ },
                { NULL, 0, NULL, 0 },
        };
        int c;

        STR_SET(o->runtime, "/run/palisade");
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case CLUSTER: (void)STR_SET(o->cluster, optarg); break;
                case CONFIG: o->config = optarg; break;
                case CHECK: o->check = optarg; break;
                case RUNTIME: (void)STR_SET(o->runtime, optarg); break;
                case HELP: usage(); return 1;
                case VERSION_: puts("palisade " PACKAGE_VERSION); return 1;
                default: return -1;
                }
        if (optind + 2 == argc && str_equal(argv[optind], "run")) {
                o->run = true;
                o->config = argv[optind + 1];
        } else if (optind < argc) {
                fprintf(stderr, "palisaded: '%s' is not a command; the only one is: run FILE\n",
                        argv[optind]);
                return -1;
        } else if (!o->check && !o->cluster[0]) {
                fprintf(stderr, "palisaded needs --cluster, --check-config or run FILE\n");
                return -1;
        }
        return 0;
}

/*
 * Patroni's options for what palisadectl does here: the mind reads no server's answers. They may stand
 * anywhere; what else is there is passed on. Returns where there is none of them.
 */
static void delegate(int argc, char **argv)
{
        static const struct {
                const char *option, *words[2];
        } rows[] = {
                { "--validate-config", { "validate-config", NULL } },
                { "--generate-config", { "generate-config", NULL } },
                { "--generate-sample-config", { "generate-config", "--sample" } },
        };
        char **words = calloc((size_t)argc + 3, sizeof *words);
        size_t n = 1, asked = ELEMENTSOF(rows);

        for (int i = 1; i < argc; i++)
                for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                        if (str_equal(argv[i], rows[k].option))
                                asked = k;
        if (asked < ELEMENTSOF(rows) && words) {
                words[0] = (char *)"palisadectl";
                for (size_t k = 0; k < 2 && rows[asked].words[k]; k++)
                        words[n++] = (char *)rows[asked].words[k];
                for (int i = 1; i < argc; i++)
                        if (!str_equal(argv[i], rows[asked].option))
                                words[n++] = argv[i];
                (void)execv(BINDIR "/palisadectl", words); /* comes back only where that fails */
                fprintf(stderr, "palisaded: cannot run " BINDIR "/palisadectl: %s\n", strerror(errno));
                exit(EXIT_FAILURE);
        }
        free(words);
}

static void print_problem(Severity severity, const char *line, void *userdata)
{
        unsigned *n_warnings = userdata;

        *n_warnings += severity == PROBLEM_WARNING;
        fprintf(stderr, "%s: %s\n", severity == PROBLEM_ERROR ? "error" : "warning", line);
}

static int check_config(const char *path)
{
        NodeConfig n;
        unsigned warnings = 0;
        int r = node_config_load(&n, path, print_problem, &warnings);

        if (r < 0)
                return EXIT_FAILURE;
        printf("%s: node %s of cluster %s, %u warning%s\n", path, n.name, n.scope, warnings,
               warnings == 1 ? "" : "s");
        return EXIT_SUCCESS;
}

static int serve(Options *o)
{
        _cleanup_(event_unrefp) sd_event *event = NULL;
        _cleanup_(palisaded_freep) Palisaded *p = NULL;
        char config[URL_SIZE];
        int r = 0;

        if (o->config)
                (void)STR_SET(config, o->config); /* a path that is too long cannot be read */
        else
                snprintf(config, sizeof config, "/etc/palisade/%s.yml", o->cluster);
        if (o->run)
                r = reaper_begin();
        if (o->run && r >= 0)
                r = run_prepare(config, o->cluster, sizeof o->cluster, o->runtime,
                                sizeof o->runtime);
        log_set_field("PALISADE_CLUSTER", o->cluster);
        if (r >= 0)
                r = loop_new(&event);
        if (r >= 0)
                r = palisaded_new(&p, event, o->cluster, o->runtime, config);
        if (r >= 0)
                log_set_field("PALISADE_NODE", p->node.name);
        if (r >= 0 && o->run)
                r = run_attach(p);
        if (r < 0) {
                log_error_errno(r, "Cannot start: %m");
                run_finish();
                return EXIT_FAILURE;
        }
        loop_ready("node %s of cluster %s", p->node.name, p->node.scope);
        r = loop_run(event);
        run_finish();
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        Options o = { 0 };

        log_open("palisaded");
        delegate(argc, argv);
        int r = parse(&o, argc, argv);
        if (r != 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        return o.check ? check_config(o.check) : serve(&o);
}
