/* hub/identity.c - which file was read. */
#define _POSIX_C_SOURCE 200809L
#include "hub/identity.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/repo_list.h"

/* The hash in "../../blobs/HASH", or NULL. */
static const char *blob_name(const char *target) {
  const char *slash = strrchr(target, '/');
  if (slash == NULL || slash - target < 6 || strncmp(slash - 6, "/blobs", 6) != 0) return NULL;
  return repo_hex(slash + 1, SHA256_SIZE - 1) ? slash + 1 : NULL;
}

dwell_status identity_sha256(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err) {
  char target[4096];
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length > 0) {
    target[length] = '\0';
    const char *name = blob_name(target);
    if (name != NULL) {
      memcpy(ret_hex, name, SHA256_SIZE);
      return DWELL_OK;
    }
  }
  return sha256_file(path, ret_hex, err);
}

dwell_status identity_sha256_known(const char *path, identity_known *known, char ret_hex[SHA256_SIZE],
                                   dwell_error *err) {
  struct stat info;
  if (stat(path, &info) != 0) return identity_sha256(path, ret_hex, err); /* which says why */
  identity_known now = {.device = (uint64_t)info.st_dev,
                        .inode = (uint64_t)info.st_ino,
                        .size = (uint64_t)info.st_size,
                        .seconds = (int64_t)info.st_mtim.tv_sec,
                        .nanoseconds = (int64_t)info.st_mtim.tv_nsec};
  bool same = known->hex[0] != '\0' && known->device == now.device && known->inode == now.inode &&
              known->size == now.size && known->seconds == now.seconds && known->nanoseconds == now.nanoseconds;
  if (!same) {
    dwell_status status = identity_sha256(path, now.hex, err);
    if (status != DWELL_OK) return status;
    *known = now;
  }
  memcpy(ret_hex, known->hex, SHA256_SIZE);
  return DWELL_OK;
}

void identity_write(jwriter *w, const char *const *paths, size_t count, identity_known *opt_known) {
  jwriter_key(w, "inputs");
  jwriter_array(w);
  for (size_t i = 0; i < count; i++) {
    char hex[SHA256_SIZE];
    dwell_status status = opt_known != NULL ? identity_sha256_known(paths[i], &opt_known[i], hex, NULL)
                                            : identity_sha256(paths[i], hex, NULL);
    if (status == DWELL_NO_MEMORY) w->out->failed = true; /* no reason to leave a hash out */
    jwriter_flat_object(w);
    jwriter_put_string(w, "file", paths[i]);
    jwriter_put_string(w, "sha256", status == DWELL_OK ? hex : NULL);
    jwriter_close(w);
  }
  jwriter_close(w);
}
