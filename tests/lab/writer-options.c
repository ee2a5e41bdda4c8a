#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "writer-options.h"

static const char usage[] =
                "palisade-writer [OPTION…] CONNINFO\n"
                "\n"
                "Inserts numbered rows, shows each outage, reads the table back in the end.\n"
                "CONNINFO is a libpq connection string or URL; of several servers each attempt "
                "takes\n"
                "the next one.\n"
                "\n"
                "  --table NAME             (default palisade_writer)\n"
                "  --create                 create the table if it is not there\n"
                "  --interval MS            between two rows (default 10)\n"
                "  --seconds N              stop after so long (default: at SIGINT or SIGTERM)\n"
                "  --threshold MS           a longer gap is an outage (default 200)\n"
                "  --connect-timeout MS     for an attempt to connect (default 500)\n"
                "  --statement-timeout MS   for an answer (default 2000)\n"
                "  --retry MS               between two attempts (default 50)\n"
                "  --defaults               a client with libpq's defaults: no limits of its own\n"
                "  --verify-timeout S       for reading the table back (default 60)\n"
                "  --json FILE              write the summary there as JSON (fd:N: to this "
                "descriptor)\n"
                "  --log FILE               write \"id seconds-since-1970 seconds-since-boot\" of "
                "each\n"
                "                           acknowledged row (fd:N as well)\n"
                "  --returning EXPR         SQL, answered with each row and added to its line in the "
                "log\n"
                "  --output human|json      json: one object a line, for programs\n"
                "  --quiet                  the summary only\n"
                "\n"
                "Exit status: 0 nothing is missing, 1 acknowledged rows are missing, 2 wrong "
                "usage,\n"
                "3 the table could not be read back.\n";

static FILE *open_output(const char *name)
{
        return strncmp(name, "fd:", 3) == 0 ? fdopen(atoi(name + 3), "w") : fopen(name, "we");
}

static bool parse_number(const char *text, usec_t unit, usec_t *ret)
{
        char *rest;
        double value = strtod(text, &rest);

        if (rest == text || *rest || !(value >= 0 && value < 1e9))
                return false;
        *ret = (usec_t)(value * (double)unit);
        return true;
}

/* A table's name goes into statements as it is. */
static bool is_identifier(const char *name)
{
        return *name && strlen(name) < 64 &&
               strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(name);
}

enum Option {
        OPT_TABLE = 256,
        OPT_CREATE,
        OPT_INTERVAL,
        OPT_SECONDS,
        OPT_THRESHOLD,
        OPT_CONNECT,
        OPT_STATEMENT,
        OPT_RETRY,
        OPT_DEFAULTS,
        OPT_VERIFY,
        OPT_JSON,
        OPT_LOG,
        OPT_RETURNING,
        OPT_OUTPUT,
        OPT_QUIET,
        OPT_HELP,
};

static const struct option options[] = {
        {"table",              required_argument, NULL, OPT_TABLE    },
        { "create",            no_argument,       NULL, OPT_CREATE   },
        { "interval",          required_argument, NULL, OPT_INTERVAL },
        { "seconds",           required_argument, NULL, OPT_SECONDS  },
        { "threshold",         required_argument, NULL, OPT_THRESHOLD},
        { "connect-timeout",   required_argument, NULL, OPT_CONNECT  },
        { "statement-timeout", required_argument, NULL, OPT_STATEMENT},
        { "retry",             required_argument, NULL, OPT_RETRY    },
        { "defaults",          no_argument,       NULL, OPT_DEFAULTS },
        { "verify-timeout",    required_argument, NULL, OPT_VERIFY   },
        { "json",              required_argument, NULL, OPT_JSON     },
        { "log",               required_argument, NULL, OPT_LOG      },
        { "returning",         required_argument, NULL, OPT_RETURNING},
        { "output",            required_argument, NULL, OPT_OUTPUT   },
        { "quiet",             no_argument,       NULL, OPT_QUIET    },
        { "help",              no_argument,       NULL, OPT_HELP     },
        { NULL,                0,                 NULL, 0            },
};

/* Takes one option; false if its value makes no sense. */
static bool take_option(Options *o, int option, const char *value)
{
        switch (option) {
        case OPT_TABLE: o->table = value; return is_identifier(value);
        case OPT_CREATE: return o->create = true;
        case OPT_INTERVAL: return parse_number(value, USEC_PER_MSEC, &o->interval);
        case OPT_SECONDS: return parse_number(value, USEC_PER_SEC, &o->duration);
        case OPT_THRESHOLD: return parse_number(value, USEC_PER_MSEC, &o->threshold);
        case OPT_CONNECT: return parse_number(value, USEC_PER_MSEC, &o->connect_timeout);
        case OPT_STATEMENT: return parse_number(value, USEC_PER_MSEC, &o->statement_timeout);
        case OPT_RETRY: return parse_number(value, USEC_PER_MSEC, &o->retry);
        case OPT_DEFAULTS:
                o->tuned = false;
                o->connect_timeout = o->statement_timeout = USEC_INFINITY;
                return true;
        case OPT_VERIFY: return parse_number(value, USEC_PER_SEC, &o->verify_timeout);
        case OPT_JSON: return (o->json = open_output(value)) != NULL;
        case OPT_LOG: return (o->log = open_output(value)) != NULL;
        case OPT_RETURNING: o->returning = value; return strlen(value) < 256;
        case OPT_OUTPUT:
                o->json_output = strcmp(value, "json") == 0;
                return o->json_output || strcmp(value, "human") == 0;
        case OPT_QUIET: return o->quiet = true;
        default: return false;
        }
}

int options_parse(Options *o, int argc, char **argv)
{
        int option, index = 0;

        *o = (Options){
                .table = "palisade_writer",
                .interval = 10 * USEC_PER_MSEC,
                .retry = 50 * USEC_PER_MSEC,
                .threshold = 200 * USEC_PER_MSEC,
                .connect_timeout = USEC_PER_SEC / 2,
                .statement_timeout = 2 * USEC_PER_SEC,
                .verify_timeout = 60 * USEC_PER_SEC,
                .tuned = true,
        };
        while ((option = getopt_long(argc, argv, "", options, &index)) >= 0) {
                if (option == OPT_HELP) {
                        fputs(usage, stdout);
                        return EXIT_SUCCESS + 1;
                }
                if (option == '?' || !take_option(o, option, optarg)) {
                        if (option != '?')
                                fprintf(stderr, "palisade-writer: --%s %s makes no sense\n",
                                        options[index].name, optarg ?: "");
                        return EXIT_USAGE + 1;
                }
        }
        if (optind != argc - 1) {
                fputs(usage, stderr);
                return EXIT_USAGE + 1;
        }
        o->conninfo = argv[optind];
        return 0;
}
