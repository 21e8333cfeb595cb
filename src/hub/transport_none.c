/* hub/transport_none.c - a build without libcurl: everything but `pull` works. */
#include "base/error.h"
#include "hub/transport.h"

dwell_status transport_open(const http_options *options, transport **ret_transport, dwell_error *err) {
  (void)options;
  *ret_transport = NULL;
  error_set(err, DWELL_UNSUPPORTED, "this dwell was built without libcurl, so it cannot download");
  error_remedy(err, "Install libcurl4-openssl-dev and build again, or download with the Hugging Face tools");
  return DWELL_UNSUPPORTED;
}

void transport_close(transport *t) { (void)t; }

bool transport_sends_token(const transport *t) {
  (void)t;
  return false;
}

dwell_status transport_attempt(transport *t, const http_request *request, int64_t from, http_reply *ret_reply,
                               int64_t *ret_received, dwell_error *err) {
  (void)t, (void)request, (void)from;
  *ret_reply = (http_reply){0};
  *ret_received = 0;
  return error_set(err, DWELL_UNSUPPORTED, "this dwell was built without libcurl");
}
