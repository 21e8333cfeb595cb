/* file/safetensors_index.c - a checkpoint folder: one safetensors file, or shards and their index. */
#define _GNU_SOURCE /* access */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "file/safetensors_header.h"

enum { MOST_SHARDS = 10000 };

/* One line of the index. The texts live in an arena. */
typedef struct placement {
  const char *tensor, *shard;
  size_t file; /* the number of the shard, once it is open */
} placement;

typedef struct index_map {
  placement *placements;
  size_t count, capacity;
} index_map;

/* Releases nothing: the paths live in the arena. */
static const char *join(arena *storage, const char *folder, const char *name) {
  size_t length = strlen(folder), size = length + strlen(name) + 2;
  char *path = arena_alloc(storage, size, 1);
  if (path == NULL) return NULL;
  memcpy(path, folder, length);
  if (length > 0 && folder[length - 1] != '/') path[length++] = '/';
  memcpy(path + length, name, strlen(name));
  return path;
}

/* ---- the index ---- */

/* A shard is a file of the same folder: nothing that could lead elsewhere. */
static bool safe_name(jtext name) {
  return name.length > 0 && strlen(name.data) == name.length && strchr(name.data, '/') == NULL &&
         strstr(name.data, "..") == NULL;
}

static dwell_status note(index_map *map, jtext tensor, jtext shard, dwell_error *err) {
  placement *items = mem_room(map->placements, map->count, &map->capacity, 64, sizeof *items);
  if (items == NULL) return error_no_memory(err, "the list of tensors");
  map->placements = items;
  map->placements[map->count++] = (placement){.tensor = tensor.data, .shard = shard.data};
  return DWELL_OK;
}

static dwell_status read_weight_map(jcursor *c, index_map *map, dwell_error *err) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    jtext shard = jcursor_string(c);
    if (c->problem != NULL) break;
    if (!safe_name(shard)) {
      error_set(err, DWELL_BAD_INPUT, "the index names the shard '%.100s'; a shard must be a file of the same folder",
                shard.data);
      return DWELL_BAD_INPUT;
    }
    dwell_status status = note(map, key, shard, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK; /* or c->problem, which jcursor_end reports */
}

static int by_shard(const void *a, const void *b) {
  return strcmp(((const placement *)a)->shard, ((const placement *)b)->shard);
}

/* The other keys, `metadata` with its total_size among them, decide nothing: published indexes get total_size wrong,
 * and the shards' own headers say what is there. */
static dwell_status read_index(const char *path, arena *storage, index_map *map, dwell_error *err) {
  char *text = NULL;
  size_t size, maps = 0;
  dwell_status status = file_slurp(path, SAFETENSORS_MAX_HEADER, &text, &size, err);
  if (status != DWELL_OK) return status;
  jcursor c = jcursor_start(text, size, storage);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (!jtext_is(key, "weight_map")) jcursor_skip(&c);
    else if (maps++ > 0) jcursor_fail(&c, "'weight_map' is there twice");
    else TRY(read_weight_map(&c, map, err));
  }
  status = jcursor_end(&c, path, err);
  if (status == DWELL_OK && maps == 0) status = error_set(err, DWELL_BAD_INPUT, "'weight_map' is missing");
  if (map->count > 0) qsort(map->placements, map->count, sizeof map->placements[0], by_shard);
done:
  mem_free(text);
  return status;
}

/* The placements are sorted by shard: does a shard begin with the i-th? */
static bool new_shard(const index_map *map, size_t i) {
  return i == 0 || by_shard(&map->placements[i - 1], &map->placements[i]) != 0;
}

/* ---- the names of the shards ---- */

dwell_status safetensors_index_shards(const char *path, arena *storage, const char *const **ret_names,
                                      size_t *ret_count, dwell_error *err) {
  index_map map = {0};
  size_t count = 0;
  dwell_status status;
  TRY(read_index(path, storage, &map, err));
  const char **names = ARENA_NEW(storage, const char *, map.count);
  TRY_ALLOC(names, "the list of shards");
  for (size_t i = 0; i < map.count; i++) {
    if (new_shard(&map, i)) names[count++] = map.placements[i].shard;
  }
  if (count > MOST_SHARDS) TRY(error_set(err, DWELL_BAD_INPUT, "the index names more than %d shards", MOST_SHARDS));
  *ret_names = names, *ret_count = count;
done:
  mem_free(map.placements);
  if (status != DWELL_OK) error_in_file(err, path);
  return status;
}

/* ---- opening the shards ---- */

/* Each in turn, so that an index of a million absent shards ends at the first. */
static dwell_status open_shards(safetensors *s, const char *folder, const index_map *map, dwell_error *err) {
  for (size_t i = 0; i < map->count; i++) {
    if (new_shard(map, i)) {
      const char *path = join(&s->storage, folder, map->placements[i].shard);
      if (path == NULL) return error_no_memory(err, "a file name");
      dwell_status status = safetensors_add_file(s, path, err);
      if (status == DWELL_BAD_INPUT) error_remedy(err, "The index names this shard; download all files of the model");
      if (status != DWELL_OK) return status;
    }
    map->placements[i].file = s->file_count - 1;
  }
  return DWELL_OK;
}

