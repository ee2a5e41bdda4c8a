/* version: which gateway an etcd has, by what its GET /version says (PATRONI-SPEC §1.3). Pure. */
#pragma once

#include <stdbool.h>

/*
 * "/v3" from cluster version 3.4 on, before that "/v3beta" and "/v3alpha". NULL: it will not do, and
 * *ret_why says why. with_login: a name and a password are configured.
 */
const char *version_api(const char *server, const char *cluster, bool with_login, const char **ret_why);
