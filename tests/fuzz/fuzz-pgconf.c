/*
 * pgconf: the parameters of a server, local and dynamic, as a YAML document {local, dynamic}; and
 * postgresql.auto.conf, which the whole text is taken for as well.
 *
 * No value breaks out of its line: each line of the file is a comment, an include or one setting.
 */
#include "base/str.h"
#include "config/yaml.h"
#include "fuzz.h"
#include "pgd/conninfo.h"
#include "pgd/pgconf.h"

static void check_lines(char *text)
{
        for (char *line; (line = fuzz_line(&text));) {
                size_t n = strlen(line);
                if (n == 0 || line[0] == '#' || str_after_prefix(line, "include "))
                        continue;
                fuzz_claim(strstr(line, " = '") && line[n - 1] == '\'');
        }
}

static void warn(const char *text, void *userdata)
{
        (void)userdata;
        fuzz_claim(text);
}

static void make_files(const Node *doc, bool standby)
{
        static const Control control = { .max_connections = 200, .max_wal_senders = 20 };
        PgConf c = { .local = node_get(doc, "local"), .dynamic = node_get(doc, "dynamic"),
                     .control = standby ? &control : NULL, .scope = "batman", .version = 150004,
                     .socket_dirs = "/run/postgresql", .own_socket = "/run/palisade",
                     .config_dir = "/var/lib/postgresql/15/main",
                     .base_conf = "postgresql.base.conf", .standby = standby,
                     .conninfo = "host=n1 password='it''s'", .slot = "n2" };
        Pending raised;
        char *hba = NULL, *ident = NULL, buf[512];
        Node *parameters = pgconf_parameters(&c, warn, NULL, &raised);

        fuzz_claim(parameters);
        char *text = pgconf_text(&c, parameters);
        fuzz_claim(text);
        check_lines(text);
        node_free(pgconf_arguments(&c, parameters));
        (void)pgconf_lines_file(&c, "pg_hba", &hba);
        (void)pgconf_lines_file(&c, "pg_ident", &ident);
        ConnInfo ci = { .host = "n1", .port = 5432, .dbname = "postgres",
                        .auth = node_find(doc, "local.authentication.replication"),
                        .server_version = 150004 };
        (void)conninfo_format(&ci, buf, sizeof buf);
        (void)conninfo_pgpass(&ci, buf, sizeof buf);
        free(ident);
        free(hba);
        free(text);
        node_free(parameters);
}

static void strip(const char *text)
{
        bool changed = false, again = false;
        char *once = pgconf_strip_auto(text, &changed);
        fuzz_claim(once);
        char *twice = pgconf_strip_auto(once, &again);

        fuzz_claim(twice && !again && str_equal(once, twice));
        fuzz_claim(changed || strlen(once) >= strlen(text));
        free(twice);
        free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), addresses[256];
        uint16_t port;
        Node *doc = NULL;

        strip(text);
        pgconf_split_listen(text, addresses, sizeof addresses, &port);
        if (yaml_parse(text, strlen(text), &doc, (char[YAML_ERROR_SIZE]){ 0 }) >= 0) {
                make_files(doc, false);
                make_files(doc, true);
        }
        node_free(doc);
        free(text);
        return 0;
}
