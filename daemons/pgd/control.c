#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "pgd/control.h"

typedef enum ControlKind { AS_STATE, AS_U64, AS_U32, AS_LSN, AS_ON, AS_NOT_ZERO, AS_FILE } ControlKind;

static const struct {
        const char *label;
        ControlKind kind;
        size_t offset;
} lines[] = {
        { "Database cluster state", AS_STATE, offsetof(Control, state) },
        { "Database system identifier", AS_U64, offsetof(Control, sysid) },
        { "Latest checkpoint location", AS_LSN, offsetof(Control, checkpoint_lsn) },
        { "Latest checkpoint's REDO WAL file", AS_FILE, offsetof(Control, redo_file) },
        { "Latest checkpoint's TimeLineID", AS_U32, offsetof(Control, timeline) },
        { "Minimum recovery ending location", AS_LSN, offsetof(Control, min_recovery_lsn) },
        { "Min recovery ending loc's timeline", AS_U32, offsetof(Control, min_recovery_timeline) },
        { "Bytes per WAL segment", AS_U32, offsetof(Control, wal_file_size) },
        { "wal_log_hints setting", AS_ON, offsetof(Control, wal_log_hints) },
        { "Data page checksum version", AS_NOT_ZERO, offsetof(Control, checksums) },
        { "max_connections setting", AS_U32, offsetof(Control, max_connections) },
        { "max_worker_processes setting", AS_U32, offsetof(Control, max_worker_processes) },
        { "max_wal_senders setting", AS_U32, offsetof(Control, max_wal_senders) },
        { "max_prepared_xacts setting", AS_U32, offsetof(Control, max_prepared_xacts) },
        { "max_locks_per_xact setting", AS_U32, offsetof(Control, max_locks_per_xact) },
};

static void store(Control *c, ControlKind kind, size_t offset, const char *value)
{
        char *at = (char *)c + offset;
        uint64_t u = 0;
        Lsn lsn;

        switch (kind) {
        case AS_STATE: *(ControlState *)at = control_state_from_string(value); break;
        case AS_U64:
                if (str_to_u64(value, &u) >= 0)
                        *(uint64_t *)at = u;
                break;
        case AS_U32:
                if (str_to_u64(value, &u) >= 0 && u <= UINT32_MAX)
                        *(uint32_t *)at = (uint32_t)u;
                break;
        case AS_LSN:
                if (lsn_parse(value, &lsn) >= 0)
                        *(Lsn *)at = lsn;
                break;
        case AS_FILE: (void)str_copy(at, sizeof c->redo_file, value); break; /* one of its own */
        case AS_ON: *(bool *)at = str_equal(value, "on"); break;
        case AS_NOT_ZERO: *(bool *)at = str_to_u64(value, &u) >= 0 && u != 0; break;
        }
}

int control_parse(const char *text, Control *ret)
{
        Control c = { 0 };

        for (const char *line = text; *line;) {
                size_t n = strcspn(line, "\n");
                const char *colon = memchr(line, ':', n);
                char value[128];
                for (size_t i = 0; colon && i < ELEMENTSOF(lines); i++) {
                        size_t label = strlen(lines[i].label);
                        if ((size_t)(colon - line) != label ||
                            memcmp(line, lines[i].label, label) != 0)
                                continue;
                        const char *v = colon + 1 + strspn(colon + 1, " ");
                        if (str_copy_n(value, sizeof value, v, n - (size_t)(v - line)))
                                store(&c, lines[i].kind, lines[i].offset, value);
                }
                line += n + (line[n] == '\n');
        }
        if (c.state == CONTROL_UNKNOWN || c.sysid == 0)
                return -EBADMSG;
        *ret = c;
        return 0;
}

bool control_was_primary(const Control *c)
{
        switch (c->state) {
        case CONTROL_SHUT_DOWN:
        case CONTROL_SHUTTING_DOWN:
        case CONTROL_CRASH_RECOVERY:
        case CONTROL_PRODUCTION: return true;
        case CONTROL_UNKNOWN:
        case CONTROL_STARTING:
        case CONTROL_SHUT_DOWN_IN_RECOVERY:
        case CONTROL_ARCHIVE_RECOVERY:
        case CONTROL_MAX: return false;
        }
        return false;
}
