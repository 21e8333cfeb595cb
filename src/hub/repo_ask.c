/* hub/repo_ask.c - asking a hub what is in a repository. */
#include "hub/repo_ask.h"

#include <string.h>

#include "base/error.h"

static dwell_status take_list(void *self, const http_reply *reply, const void *data, size_t size, dwell_error *err) {
  strbuf *text = self;
  (void)reply;
  if (size == 0) text->length = 0; /* an answer begins, perhaps after one that was cut */
  strbuf_add(text, size > 0 ? data : "", size);
  if (text->failed) return error_no_memory(err, "the list of files");
  if (text->length <= REPO_MOST_BYTES) return DWELL_OK;
  return error_set(err, DWELL_BAD_INPUT, "the list of files is longer than %d bytes", REPO_MOST_BYTES);
}

dwell_status repo_ask(http *session, const char *repository, const char *revision, repo_list *ret_list,
                      dwell_error *err) {
  strbuf address = {0}, text = {0};
  http_reply reply;
  dwell_status status = DWELL_OK;
  *ret_list = (repo_list){0};
  strbuf_printf(&address, "/api/models/%s/revision/", repository);
  http_escape(&address, revision, "");
  strbuf_puts(&address, "?blobs=true");
  if (address.failed) TRY(error_no_memory(err, "an address"));
  http_request request = {.path = address.data, .take = take_list, .self = &text};
  TRY(http_get(session, &request, &reply, err));
  status = repo_list_parse(text.data, text.length, ret_list, err);
  if (status != DWELL_OK) error_in_file(err, "the hub's answer");
done:
  strbuf_free(&address);
  strbuf_free(&text);
  return status;
}

void repo_address(strbuf *out, const char *repository, const char *commit, const char *path) {
  strbuf_printf(out, "/%s/resolve/%s/", repository, commit);
  http_escape(out, path, "/");
}

/* The etag becomes a name in the cache. */
static bool usable_etag(const char *etag) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  size_t length = strlen(etag);
  return length > 0 && length < DIGEST_SIZE && strspn(etag, plain) == length && etag[0] != '.';
}

dwell_status repo_ask_file(http *session, const char *address, repo_file *file, dwell_error *err) {
  http_reply reply;
  http_request request = {.path = address, .head = true};
  dwell_status status = http_get(session, &request, &reply, err);
  if (status != DWELL_OK) return status;
  if (file->size < 0) file->size = reply.linked_size;
  if (file->size < 0 && reply.code == 200) file->size = reply.length;
  if (file->hash[0] == '\0' && usable_etag(reply.etag)) memcpy(file->hash, reply.etag, strlen(reply.etag) + 1);
  if (file->size >= 0 && file->hash[0] != '\0') return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the hub does not say how large this file is, or which one");
  error_in_file(err, file->path);
  error_remedy(err, "If HF_ENDPOINT is set, check that a hub is there");
  return DWELL_BAD_INPUT;
}
