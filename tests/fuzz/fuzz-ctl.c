/*
 * ctl: a command line of palisadectl, a word a line; and a change as edit-config is told it, to a
 * document on the lines behind.
 */
#include <getopt.h>

#include "config/yaml.h"
#include "ctl/edits.h"
#include "ctl/options.h"
#include "fuzz.h"

static void parse_options(const char *words)
{
        static char program[] = "palisadectl";
        char *text = strdup(words), *at = text, *argv[64] = { program };
        int argc = 1;
        Ctl c = { 0 };

        for (char *word; argc < 63 && (word = fuzz_line(&at));)
                argv[argc++] = word;
        optind = 0;
        int code = options_parse(&c, argc, argv);
        fuzz_claim(code == -1 || code == CTL_DONE || code == CTL_USAGE);
        fuzz_claim(code != -1 || (c.verb && c.words.n <= c.verb->words_max));
        free(text);
}

static void edit(const char *lines)
{
        char *text = strdup(lines), *at = text, *pair = fuzz_line(&at);
        char error[EDITS_ERROR_SIZE] = "", why[YAML_ERROR_SIZE];
        Node *doc = NULL;

        if (at && yaml_parse(at, strlen(at), &doc, why) >= 0 && doc->kind == NODE_MAP) {
                int r = edits_set(doc, "", pair, error);
                fuzz_claim(r == 0 || error[0]);
                (void)edits_set(doc, "postgresql.parameters.", pair, error);
        }
        node_free(doc);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);

        parse_options(text);
        edit(text);
        free(text);
        return 0;
}
