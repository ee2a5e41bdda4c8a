/*
 * api-scenes: clusters as a running Patroni showed them, told in the mind's messages.
 *
 * A scene is a folder: `keys` (the DCS: a name and a value a line), leader.json and replica.json
 * (what GET /patroni said there), cluster.json, codes (the health checks), and what patronictl
 * printed. The messages are made from the keys and from what each node said of itself.
 */
#pragma once

#include "wire/wire.h"

typedef struct Scene {
        MsgStatus status;
        MsgPgState pg;
        MsgCluster *cluster; /* owned */
        MsgPermit permit;    /* epoch 0: this node does not lead */
} Scene;

/* Where the scene of that name is: below $srcdir, which automake tells. Static until the next call. */
const char *scene_folder(const char *name);

/*
 * role: "leader" or "replica". leads: the leader holds its permit. seen: when the DCS last answered,
 * on the clock that now is of. Ends the program when the folder cannot be read.
 */
void scene_load(Scene *ret, const char *folder, const char *role, bool leads, usec_t now,
                usec_t seen);
void scene_done(Scene *s);

/* The whole of folder/file, without the line end behind it; the caller frees it. NULL: not there. */
char *scene_text(const char *folder, const char *file);
