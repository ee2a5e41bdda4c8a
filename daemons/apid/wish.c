#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/cluster-json.h"
#include "apid/wish.h"
#include "base/str.h"
#include "config/json.h"
#include "config/schema.h"
#include "config/slots-node.h"

/* Room for the structs a document travels behind, in the packets of all hands. */
#define BLOB_MAX (WIRE_PACKET_MAX - 4096)
#define TTL_MOST (86400 * USEC_PER_SEC) /* as in the configuration */

/* ---- switchover and failover ---- */

/* "member" is what "candidate" was called once. */
static const char *body_text(const Node *body, const char *key, const char *old_key)
{
        const Node *n = node_get(body, key);

        if ((!n || !n->text || !*n->text) && old_key)
                n = node_get(body, old_key);
        return n && n->kind != NODE_NULL && n->text ? n->text : "";
}

static Answer read_schedule(const char *text, const char *what, usec_t *ret)
{
        int r = usec_parse_iso(text, ret);

        if (r < 0)
                return answer_text(422, "Unable to parse scheduled timestamp. It should be in an "
                                        "unambiguous format, e.g. ISO 8601");
        if (r > 0)
                return answer_text(400, "Timezone information is mandatory for the scheduled %s", what);
        return (Answer){ 0 };
}

Answer wish_switchover(const View *v, bool failover, const Node *body, Wish *ret)
{
        const char *leader = body_text(body, "leader", NULL);
        const char *candidate = body_text(body, "candidate", "member");
        const char *scheduled = body_text(body, "scheduled_at", NULL);
        MsgRequest *m = &ret->request;

        m->kind = failover ? REQUEST_FAILOVER : REQUEST_SWITCHOVER;
        if (!STR_SET(m->leader, leader) || !STR_SET(m->candidate, candidate))
                return answer_text(400, "a member's name has at most %d bytes", NAME_SIZE - 1);
        if (!*scheduled)
                return (Answer){ 0 };

        /* Whoever may not schedule at all is told so, by the mind, before his timestamp is read. */
        m->scheduled_wall_usec = 1;
        if (!*leader || (failover && !*candidate) || view_settings(v).pause)
                return (Answer){ 0 };
        return read_schedule(scheduled, "switchover", &m->scheduled_wall_usec);
}

/* ---- configuration ---- */

static void collect(const Problem *p, void *userdata)
{
        if (p->severity == PROBLEM_ERROR)
                fprintf(userdata, "%s\n", p->text);
}

/* Status 0, or 400 with one line for each value that cannot be. */
static Answer check_document(const Node *n)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return answer_empty(503);
        unsigned errors = schema_check_dynamic(n, collect, f);
        if (fclose(f) != 0 || errors > 0)
                return answer_body(400, type_text, text);
        free(text);
        return (Answer){ 0 };
}

static Answer take_document(const View *v, const Node *document, bool force, Wish *ret)
{
        ret->blob = json_format(document, JSON_COMPACT);
        ret->done = json_format(document, JSON_SPACED);
        if (!ret->blob || !ret->done)
                return answer_empty(503);
        size_t size = strlen(ret->blob);
        if (size > BLOB_MAX)
                return answer_page(413, NULL);
        bool resumes = view_settings(v).pause && !node_get_bool(document, "pause", false);
        bool adjusted;
        ret->request.timing = settings_read(document, &adjusted).timing;
        ret->request.kind = resumes ? REQUEST_RESUME : REQUEST_CONFIG;
        ret->request.force = force;
        ret->request.blob_size = (uint32_t)size;
        return (Answer){ 0 };
}

Answer wish_patch_config(const View *v, const Node *body, bool force, Wish *ret)
{
        const ConfigKey *key = v->cluster ? &v->cluster->cluster.config : NULL;
        _cleanup_(node_freep) Node *document = key ? blob_node(v->cluster, key->raw) : NULL;
        bool changed = false;

        if (!document || document->kind != NODE_MAP)
                return answer_page(503, NULL);
        Answer answer = check_document(body);
        if (answer.status != 0)
                return answer;
        if (node_patch(document, body, &changed) < 0)
                return answer_empty(503);
        if (!changed)
                return answer_body(200, type_json, json_format(document, JSON_SPACED));
        ret->request.revision = key->mod_revision;
        return take_document(v, document, force, ret);
}

Answer wish_put_config(const View *v, const Node *body, bool force, Wish *ret)
{
        Answer answer = check_document(body);

        if (answer.status != 0)
                return answer;
        ret->request.revision = RECORD_ANY_REVISION;
        return take_document(v, body, force, ret);
}

