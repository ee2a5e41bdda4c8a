/* HostPort: "host:port", "[v6]:port", "*:port", "host". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/limits.h"

typedef struct HostPort {
        char host[HOST_SIZE]; /* without brackets; may be empty or "*": every address */
        uint16_t port;        /* 0: none given and no default */
} HostPort;

/* 0 or -EINVAL. default_port 0: the port must be given. */
int hostport_parse(const char *text, uint16_t default_port, HostPort *ret);

/* True for a literal IPv4 or IPv6 address, without a prefix length. */
bool address_is_valid(const char *text);

/* Two literal addresses, however written, of one host. False if one of them is a name. */
bool address_same(const char *a, const char *b);
