#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "apid/tls.h"
#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"

#define FILE_MAX (1U << 20)
#define DEFAULT_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static int read_text(const char *path, char **ret)
{
        size_t size;
        int r = read_file_at(AT_FDCWD, path, FILE_MAX, ret, &size);

        return r < 0 ? log_error_errno(r, "Cannot read %s: %m", path) : 0;
}

static VerifyClient read_verify(const Config *c)
{
        const char *word = config_text(c, "restapi.verify_client", "none");

        if (str_equal_nocase(word, "required"))
                return VERIFY_REQUIRED;
        return str_equal_nocase(word, "optional") ? VERIFY_OPTIONAL : VERIFY_NONE;
}

/* patroni.yml has OpenSSL's words for ciphers; GnuTLS has its own and may know these or not. */
static char *read_priorities(const Config *c)
{
        const char *words = config_text(c, "restapi.ciphers", NULL);
        gnutls_priority_t parsed;

        if (!words)
                return strdup(DEFAULT_PRIORITIES);
        if (gnutls_priority_init(&parsed, words, NULL) != GNUTLS_E_SUCCESS) {
                log_warning("restapi.ciphers: GnuTLS does not know '%s', its own choice for TLS "
                            "1.2 and 1.3 is used instead; see palisade-apid(8)",
                            words);
                return strdup(DEFAULT_PRIORITIES);
        }
        gnutls_priority_deinit(parsed);
        return strdup(words);
}

int tls_load(Tls **ret, const Config *c)
{
        const char *certfile = config_text(c, "restapi.certfile", NULL);
        const char *cafile = config_text(c, "restapi.cafile", NULL);
        const char *password = config_text(c, "restapi.keyfile_password", NULL);
        _cleanup_(tls_freep) Tls *t = NULL;

        if (!certfile) {
                *ret = NULL;
                return 0;
        }
        t = calloc(1, sizeof *t);
        if (!t)
                return -ENOMEM;
        t->verify = read_verify(c);
        t->priorities = read_priorities(c);
        t->key_password = password ? strdup(password) : NULL;
        if (!t->priorities || (password && !t->key_password))
                return -ENOMEM;
        int r = read_text(certfile, &t->certificate);
        if (r >= 0)
                r = read_text(config_text(c, "restapi.keyfile", certfile), &t->key);
        if (r >= 0 && t->verify != VERIFY_NONE) {
                if (!cafile) {
                        log_error("restapi.verify_client needs restapi.cafile");
                        return -EINVAL;
                }
                r = read_text(cafile, &t->trust);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static void wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

Tls *tls_free(Tls *t)
{
        if (t) {
                wipe(t->certificate);
                wipe(t->key);
                wipe(t->key_password);
                wipe(t->trust);
                free(t->priorities);
                free(t);
        }
        return NULL;
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? str_equal(a, b) : a == b;
}

bool tls_equal(const Tls *a, const Tls *b)
{
        if (!a || !b)
                return a == b;
        return a->verify == b->verify && same_text(a->certificate, b->certificate) &&
               same_text(a->key, b->key) && same_text(a->key_password, b->key_password) &&
               same_text(a->trust, b->trust) && same_text(a->priorities, b->priorities);
}

static int verify_peer(gnutls_session_t session)
{
        unsigned status;

        if (!gnutls_certificate_get_peers(session, NULL))
                return 0; /* none was presented; where one is required the handshake has failed */
        if (gnutls_certificate_verify_peers2(session, &status) < 0 || status != 0)
                return GNUTLS_E_CERTIFICATE_ERROR;
        return 0;
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

        return info ? info->tls_session : NULL;
}

void tls_prepare(VerifyClient verify, struct MHD_Connection *connection)
{
        gnutls_session_t session = session_of(connection);

        if (!session || verify == VERIFY_NONE)
                return;
        gnutls_certificate_server_set_request(
                session, verify == VERIFY_REQUIRED ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(session, verify_peer);
}

bool tls_has_certificate(struct MHD_Connection *connection)
{
        gnutls_session_t session = session_of(connection);

        return session && gnutls_certificate_get_peers(session, NULL) != NULL;
}
