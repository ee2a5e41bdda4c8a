/*
 * json: the dynamic configuration, and a patch to it on the next line. What is read is written the
 * same, and settings are read out of anything within their ranges.
 */
#include "config/json.h"
#include "config/schema.h"
#include "ctl/edits.h"
#include "fuzz.h"

static void tell(const Problem *p, void *userdata)
{
        (void)userdata;
        fuzz_claim(!strchr(p->text, '\n'));
}

static void write_and_read(const Node *n)
{
        for (JsonStyle style = JSON_COMPACT; style <= JSON_SPACED; style++) {
                char *text = json_format(n, style), error[JSON_ERROR_SIZE] = "";
                Node *again = NULL;
                fuzz_claim(text);
                int r = json_parse(text, strlen(text), false, &again, error);
                if (r < 0)
                        fprintf(stderr, "%s\n%s\n", text, error);
                fuzz_claim(r == 0);
                fuzz_claim(node_equal(n, again));
                node_free(again);
                free(text);
        }
}

static bool has_null(const Node *n)
{
        if (n->kind == NODE_NULL)
                return true;
        NODE_FOREACH(child, n)
        if (has_null(child))
                return true;
        return false;
}

/* The difference of two documents, merged into the first, makes the second. */
static void difference(const Node *before, const Node *after)
{
        Node *patch = edits_patch(before, after), *n = node_copy(before);
        bool changed = false;

        fuzz_claim(patch && n && node_patch(n, patch, &changed) == 0);
        if (!has_null(before) && !has_null(after))
                fuzz_claim(node_equal(n, after));
        node_free(n);
        node_free(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
        size_t first = end ? (size_t)(end - data) : size;
        char *text = fuzz_copy(data, first), error[JSON_ERROR_SIZE] = "";
        char *more = fuzz_copy(end ? (const char *)end + 1 : "", end ? size - first - 1 : 0);
        Node *n = NULL, *patch = NULL;
        bool adjusted, changed = false;

        if (json_parse(text, first, false, &n, error) >= 0) {
                (void)schema_check_dynamic(n, tell, NULL);
                Settings s = settings_read(n, &adjusted);
                fuzz_claim(s.timing.ttl > 0 && s.timing.loop_wait > 0);
                write_and_read(n);
                if (end && n->kind == NODE_MAP &&
                    json_parse(more, size - first - 1, true, &patch, NULL) >= 0 &&
                    patch->kind == NODE_MAP) {
                        difference(n, patch);
                        fuzz_claim(node_patch(n, patch, &changed) == 0);
                        write_and_read(n);
                }
        }
        node_free(patch);
        node_free(n);
        free(more);
        free(text);
        return 0;
}
