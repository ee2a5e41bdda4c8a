#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "model/history.h"

static void history_append(History *h, const HistoryLine *line)
{
        if (h->n_lines == HISTORY_LINES_MAX) {
                memmove(h->lines, h->lines + 1, sizeof h->lines[0] * (HISTORY_LINES_MAX - 1));
                h->n_lines--;
        }
        h->lines[h->n_lines++] = *line;
}

static int parse_line(const char *s, size_t n, HistoryLine *ret)
{
        char number[24];
        uint64_t timeline;
        size_t len = 0;

        while (len < n && s[len] >= '0' && s[len] <= '9')
                len++;
        if (len == 0 || len == n || !str_copy_n(number, sizeof number, s, len) ||
            str_to_u64(number, &timeline) < 0 || timeline == 0 || timeline > UINT32_MAX)
                return -EINVAL;
        s += len;
        n -= len;
        while (n > 0 && (*s == '\t' || *s == ' ')) {
                s++;
                n--;
        }

        for (len = 0; len < n && s[len] != '\t' && s[len] != ' '; len++)
                ;
        if (!str_copy_n(number, sizeof number, s, len) || lsn_parse(number, &ret->switch_lsn) < 0)
                return -EINVAL;
        s += len;
        n -= len;
        while (n > 0 && (*s == '\t' || *s == ' ')) {
                s++;
                n--;
        }
        (void)str_copy_n(ret->reason, sizeof ret->reason, s, n); /* a long reason may be cut */
        ret->timeline = (uint32_t)timeline;
        return 0;
}

int history_parse_file(const char *text, size_t size, History *ret)
{
        ret->n_lines = 0;
        while (size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t n = end ? (size_t)(end - text) : size;
                size_t skip = 0;
                while (skip < n && (text[skip] == ' ' || text[skip] == '\t'))
                        skip++;
                if (skip < n && text[skip] != '#') {
                        HistoryLine line = { 0 };
                        int r = parse_line(text + skip, n - skip, &line);
                        if (r >= 0 && ret->n_lines > 0 &&
                            line.timeline <= ret->lines[ret->n_lines - 1].timeline)
                                r = -EINVAL;
                        if (r < 0)
                                return r;
                        history_append(ret, &line);
                }
                text += end ? n + 1 : n;
                size -= end ? n + 1 : n;
        }
        return 0;
}

int history_find_switch(const History *h, uint32_t timeline, Lsn *ret)
{
        for (uint32_t i = 0; i < h->n_lines; i++)
                if (h->lines[i].timeline == timeline) {
                        *ret = h->lines[i].switch_lsn;
                        return 0;
                }
        return -ENOENT;
}

bool history_contains(const History *theirs, const History *own)
{
        for (uint32_t i = 0; i < own->n_lines; i++) {
                Lsn at;
                if (history_find_switch(theirs, own->lines[i].timeline, &at) < 0 ||
                    at != own->lines[i].switch_lsn)
                        return false;
        }
        return true;
}
