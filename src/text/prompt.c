/* text/prompt.c - finding a text of the study by its name. */
#include "text/prompt.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

const prompt *prompt_registry(size_t *ret_count) {
  *ret_count = prompt_table_size;
  return prompt_table;
}

/* A name that differs by a slip, else the first that has `name` in it ("ballou"). NULL also where there is no memory
 * for a list of names: a suggestion is not worth another error. */
static const char *nearest(const char *name) {
  enum { TELLING = 3 }; /* a shorter piece is in too many names */
  const char **names = MEM_NEW(const char *, prompt_table_size);
  if (names == NULL) return NULL;
  for (size_t i = 0; i < prompt_table_size; i++) names[i] = prompt_table[i].name;
  const char *near = str_nearest(name, names, prompt_table_size);
  for (size_t i = 0; near == NULL && strlen(name) >= TELLING && i < prompt_table_size; i++) {
    if (strstr(names[i], name) != NULL) near = names[i];
  }
  mem_free(names);
  return near;
}

dwell_status prompt_find(const char *name, const prompt **ret_prompt, dwell_error *err) {
  for (size_t i = 0; i < prompt_table_size; i++) {
    if (!str_equal(prompt_table[i].name, name)) continue;
    *ret_prompt = &prompt_table[i];
    return DWELL_OK;
  }
  const char *near = nearest(name);
  char shown[80];
  str_display(shown, sizeof shown, name, strlen(name));
  error_set(err, DWELL_USAGE, "no text of the study is called \"%s\"", shown);
  if (near != NULL) error_remedy(err, "Did you mean \"%s\"? `dwell list prompts` prints all names", near);
  else error_remedy(err, "`dwell list prompts` prints the names; a text of your own goes to -p");
  return DWELL_USAGE;
}

const prompt *prompt_with_hash(const char *sha256) {
  for (size_t i = 0; i < prompt_table_size; i++) {
    if (str_equal(prompt_table[i].sha256, sha256)) return &prompt_table[i];
  }
  return NULL;
}
