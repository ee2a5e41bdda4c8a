/* configure: what of the node's configuration file dcsd needs beside its own sections. */
#pragma once

#include "io/config.h"

/* proxy_url as the member key shows it, the one text we need of a section full of passwords. */
void configure_proxy_url(const char *path, char *ret, size_t size);

/* Something differs that only a restart takes up. */
bool configure_needs_restart(const Config *a, const Config *b);
