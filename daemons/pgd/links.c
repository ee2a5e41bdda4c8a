#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/log.h"
#include "pgd/links.h"

/* A link to nowhere, or something else of that name, is none. */
static int note_link(Node *links, const char *path)
{
        char target[PATH_MAX];
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode) || !realpath(path, target))
                return 0;
        return node_put(links, path, node_new_string(target));
}

Node *links_find(const char *data_dir)
{
        _cleanup_(node_freep) Node *links = node_new(NODE_MAP);
        char folder[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];

        if (!links)
                return NULL;
        snprintf(path, sizeof path, "%s/pg_wal", data_dir);
        int r = note_link(links, path);
        snprintf(folder, sizeof folder, "%s/pg_tblspc", data_dir);
        DIR *d = opendir(folder);
        for (struct dirent *e = d ? readdir(d) : NULL; e && r >= 0; e = readdir(d)) {
                snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
                r = note_link(links, path);
        }
        if (d)
                (void)closedir(d); /* only read */
        return r < 0 ? NULL : TAKE_PTR(links);
}

static int lead_to(const char *link, const char *target)
{
        char fresh[PATH_MAX + 8];

        snprintf(fresh, sizeof fresh, "%s.new", link);
        (void)unlink(fresh); /* of an attempt before */
        if (symlink(target, fresh) < 0 || rename(fresh, link) < 0)
                return -errno;
        return 0;
}

void links_set_aside(const Node *links)
{
        char failed[PATH_MAX + 8];

        NODE_FOREACH(link, links) {
                snprintf(failed, sizeof failed, "%s.failed", link->text);
                if (rename(link->text, failed) < 0) {
                        log_error_errno(errno, "Cannot rename %s to %s: %m", link->text, failed);
                        continue;
                }
                int r = lead_to(link->key, failed);
                if (r < 0)
                        log_error_errno(r, "Cannot let %s lead to %s: %m", link->key, failed);
        }
}
