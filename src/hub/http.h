/* hub/http.h - asking a hub over http, for `dwell pull` alone: the only code that reaches the network.
 *
 * What is sent: the request, the program's name and version, and the token. The token goes to the endpoint's own
 * scheme, host and port only, over https only (plain http: to this machine itself); a redirect elsewhere does not take
 * it along. Certificates are verified. Redirects are followed by hand: at most HTTP_MOST_REDIRECTS, never from https to
 * http, and only to these two.
 *
 * libcurl is loaded when a session opens rather than linked: its thirty libraries would cost every other command some
 * 20 ms at its start, and no other command has anything to send. */
#ifndef DWELL_HUB_HTTP_H
#define DWELL_HUB_HTTP_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>

#include "base/str.h"

enum { HTTP_TEXT = 160, HTTP_MOST_REDIRECTS = 8, HTTP_MOST_ATTEMPTS = 5 };

typedef struct http http; /* a session with one endpoint */

/* Everything lives as long as the session. */
typedef struct http_options {
  const char *endpoint;     /* https://HOST[:PORT][/PATH] */
  const char *token;        /* visible ASCII, or NULL */
  const char *certificates; /* file of authorities to trust instead of the system's, or NULL */
  double stall_seconds;     /* a connection over which nothing comes for so long is given up */
  double pause_seconds;     /* before the second attempt; doubles with each */
  const dwell_context *ctx; /* interrupts and words */
} http_options;

/* Texts are cut to fit and may hold anything: they come from the server. */
typedef struct http_reply {
  int code;                    /* of the last answer; 0: there was none */
  int64_t length, begin;       /* Content-Length and the first byte of a Content-Range; -1: not stated */
  double retry_after;          /* seconds; -1: not stated */
  char etag[HTTP_TEXT];        /* of the endpoint's own answers, without quotes: X-Linked-Etag, else ETag */
  char error[HTTP_TEXT];       /* X-Error-Code: "RepoNotFound", "GatedRepo", ... */
  char message[2 * HTTP_TEXT]; /* X-Error-Message */
  int64_t linked_size;         /* X-Linked-Size, -1: not stated */
  bool transient;              /* of a failure: another attempt may do better */
} http_reply;

typedef struct http_request {
  const char *path; /* below the endpoint, begins with "/", already escaped */
  bool head;        /* only the headers; a redirect to another host is then the answer */
  /* Called before each attempt: the byte to begin at (0: the whole), or -1 if nothing is missing any more: that ends
   * the request well. May be NULL. */
  dwell_status (*begin)(void *self, int64_t *ret_from, dwell_error *err);
  /* Called for each piece of the body of an answer 200 or 206, and once with size 0 when such an answer begins. Any
   * status but DWELL_OK ends the request with that status. May be NULL. */
  dwell_status (*take)(void *self, const http_reply *reply, const void *data, size_t size, dwell_error *err);
  void *self;
} http_request;

/* DWELL_USAGE: the endpoint is no http address. DWELL_UNSUPPORTED: this build has no libcurl, or it is not installed.
 */
dwell_status http_open(const http_options *options, http **ret_session, dwell_error *err);
void http_close(http *h);

/* One request, with a few more attempts where that may help (connections that fail or are cut, codes 408, 429, 5xx).
 * DWELL_OK: the answer is complete and its code is 200 or 206 (for `head` also a redirect elsewhere).
 * Errors: DWELL_BAD_INPUT for an answer that will not change (401, 403, 404, ...); DWELL_FAILED for the network, too
 * many redirects, a redirect that is not followed, and transient codes after the last attempt; DWELL_INTERRUPTED; what
 * `begin` or `take` said. The sentence has the address, without anything secret. */
dwell_status http_get(http *h, const http_request *request, http_reply *ret_reply, dwell_error *err);

/* A token was given, and the endpoint is one that it may be sent to. */
bool http_sends_token(const http *h);

/* `text` as one component or several of a path in an address: everything but letters, digits, "-", ".", "_", "~" and
 * the characters of `keep` becomes %XX. */
void http_escape(strbuf *out, const char *text, const char *keep);

#endif
