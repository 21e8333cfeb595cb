/* hub/curl_api.h - libcurl's functions, found at run time. */
#ifndef DWELL_HUB_CURL_API_H
#define DWELL_HUB_CURL_API_H

#include <curl/curl.h>
#include <dwell/status.h>

typedef struct curl_api {
  CURLcode (*global_init)(long flags);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *handle);
  void (*easy_reset)(CURL *handle);
  CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
  CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
  CURLcode (*easy_perform)(CURL *handle);
  const char *(*easy_strerror)(CURLcode code);
  struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
  void (*slist_free_all)(struct curl_slist *list);
  CURLU *(*url)(void);
  void (*url_cleanup)(CURLU *url);
  CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
  CURLUcode (*url_get)(CURLU *url, CURLUPart part, char **ret_text, unsigned flags);
  void (*free)(void *text);
} curl_api;

/* Loads the library, for the rest of the process: it does not take being unloaded well. DWELL_UNSUPPORTED if it is not
 * installed or lacks a function. */
dwell_status curl_api_load(curl_api *ret_api, dwell_error *err);

#endif
