/* hub/nursery.c - names of the models that come with dwell. */
#define _POSIX_C_SOURCE 200809L
#include "hub/nursery.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "hub/cache.h"

enum { MOST = 512, STEP_DIGITS = 12 };

bool nursery_name(const char *text, size_t length, size_t *ret_base, int64_t *ret_step) {
  static const char mark[] = "@step-";
  const char *at = memchr(text, '@', length);
  *ret_base = at != NULL ? (size_t)(at - text) : length;
  *ret_step = -1;
  if (!cache_name_part(text, *ret_base)) return false;
  if (at == NULL) return true;
  size_t rest = length - *ret_base, digits = rest - (sizeof mark - 1);
  char number[STEP_DIGITS + 1] = "";
  if (rest < sizeof mark || strncmp(at, mark, sizeof mark - 1) != 0 || digits > STEP_DIGITS) return false;
  memcpy(number, at + sizeof mark - 1, digits);
  bool plain = strspn(number, "0123456789") == digits && (number[0] != '0' || digits == 1); /* one spelling of each */
  return plain && number_parse_int(number, 0, INT64_MAX, ret_step);
}

/* ---- what is there ---- */

typedef struct folder_entry {
  const char *name; /* NAME or NAME@step-N */
  size_t base;
  int64_t step; /* -1: NAME */
} folder_entry;

typedef struct folder_list {
  folder_entry entries[MOST];
  size_t count;
  arena storage;
} folder_list;

/* By name, then by step. */
static int in_order(const void *a, const void *b) {
  const folder_entry *x = a, *y = b;
  size_t common = x->base < y->base ? x->base : y->base;
  int order = memcmp(x->name, y->name, common);
  if (order != 0) return order;
  if (x->base != y->base) return x->base < y->base ? -1 : 1;
  return (x->step > y->step) - (x->step < y->step);
}

