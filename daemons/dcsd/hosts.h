/* hosts: is this host name or address this machine? For endpoints close by. */
#pragma once

#include <stdbool.h>

typedef struct Hosts Hosts;

/* The addresses of all interfaces and the host's name, as of now. NULL: out of memory. */
Hosts *hosts_read(void);
Hosts *hosts_free(Hosts *h);

/* userdata: Hosts; NULL: nothing is. Names are compared as text: nothing is resolved. */
bool hosts_is_own(const char *host, void *userdata);
