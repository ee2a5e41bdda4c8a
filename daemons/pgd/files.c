#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/conninfo.h"
#include "pgd/copies.h"
#include "pgd/pgd.h"
#include "pgd/source.h"
#include "pgd/verify.h"

static void warn(const char *text, void *userdata _unused_)
{
        log_warning("%s", text);
}

mode_t files_mode(const Pgd *p)
{
        struct stat st;

        return stat(p->data_dir, &st) >= 0 && st.st_mode & S_IRGRP ? 0640 : 0600;
}

static int write_conf(const Pgd *p, const char *folder, const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", folder, name);
        int r = write_file_atomic(path, text, strlen(text), files_mode(p));
        return r < 0 ? log_error_errno(r, "Cannot write %s: %m", path) : 0;
}

static const char *pgpass_path(const Pgd *p, char *buf, size_t size)
{
        const char *path = node_get_text(p->section, "pgpass"), *home = getenv("HOME");

        if (path)
                return path;
        snprintf(buf, size, "%s/pgpass", home ? home : p->data_dir);
        return buf;
}

const Member *files_upstream(const Pgd *p)
{
        if (p->order.remote)
                return &p->order.leader;
        const char *tag = config_text(p->config, "tags.replicatefrom", "");
        const Member *m = p->cluster ? source_to_follow(p->cluster, config_name(p->config),
                                                        p->order.leader.name, tag)
                                     : NULL;

        return m ? m : &p->order.leader;
}

static const char *remote_slot(const Pgd *p)
{
        const char *slot = node_get_text(p->dynamic, "standby_cluster.primary_slot_name");

        return str_empty(slot) ? NULL : slot;
}

/* A slot is on one of several hosts: the primary. */
static bool has_remote_slot(const Pgd *p)
{
        return p->order.remote && remote_slot(p);
}

static ConnInfo follow_conninfo(const Pgd *p, char *passfile, size_t size)
{
        const Member *from = files_upstream(p);

        return (ConnInfo){
                .dbname = config_text(p->config, "postgresql.database", "postgres"),
                .host = from->host,
                .port = from->port,
                .passfile = pgpass_path(p, passfile, size),
                .application_name = config_name(p->config),
                .krbsrvname = pgd_setting_text(p, "krbsrvname"),
                .auth = node_find(p->section, "authentication.replication"),
                .server_version = p->version,
                .session_attrs = has_remote_slot(p) && strchr(from->host, ',') ? "read-write" : NULL,
        };
}

void files_want_conninfo(Pgd *p)
{
        char passfile[PATH_MAX];

        if (p->order.what != ORDER_FOLLOW)
                return;
        if (p->order.leader.name[0] == 0 && p->pg.accepts && plan_follows_by_restart(p->version)) {
                (void)STR_SET(p->conninfo_wanted, p->conninfo_live); /* same size */
                return; /* no restart to follow nobody */
        }
        p->conninfo_wanted[0] = 0;
        if (p->order.leader.name[0] == 0 || config_bool(p->config, "tags.nostream", false))
                return; /* by the archive alone */
        ConnInfo c = follow_conninfo(p, passfile, sizeof passfile);
        if (!conninfo_format(&c, p->conninfo_wanted, sizeof p->conninfo_wanted))
                log_error("the connection string to %s is too long", files_upstream(p)->name);
}

static int write_pgpass(const Pgd *p)
{
        char path[PATH_MAX], text[1024];
        ConnInfo c = follow_conninfo(p, path, sizeof path);

        if (p->order.leader.name[0] == 0 || !conninfo_pgpass(&c, text, sizeof text) || !text[0])
                return 0;
        int r = write_file_atomic(c.passfile, text, strlen(text), 0600);
        explicit_bzero(text, sizeof text);
        return r < 0 ? log_error_errno(r, "Cannot write %s: %m", c.passfile) : 0;
}

/* The postgresql.conf that was there first becomes the base that ours includes. */
static int keep_base(const Pgd *p, const char *base)
{
        char conf[PATH_MAX], kept[PATH_MAX];

        snprintf(conf, sizeof conf, "%s/postgresql.conf", p->config_dir);
        snprintf(kept, sizeof kept, "%s/%s", p->config_dir, base);
        if (base[0] == '/' || access(kept, F_OK) >= 0)
                return 0;
        if (rename(conf, kept) < 0 && errno != ENOENT)
                return log_error_errno(errno, "Cannot rename %s to %s: %m", conf, kept);
        if (access(kept, F_OK) < 0) /* neither was there: an empty base will do */
                return write_conf(p, p->config_dir, base, "");
        return 0;
}

int files_write_signal(Pgd *p, bool standby)
{
        char path[PATH_MAX];

        /* What a restore left: a standby's signal goes before it, and a primary has none. */
        snprintf(path, sizeof path, "%s/recovery.signal", p->data_dir);
        if (unlink(path) < 0 && errno != ENOENT)
                return log_error_errno(errno, "Cannot remove %s: %m", path);
        snprintf(path, sizeof path, "%s/standby.signal", p->data_dir);
        if (!standby)
                return unlink(path) < 0 && errno != ENOENT
                               ? log_error_errno(errno, "Cannot remove %s: %m", path)
                               : 0;
        _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, files_mode(p));
        return fd < 0 ? log_error_errno(errno, "Cannot make %s: %m", path) : 0;
}