/* ---- index against shards ---- */

static int by_tensor(const void *a, const void *b) {
  return strcmp(((const placement *)a)->tensor, ((const placement *)b)->tensor);
}

static dwell_status complain(dwell_error *err, const char *tensor, const char *message, const char *shard) {
  error_set(err, DWELL_BAD_INPUT, "%s %.200s", message, shard);
  error_at_item(err, tensor);
  error_remedy(err, "Index and shards are not of one checkpoint; download them again");
  return DWELL_BAD_INPUT;
}

/* Both lists sorted by name must agree entry by entry: each tensor in the shard where the index says, and listed. */
static dwell_status compare(const safetensors *s, const index_map *map, dwell_error *err) {
  size_t i = 0, j = 0;
  while (i < map->count || j < s->list.count) {
    const placement *p = i < map->count ? &map->placements[i] : NULL;
    const safetensors_entry *e = j < s->list.count ? &s->list.entries[j] : NULL;
    int order = p == NULL ? 1 : e == NULL ? -1 : strcmp(p->tensor, e->tensor.name);
    if (order < 0)
      return complain(err, p->tensor, "the index puts this tensor where it is not, in", s->files[p->file].path);
    if (order > 0)
      return complain(err, e->tensor.name, "the index does not list this tensor of", s->files[e->file].path);
    if (p->file != e->file)
      return complain(err, p->tensor, "against the index, this tensor is in", s->files[e->file].path);
    if (i + 1 < map->count && by_tensor(p, p + 1) == 0)
      return complain(err, p->tensor, "the index lists this tensor twice", "");
    i++, j++;
  }
  return DWELL_OK;
}

static dwell_status open_sharded(const char *folder, const char *path, safetensors *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  index_map map = {0};
  const safetensors_entry *twice;
  TRY(read_index(path, &s->storage, &map, err));
  TRY(open_shards(s, folder, &map, err));
  status = safetensors_sort(&s->list, &twice, err);
  if (status == DWELL_BAD_INPUT) {
    error_set(err, status, "two tensors have this name; one is in %.200s", s->files[twice->file].path);
    error_at_item(err, twice->tensor.name);
  }
  if (status != DWELL_OK) goto done;
  if (map.count > 0) qsort(map.placements, map.count, sizeof map.placements[0], by_tensor);
  TRY(compare(s, &map, err));
done:
  mem_free(map.placements);
  return status;
}

/* ---- folders ---- */

const char *safetensors_pickle(bool (*has)(void *self, const char *name), void *self) {
  static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"};
  for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++) {
    if (has(self, pickles[i])) return pickles[i];
  }
  return NULL;
}

/* self: the folder, a const char **. A path too long for the buffer could not be opened either. */
static bool is_there(void *self, const char *name) {
  const char *const *folder = self;
  char path[4096];
  return (size_t)snprintf(path, sizeof path, "%s/%s", *folder, name) < sizeof path && access(path, F_OK) == 0;
}

bool safetensors_in(const char *folder) {
  return is_there(&folder, SAFETENSORS_SINGLE) || is_there(&folder, SAFETENSORS_INDEX);
}

static dwell_status nothing_there(const char *folder, dwell_error *err) {
  const char *pickle = safetensors_pickle(is_there, &folder);
  if (pickle != NULL) {
    error_set(err, DWELL_UNSUPPORTED, "the weights are a PyTorch pickle (%s), which can run code when read", pickle);
    error_in_file(err, folder);
    error_remedy(err, "In Python: AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, safe_serialization=True)");
    return DWELL_UNSUPPORTED;
  }
  error_set(err, DWELL_BAD_INPUT, "there is neither " SAFETENSORS_SINGLE " nor " SAFETENSORS_INDEX " here");
  error_in_file(err, folder);
  return DWELL_BAD_INPUT;
}

dwell_status safetensors_open_folder(const char *folder, safetensors **ret_file, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_file = NULL;
  safetensors *s = safetensors_new();
  TRY_ALLOC(s, "a safetensors reader");
  const char *single = join(&s->storage, folder, SAFETENSORS_SINGLE);
  TRY_ALLOC(single, "a file name");
  if (access(single, F_OK) == 0) {
    status = safetensors_open(single, ret_file, err);
    safetensors_close(s);
    return status;
  }
  const char *index = join(&s->storage, folder, SAFETENSORS_INDEX);
  TRY_ALLOC(index, "a file name");
  if (access(index, F_OK) != 0) TRY(nothing_there(folder, err));
  TRY(open_sharded(folder, index, s, err));
  *ret_file = s;
done:
  if (status != DWELL_OK) {
    if (s != NULL) error_in_file(err, join(&s->storage, folder, SAFETENSORS_INDEX));
    safetensors_close(s);
  }
  return status;
}