/* ---- restart ---- */

static Answer read_version(const char *text, RestartAsk *ret)
{
        int r = restart_parse_version(text, &ret->below_version);

        if (r == -ERANGE)
                return answer_text(400, "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: %s",
                                   text);
        if (r < 0 || !STR_SET(ret->version_text, text))
                return answer_text(400, "Invalid PostgreSQL version: %s", text);
        return (Answer){ 0 };
}

static Answer read_filter(const Node *filter, RestartAsk *ret)
{
        const char *text = filter->text && filter->kind != NODE_NULL ? filter->text : "";
        uint64_t timeout;

        if (str_equal(filter->key, "schedule"))
                return *text ? read_schedule(text, "restart", &ret->scheduled_wall_usec)
                             : (Answer){ 0 };
        if (str_equal(filter->key, "role")) {
                ret->role = role_parse(text);
                if (ret->role != ROLE_PRIMARY && ret->role != ROLE_STANDBY_LEADER &&
                    ret->role != ROLE_REPLICA)
                        return answer_text(400, "PostgreSQL role should be either primary, "
                                                "standby_leader, or replica");
        } else if (str_equal(filter->key, "postgres_version")) {
                return read_version(text, ret);
        } else if (str_equal(filter->key, "timeout")) {
                if (str_to_usec(text, USEC_PER_SEC, &timeout) < 0 || timeout < USEC_PER_SEC ||
                    timeout / USEC_PER_SEC > INT32_MAX)
                        return answer_text(400, "Timeout should be a positive number of seconds");
                ret->timeout_sec = (uint32_t)(timeout / USEC_PER_SEC);
        } else if (str_equal(filter->key, "restart_pending")) {
                bool pending;
                ret->if_pending = str_to_bool(text, &pending) >= 0 && pending;
        } else {
                return answer_text(400, "Unknown filter for the scheduled restart: %s", filter->key);
        }
        return (Answer){ 0 };
}

Answer wish_restart(const Node *body, Wish *ret)
{
        ret->request.kind = REQUEST_RESTART;
        NODE_FOREACH(filter, body) {
                Answer answer = read_filter(filter, &ret->request.restart);
                if (answer.status != 0)
                        return answer;
        }
        return (Answer){ 0 };
}

/* ---- reinitialize ---- */

Answer wish_reinitialize(const Node *body, Wish *ret)
{
        ret->request.kind = REQUEST_REINITIALIZE;
        ret->request.force = node_get_bool(body, "force", false);
        ret->request.from_leader = node_get_bool(body, "from_leader", false);
        return (Answer){ 0 };
}

/* ---- failsafe ---- */

Answer wish_failsafe(const View *v, const Node *body, Wish *ret)
{
        const char *leader = body_text(body, "name", NULL);

        if (!view_settings(v).failsafe_mode)
                return answer_page(502, NULL);
        if (!*leader || !STR_SET(ret->request.leader, leader))
                return answer_text(400, "\"name\" must be a member's name");
        const char *ttl = body_text(body, "ttl", NULL); /* a Patroni tells none */
        if (*ttl && (str_to_usec(ttl, USEC_PER_SEC, &ret->request.timing.ttl) < 0 ||
                     ret->request.timing.ttl > TTL_MOST))
                return answer_text(400, "\"ttl\" must be a number of seconds, %d at most",
                                   (int)(TTL_MOST / USEC_PER_SEC));
        ret->request.kind = REQUEST_FAILSAFE;
        StatusKey *status = calloc(1, sizeof *status);
        if (!status)
                return answer_empty(503);
        (void)slots_node_read(node_get(body, "slots"), status); /* the rest of them stay where they are */
        ret->blob = (char *)status;
        ret->request.blob_size = sizeof *status;
        return (Answer){ 0 };
}

/* ---- the end ---- */

Answer wish_finish(Wish *w, const MsgResult *result)
{
        unsigned status = result->http ? result->http : result->outcome == OUTCOME_DONE ? 200 : 503;

        if (status < 300 && w->done)
                return answer_body(status, type_json, TAKE_PTR(w->done));
        if (status >= 400 && !result->text[0])
                return answer_page(status, NULL);
        if (status == 409 &&
            (w->request.kind == REQUEST_CONFIG || w->request.kind == REQUEST_RESUME))
                return answer_page(409, NULL); /* as Patroni; the mind's words are in the journal */
        return answer_text(status, "%s", result->text);
}

void wish_done(Wish *w)
{
        free(w->blob);
        free(w->done);
        *w = (Wish){ 0 };
}
