/* hub/transport_curl.c - one attempt at a request, by libcurl. */
#define _POSIX_C_SOURCE 200809L /* strcasecmp */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "base/version.h"
#include "hub/curl_api.h"
#include "hub/transport.h"

enum { CONNECT_SECONDS = 20 };

/* Scheme, host and port: what a token is bound to. */
typedef struct origin {
  char scheme[8], host[256], port[8];
} origin;

struct transport {
  const http_options *options;
  curl_api api;
  CURL *easy;
  origin endpoint;
  bool sends_token;
  struct curl_slist *with_token, *without; /* headers of a request to the endpoint, and of one elsewhere */
};

/* One exchange: what its callbacks know. */
typedef struct exchange {
  transport *t;
  const http_request *request;
  http_reply *reply;
  bool at_endpoint, begun;
  bool linked; /* the etag is an X-Linked-Etag, which stands above an ETag */
  int64_t received;
  curl_off_t got; /* bytes at `heard`, when some came last */
  double heard;
  bool stalled;
  dwell_status status; /* of a callback that ends the request */
  dwell_error *err;
} exchange;

/* ---- addresses ---- */

static bool copy_part(const transport *t, CURLU *url, CURLUPart part, char *out, size_t size) {
  char *text = NULL;
  bool good = t->api.url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK && strlen(text) < size;
  if (good) memcpy(out, text, strlen(text) + 1);
  t->api.free(text);
  return good;
}

static bool has_part(const transport *t, CURLU *url, CURLUPart part) {
  char *text = NULL;
  bool there = t->api.url_get(url, part, &text, 0) == CURLUE_OK;
  t->api.free(text);
  return there;
}

/* False for what is not fetched at all: another scheme, a name or password inside the address. */
static bool origin_of(const transport *t, CURLU *url, origin *ret_origin) {
  return copy_part(t, url, CURLUPART_SCHEME, ret_origin->scheme, sizeof ret_origin->scheme) &&
         (str_equal(ret_origin->scheme, "https") || str_equal(ret_origin->scheme, "http")) &&
         copy_part(t, url, CURLUPART_HOST, ret_origin->host, sizeof ret_origin->host) &&
         copy_part(t, url, CURLUPART_PORT, ret_origin->port, sizeof ret_origin->port) &&
         !has_part(t, url, CURLUPART_USER) && !has_part(t, url, CURLUPART_PASSWORD);
}

static bool same_origin(const origin *a, const origin *b) {
  return str_equal(a->scheme, b->scheme) && strcasecmp(a->host, b->host) == 0 && str_equal(a->port, b->port);
}

/* This machine itself: nobody else hears what is sent. */
static bool is_local(const origin *o) {
  bool four = strncmp(o->host, "127.", 4) == 0 && o->host[strspn(o->host, "0123456789.")] == '\0';
  return four || str_equal(o->host, "[::1]") || strcasecmp(o->host, "localhost") == 0;
}

/* ---- the session ---- */

static dwell_status read_endpoint(transport *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  CURLU *url = t->api.url();
  TRY_ALLOC(url, "an address");
  bool good = t->api.url_set(url, CURLUPART_URL, t->options->endpoint, 0) == CURLUE_OK &&
              origin_of(t, url, &t->endpoint) && !has_part(t, url, CURLUPART_QUERY) &&
              !has_part(t, url, CURLUPART_FRAGMENT);
  if (!good) {
    status = error_set(err, DWELL_USAGE, "the endpoint is not an address of the form https://HOST[:PORT][/PATH]");
    error_at_item(err, t->options->endpoint);
    error_remedy(err, "Correct or unset HF_ENDPOINT");
  }
done:
  t->api.url_cleanup(url);
  return status;
}

static bool add_header(transport *t, struct curl_slist **list, const char *text) {
  struct curl_slist *longer = t->api.slist_append(*list, text);
  if (longer != NULL) *list = longer;
  return longer != NULL;
}

