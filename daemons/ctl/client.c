#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "ctl/client.h"

#define BODY_MAX ((size_t)8 << 20)
#define CONNECT_MSEC 3000L
#define TICK_MSEC 100
#define TIMEOUT (10 * USEC_PER_SEC)

struct Client {
        ClientOptions o;
        CURL *easy;
        CURLM *multi;
        char base[512];
};

bool url_base(const char *api_url, char *ret, size_t size)
{
        const char *host = strstr(api_url, "://");

        if (!host)
                return false;
        host += 3;
        return *host && str_copy_n(ret, size, api_url, (size_t)(host - api_url) + strcspn(host, "/"));
}

int client_new(Client **ret, const ClientOptions *options)
{
        _cleanup_(client_freep) Client *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->o = *options;
        if (!options->url)
                (void)STR_SET(c->base, "http://localhost"); /* the socket decides */
        else if (!strstr(options->url, "://"))
                snprintf(c->base, sizeof c->base, "http://%.*s", (int)strcspn(options->url, "/"),
                         options->url);
        else if (!url_base(options->url, c->base, sizeof c->base))
                return -EINVAL;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return -ENOMEM;
        c->easy = curl_easy_init();
        c->multi = curl_multi_init();
        if (!c->easy || !c->multi)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

Client *client_free(Client *c)
{
        if (c) {
                if (c->easy)
                        curl_easy_cleanup(c->easy);
                if (c->multi)
                        curl_multi_cleanup(c->multi);
                curl_global_cleanup();
                free(c);
        }
        return NULL;
}

const char *client_name(const Client *c)
{
        return c->o.url ? c->base : c->o.socket;
}

/* ---- one call ---- */

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        Reply *r = userdata;
        char *body;

        size *= n;
        if (size > BODY_MAX - r->size)
                return 0; /* ends the transfer */
        body = realloc(r->body, r->size + size + 1);
        if (!body)
                return 0;
        memcpy(body + r->size, data, size);
        r->body = body;
        r->size += size;
        body[r->size] = 0;
        return size;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
        static const char name[] = "Server: ";
        Reply *r = userdata;

        size *= n;
        if (size > sizeof name - 1 && strncasecmp(data, name, sizeof name - 1) == 0) {
                size_t from = sizeof name - 1, end = from;
                while (end < size && data[end] != '\r' && data[end] != '\n')
                        end++;
                (void)str_copy_n(r->server, sizeof r->server, data + from, end - from);
        }
        return size;
}

static void set_tls(const Client *c)
{
        CURL *e = c->easy;

        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, c->o.insecure ? 0L : 1L);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, c->o.insecure ? 0L : 2L);
        if (c->o.cacert)
                curl_easy_setopt(e, CURLOPT_CAINFO, c->o.cacert);
        if (c->o.cert)
                curl_easy_setopt(e, CURLOPT_SSLCERT, c->o.cert);
        if (c->o.key)
                curl_easy_setopt(e, CURLOPT_SSLKEY, c->o.key);
        if (c->o.key_password)
                curl_easy_setopt(e, CURLOPT_KEYPASSWD, c->o.key_password);
}

static void set_call(const Client *c, const Call *call, const char *url, struct curl_slist *headers,
                     Reply *r)
{
        CURL *e = c->easy;
        bool local = !call->base && !c->o.url;

        curl_easy_reset(e);
        curl_easy_setopt(e, CURLOPT_URL, url);
        curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(e, CURLOPT_USERAGENT, "palisadectl/" PACKAGE_VERSION);
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MSEC);
        curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                         (long)((call->timeout ? call->timeout : TIMEOUT) / USEC_PER_MSEC));
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method ? call->method : "GET");
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
        curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
        curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
        if (call->body)
                curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
        if (local) {
                curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->o.socket);
        } else {
                set_tls(c);
                if (c->o.user) {
                        curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                        curl_easy_setopt(e, CURLOPT_USERPWD, c->o.user);
                }
        }
}

static CURLcode perform(const Client *c, const Call *call)
{
        int running = 1, left;
        CURLcode code = CURLE_OK;

        if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
                return CURLE_OUT_OF_MEMORY;
        while (running) {
                if (curl_multi_perform(c->multi, &running) != CURLM_OK)
                        break;
                if (running && curl_multi_poll(c->multi, NULL, 0, TICK_MSEC, NULL) != CURLM_OK)
                        break;
                if (running && call->tick)
                        call->tick(call->userdata);
        }
        for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));)
                if (m->msg == CURLMSG_DONE)
                        code = m->data.result;
        curl_multi_remove_handle(c->multi, c->easy);
        return code;
}

/* curl speaks of "localhost port 80" where there is but a socket. */
static void say_why_not(const Client *c, const Call *call, CURLcode code, Reply *r)
{
        long number = 0;

        if (code != CURLE_COULDNT_CONNECT || call->base || c->o.url) {
                if (!r->error[0])
                        (void)STR_SET(r->error, curl_easy_strerror(code));
                return;
        }
        curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &number);
        snprintf(r->error, sizeof r->error, "%s%s", number ? strerror((int)number) : "no connection",
                 number == EACCES         ? " (operators are in group palisade)"
                 : number == ECONNREFUSED ? " (palisade-apid does not run)"
                                          : "");
}

int client_call(Client *c, const Call *call, Reply *ret)
{
        char url[1024];
        struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
        long status = 0;
        CURLcode code;

        *ret = (Reply){ .body = strdup("") };
        snprintf(url, sizeof url, "%s%s", call->base ? call->base : c->base, call->path);
        if (call->body)
                headers = curl_slist_append(headers, "Content-Type: application/json");
        set_call(c, call, url, headers, ret);
        code = perform(c, call);
        if (code == CURLE_OK)
                curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        else
                say_why_not(c, call, code, ret);
        curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, NULL);
        curl_slist_free_all(headers);
        ret->status = (unsigned)status;
        if (code == CURLE_OPERATION_TIMEDOUT)
                return -ETIMEDOUT;
        return code == CURLE_OK && ret->body ? 0 : -EIO;
}

void reply_done(Reply *r)
{
        free(r->body);
        *r = (Reply){ 0 };
}

Node *reply_node(const Reply *r)
{
        Node *n = NULL;

        if (!r->body || json_parse(r->body, r->size, false, &n, NULL) < 0)
                return NULL;
        return n;
}
