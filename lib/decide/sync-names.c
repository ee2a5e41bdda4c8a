#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "decide/sync-names.h"

/* ---- writing ---- */

static bool is_plain_identifier(const char *s)
{
        static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
        static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789$";

        return *s && strchr(first, *s) && strspn(s, rest) == strlen(s) &&
               !str_equal_nocase(s, "first") && !str_equal_nocase(s, "any");
}

static void quote(const char *name, char *buf, size_t size)
{
        size_t n = 0;

        if (is_plain_identifier(name)) {
                (void)str_copy(buf, size, name); /* the caller's room is twice a name */
                return;
        }
        buf[n++] = '"';
        for (; *name && n + 3 < size; name++) {
                if (*name == '"')
                        buf[n++] = '"';
                buf[n++] = *name;
        }
        buf[n++] = '"';
        buf[n] = 0;
}

void sync_names_format(const SyncNames *names, char *buf, size_t size)
{
        char one[NAME_SIZE * 2 + 3];
        bool listed = names->any || names->n > 1;
        size_t used = 0;

        buf[0] = 0;
        if (names->everybody) {
                (void)str_copy(buf, size, names->any ? "ANY 1 (*)" : "*"); /* a few bytes */
                return;
        }
        if (names->n == 0)
                return;
        if (listed)
                used = (size_t)snprintf(buf, size, "%s%u (", names->any ? "ANY " : "", names->need);
        for (size_t i = 0; i < names->n && used < size; i++) {
                quote(names->names[i], one, sizeof one);
                used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 0 ? "," : "", one);
        }
        if (listed && used < size)
                snprintf(buf + used, size - used, ")");
}

/* ---- reading ---- */

static const char *skip_blanks(const char *s)
{
        return s + strspn(s, " \t\n\r\f\v");
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* One name, quoted or not, into ret. NULL: there is none. */
static const char *read_name(const char *s, char ret[static NAME_SIZE])
{
        size_t n = 0;

        s = skip_blanks(s);
        if (*s != '"') {
                n = strcspn(s, " \t\n\r\f\v,()\"");
                return n > 0 && str_copy_n(ret, NAME_SIZE, s, n) ? s + n : NULL;
        }
        for (s++; *s; s++) {
                if (*s == '"' && *++s != '"')
                        break;
                if (n == NAME_SIZE - 1)
                        return NULL;
                ret[n++] = *s;
        }
        ret[n] = 0;
        return s[-1] == '"' && n > 0 ? s : NULL;
}

/* "ANY 2 (", "FIRST 2 (", "2 (" or nothing. -1: it begins so and goes on otherwise. */
static int read_head(const char **s, SyncNames *ret)
{
        const char *p = skip_blanks(*s), *after;
        char word[NAME_SIZE], *end;

        after = read_name(p, word);
        if (after && (str_equal_nocase(word, "any") || str_equal_nocase(word, "first")) && *p != '"' &&
            is_digit(*skip_blanks(after))) {
                ret->any = str_equal_nocase(word, "any");
                p = skip_blanks(after);
        } else if (!is_digit(*p) || *skip_blanks(p + strspn(p, "0123456789")) != '(') {
                return 0; /* a bare list */
        }
        unsigned long need = strtoul(p, &end, 10);
        p = skip_blanks(end);
        if (*p != '(' || need == 0 || need > STANDBYS_MAX)
                return -1;
        ret->need = (unsigned)need;
        *s = p + 1;
        return 1;
}

static int read_list(const char *s, bool bracket, SyncNames *ret)
{
        for (;;) {
                if (ret->n == STANDBYS_MAX)
                        return -1;
                bool star = *skip_blanks(s) == '*';
                s = read_name(s, ret->names[ret->n]);
                if (!s)
                        return -1;
                ret->everybody = ret->everybody || star;
                ret->n += !star;
                s = skip_blanks(s);
                if (*s != ',')
                        break;
                s++;
        }
        return *s == (bracket ? ')' : 0) && !*skip_blanks(s + bracket) ? 0 : -1;
}

int sync_names_parse(const char *text, SyncNames *ret)
{
        *ret = (SyncNames){ 0 };
        if (!*skip_blanks(text))
                return 0;
        int r = read_head(&text, ret);
        if (r == 0)
                ret->need = 1;
        if (r < 0 || read_list(text, r > 0, ret) < 0) {
                *ret = (SyncNames){ 0 };
                return -EINVAL;
        }
        return 0;
}
