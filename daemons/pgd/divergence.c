#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "pgd/divergence.h"

Tri divergence_judge(const LocalWal *local, uint32_t leader_timeline, const History *history,
                     const History *own)
{
        Lsn left;

        if (local->timeline > leader_timeline)
                return TRI_YES;
        if (history->n_lines > 0 && !history_contains(history, own))
                return TRI_YES; /* a timeline of the same number is another one */
        if (local->other_start)
                return TRI_YES; /* the same, and even its place is the same */
        if (local->timeline == leader_timeline)
                return TRI_NO;
        if (history_find_switch(history, local->timeline, &left) < 0)
                return TRI_YES; /* the leader never was on our timeline */
        if (local->in_recovery)
                return TRI(local->lsn > left);
        if (local->lsn >= left)
                return TRI_YES;
        if (local->checkpoint_end == 0)
                return TRI_UNKNOWN;
        return TRI(local->checkpoint_end != left);
}

bool divergence_start(const LocalWal *local, const History *theirs, const History *own, uint32_t wal_file_size,
                      WalPiece *ret)
{
        const HistoryLine *last = own->n_lines > 0 ? &own->lines[own->n_lines - 1] : NULL;
        Lsn end = local->lsn, left;

        if (history_find_switch(theirs, local->timeline, &left) >= 0)
                end = MIN(end, left);
        if (!last || last->timeline >= local->timeline || end <= last->switch_lsn || wal_file_size == 0)
                return false;
        uint64_t number = last->switch_lsn / wal_file_size, per_id = (1ULL << 32) / wal_file_size;
        uint64_t here = MIN(end - last->switch_lsn, (uint64_t)WAL_PIECE_MOST);

        ret->offset = (uint32_t)(last->switch_lsn % wal_file_size);
        ret->size = (uint32_t)MIN(here, (uint64_t)(wal_file_size - ret->offset));
        snprintf(ret->file, sizeof ret->file, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, local->timeline,
                 (uint32_t)(number / per_id), (uint32_t)(number % per_id));
        return true;
}

bool divergence_is_foreign(const char *file, uint32_t timeline)
{
        size_t n = strspn(file, "0123456789ABCDEF");
        unsigned tli;

        if (!(n == 24 && (!file[n] || str_equal(file + n, ".partial"))) &&
            !(n == 8 && str_equal(file + n, ".history")))
                return false;
        return sscanf(file, "%8X", &tli) == 1 && tli > timeline;
}

static int next_word(const char **text, char sep, char *buf, size_t size)
{
        const char *end = strchr(*text, sep);
        size_t n = end ? (size_t)(end - *text) : strcspn(*text, "\n");

        if (!str_copy_n(buf, size, *text, n))
                return -EBADMSG;
        *text += n + (end != NULL);
        return 0;
}

int divergence_parse_identify(const char *text, uint64_t *ret_sysid, uint32_t *ret_timeline,
                              Lsn *ret_lsn)
{
        char sysid[24], timeline[12], lsn[LSN_TEXT_MAX];
        uint64_t id, tli;

        if (next_word(&text, '|', sysid, sizeof sysid) < 0 ||
            next_word(&text, '|', timeline, sizeof timeline) < 0 ||
            next_word(&text, '|', lsn, sizeof lsn) < 0 || str_to_u64(sysid, &id) < 0 ||
            str_to_u64(timeline, &tli) < 0 || tli == 0 || tli > UINT32_MAX ||
            lsn_parse(lsn, ret_lsn) < 0)
                return -EBADMSG;
        *ret_sysid = id;
        *ret_timeline = (uint32_t)tli;
        return 0;
}

int divergence_parse_waldump(const char *error, Lsn *ret_end)
{
        static const char before[] = "invalid record length at ";
        const char *s = strstr(error, before);
        char lsn[LSN_TEXT_MAX];

        if (!s)
                return -EBADMSG;
        s += sizeof before - 1;
        if (!str_copy_n(lsn, sizeof lsn, s, strspn(s, "0123456789ABCDEFabcdef/")))
                return -EBADMSG;
        return lsn_parse(lsn, ret_end) < 0 ? -EBADMSG : 0;
}
