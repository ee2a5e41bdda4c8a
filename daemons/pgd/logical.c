#include <errno.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/str.h"
#include "pgd/logical.h"

#define FAILOVER_SLOTS 170000
#define CHECKS_CONNECTION 140000

/* ---- what is to be done ---- */

static LogicalPlan plan_one(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        const char *name = seen->rows[i].name;
        const Node *slot = node_get(slots_permanent(in->dynamic), name);
        const SlotRow *have = slots_find(in->slots, name);
        Lsn known = slots_known_lsn(in->cluster, name);
        LogicalPlan p = { 0 };

        if (!seen->rows[i].permanent || !seen->rows[i].logical || !slot)
                return p;
        if (!STR_SET(p.database, node_get_text(slot, "database")) ||
            !STR_SET(p.plugin, node_get_text(slot, "plugin")))
                return p; /* no identifier */
        (void)STR_SET(p.name, name); /* same size */
        if (in->pg->in_recovery == TRI_NO) {
                p.action = have ? LOGICAL_NOTHING : LOGICAL_CREATE;
        } else if (!have) {
                p.action = known ? LOGICAL_COPY : LOGICAL_NOTHING; /* the primary may not have it yet */
        } else if (have->logical && !have->active && !have->lost && !have->failover && have->confirmed) {
                p.lsn = MIN(known, in->pg->replay_lsn);
                p.action = p.lsn > have->confirmed ? LOGICAL_ADVANCE : LOGICAL_NOTHING;
        }
        return p;
}

LogicalPlan logical_plan(const SlotsSeen *seen, const SlotsInput *in, LogicalAction action, unsigned n)
{
        for (uint32_t i = 0; i < seen->n; i++) {
                LogicalPlan p = plan_one(seen, i, in);
                if (p.action == action && n-- == 0)
                        return p;
        }
        return (LogicalPlan){ 0 };
}

bool logical_is_wanted(const SlotsSeen *seen, const SlotsInput *in, const LogicalPlan *p)
{
        const Node *slot = node_get(slots_permanent(in->dynamic), p->name);
        const char *database = node_get_text(slot, "database"), *plugin = node_get_text(slot, "plugin");

        if (!database || !plugin || !str_equal(database, p->database) || !str_equal(plugin, p->plugin))
                return false;
        for (uint32_t i = 0; i < seen->n; i++)
                if (str_equal(seen->rows[i].name, p->name))
                        return seen->rows[i].permanent && seen->rows[i].logical;
        return false;
}

/* A reader cannot have the slot while a session of ours that nobody waits for any more goes on with it. */
const char *logical_session(uint32_t version)
{
        return version >= CHECKS_CONNECTION ? " -c client_connection_check_interval=1000" : "";
}

/* ---- copies ---- */

/* 'a','b': names of slots have no quotes. */
static bool quote_list(const char *names, char *buf, size_t size)
{
        char name[IDENT_SIZE];
        size_t used = 0;

        buf[0] = 0;
        while (str_list_next(&names, name, sizeof name)) {
                int n = snprintf(buf + used, size - used, "%s'%s'", used ? "," : "", name);
                if (n < 0 || (size_t)n >= size - used)
                        return false;
                used += (size_t)n;
        }
        return used > 0;
}

/* The database's name comes last: it alone may hold the separator. */
bool logical_copy_sql(const char *names, uint32_t version, char *buf, size_t size)
{
        char list[CLUSTER_SLOTS_MAX * (IDENT_SIZE + 3)];

        if (!quote_list(names, list, sizeof list))
                return false;
        return (size_t)snprintf(buf, size,
                                "SELECT slot_name, restart_lsn, confirmed_flush_lsn, catalog_xmin, plugin,"
                                " encode(pg_read_binary_file('pg_replslot/' || slot_name || '/state'),"
                                " 'hex'), datname"
                                " FROM pg_get_replication_slots() s JOIN pg_database d ON d.oid = s.datoid"
                                " WHERE NOT pg_is_in_recovery() AND NOT temporary%s"
                                " AND confirmed_flush_lsn IS NOT NULL AND restart_lsn IS NOT NULL"
                                " AND to_jsonb(s) ->> 'wal_status' IS DISTINCT FROM 'lost'"
                                " AND slot_name IN (%s)",
                                version >= FAILOVER_SLOTS ? " AND NOT failover" : "", list) < size;
}