static dwell_status make_headers(transport *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf token = {0};
  bool safe = str_equal(t->endpoint.scheme, "https") || is_local(&t->endpoint);
  t->sends_token = t->options->token != NULL && safe;
  if (t->options->token != NULL && !safe)
    context_log(t->options->ctx, DWELL_LOG_WARNING, "the token is not sent: the endpoint's address is not https");
  strbuf_printf(&token, "Authorization: Bearer %s", t->options->token != NULL ? t->options->token : "");
  bool good =
      !token.failed && add_header(t, &t->without, "Accept: */*") && add_header(t, &t->with_token, "Accept: */*");
  if (good && t->sends_token) good = add_header(t, &t->with_token, token.data);
  if (!good) status = error_no_memory(err, "the headers of a request");
  strbuf_free(&token);
  return status;
}

dwell_status transport_open(const http_options *options, transport **ret_transport, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_transport = NULL;
  transport *t = MEM_ZERO(transport, 1);
  TRY_ALLOC(t, "a connection");
  t->options = options;
  TRY(curl_api_load(&t->api, err));
  TRY(read_endpoint(t, err));
  TRY(make_headers(t, err));
  t->easy = t->api.easy_init();
  TRY_ALLOC(t->easy, "a connection");
  *ret_transport = t;
done:
  if (status != DWELL_OK) transport_close(t);
  return status;
}

void transport_close(transport *t) {
  if (t == NULL) return;
  if (t->easy != NULL) t->api.easy_cleanup(t->easy);
  if (t->with_token != NULL) t->api.slist_free_all(t->with_token);
  if (t->without != NULL) t->api.slist_free_all(t->without);
  mem_free(t);
}

bool transport_sends_token(const transport *t) { return t->sends_token; }

/* ---- callbacks ---- */

/* The value of the header line "NAME: value" [length], trimmed; false if it is another header. */
static bool header_value(const char *line, size_t length, const char *name, char *out, size_t size) {
  size_t skip = strlen(name);
  if (length <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':') return false;
  line += skip + 1, length -= skip + 1;
  while (length > 0 && strchr(" \t", line[0]) != NULL) line++, length--;
  while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL) length--;
  if (length >= size) length = size - 1;
  memcpy(out, line, length);
  out[length] = '\0';
  return true;
}

/* "value" or W/"value" to value. */
static void set_etag(http_reply *reply, const char *text) {
  if (strncmp(text, "W/", 2) == 0) text += 2;
  text += text[0] == '"';
  snprintf(reply->etag, sizeof reply->etag, "%.*s", (int)strcspn(text, "\""), text);
}

static void read_endpoint_header(exchange *x, const char *line, size_t length) {
  http_reply *reply = x->reply;
  char text[HTTP_TEXT];
  if (header_value(line, length, "X-Linked-Etag", text, sizeof text)) {
    set_etag(reply, text);
    x->linked = true;
  } else if (!x->linked && header_value(line, length, "ETag", text, sizeof text)) {
    set_etag(reply, text);
  } else if (header_value(line, length, "X-Linked-Size", text, sizeof text)) {
    if (!number_parse_int(text, 0, INT64_MAX, &reply->linked_size)) reply->linked_size = -1;
  } else {
    header_value(line, length, "X-Error-Code", reply->error, sizeof reply->error);
    header_value(line, length, "X-Error-Message", reply->message, sizeof reply->message);
  }
}

static size_t on_header(char *line, size_t one, size_t length, void *self) {
  exchange *x = self;
  http_reply *reply = x->reply;
  char text[HTTP_TEXT];
  (void)one;
  if (length > 5 && strncmp(line, "HTTP/", 5) == 0) { /* also after a "100 Continue" or a proxy's own answer */
    reply->length = reply->begin = -1, reply->retry_after = -1;
  } else if (header_value(line, length, "Content-Length", text, sizeof text)) {
    if (!number_parse_int(text, 0, INT64_MAX, &reply->length)) reply->length = -1;
  } else if (header_value(line, length, "Content-Range", text, sizeof text)) {
    char *dash = strchr(text, '-');
    if (dash != NULL) *dash = '\0';
    bool range = dash != NULL && strncmp(text, "bytes ", 6) == 0;
    if (!range || !number_parse_int(text + 6, 0, INT64_MAX, &reply->begin)) reply->begin = -1;
  } else if (header_value(line, length, "Retry-After", text, sizeof text)) {
    if (!number_parse(text, &reply->retry_after) || reply->retry_after < 0) reply->retry_after = -1;
  } else if (x->at_endpoint) {
    read_endpoint_header(x, line, length);
  }
  return length;
}

