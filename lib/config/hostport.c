#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "config/hostport.h"

int hostport_parse(const char *text, uint16_t default_port, HostPort *ret)
{
        HostPort hp = { .port = default_port };
        const char *end;
        uint64_t port = default_port;

        if (*text == '[') {
                end = strchr(text, ']');
                if (!end || !str_copy_n(hp.host, sizeof hp.host, text + 1, (size_t)(end - text - 1)))
                        return -EINVAL;
                end++;
        } else {
                /* A bare IPv6 address has colons of its own: the port, if any, follows the last. */
                end = strrchr(text, ':');
                if (!end)
                        end = text + strlen(text);
                if (!str_copy_n(hp.host, sizeof hp.host, text, (size_t)(end - text)))
                        return -EINVAL;
        }
        if (*end == ':') {
                if (str_to_u64(end + 1, &port) < 0 || port == 0 || port > UINT16_MAX)
                        return -EINVAL;
        } else if (*end) {
                return -EINVAL;
        }
        if (port == 0)
                return -EINVAL;
        hp.port = (uint16_t)port;
        *ret = hp;
        return 0;
}

bool address_is_valid(const char *text)
{
        struct in6_addr address;

        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

bool address_same(const char *a, const char *b)
{
        struct in6_addr x = { 0 }, y = { 0 };

        for (size_t i = 0; i < 2; i++) {
                int family = i == 0 ? AF_INET : AF_INET6;
                if (inet_pton(family, a, &x) == 1 && inet_pton(family, b, &y) == 1)
                        return memcmp(&x, &y, sizeof x) == 0;
        }
        return false;
}
