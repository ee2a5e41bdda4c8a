#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/str.h"
#include "dcsd/http.h"
#include "io/fdutil.h"
#include "io/log.h"

#define SPARE_HANDLES 2
#define CONNECTIONS_MAX 8L
#define FIRST_ROOM 2048

struct HttpRequest {
        HttpRequest *next;
        Http *lane;
        CURL *easy;
        struct curl_slist *headers;
        usec_t deadline;
        http_stream_t stream;
        http_done_t done;
        void *userdata;
        char *data;
        size_t size, room, most;
        bool too_big;
        bool fresh; /* a stream has bytes that were not offered yet */
        char error[CURL_ERROR_SIZE];
};

struct Http {
        sd_event *event;
        CURLM *multi;
        sd_event_source *curl_timer;
        Timer deadline;
        HttpRequest *requests;
        CURL *spare[SPARE_HANDLES];
        HttpTcp tcp;
        char name[16];
};

int http_library_init(void)
{
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -EIO;
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
        return info->features & CURL_VERSION_ASYNCHDNS ? 0 : -ENOTSUP;
}

void http_library_done(void)
{
        curl_global_cleanup();
}

/* ---- ends ---- */

static void unlink_request(HttpRequest *r)
{
        for (HttpRequest **at = &r->lane->requests; *at; at = &(*at)->next)
                if (*at == r) {
                        *at = r->next;
                        return;
                }
}

static void give_back(Http *h, CURL *easy)
{
        for (size_t i = 0; i < SPARE_HANDLES; i++)
                if (!h->spare[i]) {
                        curl_easy_reset(easy); /* its TLS sessions stay for the next one */
                        h->spare[i] = easy;
                        return;
                }
        curl_easy_cleanup(easy);
}

static void request_free(HttpRequest *r)
{
        curl_slist_free_all(r->headers);
        free(r->data);
        free(r);
}

static void set_deadline_timer(Http *h)
{
        usec_t first = USEC_INFINITY;

        for (const HttpRequest *r = h->requests; r; r = r->next)
                first = MIN(first, r->deadline);
        if (first != h->deadline.due)
                timer_set(&h->deadline, first);
}

/* Out of curl's hands and off the list; whoever calls this frees it. */
static void detach(HttpRequest *r)
{
        unlink_request(r);
        (void)curl_multi_remove_handle(r->lane->multi, r->easy); /* fails only if it is not there */
        give_back(r->lane, r->easy);
        r->easy = NULL;
        set_deadline_timer(r->lane);
}

static void finish(HttpRequest *r, int error, const char *text)
{
        HttpAnswer a = { .error = error, .body = r->data ? r->data : "", .size = r->size,
                         .text = text };

        (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &a.status); /* 0: none came */
        detach(r);
        r->done(&a, r->userdata);
        request_free(r);
}

/* Nothing of the request has left: whatever it would have changed has not happened. */
static bool is_unsent(const HttpRequest *r)
{
        long sent = 0;

        return curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent == 0;
}

static void finish_by_curl(HttpRequest *r, CURLcode code)
{
        const char *text = r->error[0] ? r->error : curl_easy_strerror(code);

        if (code == CURLE_OK)
                finish(r, 0, "");
        else if (r->too_big)
                finish(r, -EFBIG, "the answer is too large");
        else
                finish(r, is_unsent(r) ? -ECONNREFUSED : -EIO, text);
}

HttpRequest *http_cancel(HttpRequest *r)
{
        if (r) {
                detach(r);
                request_free(r);
        }
        return NULL;
}

/* ---- what came ---- */

/* 1: it went on, 0: nothing to offer. The request may be gone afterwards. */
static int offer_stream(HttpRequest *r)
{
        r->fresh = false;
        if (!r->stream)
                return 0;
        ssize_t taken = r->stream(r->data, r->size, r->userdata);
        if (taken < 0) {
                finish(r, (int)taken, "the stream makes no sense");
                return 1;
        }
        r->size -= (size_t)taken;
        memmove(r->data, r->data + taken, r->size + 1);
        return 1;
}

/* Callbacks may start and cancel whatever they like: each round begins at the front. */
static void offer_streams(Http *h)
{
        HttpRequest *r;

        do {
                for (r = h->requests; r && !r->fresh; r = r->next)
                        ;
                if (r)
                        (void)offer_stream(r); /* either way there is nothing fresh in it now */
        } while (r);
}