static dwell_status take(exchange *x, const void *data, size_t size) {
  if (x->request->take == NULL) return DWELL_OK;
  return x->request->take(x->request->self, x->reply, data, size, x->err);
}

static bool is_body(exchange *x) {
  long code = 0;
  x->t->api.easy_getinfo(x->t->easy, CURLINFO_RESPONSE_CODE, &code);
  x->reply->code = (int)code;
  return code == 200 || code == 206;
}

/* Pages that explain a refusal are let go. */
static size_t on_body(char *data, size_t one, size_t size, void *self) {
  exchange *x = self;
  (void)one;
  if (!x->begun) {
    if (!is_body(x)) return size;
    x->begun = true;
    x->status = take(x, NULL, 0);
  }
  if (x->status == DWELL_OK) x->status = take(x, data, size);
  if (x->status != DWELL_OK) return 0;
  x->received += (int64_t)size;
  return size;
}

/* Called once a second at least. libcurl's own limit of speed averages over several seconds. */
static int on_progress(void *self, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent) {
  exchange *x = self;
  (void)to_get, (void)to_send, (void)sent;
  double now = clock_seconds();
  if (x->status == DWELL_OK) x->status = context_interrupted(x->t->options->ctx, x->err);
  if (got != x->got) x->got = got, x->heard = now;
  x->stalled = now - x->heard > x->t->options->stall_seconds;
  return x->status != DWELL_OK || x->stalled;
}

/* ---- one exchange ---- */

static void restrict_schemes(const transport *t) {
#if LIBCURL_VERSION_NUM >= 0x075500
  t->api.easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  t->api.easy_setopt(t->easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_options(exchange *x, CURLU *url, int64_t from, char *agent, size_t agent_size) {
  const transport *t = x->t;
  const curl_api *api = &t->api;
  CURL *easy = t->easy;
  snprintf(agent, agent_size, "dwell/%s", version_number());
  api->easy_reset(easy); /* what is not set here has its default: certificates are verified, no cookies, no .netrc */
  restrict_schemes(t);
  api->easy_setopt(easy, CURLOPT_CURLU, url);
  api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  api->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  api->easy_setopt(easy, CURLOPT_USERAGENT, agent);
  api->easy_setopt(easy, CURLOPT_HTTPHEADER, x->at_endpoint ? t->with_token : t->without);
  api->easy_setopt(easy, CURLOPT_NOBODY, x->request->head ? 1L : 0L);
  api->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
  api->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  api->easy_setopt(easy, CURLOPT_HEADERDATA, x);
  api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  api->easy_setopt(easy, CURLOPT_WRITEDATA, x);
  api->easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  api->easy_setopt(easy, CURLOPT_XFERINFODATA, x);
  api->easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  if (t->options->certificates != NULL) api->easy_setopt(easy, CURLOPT_CAINFO, t->options->certificates);
  if (from > 0 && !x->request->head) {
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)from);
    api->easy_setopt(easy, CURLOPT_RANGE, range); /* copied */
  }
}

/* A connection that was not made, or broke. */
static dwell_status broken(exchange *x, CURLcode code, const char *detail, dwell_error *err) {
  const char *reason = detail[0] != '\0' ? detail : x->t->api.easy_strerror(code);
  x->reply->transient = true;
  if (x->stalled) code = CURLE_OPERATION_TIMEDOUT, reason = "nothing came for too long";
  switch (code) {
    case CURLE_OUT_OF_MEMORY: x->reply->transient = false; return error_no_memory(err, "a download");
    case CURLE_OPERATION_TIMEDOUT:
      return error_set(err, DWELL_FAILED, "the server does not answer any more: %s", reason);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return error_set(err, DWELL_FAILED, "the connection was cut: %s", reason);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      x->reply->transient = false;
      error_set(err, DWELL_FAILED, "the server's certificate is not trusted: %s", reason);
      error_remedy(err, "Install ca-certificates, or name your own authority's file in SSL_CERT_FILE");
      return DWELL_FAILED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: error_set(err, DWELL_FAILED, "no connection: %s", reason); break;
    default: error_set(err, DWELL_FAILED, "the download failed: %s", reason); break;
  }
  error_remedy(err, "Check the network; run the same command again to go on");
  return DWELL_FAILED;
}

