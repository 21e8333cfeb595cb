/* repo_list: what is accepted of a hub's list holds nothing that could lead out of a folder. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "hub/repo_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  repo_list list;
  dwell_status status = repo_list_parse((const char *)data, size, &list, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status == DWELL_OK) FUZZ_CHECK(repo_hex(list.commit, 40));
  for (size_t i = 0; i < list.count; i++) {
    const repo_file *f = &list.files[i];
    FUZZ_CHECK(repo_path(f->path, strlen(f->path)) && f->path[0] != '/');
    FUZZ_CHECK(strncmp(f->path, "../", 3) != 0 && strstr(f->path, "/../") == NULL);
    FUZZ_CHECK(f->size >= -1 && f->size <= INT64_C(1) << 50);
    FUZZ_CHECK(f->hash[0] == '\0' || repo_hex(f->hash, 40) || repo_hex(f->hash, 64));
    const repo_file *found = repo_list_find(&list, f->path);
    FUZZ_CHECK(found != NULL && found <= f && strcmp(found->path, f->path) == 0);
  }
  repo_list_free(&list);
  return 0;
}
