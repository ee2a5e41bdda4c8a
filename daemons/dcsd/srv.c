#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "dcsd/srv.h"

static const struct {
        const char *name;
        bool tls, peers;
} services[SRV_SERVICES] = {
        { "_etcd-client-ssl", true, false }, { "_etcd-client", false, false },
        { "_etcd-ssl", true, false },        { "_etcd", false, false },
        { "_etcd-server-ssl", true, true },  { "_etcd-server", false, true },
};

bool srv_name(unsigned service, const char *suffix, const char *domain, char *buf, size_t size)
{
        return (size_t)snprintf(buf, size, "%s%s%s._tcp.%s", services[service].name, *suffix ? "-" : "", suffix,
                                domain) < size;
}

bool srv_is_peers(unsigned service)
{
        return services[service].peers;
}

bool srv_url(unsigned service, const SrvRecord *record, char *buf, size_t size)
{
        size_t n = strlen(record->host);

        if (n > 0 && record->host[n - 1] == '.')
                n--;
        return n > 0 && record->port != 0 &&
               (size_t)snprintf(buf, size, "%s://%.*s:%u", services[service].tls ? "https" : "http", (int)n,
                                record->host, record->port) < size;
}

static uint32_t draw(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

static void swap(SrvRecord *a, SrvRecord *b)
{
        SrvRecord kept = *a;

        *a = *b;
        *b = kept;
}

/*
 * Of those left: the least priority, and there the one on which the lot falls; weight 0 has a small chance.
 * Each in turn takes the place of the one before it, by its share of the weights so far.
 */
static size_t pick(const SrvRecord *records, size_t n, uint32_t *state)
{
        size_t chosen = 0;
        uint32_t sum = 0;

        for (size_t i = 0; i < n; i++) {
                uint32_t weight = records[i].weight * 16u + 1;

                if (records[i].priority > records[chosen].priority)
                        continue;
                if (records[i].priority < records[chosen].priority)
                        sum = 0;
                sum += weight;
                if (draw(state) % sum < weight)
                        chosen = i;
        }
        return chosen;
}

void srv_order(SrvRecord *records, size_t n, uint32_t seed)
{
        uint32_t state = seed | 1;

        for (size_t i = 0; i + 1 < n; i++)
                swap(&records[i], &records[i + pick(records + i, n - i, &state)]);
}

uint32_t srv_members(const Node *doc, Endpoints *e)
{
        uint32_t before = e->n;

        NODE_FOREACH(member, doc)
                NODE_FOREACH(url, node_get(member, "clientURLs"))
                        if (url->text)
                                (void)endpoints_add(e, url->text); /* unix:// and the like are none of ours */
        return e->n - before;
}
