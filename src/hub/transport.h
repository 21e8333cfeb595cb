/* hub/transport.h - one attempt at a request; http.c makes http_get of it. transport_curl.c or, in a build without
 * libcurl, transport_none.c. */
#ifndef DWELL_HUB_TRANSPORT_H
#define DWELL_HUB_TRANSPORT_H

#include "hub/http.h"

typedef struct transport transport;

/* As http_open; `options` outlive the transport. */
dwell_status transport_open(const http_options *options, transport **ret_transport, dwell_error *err);
void transport_close(transport *t);
bool transport_sends_token(const transport *t);

/* Follows redirects to the answer. DWELL_OK: there is one, whatever its code, and all of it was taken. Else as
 * http_get; ret_reply->transient says whether another attempt may help. `*ret_received` bytes of a body were taken. */
dwell_status transport_attempt(transport *t, const http_request *request, int64_t from, http_reply *ret_reply,
                               int64_t *ret_received, dwell_error *err);

#endif
