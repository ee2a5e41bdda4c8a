#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "config/hostport.h"
#include "dcsd/endpoints.h"

#define DEFAULT_PORT 2379
#define ATTEMPT_MIN (300 * USEC_PER_MSEC)

/* ---- reading addresses ---- */

static bool is_url(const char *s)
{
        return str_after_prefix(s, "http://") || str_after_prefix(s, "https://");
}

static void add(Endpoints *e, const char *url)
{
        for (uint32_t i = 0; i < e->n; i++)
                if (str_equal(e->rows[i].url, url))
                        return;
        if (e->n == ENDPOINTS_MAX)
                return; /* more than any cluster has */
        e->rows[e->n] = (Endpoint){ 0 };
        if (STR_SET(e->rows[e->n].url, url))
                e->n++;
}

static int add_host(Endpoints *e, const char *protocol, const char *text, char *error)
{
        HostPort hp;
        char url[URL_SIZE * 2];

        if (hostport_parse(text, DEFAULT_PORT, &hp) < 0 || !hp.host[0]) {
                snprintf(error, ENDPOINTS_ERROR_SIZE, "'%s' is no host:port", text);
                return -EINVAL;
        }
        bool v6 = strchr(hp.host, ':') != NULL;
        snprintf(url, sizeof url, "%s://%s%s%s:%u", protocol, v6 ? "[" : "", hp.host, v6 ? "]" : "",
                 hp.port);
        add(e, url);
        return 0;
}

/* scheme://[name[:password]@]host[:port][/] */
static int add_url(Endpoints *e, const char *text, EndpointLogin *login, char *error)
{
        const char *authority = strstr(text, "://");
        char scheme[8], rest[URL_SIZE];

        if (!is_url(text) || !authority ||
            !str_copy_n(scheme, sizeof scheme, text, (size_t)(authority - text)) ||
            !str_copy_n(rest, sizeof rest, authority + 3, strcspn(authority + 3, "/?#"))) {
                snprintf(error, ENDPOINTS_ERROR_SIZE, "this is no http:// or https:// URL");
                return -EINVAL;
        }
        char *at = strrchr(rest, '@');
        if (at) {
                size_t name = strcspn(rest, ":@");
                *at = 0;
                if (!str_copy_n(login->name, sizeof login->name, rest, name) ||
                    !STR_SET(login->password, rest[name] ? rest + name + 1 : "")) {
                        snprintf(error, ENDPOINTS_ERROR_SIZE, "name or password is too long");
                        return -EINVAL;
                }
        }
        return add_host(e, scheme, at ? at + 1 : rest, error);
}

bool endpoints_add(Endpoints *e, const char *url)
{
        EndpointLogin ignored = { 0 };
        char error[ENDPOINTS_ERROR_SIZE];

        return add_url(e, url, &ignored, error) >= 0;
}

