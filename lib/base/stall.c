#include "base/stall.h"

void stall_note(Stall *s, usec_t due, usec_t now)
{
        uint64_t minute = now / STALL_SLOT_USEC;
        size_t i = minute % STALL_SLOTS;
        usec_t late = usec_sub(now, due);

        if (s->slot_minute[i] != minute) {
                s->slot_minute[i] = minute;
                s->slot_worst[i] = 0;
        }
        if (late > s->slot_worst[i])
                s->slot_worst[i] = late;
}

usec_t stall_worst(const Stall *s, usec_t now)
{
        uint64_t minute = now / STALL_SLOT_USEC;
        usec_t worst = 0;

        for (size_t i = 0; i < STALL_SLOTS; i++)
                if (s->slot_minute[i] + STALL_SLOTS > minute && s->slot_worst[i] > worst)
                        worst = s->slot_worst[i];
        return worst;
}
