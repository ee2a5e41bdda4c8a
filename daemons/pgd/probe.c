#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "pgd/pending.h"
#include "pgd/probe.h"

/* Columns of the first result, in the order of the SELECT list. */
enum {
        COL_RECOVERY,
        COL_TIMELINE,
        COL_FLUSH,
        COL_REPLAY,
        COL_RECEIVE,
        COL_PAUSED,
        COL_CONTROL_TIMELINE,
        COL_RECEIVED_TIMELINE,
        COL_LATEST_END,
        COL_RECEIVER_STATUS,
        COL_CONNINFO,
        COL_REPLAY_TIME,
        COL_START_TIME,
        COL_SYNC_NAMES,
        COL_VERSION,
        COL_HAS_ARCHIVE,
        COL_FEEDBACK,
        COL_SLOTS_MOST,
        N_COLUMNS,
};
#define SLOT_COLUMNS 12

#define PROBE_SQL                                                                                  \
        "SELECT pg_is_in_recovery(),"                                                              \
        " CASE WHEN pg_is_in_recovery() THEN 0 ELSE"                                               \
        "  ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,"        \
        " CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() END,"            \
        " pg_last_wal_replay_lsn(),"                                                               \
        " GREATEST(pg_last_wal_receive_lsn(), (to_jsonb(w) ->> 'written_lsn')::pg_lsn)," /* version 13 */  \
        " CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END,"                       \
        " c.timeline_id,"                                                                          \
        " CASE WHEN w.latest_end_lsn IS NOT NULL THEN w.received_tli" /* else that of the newest WAL here */ \
        "  WHEN pg_is_in_recovery() THEN (SELECT max(('x' || substr(name, 1, 8))::bit(32)::int)"   \
        "   FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$') END,"                               \
        " w.latest_end_lsn, w.status,"                                                             \
        " current_setting('primary_conninfo'),"                                                    \
        " (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint,"                \
        " (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"                     \
        " current_setting('synchronous_standby_names'),"                                           \
        " current_setting('server_version_num'),"                                                  \
        " current_setting('restore_command') <> '', current_setting('hot_standby_feedback') = 'on',"  \
        " current_setting('max_replication_slots')"                                                \
        " FROM pg_control_checkpoint() c LEFT JOIN pg_stat_wal_receiver w ON true;"                \
        "SELECT application_name, usename, coalesce(host(client_addr), ''), state, sync_state,"    \
        " sync_priority, write_lsn, flush_lsn, replay_lsn FROM pg_stat_replication"                \
        " ORDER BY pid;"                                                                           \
        "SELECT slot_name, restart_lsn, active,"                                                   \
        " xmin IS NOT NULL OR catalog_xmin IS NOT NULL,"                                           \
        " coalesce(to_jsonb(s) ->> 'wal_status' = 'lost', false)," /* version 13 */                \
        " slot_type = 'logical', confirmed_flush_lsn, catalog_xmin, database, plugin,"             \
        " (to_jsonb(s) ->> 'failover')::bool, (to_jsonb(s) ->> 'synced')::bool" /* version 17 */   \
        " FROM pg_replication_slots s WHERE NOT temporary ORDER BY slot_name"

const char *probe_sql(bool with_pending)
{
        return with_pending ? PROBE_SQL ";" PENDING_SQL : PROBE_SQL;
}

static const char *cell(const PGresult *res, int row, int column)
{
        return PQgetisnull(res, row, column) ? "" : PQgetvalue(res, row, column);
}

static Lsn cell_lsn(const PGresult *res, int row, int column)
{
        Lsn lsn = 0;

        (void)lsn_parse(cell(res, row, column), &lsn); /* NULL: none */
        return lsn;
}

static uint64_t cell_number(const PGresult *res, int row, int column)
{
        uint64_t v = 0;

        (void)str_to_u64(cell(res, row, column), &v); /* NULL, or negative: none */
        return v;
}

static bool cell_true(const PGresult *res, int row, int column)
{
        return *cell(res, row, column) == 't';
}

static void read_standby(const PGresult *res, int row, Standby *s)
{
        *s = (Standby){ .sync_priority = (int32_t)cell_number(res, row, 5),
                        .write_lsn = cell_lsn(res, row, 6),
                        .flush_lsn = cell_lsn(res, row, 7),
                        .replay_lsn = cell_lsn(res, row, 8) };
        (void)STR_SET(s->application_name, cell(res, row, 0)); /* identifiers: they fit */
        (void)STR_SET(s->usename, cell(res, row, 1));
        (void)STR_SET(s->client_addr, cell(res, row, 2));
        (void)STR_SET(s->state, cell(res, row, 3));
        (void)STR_SET(s->sync_state, cell(res, row, 4));
}

