/* hub/settings.h - what the environment says of the hub, in huggingface_hub's variables. */
#ifndef DWELL_HUB_SETTINGS_H
#define DWELL_HUB_SETTINGS_H

#include <dwell/status.h>
#include <stdbool.h>

typedef struct hub_settings {
  char *endpoint;       /* $HF_ENDPOINT without slashes at the end, else https://huggingface.co */
  char *token;          /* $HF_TOKEN, else $HUGGING_FACE_HUB_TOKEN, else the file $HF_TOKEN_PATH, else the file `token`
                           of cache_home; NULL: none, or $HF_HUB_DISABLE_IMPLICIT_TOKEN */
  char *certificates;   /* $SSL_CERT_FILE or NULL */
  double stall_seconds; /* $HF_HUB_DOWNLOAD_TIMEOUT, else 30 */
  bool offline;         /* $HF_HUB_OFFLINE or $TRANSFORMERS_OFFLINE */
} hub_settings;

/* DWELL_USAGE: a token that cannot be one. Release with hub_settings_free, also after a failure. */
dwell_status hub_settings_read(hub_settings *ret_settings, dwell_error *err);
void hub_settings_free(hub_settings *s);

#endif
