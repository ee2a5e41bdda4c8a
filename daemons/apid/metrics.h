/*
 * metrics: GET /metrics in Prometheus' text form: Patroni's families in its order (PATRONI-SPEC
 * §4.7), then our own.
 *
 * Pure. The text is the caller's to free; NULL: out of memory.
 */
#pragma once

#include "apid/view.h"

char *metrics_text(const View *v, unsigned connections);