static void read_slot(const PGresult *res, int row, SlotRow *s)
{
        *s = (SlotRow){ .restart = cell_lsn(res, row, 1),
                        .active = cell_true(res, row, 2),
                        .has_xmin = cell_true(res, row, 3),
                        .lost = cell_true(res, row, 4),
                        .logical = cell_true(res, row, 5),
                        .confirmed = cell_lsn(res, row, 6),
                        .catalog_xmin = (uint32_t)cell_number(res, row, 7),
                        .failover = cell_true(res, row, 10),
                        .synced = cell_true(res, row, 11) };
        (void)STR_SET(s->name, cell(res, row, 0)); /* identifiers: they fit */
        (void)STR_SET(s->database, cell(res, row, 8));
        (void)STR_SET(s->plugin, cell(res, row, 9));
}

static void read_rows(const ConnAnswer *a, PgState *pg, Slots *ret_slots)
{
        const PGresult *standbys = a->results[1], *slots = a->results[2];

        pg->n_standbys = 0;
        for (int i = 0; i < PQntuples(standbys) && pg->n_standbys < STANDBYS_MAX; i++)
                read_standby(standbys, i, &pg->standbys[pg->n_standbys++]);
        ret_slots->n = 0;
        ret_slots->feedback = cell_true(a->results[0], 0, COL_FEEDBACK);
        ret_slots->most = (uint32_t)cell_number(a->results[0], 0, COL_SLOTS_MOST);
        for (int i = 0; i < PQntuples(slots) && ret_slots->n < CLUSTER_SLOTS_MAX; i++)
                read_slot(slots, i, &ret_slots->rows[ret_slots->n++]);
}

static void read_state(const PGresult *r, PgState *pg)
{
        bool recovery = cell_true(r, 0, COL_RECOVERY);

        pg->in_recovery = TRI(recovery);
        pg->control_timeline = (uint32_t)cell_number(r, 0, COL_CONTROL_TIMELINE);
        pg->flush_lsn = cell_lsn(r, 0, COL_FLUSH);
        pg->replay_lsn = cell_lsn(r, 0, COL_REPLAY);
        pg->receive_lsn = cell_lsn(r, 0, COL_RECEIVE);
        pg->leader_lsn = cell_lsn(r, 0, COL_LATEST_END);
        pg->replay_paused = cell_true(r, 0, COL_PAUSED);
        pg->replay_wall_usec = cell_number(r, 0, COL_REPLAY_TIME);
        pg->start_wall_usec = cell_number(r, 0, COL_START_TIME);
        pg->server_version = (uint32_t)cell_number(r, 0, COL_VERSION);
        pg->receiver_alive = str_equal(cell(r, 0, COL_RECEIVER_STATUS), "streaming");
        pg->replication_state = !recovery                        ? REPLICATION_NONE
                                : pg->receiver_alive              ? REPLICATION_STREAMING
                                : cell_true(r, 0, COL_HAS_ARCHIVE) ? REPLICATION_ARCHIVE
                                                                  : REPLICATION_NONE;
        (void)STR_SET(pg->sync_names, cell(r, 0, COL_SYNC_NAMES)); /* ours are shorter */

        /*
         * A standby's own timeline is that of the WAL it receives, or has. Its last checkpoint may lie before the last
         * switch, and others would take its position for one on the timeline before (rank.c).
         */
        uint32_t received = (uint32_t)cell_number(r, 0, COL_RECEIVED_TIMELINE);
        if (!recovery)
                pg->timeline = (uint32_t)cell_number(r, 0, COL_TIMELINE);
        else if (received > 0)
                pg->timeline = received;
        else if (pg->timeline < pg->control_timeline)
                pg->timeline = pg->control_timeline;
        pg->checkpoint_pending = !recovery && pg->timeline != pg->control_timeline;
        if (!recovery)
                pg->receive_lsn = pg->replay_lsn = 0;
}

int probe_read(const ConnAnswer *a, PgState *pg, Slots *ret_slots, bool *recovery_waits,
               char *ret_conninfo, size_t size)
{
        if (a->n_results < 3 || PQntuples(a->results[0]) != 1 ||
            PQnfields(a->results[0]) != N_COLUMNS || PQnfields(a->results[1]) != 9 ||
            PQnfields(a->results[2]) != SLOT_COLUMNS)
                return -EBADMSG;
        read_state(a->results[0], pg);
        read_rows(a, pg, ret_slots);
        if (a->n_results > 3) {
                pg->pending = (Pending){ 0 };
                *recovery_waits = pending_read(a->results[3], &pg->pending);
        }
        (void)str_copy(ret_conninfo, size, cell(a->results[0], 0, COL_CONNINFO)); /* for comparing */
        return 0;
}
