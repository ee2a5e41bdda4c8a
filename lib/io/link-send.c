/* What is sent by way of link_send_fds(), whatever is behind it: the simulator has one of its own. */
#include <stdarg.h>
#include <stdio.h>

#include "io/link.h"

int link_send(Link *l, const MsgHeader *m)
{
        return link_send_fds(l, m, NULL, 0);
}

void link_send_result(Link *l, uint64_t seq, Outcome outcome, const char *format, ...)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);
        va_list ap;

        m.h.seq = seq;
        m.outcome = outcome;
        va_start(ap, format);
        vsnprintf(m.text, sizeof m.text, format, ap);
        va_end(ap);
        (void)link_send(l, &m.h); /* the asker has a deadline */
}
