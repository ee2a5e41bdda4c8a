#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/limits.h"
#include "pgd/conninfo.h"

typedef struct Text {
        char *buf;
        size_t size, used;
        bool ok;
} Text;

static void add(Text *t, const char *s)
{
        size_t n = strlen(s);

        t->ok = t->ok && t->used + n < t->size;
        if (t->ok) {
                memcpy(t->buf + t->used, s, n + 1);
                t->used += n;
        }
}

/* Backslash before quote, backslash and blank: how Patroni writes values, which libpq reads too. */
static void add_value(Text *t, const char *s)
{
        if (!*s)
                add(t, "''");
        for (; *s; s++) {
                if (strchr("'\\ ", *s))
                        add(t, "\\");
                add(t, (char[2]){ *s, 0 });
        }
}

static void add_pair(Text *t, const char *key, const char *value)
{
        if (!value)
                return;
        if (t->used > 0)
                add(t, " ");
        add(t, key);
        add(t, "=");
        add_value(t, value);
}

/* Keywords of `authentication`, in the order they are written, with what stands in when left out. */
static const struct {
        const char *key;
        const char *fallback;
        uint32_t since; /* first server version that knows it */
} tls_keys[] = {
        { "sslmode", "prefer", 0 },
        { "sslcert", NULL, 0 },
        { "sslkey", NULL, 0 },
        { "sslpassword", NULL, 130000 },
        { "sslrootcert", NULL, 0 },
        { "sslcrl", NULL, 0 },
        { "sslcrldir", NULL, 140000 },
};
static const struct {
        const char *key;
        const char *fallback;
        uint32_t since;
} late_keys[] = {
        { "gssencmode", "prefer", 120000 },
        { "channel_binding", "prefer", 130000 },
        { "sslnegotiation", "postgres", 170000 },
};

bool conninfo_format(const ConnInfo *c, char *buf, size_t size)
{
        Text t = { buf, size, 0, size > 0 };
        char port[8];

        buf[0] = 0;
        snprintf(port, sizeof port, "%u", c->port);
        add_pair(&t, "dbname", c->dbname);
        add_pair(&t, "user", node_get_text(c->auth, "username"));
        add_pair(&t, "passfile", c->passfile);
        add_pair(&t, "host", c->host);
        add_pair(&t, "port", port);
        for (size_t i = 0; i < ELEMENTSOF(tls_keys); i++) {
                const char *v = node_get_text(c->auth, tls_keys[i].key);
                if (c->server_version >= tls_keys[i].since)
                        add_pair(&t, tls_keys[i].key, v ? v : tls_keys[i].fallback);
        }
        add_pair(&t, "application_name", c->application_name);
        add_pair(&t, "krbsrvname", c->krbsrvname);
        for (size_t i = 0; i < ELEMENTSOF(late_keys); i++) {
                if (str_equal(late_keys[i].key, "sslnegotiation")) /* the spec's order */
                        add_pair(&t, "target_session_attrs", c->session_attrs);
                const char *v = node_get_text(c->auth, late_keys[i].key);
                if (c->server_version >= late_keys[i].since)
                        add_pair(&t, late_keys[i].key, v ? v : late_keys[i].fallback);
        }
        add_pair(&t, "options", c->options);
        return t.ok;
}

/* ---- compared ---- */

typedef struct Pair {
        char key[IDENT_SIZE];
        char value[512];
} Pair;

static const char *skip_blanks(const char *s)
{
        return s + strspn(s, " \t\n");
}

/* The value at s, in quotes or not, with backslashes (libpq's conninfo_parse()). NULL: it is broken. */
static const char *read_value(const char *s, char *buf, size_t size)
{
        bool quoted = *s == '\'';
        size_t n = 0;

        for (s += quoted; *s && (quoted ? *s != '\'' : !strchr(" \t\n", *s)); s++) {
                s += *s == '\\' && s[1];
                if (n + 1 == size)
                        return NULL;
                buf[n++] = *s;
        }
        buf[n] = 0;
        if (quoted && *s != '\'')
                return NULL;
        return s + quoted;
}

/* 1: the next pair, *s behind it; 0: the end; -1: broken. */
static int next_pair(const char **s, Pair *ret)
{
        const char *at = skip_blanks(*s);
        size_t n = strcspn(at, "= \t\n");

        if (!*at)
                return 0;
        if (n == 0 || !str_copy_n(ret->key, sizeof ret->key, at, n))
                return -1;
        at = skip_blanks(at + n);
        if (*at != '=')
                return -1;
        *s = read_value(skip_blanks(at + 1), ret->value, sizeof ret->value);
        return *s ? 1 : -1;
}

/* The last one of that key counts. */
static bool has_pair(const char *text, const Pair *wanted)
{
        Pair p;
        bool same = false;
        int r;

        while ((r = next_pair(&text, &p)) > 0)
                if (str_equal(p.key, wanted->key))
                        same = str_equal(p.value, wanted->value);
        return r == 0 && same;
}

bool conninfo_same(const char *live, const char *wanted, uint32_t server_version)
{
        Pair p;
        int r;

        if (str_equal(live, wanted))
                return true;
        if (!*skip_blanks(wanted))
                return !*skip_blanks(live);
        while ((r = next_pair(&wanted, &p)) > 0) {
                bool counts = !str_equal(p.key, "dbname") || server_version >= 170000;
                if (counts && !has_pair(live, &p))
                        return false;
        }
        return r == 0;
}

/* ---- pgpass ---- */

static void add_pgpass_field(Text *t, const char *s)
{
        if (str_empty(s))
                add(t, "*");
        for (; s && *s; s++) {
                if (strchr(":\\", *s))
                        add(t, "\\");
                add(t, (char[2]){ *s, 0 });
        }
}

static void add_pgpass_line(Text *t, const char *host, const ConnInfo *c, const char *password)
{
        char port[8];

        snprintf(port, sizeof port, "%u", c->port);
        add_pgpass_field(t, host);
        add(t, ":");
        add(t, port);
        add(t, ":*:");
        add_pgpass_field(t, node_get_text(c->auth, "username"));
        add(t, ":");
        add_pgpass_field(t, password);
        add(t, "\n");
}

bool conninfo_pgpass(const ConnInfo *c, char *buf, size_t size)
{
        Text t = { buf, size, 0, size > 0 };
        const char *password = node_get_text(c->auth, "password");
        char host[HOST_SIZE];

        buf[0] = 0;
        if (str_empty(password))
                return t.ok;
        if (str_empty(c->host))
                add_pgpass_line(&t, c->host, c, password);
        for (const char *list = c->host; list && str_list_next(&list, host, sizeof host);)
                add_pgpass_line(&t, host, c, password);
        if (c->host && *c->host == '/')
                add_pgpass_line(&t, "localhost", c, password);
        return t.ok;
}
