#include <string.h>

#include "base/str.h"
#include "pgd/roles.h"

#define DOLLAR "$palisade$"

typedef struct Sql {
        char *buf;
        size_t size, used;
        bool ok;
} Sql;

static void add(Sql *s, const char *text)
{
        size_t n = strlen(text);

        s->ok = s->ok && s->used + n < s->size;
        if (!s->ok)
                return;
        memcpy(s->buf + s->used, text, n + 1);
        s->used += n;
}

/* Doubles quotes: an identifier ("), or a literal ('). */
static void add_quoted(Sql *s, const char *text, char quote)
{
        const char mark[] = { quote, 0 };

        add(s, mark);
        for (; *text; text++) {
                if (*text == quote)
                        add(s, mark);
                add(s, (const char[]){ *text, 0 });
        }
        add(s, mark);
}

static void add_definition(Sql *s, const char *verb, const Node *role, const char *options)
{
        const char *password = node_get_text(role, "password");

        add(s, verb);
        add_quoted(s, node_get_text(role, "username"), '"');
        add(s, options);
        if (password) {
                add(s, " PASSWORD ");
                add_quoted(s, password, '\'');
        }
        add(s, "; ");
}

/* What was restored may have it already. */
static void add_role(Sql *s, const Node *role, const char *options)
{
        add(s, "DO " DOLLAR " BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ");
        add_quoted(s, node_get_text(role, "username"), '\'');
        add(s, ") THEN ");
        add_definition(s, "ALTER ROLE ", role, options);
        add(s, "ELSE ");
        add_definition(s, "CREATE ROLE ", role, options);
        add(s, "END IF; END " DOLLAR "\n");
}

static void add_rewind_grants(Sql *s, const char *name)
{
        static const char *const functions[] = {
                "pg_ls_dir(text, boolean, boolean)",
                "pg_stat_file(text, boolean)",
                "pg_read_binary_file(text)",
                "pg_read_binary_file(text, bigint, bigint, boolean)",
        };

        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                add(s, "GRANT EXECUTE ON FUNCTION pg_catalog.");
                add(s, functions[i]);
                add(s, " TO ");
                add_quoted(s, name, '"');
                add(s, "\n");
        }
}

static bool can_be_sent(const Node *auth)
{
        NODE_FOREACH(role, auth)
                NODE_FOREACH(key, role)
                        if (key->text && (strchr(key->text, '\n') || strstr(key->text, DOLLAR)))
                                return false;
        return true;
}

bool roles_sql(const Node *auth, char *sql, size_t size)
{
        const Node *superuser = node_get(auth, "superuser"), *rewind = node_get(auth, "rewind");
        const Node *replication = node_get(auth, "replication");
        const char *super_name = node_get_text(superuser, "username");
        const char *rewind_name = node_get_text(rewind, "username");
        Sql s = { sql, size, 0, size > 0 };

        if (!can_be_sent(auth))
                return false;
        add(&s, "SET log_statement TO none\n");
        if (super_name && node_get_text(superuser, "password"))
                add_role(&s, superuser, " SUPERUSER LOGIN");
        if (node_get_text(replication, "username"))
                add_role(&s, replication, " REPLICATION LOGIN");
        if (rewind_name && !str_equal(rewind_name, super_name ? super_name : "postgres")) {
                add_role(&s, rewind, " LOGIN");
                add_rewind_grants(&s, rewind_name);
        }
        return s.ok;
}
