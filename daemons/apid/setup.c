#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/setup.h"
#include "io/log.h"

static const char *const sections[] = { "restapi", "tags", NULL };

/* ---- who may ---- */

static void add_network(Access *a, const char *text, const Network *n)
{
        if (a->n_networks == ACCESS_NETWORKS_MAX)
                log_warning("restapi.allowlist: '%s' is left out: at most %d entries", text,
                            ACCESS_NETWORKS_MAX);
        else
                a->networks[a->n_networks++] = *n;
}

static void add_host(Access *a, const char *host)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        char text[INET6_ADDRSTRLEN];
        struct addrinfo *found;
        Network n;
        int r = getaddrinfo(host, NULL, &hints, &found);

        if (r != 0) {
                log_warning("restapi.allowlist: cannot look up '%s': %s", host, gai_strerror(r));
                return;
        }
        for (const struct addrinfo *i = found; i; i = i->ai_next)
                if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0,
                                NI_NUMERICHOST) == 0 &&
                    network_parse(text, &n) >= 0)
                        add_network(a, host, &n);
        freeaddrinfo(found);
}

static void add_allowed(Access *a, const char *text, bool may_resolve)
{
        Network n;

        if (network_parse(text, &n) >= 0)
                add_network(a, text, &n);
        else if (may_resolve)
                add_host(a, text);
        else
                log_warning("restapi.allowlist: names like '%s' are looked up at start only: "
                            "restart palisade-apid, or give an address",
                            text);
}

static void load_allowlist(Access *a, const Config *c, bool may_resolve)
{
        const Node *list = node_find(config_root(c), "restapi.allowlist");

        a->include_members = config_bool(c, "restapi.allowlist_include_members", false);
        a->allowlist = a->include_members || (list && list->kind != NODE_NULL);
        if (list && list->kind == NODE_STRING)
                add_allowed(a, list->text, may_resolve);
        NODE_FOREACH(n, list)
                if (n->text)
                        add_allowed(a, n->text, may_resolve);
}

static int load_access(Setup *s, bool may_resolve)
{
        const Config *c = s->config;
        const char *user = config_text(c, "restapi.authentication.username", NULL);
        const char *password = config_text(c, "restapi.authentication.password", NULL);
        const char *both = config_text(c, "restapi.auth", NULL);

        load_allowlist(&s->access, c, may_resolve);
        s->access.wants_certificate = s->tls && s->tls->verify != VERIFY_NONE;
        if (user && password) {
                if (asprintf(&s->access.credentials, "%s:%s", user, password) < 0) {
                        s->access.credentials = NULL;
                        return -ENOMEM;
                }
        } else if (both) {
                s->access.credentials = strdup(both);
                if (!s->access.credentials)
                        return -ENOMEM;
        }
        return 0;
}

/* ---- the rest ---- */

static void load_headers(Setup *s)
{
        const char *tokens = config_text(s->config, "restapi.server_tokens", "original");

        s->headers = node_find(config_root(s->config), "restapi.http_extra_headers");
        s->https_headers = node_find(config_root(s->config), "restapi.https_extra_headers");
        if (!s->https_headers || s->https_headers->kind != NODE_MAP)
                s->https_headers = s->headers;
        snprintf(s->server_header, sizeof s->server_header, "%s",
                 str_equal_nocase(tokens, "productonly") ? "Palisade" : "Palisade/" PACKAGE_VERSION);
}

int setup_load(Setup **ret, const char *path, bool may_resolve)
{
        _cleanup_(setup_freep) Setup *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        int r = config_load(&s->config, path, sections, config_tell_errors, NULL);
        if (r >= 0)
                r = tls_load(&s->tls, s->config);
        if (r >= 0)
                r = load_access(s, may_resolve);
        if (r < 0)
                return r;
        s->listen = config_hostport(s->config, "restapi.listen", 8008);
        s->tags = node_get(config_root(s->config), "tags");
        load_headers(s);
        *ret = TAKE_PTR(s);
        return 0;
}

Setup *setup_free(Setup *s)
{
        if (s) {
                tls_free(s->tls);
                access_done(&s->access);
                config_free(s->config);
                free(s);
        }
        return NULL;
}
