#include <stddef.h>

#include "dcsd/reply.h"
#include "dcsd/version.h"

const char *version_api(const char *server, const char *cluster, bool with_login, const char **ret_why)
{
        unsigned s = reply_version_number(server), c = reply_version_number(cluster);

        *ret_why = NULL;
        if (s == 0)
                *ret_why = "this is not etcd: /version answers no version";
        else if (c == 0)
                *ret_why = "this etcd's cluster has not settled on its version yet";
        else if (s < 30100 || c < 30100)
                *ret_why = "this etcd is too old: 3.1 at least is needed, which can watch";
        else if (with_login && c < 30300)
                *ret_why = "this etcd is too old for a user name and password by HTTP: 3.3 at least is needed";
        if (*ret_why)
                return NULL;
        return c < 30300 ? "/v3alpha" : c < 30400 ? "/v3beta" : "/v3";
}
