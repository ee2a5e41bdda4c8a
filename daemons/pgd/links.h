/*
 * links: what of a data directory lies elsewhere: pg_wal, and the tablespaces.
 */
#pragma once

#include "config/tree.h"

/*
 * A map of the symbolic links pg_wal and those below pg_tblspc to the directories they lead to, by absolute
 * paths; empty where there is none, or no data directory. The caller frees it. NULL: out of memory.
 */
Node *links_find(const char *data_dir);

/*
 * Renames each of those directories to <directory>.failed, and lets its link lead there. What cannot
 * be is told, and left as it is.
 */
void links_set_aside(const Node *links);