static int add_hosts(Endpoints *e, const Node *hosts, const char *protocol, char *error)
{
        char text[2048], *rest;

        if (hosts->kind == NODE_LIST) {
                NODE_FOREACH(n, hosts) {
                        int r = add_host(e, protocol, n->text ? n->text : "", error);
                        if (r < 0)
                                return r;
                }
                return 0;
        }
        if (!str_copy(text, sizeof text, hosts->text)) {
                snprintf(error, ENDPOINTS_ERROR_SIZE, "the list is too long");
                return -EINVAL;
        }
        for (char *s = strtok_r(text, ", ", &rest); s; s = strtok_r(NULL, ", ", &rest)) {
                int r = add_host(e, protocol, s, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

const char *endpoints_srv_domain(const Node *etcd3)
{
        static const char *const names[] = { "srv", "srv_domain", "discovery_srv" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (!str_empty(node_get_text(etcd3, names[i])))
                        return node_get_text(etcd3, names[i]);
        return NULL;
}

static bool is_dns_name(const char *text)
{
        return strlen(text) < HOST_SIZE - 64 && /* the service goes before it */
               text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == 0;
}

static int check_srv(const Node *etcd3, char *error)
{
        const char *suffix = node_get_text(etcd3, "srv_suffix");

        if (is_dns_name(endpoints_srv_domain(etcd3)) && (!suffix || (is_dns_name(suffix) && strlen(suffix) < 32)))
                return 0;
        snprintf(error, ENDPOINTS_ERROR_SIZE, "srv, srv_suffix: expected a domain, and a word for its services");
        return -EINVAL;
}

int endpoints_configure(const Node *etcd3, Endpoints *ret, EndpointLogin *ret_login,
                        char error[static ENDPOINTS_ERROR_SIZE])
{
        const char *protocol = node_get_text(etcd3, "protocol");
        const char *host = node_get_text(etcd3, "host"), *url = node_get_text(etcd3, "url");
        const char *proxy = node_get_text(etcd3, "proxy");
        const Node *hosts = node_get(etcd3, "hosts");
        Endpoints e = { 0 };
        int r = 0;

        *ret_login = (EndpointLogin){ 0 };
        error[0] = 0;
        if (!protocol)
                protocol = "http";
        bool by_dns = endpoints_srv_domain(etcd3) != NULL;
        if (by_dns)
                r = check_srv(etcd3, error);
        else if (proxy)
                r = add_url(&e, proxy, ret_login, error);
        else if (url)
                r = add_url(&e, url, ret_login, error);
        else if (hosts)
                r = add_hosts(&e, hosts, protocol, error);
        else if (host)
                r = add_host(&e, protocol, host, error);
        if (r >= 0 && e.n == 0 && !by_dns) {
                snprintf(error, ENDPOINTS_ERROR_SIZE, "no server is named");
                r = -EINVAL;
        }
        if (r < 0)
                return r;
        e.fixed = proxy || node_get_bool(etcd3, "use_proxies", false);
        *ret = e;
        return 0;
}

bool endpoint_host(const char *url, char *buf, size_t size)
{
        const char *s = strstr(url, "://");

        if (!s)
                return false;
        s += 3;
        if (*s == '[')
                return str_copy_n(buf, size, s + 1, strcspn(s + 1, "]"));
        return str_copy_n(buf, size, s, strcspn(s, ":/"));
}

/* ---- which one ---- */

static uint32_t random_next(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

static uint32_t find(const Endpoints *e, const char *url)
{
        for (uint32_t i = 0; i < e->n; i++)
                if (str_equal(e->rows[i].url, url))
                        return i;
        return UINT32_MAX;
}

#define RANK_BAD 4u

/* Local before others, then fallbacks; all that failed lately are equally bad. */
static unsigned rank(const Endpoint *row, usec_t now)
{
        if (row->bad_until > now)
                return RANK_BAD;
        return row->fallback * 2u + !row->local;
}

/* The best one, in the order of a ring that begins behind `after`. */
static uint32_t choose(const Endpoints *e, uint32_t after, usec_t now)
{
        uint32_t best = after % e->n;
        unsigned least = UINT32_MAX;

        for (uint32_t i = 1; i <= e->n; i++) {
                uint32_t at = (after + i) % e->n;
                const Endpoint *row = &e->rows[at];
                unsigned r = rank(row, now);
                /* While all are bad, the one that failed longest ago comes first. */
                if (r < least || (r == least && r == RANK_BAD &&
                                  row->bad_until < e->rows[best].bad_until)) {
                        least = r;
                        best = at;
                }
        }
        return best;
}

void endpoints_shuffle(Endpoints *e, uint32_t seed)
{
        uint32_t state = seed | 1;

        for (uint32_t i = e->n; i > 1; i--) {
                uint32_t j = random_next(&state) % i;
                Endpoint other = e->rows[j];
                e->rows[j] = e->rows[i - 1];
                e->rows[i - 1] = other;
        }
        e->current = e->n > 0 ? choose(e, e->n - 1, 0) : 0;
}

void endpoints_in_order(Endpoints *e)
{
        e->current = e->n > 0 ? choose(e, e->n - 1, 0) : 0;
}

/* `next` takes the place of what was known: what is known of an address stays, the current one if it can. */
static void replace(Endpoints *e, Endpoints *next)
{
        char current[URL_SIZE];

        (void)STR_SET(current, endpoints_current(e)); /* same size */
        for (uint32_t i = 0; i < next->n; i++) {
                uint32_t old = find(e, next->rows[i].url);
                if (old != UINT32_MAX)
                        next->rows[i].bad_until = e->rows[old].bad_until;
        }
        next->current = find(next, current);
        if (next->current == UINT32_MAX || next->rows[next->current].fallback)
                next->current = 0;
        *e = *next;
}

static void add_fallbacks(Endpoints *e, const Endpoints *configured)
{
        uint32_t first = e->n;

        for (uint32_t i = 0; i < configured->n; i++)
                add(e, configured->rows[i].url);
        for (uint32_t i = first; i < e->n; i++)
                e->rows[i].fallback = true;
}

void endpoints_reconfigure(Endpoints *e, const Endpoints *configured)
{
        Endpoints next = { .fixed = e->fixed };

        for (uint32_t i = 0; i < e->n; i++)
                if (!e->rows[i].fallback)
                        next.rows[next.n++] = e->rows[i];
        add_fallbacks(&next, configured);
        replace(e, &next);
}

uint32_t endpoints_discover(Endpoints *e, const Endpoints *configured, const char *const *urls,
                            size_t n_urls, uint32_t seed)
{
        Endpoints next = { .fixed = e->fixed };
        uint32_t usable;

        for (size_t i = 0; i < n_urls; i++)
                (void)endpoints_add(&next, urls[i]); /* unix:// and the like are none of ours */
        usable = next.n;
        if (usable == 0)
                return 0;
        endpoints_shuffle(&next, seed);
        add_fallbacks(&next, configured);
        replace(e, &next);
        return usable;
}

void endpoints_mark_local(Endpoints *e, bool (*is_own)(const char *host, void *userdata),
                          void *userdata)
{
        for (uint32_t i = 0; i < e->n; i++) {
                char host[HOST_SIZE];
                e->rows[i].local = endpoint_host(e->rows[i].url, host, sizeof host) &&
                                   is_own(host, userdata);
        }
}

uint32_t endpoints_better(const Endpoints *e, usec_t now)
{
        if (e->n == 0 || e->rows[e->current].local)
                return UINT32_MAX;
        for (uint32_t i = 0; i < e->n; i++)
                if (e->rows[i].local && e->rows[i].bad_until <= now && !e->rows[i].fallback)
                        return i;
        return UINT32_MAX;
}

void endpoints_fail(Endpoints *e, const char *url, usec_t now)
{
        uint32_t i = find(e, url);

        if (i == UINT32_MAX)
                return;
        e->rows[i].bad_until = now + ENDPOINT_AVOID;
        if (i == e->current)
                e->current = choose(e, i, now);
}

void endpoints_good(Endpoints *e, const char *url)
{
        uint32_t i = find(e, url);

        if (i != UINT32_MAX)
                e->rows[i].bad_until = 0;
}

const char *endpoints_current(const Endpoints *e)
{
        return e->rows[e->current].url;
}

unsigned endpoints_round(const Endpoints *e)
{
        unsigned n = 0;

        for (uint32_t i = 0; i < e->n; i++)
                n += !e->rows[i].fallback;
        return MAX(n, 1u);
}

usec_t endpoints_attempt(usec_t retry_timeout, unsigned n)
{
        usec_t each = retry_timeout / MAX(n, 1u);

        if (each >= USEC_PER_SEC) {
                unsigned tries = n >= 3 ? 1 : 4 - MAX(n, 1u);
                while (tries > 1 && each / tries < USEC_PER_SEC)
                        tries--;
                return each / tries;
        }
        return MAX(each, ATTEMPT_MIN);
}