static int hex_digit(char c)
{
        const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

static bool read_hex(const char *text, size_t n, LogicalCopy *ret)
{
        if (n % 2 || n / 2 > sizeof ret->state)
                return false;
        ret->size = n / 2;
        for (size_t i = 0; i < ret->size; i++) {
                int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                ret->state[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

int logical_read_copy(const char *line, LogicalCopy *ret)
{
        const char *fields[7];
        size_t sizes[7];
        char restart[LSN_TEXT_MAX], confirmed[LSN_TEXT_MAX], xmin[16];
        uint64_t number;

        *ret = (LogicalCopy){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                bool is_last = i + 1 == ELEMENTSOF(fields);
                fields[i] = line;
                sizes[i] = is_last ? strlen(line) : strcspn(line, "|");
                line += sizes[i];
                if (!is_last && *line++ != '|')
                        return -EBADMSG;
        }
        if (!str_copy_n(ret->name, sizeof ret->name, fields[0], sizes[0]) ||
            !str_copy_n(restart, sizeof restart, fields[1], sizes[1]) ||
            !str_copy_n(confirmed, sizeof confirmed, fields[2], sizes[2]) ||
            !str_copy_n(xmin, sizeof xmin, fields[3], sizes[3]) ||
            !str_copy_n(ret->plugin, sizeof ret->plugin, fields[4], sizes[4]) ||
            !read_hex(fields[5], sizes[5], ret) ||
            !str_copy_n(ret->database, sizeof ret->database, fields[6], sizes[6]))
                return -EBADMSG;
        if (lsn_parse(restart, &ret->restart) < 0 || lsn_parse(confirmed, &ret->confirmed) < 0 ||
            str_to_u64(xmin, &number) < 0 || number > UINT32_MAX)
                return -EBADMSG;
        ret->catalog_xmin = (uint32_t)number;
        return 0;
}

/* slot.c of PostgreSQL, the same since 9.4: magic, checksum of what follows it, version, length of what
 * follows that; the name, the database, whether it outlives the session that makes it. */
#define STATE_MAGIC 0x1051CA1U
#define STATE_CHECKSUM 4
#define STATE_CHECKED 8
#define STATE_NAME 16
#define STATE_DATABASE (STATE_NAME + IDENT_SIZE)
#define STATE_PERSISTENCY (STATE_DATABASE + 4)
#define STATE_LEAST (STATE_PERSISTENCY + 4)

static uint32_t state_number(const uint8_t *state, size_t at)
{
        uint32_t number;

        memcpy(&number, state + at, sizeof number);
        return number;
}

/* As PostgreSQL computes it, whose own is in no library. */
static uint32_t crc32c(const uint8_t *bytes, size_t n)
{
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < n; i++) {
                crc ^= bytes[i];
                for (unsigned bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78U : 0);
        }
        return ~crc;
}

bool logical_is_state(const uint8_t *state, size_t size)
{
        return size >= STATE_LEAST && state_number(state, 0) == STATE_MAGIC &&
               state_number(state, STATE_DATABASE) != 0;
}

bool logical_is_whole(const uint8_t *state, size_t size, const char *name)
{
        return logical_is_state(state, size) && state_number(state, STATE_PERSISTENCY) == 0 &&
               strncmp((const char *)state + STATE_NAME, name, IDENT_SIZE) == 0 &&
               state_number(state, STATE_CHECKSUM) == crc32c(state + STATE_CHECKED, size - STATE_CHECKED);
}

bool logical_has_room(const Slots *slots, size_t more)
{
        return slots->most == 0 || slots->n + more <= slots->most;
}

const char *logical_copy_refused(const LogicalCopy *copy, const Node *dynamic, bool has_wal, bool has_room)
{
        const Node *slot = node_get(slots_permanent(dynamic), copy->name);
        const char *database = node_get_text(slot, "database"), *plugin = node_get_text(slot, "plugin");

        if (!database || !plugin || !str_equal(database, copy->database) ||
            !str_equal(plugin, copy->plugin))
                return "the primary's has another database or plugin than the configuration";
        if (!logical_is_whole(copy->state, copy->size, copy->name))
                return "the primary's state file is not whole, or not that of such a slot";
        if (!has_wal)
                return "the WAL that it needs is no longer here";
        return has_room ? NULL : "max_replication_slots has no room for a copy";
}

bool logical_copies_replayed(const LogicalCopy *copies, size_t n, Lsn replay_lsn)
{
        for (size_t i = 0; i < n; i++)
                if (copies[i].confirmed > replay_lsn)
                        return false;
        return n > 0;
}

/* ---- is the copy safe ---- */

void logical_note_ready(LogicalReady *ready, const SlotsSeen *seen, const Slots *slots)
{
        LogicalReady now = { 0 };

        for (uint32_t i = 0; i < seen->n; i++) {
                const SlotRow *have = slots_find(slots, seen->rows[i].name);
                if (!seen->rows[i].permanent || !seen->rows[i].logical || !have || have->failover ||
                    now.n == ELEMENTSOF(now.rows))
                        continue;
                uint32_t at = now.n++, before = 0;
                (void)STR_SET(now.rows[at].name, have->name); /* same size */
                while (before < ready->n && !str_equal(ready->rows[before].name, have->name))
                        before++;
                if (before < ready->n)
                        now.rows[at] = ready->rows[before];
        }
        *ready = now;
}

bool logical_unsafe(const LogicalReady *ready, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = 0;
        for (uint32_t i = 0; i < ready->n; i++) {
                size_t n = strlen(ready->rows[i].name);
                if (ready->rows[i].safe || used + n + 2 > size)
                        continue;
                used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "," : "",
                                         ready->rows[i].name);
        }
        return used > 0;
}

bool logical_ready_sql(const char *names, const char *feedback_slot, char *buf, size_t size)
{
        char list[CLUSTER_SLOTS_MAX * (IDENT_SIZE + 3)];

        if (!quote_list(names, list, sizeof list))
                return false;
        return (size_t)snprintf(buf, size,
                                "SELECT slot_name, catalog_xmin FROM pg_get_replication_slots()"
                                " WHERE NOT pg_is_in_recovery() AND slot_name IN ('%s',%s)",
                                feedback_slot, list) < size;
}

/* The number behind "name|" at the beginning of some line; 0: none. */
static uint32_t find_xmin(const char *text, const char *name)
{
        size_t n = strlen(name);
        unsigned xmin;

        while (*text) {
                if (strncmp(text, name, n) == 0 && text[n] == '|' && sscanf(text + n + 1, "%10u", &xmin) == 1)
                        return xmin;
                text += strcspn(text, "\n");
                text += *text == '\n';
        }
        return 0;
}

/* Transaction ids go round. */
static bool not_after(uint32_t a, uint32_t b)
{
        return (int32_t)(a - b) <= 0;
}

bool logical_read_ready(LogicalReady *ready, const Slots *slots, const char *feedback_slot,
                        const char *text, void (*safe)(const char *name, void *userdata), void *userdata)
{
        uint32_t held = find_xmin(text, feedback_slot);

        for (uint32_t i = 0; i < ready->n && held; i++) {
                const char *name = ready->rows[i].name;
                const SlotRow *have = slots_find(slots, name);
                uint32_t *on_primary = &ready->rows[i].on_primary;

                if (ready->rows[i].safe || !have)
                        continue;
                if (*on_primary == 0)
                        *on_primary = find_xmin(text, name);
                if (*on_primary == 0 || !not_after(*on_primary, held) ||
                    !not_after(held, have->catalog_xmin))
                        continue;
                ready->rows[i].safe = true;
                safe(name, userdata);
        }
        return held != 0;
}
