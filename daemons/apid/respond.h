/*
 * respond: an Answer as libmicrohttpd's response, with the headers every response has.
 */
#pragma once

#include "apid/apid.h"
#include "apid/answer.h"

/* Takes the answer's body. */
enum MHD_Result respond(Apid *a, struct MHD_Connection *c, Answer *answer);

/* A health check: the node's JSON (body) or nothing, from the memos. */
enum MHD_Result respond_check(Apid *a, struct MHD_Connection *c, unsigned status, bool body,
                              const View *v);

void respond_forget(Apid *a);
