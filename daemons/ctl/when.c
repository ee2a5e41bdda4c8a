/* When something shall happen: now, or at a time. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"

/* A time without a zone is this machine's. False: it is no time. */
static bool read_when(const char *text, char *ret, size_t size)
{
        usec_t wall;
        int r = usec_parse_iso(text, &wall);

        if (r < 0)
                return false;
        if (r > 0) {
                time_t as_utc = (time_t)(wall / USEC_PER_SEC);
                struct tm tm;
                gmtime_r(&as_utc, &tm);
                tm.tm_isdst = -1;
                time_t local = mktime(&tm);
                if (local < 0)
                        return false;
                wall = (usec_t)local * USEC_PER_SEC + wall % USEC_PER_SEC;
        }
        usec_format_iso(ret, size, wall, 'T');
        char *fraction = strstr(ret, ".000000");
        if (fraction)
                memmove(fraction, fraction + 7, strlen(fraction + 7) + 1);
        return true;
}

int ctl_ask_when(const Ctl *c, const char *what, bool forced, bool paused, char ret[static USEC_ISO_MAX])
{
        const char *given = c->values[OPTION_SCHEDULED];
        char text[64] = "now", question[96], example[24];
        time_t later = time(NULL) + 3600;
        struct tm tm;

        if (given) {
                (void)STR_SET(text, given);
        } else if (!forced) {
                localtime_r(&later, &tm);
                strftime(example, sizeof example, "%Y-%m-%dT%H:%M", &tm);
                snprintf(question, sizeof question, "When should the %s take place (e.g. %s ) ", what,
                         example);
                if (!ctl_prompt(question, "now", text, sizeof text))
                        return ctl_unanswered();
        }
        if (str_equal_nocase(text, "now"))
                return CTL_DONE;
        if (!read_when(text, ret, USEC_ISO_MAX))
                return ctl_fail("Unable to parse scheduled timestamp (%s). It should be in an "
                                "unambiguous format (e.g. ISO 8601)",
                                text);
        if (paused)
                return ctl_fail("Can't schedule %s in the paused state", what);
        return CTL_DONE;
}
