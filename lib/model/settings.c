#include "model/settings.h"

static const char *const sync_mode_names[SYNC_MODE_MAX] = {
        [SYNC_MODE_OFF] = "off",
        [SYNC_MODE_ON] = "on",
        [SYNC_MODE_QUORUM] = "quorum",
};
DEFINE_NAMES(sync_mode, SyncMode, SYNC_MODE_MAX)
