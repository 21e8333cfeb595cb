/* hub/settings.c - what the environment says of the hub. */
#define _POSIX_C_SOURCE 200809L /* strcasecmp */
#include "hub/settings.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "hub/cache.h"

enum { TOKEN_MOST = 1000 };

static bool is_true(const char *name) {
  static const char *const yes[] = {"1", "on", "yes", "true"};
  const char *value = cache_variable(name);
  for (size_t i = 0; value != NULL && i < sizeof yes / sizeof yes[0]; i++) {
    if (strcasecmp(value, yes[i]) == 0) return true;
  }
  return false;
}

static dwell_status copy(const char *text, size_t length, char **ret_text, dwell_error *err) {
  *ret_text = mem_alloc(length + 1, 1);
  if (*ret_text == NULL) return error_no_memory(err, "a setting");
  memcpy(*ret_text, text, length);
  (*ret_text)[length] = '\0';
  return DWELL_OK;
}

/* Without white space around it. It goes into a header, so it must be one visible word. */
static dwell_status take_token(const char *text, const char *from, char **ret_token, dwell_error *err) {
  const char *begin = text + strspn(text, " \t\r\n");
  size_t length = strcspn(begin, " \t\r\n");
  bool word = begin[length + strspn(begin + length, " \t\r\n")] == '\0' && length <= TOKEN_MOST;
  for (size_t i = 0; i < length; i++) word = word && begin[i] > 0x20 && begin[i] < 0x7F;
  if (!word) {
    error_set(err, DWELL_USAGE, "the token is not one word of visible characters");
    error_at_item(err, from);
    error_remedy(err, "Correct or unset it");
    return DWELL_USAGE;
  }
  return length > 0 ? copy(begin, length, ret_token, err) : DWELL_OK;
}

static dwell_status token_of_file(char **ret_token, dwell_error *err) {
  const char *given = cache_variable("HF_TOKEN_PATH");
  strbuf path = {0};
  char *text = NULL;
  size_t size;
  dwell_status status = DWELL_OK;
  if (given != NULL) {
    strbuf_puts(&path, given);
  } else {
    cache_home(&path);
    strbuf_puts(&path, "/token");
  }
  if (path.failed) TRY(error_no_memory(err, "a path"));
  if (access(path.data, R_OK) != 0) goto done;
  TRY(file_slurp(path.data, TOKEN_MOST, &text, &size, err));
  TRY(take_token(text, path.data, ret_token, err));
done:
  mem_free(text);
  strbuf_free(&path);
  return status;
}

static dwell_status read_token(char **ret_token, dwell_error *err) {
  static const char *const names[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
  if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return DWELL_OK;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = cache_variable(names[i]);
    if (value != NULL) return take_token(value, names[i], ret_token, err);
  }
  return token_of_file(ret_token, err);
}

dwell_status hub_settings_read(hub_settings *ret_settings, dwell_error *err) {
  const char *endpoint = cache_variable("HF_ENDPOINT"), *certificates = cache_variable("SSL_CERT_FILE");
  const char *stall = cache_variable("HF_HUB_DOWNLOAD_TIMEOUT");
  dwell_status status;
  *ret_settings = (hub_settings){.stall_seconds = 30};
  if (endpoint == NULL) endpoint = "https://huggingface.co";
  size_t length = strlen(endpoint);
  while (length > 0 && endpoint[length - 1] == '/') length--;
  TRY(copy(endpoint, length, &ret_settings->endpoint, err));
  if (certificates != NULL) TRY(copy(certificates, strlen(certificates), &ret_settings->certificates, err));
  TRY(read_token(&ret_settings->token, err));
  double seconds;
  if (stall != NULL && number_parse(stall, &seconds) && seconds >= 1 && seconds <= 3600)
    ret_settings->stall_seconds = seconds;
  ret_settings->offline = is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
done:
  return status;
}

void hub_settings_free(hub_settings *s) {
  mem_free(s->endpoint);
  mem_free(s->token);
  mem_free(s->certificates);
  *s = (hub_settings){0};
}
