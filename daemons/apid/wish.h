/*
 * Wish: what an HTTP request wants of the mind, made from its body and from what is known.
 *
 * Pure. Each maker answers with status 0 when the wish is whole, else with what to tell the client.
 * Only what the mind cannot see is checked here: words, timestamps, the document of a PATCH; the
 * rest of Patroni's checks are the mind's (lib/decide/switchover.h), in Patroni's order.
 */
#pragma once

#include "apid/answer.h"
#include "apid/view.h"

typedef struct Wish {
        char *blob; /* owned; CONFIG: the whole new document; FAILSAFE: a StatusKey, its slots alone */
        char *done; /* owned; JSON to answer with when it is done; NULL: the mind's words */
        MsgRequest request; /* header and blob are put there by who sends it; last, it may grow */
} Wish;

Answer wish_switchover(const View *v, bool failover, const Node *body, Wish *ret);

/*
 * The body merged into the document that is in the DCS, to be written if that is still the same. One
 * that ends a pause becomes a RESUME: force does not wait for members that cannot be seen.
 */
Answer wish_patch_config(const View *v, const Node *body, bool force, Wish *ret);

/* The body in place of whatever is there. */
Answer wish_put_config(const View *v, const Node *body, bool force, Wish *ret);

/* Of the local server; body: the conditions and the time, or NULL. */
Answer wish_reinitialize(const Node *body, Wish *ret);
Answer wish_restart(const Node *body, Wish *ret);
Answer wish_reinitialize(const Node *body, Wish *ret);

/* A leader asks for this node's promise. */
Answer wish_failsafe(const View *v, const Node *body, Wish *ret);

/* What to answer once the mind has answered. Text: its own, and without any the status's page. */
Answer wish_finish(Wish *w, const MsgResult *result);

void wish_done(Wish *w);
