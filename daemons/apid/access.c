#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apid/access.h"

#define CREDENTIALS_MAX 512

static bool read_address(const char *text, struct in6_addr *ret, unsigned *ret_bits)
{
        struct in_addr v4;

        if (inet_pton(AF_INET6, text, ret) == 1) {
                *ret_bits = 0;
                return true;
        }
        if (inet_pton(AF_INET, text, &v4) != 1)
                return false;
        *ret = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
        memcpy(ret->s6_addr + 12, &v4, sizeof v4);
        *ret_bits = 96;
        return true;
}

int network_parse(const char *text, Network *ret)
{
        char address[INET6_ADDRSTRLEN];
        const char *slash = strchr(text, '/');
        unsigned mapped;
        uint64_t bits = 128;
        Network n;

        if (!str_copy_n(address, sizeof address, text,
                        slash ? (size_t)(slash - text) : strlen(text)) ||
            !read_address(address, &n.address, &mapped))
                return -EINVAL;
        if (slash) {
                if (str_to_u64(slash + 1, &bits) < 0 || bits > 128 - mapped)
                        return -EINVAL;
                bits += mapped;
        }
        n.bits = (unsigned)bits;
        *ret = n;
        return 0;
}

bool network_contains(const Network *n, const struct in6_addr *address)
{
        unsigned whole = n->bits / 8, rest = n->bits % 8;

        if (memcmp(n->address.s6_addr, address->s6_addr, whole) != 0)
                return false;
        if (rest == 0)
                return true;
        unsigned mask = 0xffU << (8 - rest);
        return ((n->address.s6_addr[whole] ^ address->s6_addr[whole]) & mask & 0xff) == 0;
}

/* The address within "http://10.0.0.1:8008/patroni"; a name is no address here. */
static bool url_is_at(const char *url, const struct in6_addr *address)
{
        char host[INET6_ADDRSTRLEN];
        const char *s = strstr(url, "://");
        struct in6_addr is;
        unsigned mapped;
        size_t n;

        if (!s)
                return false;
        s += 3;
        if (*s == '[') {
                s++;
                n = strcspn(s, "]");
        } else {
                n = strcspn(s, ":/");
        }
        return str_copy_n(host, sizeof host, s, n) && read_address(host, &is, &mapped) &&
               memcmp(&is, address, sizeof is) == 0;
}

static bool is_allowed(const Access *a, const Caller *c, const MsgCluster *cluster)
{
        for (size_t i = 0; i < a->n_networks; i++)
                if (network_contains(&a->networks[i], &c->address))
                        return true;
        if (!a->include_members || !cluster)
                return false;
        for (uint32_t i = 0; i < cluster->cluster.n_members; i++)
                if (url_is_at(cluster->cluster.members[i].api_url, &c->address))
                        return true;
        return false;
}

static int base64_digit(char c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789+/";
        const char *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

/* Up to the padding or the first other character. */
static bool decode(const char *text, char *ret, size_t size)
{
        unsigned bits = 0, n_bits = 0;
        size_t n = 0;

        for (; base64_digit(*text) >= 0; text++) {
                bits = (bits << 6 | (unsigned)base64_digit(*text)) & 0xffff;
                n_bits += 6;
                if (n_bits < 8)
                        continue;
                n_bits -= 8;
                if (n + 1 >= size)
                        return false;
                ret[n++] = (char)(bits >> n_bits & 0xff);
        }
        ret[n] = 0;
        text += strspn(text, "=");
        return *text == 0;
}

/* The time taken depends on what the caller sent, not on what would be right. */
static bool same_secret(const char *given, const char *right)
{
        size_t n = strlen(given), m = strlen(right);
        unsigned char differs = n != m;

        for (size_t i = 0; i < n; i++)
                differs |= (unsigned char)(given[i] ^ right[m > 0 ? i % m : 0]);
        return differs == 0;
}

static bool is_authenticated(const Access *a, const char *authorization)
{
        char given[CREDENTIALS_MAX];
        const char *basic = str_after_prefix(authorization, "Basic ");
        bool same;

        if (!basic || !decode(basic, given, sizeof given))
                return false;
        same = same_secret(given, a->credentials);
        explicit_bzero(given, sizeof given);
        return same;
}

static Answer refuse(const char *text)
{
        Answer answer = answer_text(401, "%s", text);

        answer.authenticate = "Basic realm=\"Patroni\"";
        return answer;
}

Answer access_check(const Access *a, const Caller *c, const MsgCluster *cluster)
{
        if (c->local)
                return (Answer){ 0 };
        if (a->allowlist && !is_allowed(a, c, cluster))
                return answer_text(403, "Access is denied");
        if (a->wants_certificate && !c->certificate)
                return answer_text(403, "client certificate required");
        if (!a->credentials)
                return (Answer){ 0 };
        if (!c->authorization)
                return refuse("no auth header received");
        if (!is_authenticated(a, c->authorization))
                return refuse("not authenticated");
        return (Answer){ 0 };
}

Answer access_check_own(const Access *a, const Caller *c, const MsgCluster *cluster)
{
        if (!c->local && !a->credentials && !c->certificate)
                return answer_text(403, "only over the local socket, or with authentication");
        return access_check(a, c, cluster);
}

void access_done(Access *a)
{
        if (a->credentials) {
                explicit_bzero(a->credentials, strlen(a->credentials));
                free(a->credentials);
        }
        *a = (Access){ 0 };
}