static void drain(Http *h)
{
        CURLMsg *m;
        int left;

        offer_streams(h);
        while ((m = curl_multi_info_read(h->multi, &left))) {
                HttpRequest *r = NULL;
                if (m->msg != CURLMSG_DONE)
                        continue;
                CURLcode code = m->data.result;
                (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
                if (r)
                        finish_by_curl(r, code);
        }
}

static void act(Http *h, curl_socket_t fd, int what)
{
        int running;
        CURLMcode m = curl_multi_socket_action(h->multi, fd, what, &running);

        if (m != CURLM_OK)
                log_error("libcurl refuses to go on: %s", curl_multi_strerror(m));
        drain(h);
}

static bool make_room(HttpRequest *r, size_t n)
{
        size_t need = r->size + n + 1;

        if (need <= r->room)
                return true;
        size_t room = MAX(need * 2, (size_t)FIRST_ROOM);
        char *data = realloc(r->data, room);
        if (!data)
                return false;
        r->data = data;
        r->room = room;
        return true;
}

/* curl's write callback; inside curl, so it only keeps the bytes. */
static size_t on_data(char *bytes, size_t size, size_t n, void *userdata)
{
        HttpRequest *r = userdata;

        n *= size;
        if (r->size + n > r->most) {
                r->too_big = true;
                return 0;
        }
        if (!make_room(r, n))
                return 0;
        memcpy(r->data + r->size, bytes, n);
        r->size += n;
        r->data[r->size] = 0;
        r->fresh = r->stream != NULL;
        return n;
}

/* ---- the loop ---- */

static int on_socket_event(sd_event_source *s _unused_, int fd, uint32_t events, void *userdata)
{
        int what = 0;

        what |= events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0;
        what |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
        what |= events & EPOLLERR ? CURL_CSELECT_ERR : 0;
        act(userdata, fd, what);
        return 0;
}

static uint32_t epoll_events(int what)
{
        switch (what) {
        case CURL_POLL_IN: return EPOLLIN;
        case CURL_POLL_OUT: return EPOLLOUT;
        case CURL_POLL_INOUT: return EPOLLIN | EPOLLOUT;
        default: return 0;
        }
}

static int on_socket(CURL *easy _unused_, curl_socket_t fd, int what, void *userdata, void *kept)
{
        Http *h = userdata;
        sd_event_source *source = kept;

        if (what == CURL_POLL_REMOVE) {
                sd_event_source_disable_unref(source);
                (void)curl_multi_assign(h->multi, fd, NULL); /* fails only for a socket unknown */
                return 0;
        }
        if (source)
                return sd_event_source_set_io_events(source, epoll_events(what)) < 0 ? -1 : 0;
        int r = sd_event_add_io(h->event, &source, fd, epoll_events(what), on_socket_event, h);
        if (r < 0) {
                log_error_errno(r, "Cannot watch a connection: %m");
                return -1;
        }
        (void)sd_event_source_set_description(source, h->name); /* only for debugging */
        (void)curl_multi_assign(h->multi, fd, source);
        return 0;
}

static int on_curl_timer(sd_event_source *s _unused_, uint64_t due _unused_, void *userdata)
{
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

static int on_timer_wanted(CURLM *multi _unused_, long timeout_ms, void *userdata)
{
        Http *h = userdata;
        int r;

        if (timeout_ms < 0) {
                r = sd_event_source_set_enabled(h->curl_timer, SD_EVENT_OFF);
                return r < 0 ? -1 : 0;
        }
        r = sd_event_source_set_time(h->curl_timer,
                                     now_boottime() + (usec_t)timeout_ms * USEC_PER_MSEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->curl_timer, SD_EVENT_ONESHOT);
        return r < 0 ? -1 : 0;
}

static void on_deadline(Timer *t _unused_, usec_t now, void *userdata)
{
        Http *h = userdata;
        HttpRequest *r;

        do {
                for (r = h->requests; r && r->deadline > now; r = r->next)
                        ;
                if (r)
                        finish(r, is_unsent(r) ? -ECONNREFUSED : -ETIMEDOUT, "no answer in time");
        } while (r);
        set_deadline_timer(h);
}

/* ---- setting up ---- */

static void set_int_option(int fd, int level, int option, usec_t value)
{
        int v = (int)MIN(value, (usec_t)INT32_MAX);

        if (v > 0) /* a kernel that refuses one leaves its own value: slower, not wrong */
                (void)setsockopt(fd, level, option, &v, sizeof v);
}

static int on_new_socket(void *userdata, curl_socket_t fd, curlsocktype purpose _unused_)
{
        const HttpTcp *tcp = &((Http *)userdata)->tcp;

        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* this program executes nothing anyway */
        if (tcp->idle != 0) {
                set_int_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
                set_int_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, MAX(tcp->idle / USEC_PER_SEC, 1u));
                set_int_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, MAX(tcp->probe / USEC_PER_SEC, 1u));
                set_int_option(fd, IPPROTO_TCP, TCP_KEEPCNT, tcp->probes);
        }
        set_int_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, tcp->user_timeout / USEC_PER_MSEC);
        return CURL_SOCKOPT_OK;
}

