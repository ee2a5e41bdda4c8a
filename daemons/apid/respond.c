#include <stdlib.h>

#include "apid/node-json.h"
#include "apid/respond.h"

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
        (void)MHD_add_response_header(r, name, value); /* a name that is none is left out */
}

static void add_headers(const Apid *a, struct MHD_Response *r, const char *type, bool secure)
{
        const Node *more = secure ? a->setup->https_headers : a->setup->headers;

        add_header(r, MHD_HTTP_HEADER_SERVER, a->setup->server_header);
        if (type)
                add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        NODE_FOREACH(n, more)
                if (n->key && n->text)
                        add_header(r, n->key, n->text);
}

static bool is_secure(struct MHD_Connection *c)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);

        return info && info->tls_session;
}

/* Takes body. */
static struct MHD_Response *make_response(char *body, size_t size)
{
        struct MHD_Response *r = MHD_create_response_from_buffer(
                size, body ? body : (char[]){ "" },
                body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);

        if (!r)
                free(body);
        return r;
}

enum MHD_Result respond(Apid *a, struct MHD_Connection *c, Answer *answer)
{
        struct MHD_Response *r = make_response(TAKE_PTR(answer->body), answer->size);

        if (!r)
                return MHD_NO; /* out of memory: the connection is closed */
        add_headers(a, r, answer->type, is_secure(c));
        if (answer->authenticate)
                add_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, answer->authenticate);
        enum MHD_Result done = MHD_queue_response(c, answer->status, r);
        MHD_destroy_response(r);
        return done;
}

static void forget(Memo *m)
{
        if (m->response)
                MHD_destroy_response(m->response); /* those under way keep it */
        *m = (Memo){ 0 };
}

static struct MHD_Response *recall(Apid *a, Memo *m, const View *v, bool body, bool secure)
{
        NodeFacts f = node_facts(v);
        bool permitted = right_runs(&v->right, v->now);

        if (m->response && m->generation == a->generation && m->permitted == permitted &&
            m->cluster_valid == f.cluster_valid)
                return m->response;
        forget(m);
        Answer made = body ? answer_body(200, type_json, node_json(v)) : answer_empty(200);
        *m = (Memo){ .response = make_response(made.body, made.size), .generation = a->generation,
                     .permitted = permitted, .cluster_valid = f.cluster_valid };
        if (m->response)
                add_headers(a, m->response, made.type, secure);
        return m->response;
}

enum MHD_Result respond_check(Apid *a, struct MHD_Connection *c, unsigned status, bool body,
                              const View *v)
{
        bool secure = is_secure(c);
        struct MHD_Response *r = recall(a, body ? &a->node[secure] : &a->empty[secure], v, body,
                                        secure);

        return r ? MHD_queue_response(c, status, r) : MHD_NO;
}

void respond_forget(Apid *a)
{
        for (size_t i = 0; i < ELEMENTSOF(a->node); i++) {
                forget(&a->node[i]);
                forget(&a->empty[i]);
        }
}
