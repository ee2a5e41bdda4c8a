#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "writer-report.h"

#define CLOCK_TEXT    16
#define MISSING_SHOWN 10

static usec_t read_clock(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

Instant instant_now(void)
{
        return (Instant){ read_clock(CLOCK_BOOTTIME), read_clock(CLOCK_REALTIME) };
}

static double seconds(usec_t amount)
{
        return (double)amount / USEC_PER_SEC;
}

/* "12:00:01.123", local time. */
static const char *clock_text(char buf[CLOCK_TEXT], Instant at)
{
        time_t whole = (time_t)(at.wall / USEC_PER_SEC);
        struct tm tm;
        size_t n;

        localtime_r(&whole, &tm);
        n = strftime(buf, CLOCK_TEXT, "%H:%M:%S", &tm);
        snprintf(buf + n, CLOCK_TEXT - n, ".%03u", (unsigned)(at.wall / 1000 % 1000));
        return buf;
}

static void json_string(FILE *f, const char *text)
{
        putc('"', f);
        for (const unsigned char *c = (const unsigned char *)text; *c; c++)
                if (*c == '"' || *c == '\\')
                        fprintf(f, "\\%c", *c);
                else if (*c < 0x20)
                        fprintf(f, "\\u%04x", *c);
                else
                        putc(*c, f);
        putc('"', f);
}

static void json_key(FILE *f, const char *key, const char *text)
{
        fprintf(f, ", \"%s\": ", key);
        json_string(f, text);
}

static void json_begin(const char *event, Instant at)
{
        printf("{\"event\": \"%s\", \"at\": %.6f", event, seconds(at.wall));
}

static void json_end(void)
{
        printf("}\n");
        fflush(stdout);
}

static void wipe_line(Report *r)
{
        if (r->has_line)
                fputs("\r\033[K", stdout);
        r->has_line = false;
}

_printf_(2, 3) static void say(Report *r, const char *format, ...)
{
        va_list args;

        wipe_line(r);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        fflush(stdout);
}

/* "0.5 s", or "none". */
static const char *limit_text(char *buf, size_t size, usec_t limit)
{
        if (limit == USEC_INFINITY)
                snprintf(buf, size, "none");
        else
                snprintf(buf, size, "%.3g s", seconds(limit));
        return buf;
}

static const char *or_default(const char *value)
{
        return value ?: "default";
}

void report_start(Report *r, const Run *run)
{
        char connect[24], answer[24];

        limit_text(connect, sizeof connect, run->connect_timeout);
        limit_text(answer, sizeof answer, run->statement_timeout);
        if (r->json) {
                json_begin("start", instant_now());
                json_key(stdout, "run", run->id);
                json_key(stdout, "table", run->table);
                json_key(stdout, "servers", run->targets);
                json_key(stdout, "connect_timeout", connect);
                json_key(stdout, "statement_timeout", answer);
                json_key(stdout, "keepalives_idle", or_default(run->keepalives_idle));
                json_key(stdout, "keepalives_interval", or_default(run->keepalives_interval));
                json_key(stdout, "keepalives_count", or_default(run->keepalives_count));
                json_key(stdout, "tcp_user_timeout", or_default(run->tcp_user_timeout));
                json_end();
                return;
        }
        if (r->quiet)
                return;
        say(r, "one row each %.3g ms to %s\n", seconds(run->interval) * 1000, run->targets);
        say(r, "client: connect_timeout %s, answer timeout %s,\n", connect, answer);
        say(r, "        keepalives idle/interval/count %s/%s/%s, tcp_user_timeout %s\n",
            or_default(run->keepalives_idle), or_default(run->keepalives_interval),
            or_default(run->keepalives_count), or_default(run->tcp_user_timeout));
}

void report_connected(Report *r, Instant now, const char *target)
{
        if (!r->json)
                return;
        json_begin("connected", now);
        json_key(stdout, "server", target);
        json_end();
}

void report_first(Report *r, Instant now)
{
        char text[CLOCK_TEXT];

        if (r->json) {
                json_begin("first", now);
                json_end();
        } else if (!r->quiet) {
                say(r, "%s  the first row is acknowledged\n", clock_text(text, now));
        }
}

void report_failed(Report *r, Instant now, uint64_t id, const char *error)
{
        if (!r->json)
                return;
        json_begin("failed", now);
        printf(", \"id\": %" PRIu64, id);
        json_key(stdout, "error", error);
        json_end();
}

void report_stalled(Report *r, const Outage *o)
{
        if (!r->json)
                return;
        json_begin("stalled", o->to);
        printf(", \"from\": %.6f", seconds(o->from.wall));
        json_end();
}

void report_outage(Report *r, const Outage *o, bool over)
{
        char from[CLOCK_TEXT], to[CLOCK_TEXT];
        double amount = seconds(o->to.mono - o->from.mono);

        if (r->json) {
                json_begin(over ? "outage" : "outage-lasts", o->to);
                printf(", \"seconds\": %.6f, \"from\": %.6f, \"to\": %.6f, \"attempts\": %" PRIu64,
                       amount, seconds(o->from.wall), seconds(o->to.wall), o->attempts_failed);
                json_key(stdout, "error", o->error);
                json_end();
        } else if (!r->quiet) {
                say(r, "outage %.2f s  from %s %s %s", amount, clock_text(from, o->from),
                    over ? "to" : "and not over at", clock_text(to, o->to));
                if (o->attempts_failed)
                        say(r, ", %" PRIu64 " attempt%s failed: %s\n", o->attempts_failed,
                            o->attempts_failed == 1 ? "" : "s", o->error);
                else
                        say(r, ", nothing failed\n");
        }
}

void report_progress(Report *r, Instant now, uint64_t acknowledged, const Outage *stalled,
                     const char *error)
{
        double amount = seconds(now.mono - r->shown_at);
        uint64_t rows = acknowledged - r->shown_rows;
        char text[CLOCK_TEXT];

        r->shown_at = now.mono;
        r->shown_rows = acknowledged;
        if (r->json) {
                json_begin("progress", now);
                printf(", \"acknowledged\": %" PRIu64 "}\n", acknowledged);
                fflush(stdout);
        }
        if (r->json || r->quiet)
                return;
        wipe_line(r);
        if (stalled)
                printf("  no write since %s (%.1f s)", clock_text(text, stalled->from),
                       seconds(stalled->to.mono - stalled->from.mono));
        else
                printf("  %" PRIu64 " rows, %.0f/s", acknowledged, (double)rows / amount);
        if ((stalled || acknowledged == 0) && *error)
                printf(": %.40s", error);
        if (r->live)
                r->has_line = true;
        else
                putchar('\n');
        fflush(stdout);
}

void report_note(Report *r, Instant now, const char *text)
{
        if (r->json) {
                json_begin("note", now);
                json_key(stdout, "text", text);
                json_end();
        } else if (!r->quiet) {
                say(r, "%s\n", text);
        }
}

static void print_missing(const Ledger *l, uint64_t missing)
{
        uint64_t ids[MISSING_SHOWN];
        size_t n = MIN(ledger_missing(l, ids, MISSING_SHOWN), (size_t)MISSING_SHOWN);

        for (size_t i = 0; i < n; i++)
                printf("%s%" PRIu64, i ? ", " : "                       ids ", ids[i]);
        printf("%s\n", missing > n ? ", …" : "");
}

static void json_summary(FILE *f, const Run *run, const Ledger *l, bool verified, const char *error)
{
        Totals t = ledger_totals(l);
        uint64_t ids[MISSING_SHOWN];
        size_t n = MIN(ledger_missing(l, ids, MISSING_SHOWN), (size_t)MISSING_SHOWN);

        fprintf(f, ", \"verified\": %s", verified ? "true" : "false");
        json_key(f, "run", run->id);
        json_key(f, "table", run->table);
        json_key(f, "error", error);
        fprintf(f,
                ", \"sent\": %" PRIu64 ", \"acknowledged\": %" PRIu64 ", \"missing\": %" PRIu64
                ", \"failed\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"refused_present\": %" PRIu64
                ", \"unknown\": %" PRIu64 ", \"unknown_present\": %" PRIu64
                ", \"outages\": %" PRIu64 ", \"longest\": %.6f, \"total\": %.6f, \"slowest\": %.6f",
                t.sent, t.acknowledged, verified ? t.missing : 0, t.refused + t.unknown, t.refused,
                t.refused_present, t.unknown, t.unknown_present, t.outages, seconds(t.longest),
                seconds(t.total), seconds(t.slowest));
        fputs(", \"missing_ids\": [", f);
        for (size_t i = 0; verified && i < n; i++)
                fprintf(f, "%s%" PRIu64, i ? ", " : "", ids[i]);
        fputs("]}\n", f);
}

void report_summary(Report *r, const Run *run, const Ledger *l, bool verified, const char *error)
{
        Totals t = ledger_totals(l);

        wipe_line(r);
        if (r->json) {
                report_summary_json(stdout, run, l, verified, error);
                return;
        }
        printf("\nrows acknowledged  %8" PRIu64 "\n", t.acknowledged);
        if (verified) {
                printf("rows missing       %8" PRIu64 "   acknowledged, and not in the table\n",
                       t.missing);
                if (t.missing)
                        print_missing(l, t.missing);
        }
        printf("writes failed      %8" PRIu64 "   %" PRIu64 " refused, %" PRIu64
               " never answered\n",
               t.refused + t.unknown, t.refused, t.unknown);
        if (verified && t.unknown)
                printf("rows unknown       %8" PRIu64 "   %" PRIu64 " present, %" PRIu64
                       " absent\n",
                       t.unknown, t.unknown_present, t.unknown - t.unknown_present);
        if (t.refused_present)
                printf("rows refused, yet present %" PRIu64 "\n", t.refused_present);
        printf("outages            %8" PRIu64, t.outages);
        if (t.outages)
                printf("   longest %.2f s, together %.2f s", seconds(t.longest), seconds(t.total));
        printf("\nslowest write      %8.0f ms\n", seconds(t.slowest) * 1000);
        if (!verified)
                printf("the table could not be read back: %s\n", error);
        fflush(stdout);
}

void report_summary_json(FILE *f, const Run *run, const Ledger *l, bool verified, const char *error)
{
        fprintf(f, "{\"event\": \"summary\", \"at\": %.6f", seconds(instant_now().wall));
        json_summary(f, run, l, verified, error);
        fflush(f);
}
