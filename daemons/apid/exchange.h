/*
 * Exchange: one HTTP request that needs more than a look: a body, or the mind.
 *
 * Owns:      its body, its wish, the rows the mind sent for it, its answer.
 * Invariant: a connection is suspended exactly while its exchange waits, and an exchange never
 *            waits beyond its deadline.
 * Threads:   none.
 */
#pragma once

#include "apid/apid.h"

/* What libmicrohttpd calls; userdata is the Apid. */
enum MHD_Result exchange_handle(void *userdata, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **context);
void exchange_completed(void *userdata, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code);

/* From the mind. */
void exchange_on_result(Apid *a, const MsgResult *m);
void exchange_on_row(Apid *a, const MsgRow *m);

/* The mind is gone: nobody will answer what waits. */
void exchange_on_lost(Apid *a);

void exchange_on_deadline(Apid *a, usec_t now);
