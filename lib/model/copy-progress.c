#include <inttypes.h>
#include <stdio.h>

#include "base/macros.h"
#include "model/copy-progress.h"

#define MB(bytes) ((bytes) >> 20)

CopyProgress copy_progress_after(uint64_t done_bytes, uint64_t total_bytes, usec_t elapsed)
{
        usec_t msec = elapsed / USEC_PER_MSEC;

        return (CopyProgress){ .done_bytes = done_bytes,
                           .total_bytes = total_bytes,
                           .rate = msec > 0 ? done_bytes / msec * 1000 + done_bytes % msec * 1000 / msec
                                            : 0 };
}

unsigned copy_progress_percent(const CopyProgress *p)
{
        if (p->total_bytes == 0)
                return 0;
        return (unsigned)MIN((double)p->done_bytes / (double)p->total_bytes * 100.0, 100.0);
}

void copy_progress_format(const CopyProgress *p, char buf[static COPY_PROGRESS_TEXT_MAX])
{
        if (p->total_bytes > 0)
                snprintf(buf, COPY_PROGRESS_TEXT_MAX,
                         "%u %%, %" PRIu64 " of %" PRIu64 " MB, %" PRIu64 " MB/s",
                         copy_progress_percent(p), MB(p->done_bytes), MB(p->total_bytes), MB(p->rate));
        else
                snprintf(buf, COPY_PROGRESS_TEXT_MAX, "%" PRIu64 " MB, %" PRIu64 " MB/s",
                         MB(p->done_bytes), MB(p->rate));
}