static bool is_folder(DIR *place, const char *name) {
  struct stat info;
  return fstatat(dirfd(place), name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

static dwell_status list_folders(const char *models, folder_list *list, dwell_error *err) {
  *list = (folder_list){0};
  DIR *folder = opendir(models);
  if (folder == NULL) return error_system(err, DWELL_BAD_INPUT, "open the folder", models);
  dwell_status status = DWELL_OK;
  for (struct dirent *found; list->count < MOST && (found = readdir(folder)) != NULL;) {
    folder_entry e;
    size_t length = strlen(found->d_name);
    if (!nursery_name(found->d_name, length, &e.base, &e.step) || !is_folder(folder, found->d_name)) continue;
    e.name = arena_text(&list->storage, found->d_name, length);
    TRY_ALLOC(e.name, "a list of models");
    list->entries[list->count++] = e;
  }
  qsort(list->entries, list->count, sizeof list->entries[0], in_order);
done:
  closedir(folder);
  return status;
}

/* ---- errors ---- */

static dwell_status bad_name(dwell_error *err) {
  error_set(err, DWELL_USAGE, "not a name of a nursery model");
  error_remedy(err, "Names are nursery:NAME and, for an earlier checkpoint, nursery:NAME@step-N with a number N");
  return DWELL_USAGE;
}

static dwell_status no_model(const char *name, size_t base, const folder_list *list, dwell_error *err) {
  const char *names[MOST];
  size_t count = 0;
  strbuf all = {0}, wanted = {0};
  for (size_t i = 0; i < list->count; i++) {
    if (list->entries[i].step >= 0) continue;
    names[count++] = list->entries[i].name;
    strbuf_printf(&all, "%s%s", count > 1 ? ", " : "", list->entries[i].name);
  }
  strbuf_add(&wanted, name, base);
  dwell_status status = DWELL_OK;
  if (all.failed || wanted.failed) TRY(error_no_memory(err, "a list of models"));
  const char *near = str_nearest(wanted.data, names, count), *shown = count > 0 ? all.data : "nothing";
  status = error_set(err, DWELL_BAD_INPUT, "the nursery has no such model");
  if (near != NULL) error_remedy(err, "Did you mean nursery:%s? It has %s", near, shown);
  else error_remedy(err, "It has %s", shown);
done:
  strbuf_free(&all);
  strbuf_free(&wanted);
  return status;
}

static dwell_status no_step(const char *name, size_t base, int64_t step, const folder_list *list, dwell_error *err) {
  strbuf all = {0};
  for (size_t i = 0; i < list->count; i++) {
    const folder_entry *e = &list->entries[i];
    if (e->step < 0 || e->base != base || memcmp(e->name, name, base) != 0) continue;
    strbuf_printf(&all, "%s%lld", all.length > 0 ? ", " : "", (long long)e->step);
  }
  dwell_status status = DWELL_OK;
  if (all.failed) TRY(error_no_memory(err, "a list of checkpoints"));
  status = error_set(err, DWELL_BAD_INPUT, "the nursery has no checkpoint of step %lld of this model", (long long)step);
  if (all.length > 0) error_remedy(err, "It has those of steps %s, and the trained model", all.data);
  else error_remedy(err, "It has the trained model only: nursery:%.*s", (int)base, name);
done:
  strbuf_free(&all);
  return status;
}

/* ---- finding ---- */

static bool has_name(const folder_list *list, const char *name, size_t length) {
  for (size_t i = 0; i < list->count; i++) {
    const char *other = list->entries[i].name;
    if (strlen(other) == length && memcmp(other, name, length) == 0) return true;
  }
  return false;
}

static dwell_status set_place(const char *models, const char *name, size_t length, int64_t step, hub_place *ret_place,
                              dwell_error *err) {
  strbuf folder = {0}, revision = {0};
  strbuf_printf(&folder, "%s/%.*s", models, (int)length, name);
  if (step >= 0) strbuf_printf(&revision, "step-%lld", (long long)step);
  if (folder.failed || revision.failed) {
    strbuf_free(&folder);
    strbuf_free(&revision);
    return error_no_memory(err, "a path");
  }
  ret_place->folder = folder.data;
  ret_place->revision = revision.data;
  return DWELL_OK;
}

/* The step after which a model was trained, or -1 where the index does not say. Fails only for want of memory. */
static dwell_status last_step(const char *name, size_t base, int64_t *ret_step, dwell_error *err) {
  nursery_index index;
  dwell_status status = nursery_index_open(&index, NULL, NULL);
  *ret_step = -1;
  for (size_t i = 0; status == DWELL_OK && i < index.count; i++) {
    const char *other = index.models[i].name;
    if (strlen(other) == base && memcmp(other, name, base) == 0) *ret_step = index.models[i].step;
  }
  nursery_index_free(&index);
  return status == DWELL_NO_MEMORY ? error_no_memory(err, "an index of models") : DWELL_OK;
}

/* NAME@step-N without a folder of its own: NAME if that is its last step. */
static dwell_status find_last_step(const char *models, const char *name, size_t base, int64_t step,
                                   const folder_list *list, hub_place *ret_place, dwell_error *err) {
  int64_t last;
  dwell_status status = last_step(name, base, &last, err);
  if (status != DWELL_OK) return status;
  if (last == step) return set_place(models, name, base, step, ret_place, err);
  return no_step(name, base, step, list, err);
}

dwell_status nursery_find(const char *name, hub_place *ret_place, dwell_error *err) {
  size_t base, length = strlen(name);
  int64_t step;
  *ret_place = (hub_place){0};
  if (!nursery_name(name, length, &base, &step)) return bad_name(err);
  char *models = NULL;
  folder_list *list = MEM_ZERO(folder_list, 1);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(list, "a list of models");
  TRY(hub_data("models", &models, err));
  TRY(list_folders(models, list, err));
  if (!has_name(list, name, base)) status = no_model(name, base, list, err);
  else if (has_name(list, name, length)) status = set_place(models, name, length, step, ret_place, err);
  else status = find_last_step(models, name, base, step, list, ret_place, err);
  if (status != DWELL_OK) error_in_file(err, models);
done:
  if (list != NULL) arena_clear(&list->storage);
  mem_free(list);
  mem_free(models);
  return status;
}