static dwell_status exchange_once(exchange *x, CURLU *url, int64_t from, dwell_error *err) {
  char agent[64], detail[CURL_ERROR_SIZE] = "";
  x->begun = x->stalled = false;
  x->got = 0, x->heard = clock_seconds();
  set_options(x, url, from, agent, sizeof agent);
  x->t->api.easy_setopt(x->t->easy, CURLOPT_ERRORBUFFER, detail);
  CURLcode code = x->t->api.easy_perform(x->t->easy);
  x->t->api.easy_setopt(x->t->easy, CURLOPT_ERRORBUFFER, NULL);
  if (x->status != DWELL_OK) return x->status;
  if (code != CURLE_OK) return broken(x, code, detail, err);
  if (is_body(x) && !x->begun) return take(x, NULL, 0); /* an empty body */
  return DWELL_OK;
}

/* ---- redirects ---- */

static dwell_status bad_redirect(http_reply *reply, const char *problem, dwell_error *err) {
  reply->transient = false;
  error_set(err, DWELL_FAILED, "the server redirects %s", problem);
  error_remedy(err, "If HF_ENDPOINT is set, check it");
  return DWELL_FAILED;
}

/* Moves `url` to where the answer points. `*ret_stop`: the answer is the last one. */
static dwell_status follow(exchange *x, CURLU *url, bool *ret_stop, dwell_error *err) {
  const transport *t = x->t;
  const char *location = NULL;
  origin before, after;
  bool moved = x->reply->code >= 301 && x->reply->code <= 308 && x->reply->code != 304;
  *ret_stop = !moved;
  if (!moved) return DWELL_OK;
  t->api.easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location); /* made absolute by libcurl */
  if (location == NULL) return bad_redirect(x->reply, "without saying where to", err);
  if (!origin_of(t, url, &before)) return bad_redirect(x->reply, "from a strange address", err);
  bool good = t->api.url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK && origin_of(t, url, &after);
  if (!good) return bad_redirect(x->reply, "to an address that is not followed", err);
  if (str_equal(before.scheme, "https") && !str_equal(after.scheme, "https"))
    return bad_redirect(x->reply, "from https to http, which is not followed", err);
  x->at_endpoint = same_origin(&after, &t->endpoint);
  *ret_stop = x->request->head && !x->at_endpoint;
  return DWELL_OK;
}

dwell_status transport_attempt(transport *t, const http_request *request, int64_t from, http_reply *ret_reply,
                               int64_t *ret_received, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf address = {0};
  CURLU *url = t->api.url();
  exchange x = {.t = t, .request = request, .reply = ret_reply, .at_endpoint = true, .err = err};
  *ret_reply = (http_reply){.length = -1, .begin = -1, .retry_after = -1, .linked_size = -1};
  strbuf_printf(&address, "%s%s", t->options->endpoint, request->path);
  TRY_ALLOC(url, "an address");
  if (address.failed || t->api.url_set(url, CURLUPART_URL, address.data, 0) != CURLUE_OK)
    TRY(error_set(err, DWELL_FAILED, "libcurl does not take this address"));
  for (int hops = 0;; hops++) {
    bool stop;
    TRY(exchange_once(&x, url, from, err));
    TRY(follow(&x, url, &stop, err));
    if (stop) break;
    if (hops == HTTP_MOST_REDIRECTS) TRY(bad_redirect(ret_reply, "too often", err));
  }
done:
  *ret_received = x.received;
  if (url != NULL) t->api.url_cleanup(url);
  strbuf_free(&address);
  return status;
}
