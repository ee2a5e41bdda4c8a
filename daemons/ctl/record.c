#include <errno.h>

#include "base/str.h"
#include "ctl/record.h"

const RecordFact record_healthy[] = {
        { "hands", "known" },        { "dcs", "up" },       { "lock", "other" },
        { "permit", "none" },        { "pg", "standby" },   { "data", "standby's" },
        { "init", "match" },         { "config", "present" }, { "rank", "unknown" },
        { "fence", "none" },         { "handover", "no" },  { "candidate", "waiting" },
        { "leaving", "no" },         { "patience", "left" }, { "pause", "no" },
        { "kind", "primary" },
};
const size_t n_record_healthy = ELEMENTSOF(record_healthy);

static bool is_healthy(const char *name, const char *value)
{
        for (size_t i = 0; i < n_record_healthy; i++)
                if (str_equal(record_healthy[i].name, name))
                        return str_equal(record_healthy[i].value, value);
        return false;
}

/* The row of a section, or NULL. */
static const Node *find_row(const Node *explanation, const char *section, const char *key)
{
        NODE_FOREACH(row, node_get(explanation, section)) {
                const char *name = node_get_text(row, "key");
                if (name && str_equal(name, key) && node_get_text(row, "value"))
                        return row;
        }
        return NULL;
}

bool record_is_possible(const Node *explanation)
{
        return node_count(node_get(explanation, "facts")) > 0 &&
               find_row(explanation, "decision", "rule") &&
               find_row(explanation, "decision", "intent");
}

int record_write(FILE *f, const Node *explanation, const char *when)
{
        const Node *rule = find_row(explanation, "decision", "rule");
        const char *why = node_get_text(rule, "note");

        fprintf(f, "# Recorded at %s: %s\n", when, why ? why : "");
        NODE_FOREACH(row, node_get(explanation, "facts")) {
                const char *name = node_get_text(row, "key"), *value = node_get_text(row, "value");
                if (name && value && !is_healthy(name, value))
                        fprintf(f, "%s = %s\n", name, value);
        }
        fprintf(f, "rule = %s\n", node_get_text(rule, "value"));
        fprintf(f, "intent = %s\n",
                node_get_text(find_row(explanation, "decision", "intent"), "value"));
        return fflush(f) != 0 ? -errno : 0;
}
