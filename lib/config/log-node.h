/* log-node: the `log` section of a configuration as a form (base/log-form.h). Pure. */
#pragma once

#include "base/log-form.h"
#include "config/tree.h"

/* log may be NULL. What is longer than a form holds counts as left out. */
void log_node_read(const Node *log, LogForm *ret);
