/*
 * errors: what etcd's refusals mean for us (PATRONI-SPEC §1.3, FEATURES A13).
 *
 * Pure. An error body is {"error":…,"code":N,"message":…}, or in a stream
 * {"error":{"grpc_code"|"code":N,"http_code":N,"message":…}}. The text decides where it is known,
 * because codes are shared by many; then the code; then the HTTP status.
 */
#pragma once

#include <stdbool.h>

#include "base/table.h"
#include "config/tree.h"

typedef enum EtcdError {
        ETCD_OK = 0,
        ETCD_UNSENT,      /* nobody could be asked: nothing has happened */
        ETCD_LOST,        /* no answer, a broken one, or not in time: it may have happened */
        ETCD_UNAVAILABLE, /* this endpoint cannot serve now: another may; it may have happened */
        ETCD_STALE,       /* this endpoint is behind what others have said (raft_term) */
        ETCD_LEASE_GONE,
        ETCD_NEEDS_LOGIN, /* the token is missing, invalid or too old: log in and ask again */
        ETCD_BAD_LOGIN,   /* name or password is wrong: a person must act */
        ETCD_NO_LOGIN,    /* authentication is not enabled: go on without a token */
        ETCD_COMPACTED,   /* a watch began too far back */
        ETCD_NO_SUCH_PATH, /* 404 without etcd's words: another API version, or no etcd */
        ETCD_REFUSED,     /* any other answer: asking elsewhere would not help */
        ETCD_ERROR_MAX,
} EtcdError;
DECLARE_NAMES(etcd_error, EtcdError)

/*
 * doc: the first JSON document of the answer; NULL: none. *ret_text is one line for a person,
 * part of doc or static. ETCD_OK: it is no error.
 */
EtcdError etcd_error_read(const Node *doc, int http, const char **ret_text);

/* The same request may succeed at another endpoint. */
bool etcd_error_is_local(EtcdError e);

/* A write that ended so has certainly not happened. */
bool etcd_error_is_harmless(EtcdError e);
