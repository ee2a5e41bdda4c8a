#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "dcsd/errors.h"

static const char *const etcd_error_names[ETCD_ERROR_MAX] = {
        [ETCD_OK] = "ok",
        [ETCD_UNSENT] = "unsent",
        [ETCD_LOST] = "lost",
        [ETCD_UNAVAILABLE] = "unavailable",
        [ETCD_STALE] = "stale",
        [ETCD_LEASE_GONE] = "lease gone",
        [ETCD_NEEDS_LOGIN] = "needs login",
        [ETCD_BAD_LOGIN] = "bad login",
        [ETCD_NO_LOGIN] = "no login",
        [ETCD_COMPACTED] = "compacted",
        [ETCD_NO_SUCH_PATH] = "no such path",
        [ETCD_REFUSED] = "refused",
};
DEFINE_NAMES(etcd_error, EtcdError, ETCD_ERROR_MAX)

/* Parts of messages, since gateways put words of their own before and behind. */
static const struct {
        const char *part;
        EtcdError means;
} by_text[] = {
        { "requested lease not found", ETCD_LEASE_GONE },
        { "user name is empty", ETCD_NEEDS_LOGIN },
        { "invalid auth token", ETCD_NEEDS_LOGIN },
        { "revision of auth store is old", ETCD_NEEDS_LOGIN },
        { "permission denied", ETCD_NEEDS_LOGIN }, /* also of a token whose user was changed */
        { "authentication failed, invalid user ID or password", ETCD_BAD_LOGIN },
        { "authentication is not enabled", ETCD_NO_LOGIN },
        { "required revision has been compacted", ETCD_COMPACTED },
        { "not a primary lessor", ETCD_UNAVAILABLE },
        { "no leader", ETCD_UNAVAILABLE },
        { "not leader", ETCD_UNAVAILABLE },
        { "leader changed", ETCD_UNAVAILABLE },
        { "request timed out", ETCD_UNAVAILABLE },
        { "server stopped", ETCD_UNAVAILABLE },
        { "too many requests", ETCD_UNAVAILABLE },
        { "unhealthy cluster", ETCD_UNAVAILABLE },
};

/* gRPC codes. */
static const EtcdError by_code[] = {
        [1] = ETCD_UNAVAILABLE,  /* Canceled: the server gave it up */
        [2] = ETCD_REFUSED,      /* Unknown */
        [4] = ETCD_UNAVAILABLE,  /* DeadlineExceeded */
        [8] = ETCD_UNAVAILABLE,  /* ResourceExhausted */
        [9] = ETCD_UNAVAILABLE,  /* FailedPrecondition */
        [11] = ETCD_COMPACTED,   /* OutOfRange */
        [13] = ETCD_UNAVAILABLE, /* Internal */
        [14] = ETCD_UNAVAILABLE, /* Unavailable */
        [16] = ETCD_NEEDS_LOGIN, /* Unauthenticated */
};

static EtcdError read_status(int http, const char **ret_text)
{
        if (http == 404) {
                *ret_text = "no etcd v3 API at this address (HTTP 404)";
                return ETCD_NO_SUCH_PATH;
        }
        if (http >= 500) {
                *ret_text = "the server failed (HTTP 5xx)";
                return ETCD_UNAVAILABLE;
        }
        *ret_text = "the server refused (HTTP 4xx)";
        return ETCD_REFUSED;
}

static EtcdError read_message(const char *message, int64_t code, int http, const char **ret_text)
{
        if (message && *message)
                *ret_text = message;
        for (size_t i = 0; message && i < ELEMENTSOF(by_text); i++)
                if (strstr(message, by_text[i].part))
                        return by_text[i].means;
        if (code > 0 && (size_t)code < ELEMENTSOF(by_code) && by_code[code] != ETCD_OK)
                return by_code[code];
        return http >= 500 ? ETCD_UNAVAILABLE : ETCD_REFUSED;
}

EtcdError etcd_error_read(const Node *doc, int http, const char **ret_text)
{
        const Node *error = node_get(doc, "error");
        bool bad_status = http != 0 && (http < 200 || http > 299);

        *ret_text = "an answer without a reason";
        if (!error && !(bad_status && node_get(doc, "message")))
                return bad_status ? read_status(http, ret_text) : ETCD_OK;

        const Node *body = error && error->kind == NODE_MAP ? error : doc;
        const char *message = node_get_text(body, "message");
        if (!message)
                message = node_get_text(body, "error");
        int64_t code = node_get_int(body, "code", node_get_int(body, "grpc_code", 0));
        return read_message(message, code, http, ret_text);
}

bool etcd_error_is_local(EtcdError e)
{
        return e == ETCD_UNSENT || e == ETCD_LOST || e == ETCD_UNAVAILABLE || e == ETCD_STALE ||
               e == ETCD_NO_SUCH_PATH;
}

bool etcd_error_is_harmless(EtcdError e)
{
        return e != ETCD_OK && e != ETCD_LOST && e != ETCD_UNAVAILABLE && e != ETCD_STALE;
}