static int strip_auto(const Pgd *p)
{
        char path[PATH_MAX];
        char *text;
        bool changed;

        snprintf(path, sizeof path, "%s/postgresql.auto.conf", p->data_dir);
        int r = read_file_at(AT_FDCWD, path, 1 << 20, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : log_error_errno(r, "Cannot read %s: %m", path);
        char *stripped = pgconf_strip_auto(text, &changed);
        free(text);
        if (!stripped)
                return -ENOMEM;
        r = changed ? write_conf(p, p->data_dir, "postgresql.auto.conf", stripped) : 0;
        free(stripped);
        return r;
}

static int write_lines(const Pgd *p, const PgConf *c, const char *key, const char *file)
{
        char *text;
        int r = pgconf_lines_file(c, key, &text);

        if (r < 0 || !text)
                return r;
        r = write_conf(p, p->config_dir, file, text);
        free(text);
        return r;
}

static int write_main(Pgd *p, const PgConf *c, Node **ret_arguments)
{
        _cleanup_(node_freep) Node *parameters = pgconf_parameters(c, warn, NULL, &p->raised);
        char *text = parameters ? pgconf_text(c, parameters) : NULL;

        if (!text)
                return -ENOMEM;
        int r = write_conf(p, p->config_dir, "postgresql.conf", text);
        free(text);
        if (r >= 0 && ret_arguments) {
                *ret_arguments = pgconf_arguments(c, parameters);
                r = *ret_arguments ? 0 : -ENOMEM;
        }
        return r;
}

int files_write(Pgd *p, bool standby, Node **ret_arguments)
{
        char slot[IDENT_SIZE];
        const Node *dynamic = node_get(p->dynamic, "postgresql");
        PgConf c = {
                .local = p->section,
                .dynamic = dynamic,
                .known = p->known,
                .refused = verify_refused(p->verify),
                .control = standby && p->control_known ? &p->control : NULL,
                .scope = config_scope(p->config),
                .version = p->version,
                .socket_dirs = p->socket_dirs,
                .own_socket = p->socket_dir,
                .sync_names = p->sync_managed ? p->sync_names : NULL,
                .config_dir = p->config_dir,
                .base_conf = "postgresql.base.conf",
                .standby = standby,
                .conninfo = p->conninfo_wanted[0] ? p->conninfo_wanted : NULL,
        };
        const Node *custom = pgconf_setting(&c, "custom_conf");

        if (custom && custom->text)
                c.base_conf = custom->text;
        member_slot_name(config_name(p->config), slot);
        if (c.conninfo && p->order.remote)
                c.slot = remote_slot(p);
        else if (c.conninfo && node_get_bool(dynamic, "use_slots", true))
                c.slot = slot;
        c.feedback = p->feedback = chores_need_feedback(p);
        c.logical = (slots_has_logical(p->dynamic) && node_get_bool(dynamic, "use_slots", true)) ||
                     logical_files_any(p->data_dir);
        c.standby_cluster = node_get(p->dynamic, "standby_cluster");
        c.leads_standby = pgd_leads_standby(p);

        settings_write_cache(p); /* a bootstrap has none yet, a copy or a rewind brought another node's */
        files_restore(p);
        int r = keep_base(p, c.base_conf);
        if (r >= 0)
                r = write_pgpass(p);
        if (r >= 0)
                r = write_main(p, &c, ret_arguments);
        if (r >= 0)
                r = write_lines(p, &c, "pg_hba", "pg_hba.conf");
        if (r >= 0)
                r = write_lines(p, &c, "pg_ident", "pg_ident.conf");
        if (r >= 0 && !p->keep_recovery_settings)
                r = strip_auto(p);
        return r;
}

int leader_conninfo(Pgd *p, const char *role, const char *dbname, const char *extra, char *buf,
                    size_t size, char *env, size_t env_size)
{
        return member_conninfo(p, &p->order.leader, role, dbname, extra, buf, size, env, env_size);
}

int member_conninfo(Pgd *p, const Member *member, const char *role, const char *dbname,
                    const char *extra, char *buf, size_t size, char *env, size_t env_size)
{
        char path[PATH_MAX], pgpass[1024];
        const Node *auth = node_find(p->section, "authentication");
        ConnInfo c = { .dbname = dbname,
                       .host = member->host,
                       .port = member->port,
                       .application_name = config_name(p->config),
                       .krbsrvname = pgd_setting_text(p, "krbsrvname"),
                       .auth = node_get(auth, role),
                       .server_version = p->version };

        if (!c.auth)
                c.auth = node_get(auth, "superuser");
        snprintf(path, sizeof path, "%s/pgpass", p->socket_dir);
        if (!conninfo_format(&c, buf, size) || !conninfo_pgpass(&c, pgpass, sizeof pgpass))
                return -E2BIG;
        if (strlen(buf) + strlen(extra) + 1 > size)
                return -E2BIG;
        strcat(buf, extra);
        snprintf(env, env_size, "PGPASSFILE=%s", path);
        int r = write_file_atomic(path, pgpass, strlen(pgpass), 0600);
        explicit_bzero(pgpass, sizeof pgpass);
        return r;
}