static void set_tls(CURL *easy, const HttpTls *tls)
{
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->verify_host ? 2L : 0L);
        if (!tls->verify || tls->cacert) { /* else the system's bundle, which is large */
                (void)curl_easy_setopt(easy, CURLOPT_CAINFO, tls->verify ? tls->cacert : NULL);
                (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        }
#if LIBCURL_VERSION_NUM >= 0x075700
        (void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a renewed file counts */
#endif
        if (tls->cert)
                (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert);
        if (tls->key)
                (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
        if (tls->key_password)
                (void)curl_easy_setopt(easy, CURLOPT_KEYPASSWD, tls->key_password);
}

static void set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

/* Options cannot fail but for want of memory, which curl tells again when the request runs. */
static int set_options(HttpRequest *r, const HttpWant *want)
{
        CURL *easy = r->easy;
        CURLcode c = curl_easy_setopt(easy, CURLOPT_URL, want->url);

        (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
        (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->error);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
        (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
        (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, r->lane);
        (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* nor what the environment says */
        (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "palisade/" PACKAGE_VERSION);
        set_protocols(easy);
        if (want->tls)
                set_tls(easy, want->tls);
        if (want->login) {
                (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
                (void)curl_easy_setopt(easy, CURLOPT_USERPWD, want->login);
        }
        if (want->body && c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, want->body);
        for (size_t i = 0; i < ELEMENTSOF(want->headers) && want->headers[i]; i++) {
                struct curl_slist *longer = curl_slist_append(r->headers, want->headers[i]);
                if (!longer)
                        return -ENOMEM;
                r->headers = longer;
        }
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
        return c == CURLE_OK ? 0 : -ENOMEM;
}

static CURL *take_handle(Http *h)
{
        for (size_t i = 0; i < SPARE_HANDLES; i++)
                if (h->spare[i])
                        return TAKE_PTR(h->spare[i]);
        return curl_easy_init();
}

int http_start(Http *h, HttpRequest **ret, const HttpWant *want)
{
        HttpRequest *r = calloc(1, sizeof *r);
        CURL *easy = take_handle(h);

        if (!r || !easy) {
                free(r);
                curl_easy_cleanup(easy);
                return -ENOMEM;
        }
        *r = (HttpRequest){ .lane = h, .easy = easy, .deadline = want->deadline,
                            .stream = want->stream, .done = want->done,
                            .userdata = want->userdata, .most = want->most };
        int result = set_options(r, want);
        if (result >= 0 && curl_multi_add_handle(h->multi, easy) != CURLM_OK)
                result = -EIO;
        if (result < 0) {
                curl_easy_cleanup(easy);
                request_free(r);
                return result;
        }
        r->next = h->requests;
        h->requests = r;
        set_deadline_timer(h);
        *ret = r;
        return 0;
}

void http_set_deadline(HttpRequest *r, usec_t deadline)
{
        r->deadline = deadline;
        set_deadline_timer(r->lane);
}

void http_set_tcp(Http *h, const HttpTcp *tcp)
{
        h->tcp = *tcp;
}

int http_new(Http **ret, sd_event *e, const char *name, Stall *stall)
{
        _cleanup_(http_freep) Http *h = calloc(1, sizeof *h);

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(e);
        (void)STR_SET(h->name, name); /* only for debugging */
        int r = timer_init(&h->deadline, e, "deadline", stall, on_deadline, h);
        if (r < 0)
                return r;
        r = sd_event_add_time(e, &h->curl_timer, CLOCK_BOOTTIME, 0, 1, on_curl_timer, h);
        if (r < 0)
                return r;
        (void)sd_event_source_set_enabled(h->curl_timer, SD_EVENT_OFF); /* until curl wants it */
        h->multi = curl_multi_init();
        if (!h->multi)
                return -ENOMEM;
        (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
        (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
        (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
        (void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
        *ret = TAKE_PTR(h);
        return 0;
}

Http *http_free(Http *h)
{
        if (h) {
                while (h->requests)
                        (void)http_cancel(h->requests);
                for (size_t i = 0; i < SPARE_HANDLES; i++)
                        curl_easy_cleanup(h->spare[i]);
                curl_multi_cleanup(h->multi);
                timer_done(&h->deadline);
                h->curl_timer = sd_event_source_disable_unref(h->curl_timer);
                sd_event_unref(h->event);
                free(h);
        }
        return NULL;
}
