/*
 * yaml: a patroni.yml. What is read is checked, and written by edit-config's writer it reads the same.
 */
#include "config/schema.h"
#include "config/yaml.h"
#include "ctl/yaml-out.h"
#include "fuzz.h"

static void tell(const Problem *p, void *userdata)
{
        unsigned *n_errors = userdata;

        fuzz_claim(!strchr(p->text, '\n'));
        *n_errors += p->severity == PROBLEM_ERROR;
}

static void write_and_read(const Node *n)
{
        char *text = NULL, error[YAML_ERROR_SIZE] = "";
        size_t size = 0;
        Node *again = NULL;
        FILE *f = open_memstream(&text, &size);

        fuzz_claim(f);
        yaml_write(f, n);
        fuzz_claim(fclose(f) == 0 && text);
        int r = yaml_parse(text, size, &again, error);
        if (r < 0 || !node_equal(n, again))
                fprintf(stderr, "%s\n%s", error, text);
        fuzz_claim(r == 0);
        fuzz_claim(node_equal(n, again));
        node_free(again);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_copy(data, size), error[YAML_ERROR_SIZE] = "";
        Node *n = NULL;
        unsigned n_errors = 0;
        bool adjusted;

        if (yaml_parse(text, size, &n, error) >= 0) {
                fuzz_claim(schema_check_local(n, tell, &n_errors) == n_errors);
                (void)settings_read(node_find(n, "bootstrap.dcs"), &adjusted);
                write_and_read(n);
                node_free(n);
        } else {
                fuzz_claim(error[0] && !strchr(error, '\n'));
        }
        free(text);
        return 0;
}
