/* hub/http.c - several attempts at a request, and what an answer means. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "hub/http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "hub/transport.h"

struct http {
  http_options options;
  transport *transport;
};

/* A server that asks for more patience than this is taken at its word: the request fails. */
static const double LONGEST_PAUSE = 60;
/* An attempt that brought so much was a good one: attempts are counted from it anew. */
enum { GOOD_ATTEMPT = 1 << 20 };

dwell_status http_open(const http_options *options, http **ret_session, dwell_error *err) {
  *ret_session = NULL;
  http *h = MEM_ZERO(http, 1);
  if (h == NULL) return error_no_memory(err, "a connection");
  h->options = *options;
  dwell_status status = transport_open(&h->options, &h->transport, err);
  if (status != DWELL_OK) {
    http_close(h);
    return status;
  }
  *ret_session = h;
  return DWELL_OK;
}

void http_close(http *h) {
  if (h == NULL) return;
  transport_close(h->transport);
  mem_free(h);
}

bool http_sends_token(const http *h) { return transport_sends_token(h->transport); }

void http_escape(strbuf *out, const char *text, const char *keep) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (; *text != '\0'; text++) {
    if (strchr(plain, *text) != NULL || strchr(keep, *text) != NULL) strbuf_putc(out, *text);
    else strbuf_printf(out, "%%%02X", (unsigned char)*text);
  }
}

/* ---- what an answer means ---- */

/* What the server says of itself, in parentheses, where it says something. */
static void add_message(dwell_error *err, const http_reply *reply, const char *words) {
  char shown[sizeof reply->message];
  str_display(shown, sizeof shown, reply->message, strlen(reply->message));
  if (shown[0] != '\0') error_set(err, DWELL_BAD_INPUT, "%s (HTTP %d: %s)", words, reply->code, shown);
  else error_set(err, DWELL_BAD_INPUT, "%s (HTTP %d)", words, reply->code);
}

static void not_allowed(const http *h, const http_reply *reply, dwell_error *err) {
  bool gated = str_equal(reply->error, "GatedRepo");
  if (gated) add_message(err, reply, "the repository is gated: its owners ask for consent to their terms");
  else if (!http_sends_token(h))
    add_message(err, reply, "there is no such repository, or it is private and no token was sent");
  else add_message(err, reply, "the token does not open this repository, or there is no such repository");
  if (gated) error_remedy(err, "Agree to them on the repository's page, then set HF_TOKEN to a token of that account");
  else error_remedy(err, "Check the name; for a private repository set HF_TOKEN to a token that may read it");
}

static void not_found(const http_reply *reply, dwell_error *err) {
  if (str_equal(reply->error, "RevisionNotFound")) add_message(err, reply, "the repository has no such revision");
  else if (str_equal(reply->error, "EntryNotFound")) add_message(err, reply, "the repository has no such file");
  else add_message(err, reply, "the hub has no such repository or revision");
  error_remedy(err, "Check the spelling: ORG/NAME, or ORG/NAME@REVISION");
}

/* A code that another attempt will not change. */
static dwell_status refused(const http *h, const http_reply *reply, dwell_error *err) {
  if (reply->code == 401 || reply->code == 403) not_allowed(h, reply, err);
  else if (reply->code == 404) not_found(reply, err);
  else add_message(err, reply, "the hub refuses the request");
  return DWELL_BAD_INPUT;
}

static dwell_status overloaded(const http_reply *reply, dwell_error *err) {
  if (reply->code == 429 && reply->retry_after > 0) {
    error_set(err, DWELL_FAILED, "too many requests; the hub asks to wait %.0f seconds (HTTP 429)", reply->retry_after);
  } else if (reply->code == 429) {
    error_set(err, DWELL_FAILED, "the hub says there were too many requests (HTTP 429)");
  } else {
    error_set(err, DWELL_FAILED, "the hub is in trouble (HTTP %d)", reply->code);
  }
  error_remedy(err, "Run the same command again later: what has arrived is kept");
  return DWELL_FAILED;
}

static bool is_transient(int code) {
  return code == 408 || code == 429 || code == 500 || code == 502 || code == 503 || code == 504;
}

/* Of an answer that arrived: is it one? */
static dwell_status judge(const http *h, const http_request *request, http_reply *reply, dwell_error *err) {
  if (reply->code == 200 || reply->code == 206) return DWELL_OK;
  if (request->head && reply->code >= 300 && reply->code < 400) return DWELL_OK;
  reply->transient = is_transient(reply->code);
  return reply->transient ? overloaded(reply, err) : refused(h, reply, err);
}

/* ---- attempts ---- */

static dwell_status pause_for(const dwell_context *ctx, double seconds, dwell_error *err) {
  for (double end = clock_seconds() + seconds; clock_seconds() < end;) {
    dwell_status status = context_interrupted(ctx, err);
    if (status != DWELL_OK) return status;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  return context_interrupted(ctx, err);
}

static dwell_status attempt(http *h, const http_request *request, http_reply *ret_reply, int64_t *ret_received,
                            dwell_error *err) {
  int64_t from = 0;
  *ret_reply = (http_reply){0};
  *ret_received = 0;
  dwell_status status = request->begin != NULL ? request->begin(request->self, &from, err) : DWELL_OK;
  if (status == DWELL_OK && from < 0) return DWELL_OK;
  if (status == DWELL_OK) status = transport_attempt(h->transport, request, from, ret_reply, ret_received, err);
  if (status == DWELL_OK) status = judge(h, request, ret_reply, err);
  return status;
}

dwell_status http_get(http *h, const http_request *request, http_reply *ret_reply, dwell_error *err) {
  const http_options *o = &h->options;
  double seconds = o->pause_seconds;
  dwell_error local;
  if (err == NULL) err = &local;
  for (int made = 1;; made++) {
    int64_t received;
    dwell_status status = context_interrupted(o->ctx, err);
    if (status == DWELL_OK) status = attempt(h, request, ret_reply, &received, err);
    if (status == DWELL_OK) return DWELL_OK;
    if (err->file[0] == '\0') {
      char address[sizeof err->file];
      snprintf(address, sizeof address, "%s%.*s", o->endpoint, (int)strcspn(request->path, "?"), request->path);
      error_in_file(err, address);
    }
    if (status != DWELL_FAILED || !ret_reply->transient) return status;
    if (received >= GOOD_ATTEMPT) made = 1, seconds = o->pause_seconds;
    if (made >= HTTP_MOST_ATTEMPTS || ret_reply->retry_after > LONGEST_PAUSE) return status;
    double wait = ret_reply->retry_after > seconds ? ret_reply->retry_after : seconds;
    context_log(o->ctx, DWELL_LOG_INFO, "%s; attempt %d of %d in %.3g s", err->message, made + 1, HTTP_MOST_ATTEMPTS,
                wait);
    status = pause_for(o->ctx, wait, err);
    if (status != DWELL_OK) return status;
    seconds *= 2;
  }
}
