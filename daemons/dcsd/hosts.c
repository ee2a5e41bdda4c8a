#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "dcsd/hosts.h"
#include "model/limits.h"

struct Hosts {
        struct ifaddrs *list;
        char name[HOST_SIZE];
};

Hosts *hosts_read(void)
{
        Hosts *h = calloc(1, sizeof *h);

        if (!h)
                return NULL;
        if (getifaddrs(&h->list) < 0)
                h->list = NULL; /* then only names and loopback count */
        if (gethostname(h->name, sizeof h->name - 1) < 0)
                h->name[0] = 0;
        return h;
}

Hosts *hosts_free(Hosts *h)
{
        if (h) {
                if (h->list)
                        freeifaddrs(h->list);
                free(h);
        }
        return NULL;
}

static bool is_interface(const struct ifaddrs *list, int family, const void *address, size_t size)
{
        for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
                if (!i->ifa_addr || i->ifa_addr->sa_family != family)
                        continue;
                const void *own = family == AF_INET
                                          ? (const void *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr
                                          : &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
                if (memcmp(own, address, size) == 0)
                        return true;
        }
        return false;
}

bool hosts_is_own(const char *host, void *userdata)
{
        const Hosts *h = userdata;
        struct in6_addr six;
        struct in_addr four;

        if (!h)
                return false;
        if (str_equal(host, "localhost") || (h->name[0] && str_equal_nocase(host, h->name)))
                return true;
        if (inet_pton(AF_INET, host, &four) == 1)
                return ntohl(four.s_addr) >> 24 == 127 ||
                       is_interface(h->list, AF_INET, &four, sizeof four);
        if (inet_pton(AF_INET6, host, &six) == 1)
                return IN6_IS_ADDR_LOOPBACK(&six) ||
                       is_interface(h->list, AF_INET6, &six, sizeof six);
        return false;
}
