/*
 * postgres: what PostgreSQL's programs and files say: pg_controldata, .history files, psql, pg_waldump.
 * Each reader gets the whole text.
 */
#include "base/usec.h"
#include "config/hostport.h"
#include "fuzz.h"
#include "model/member.h"
#include "pgd/control.h"
#include "pgd/divergence.h"

static void read_history(const char *text, size_t size)
{
        static History h;
        Lsn lsn;

        (void)history_parse_file(text, size, &h);
        fuzz_claim(h.n_lines <= HISTORY_LINES_MAX);
        fuzz_claim(history_contains(&h, &h));
        for (uint32_t i = 0; i < h.n_lines; i++) {
                LocalWal local = { .timeline = h.lines[i].timeline, .lsn = 1 };
                fuzz_claim(memchr(h.lines[i].reason, 0, sizeof h.lines[i].reason));
                (void)history_find_switch(&h, h.lines[i].timeline, &lsn);
                (void)divergence_judge(&local, h.lines[i].timeline + 1, &h, &h);
                local = (LocalWal){ .timeline = h.lines[i].timeline + 1, .lsn = UINT64_MAX };
                WalPiece piece = { 0 };
                if (divergence_start(&local, &h, &h, 1 << 20, &piece))
                        fuzz_claim(strlen(piece.file) == 24 && piece.size > 0 && piece.size <= WAL_PIECE_MOST &&
                                   piece.offset + piece.size <= 1 << 20);
        }
}

static void read_small_words(const char *text)
{
        char buf[64], host[HOST_SIZE];
        HostPort hp;
        usec_t at, again;
        uint16_t port;
        Lsn lsn, lsn_again;

        if (lsn_parse(text, &lsn) == 0) {
                lsn_format(buf, sizeof buf, lsn);
                fuzz_claim(lsn_parse(buf, &lsn_again) == 0 && lsn == lsn_again);
        }
        if (usec_parse_iso(text, &at) == 0) {
                usec_format_iso(buf, sizeof buf, at, 'T');
                fuzz_claim(usec_parse_iso(buf, &again) == 0 && at == again);
        }
        if (hostport_parse(text, 5432, &hp) == 0)
                fuzz_claim(memchr(hp.host, 0, sizeof hp.host));
        (void)member_split_url(text, host, sizeof host, &port);
        (void)address_is_valid(text);
        fuzz_claim(!address_same(text, text) || address_is_valid(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size), *bytes = fuzz_copy(data, size);
        Control c;
        uint64_t sysid;
        uint32_t timeline;
        Lsn lsn;

        if (control_parse(text, &c) == 0)
                fuzz_claim(c.sysid != 0);
        (void)divergence_parse_identify(text, &sysid, &timeline, &lsn);
        (void)divergence_parse_waldump(text, &lsn);
        (void)divergence_is_foreign(text, 3);
        read_history(bytes, size);
        read_small_words(text);
        free(bytes);
        free(text);
        return 0;
}
