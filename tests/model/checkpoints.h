/* tests/model/checkpoints.h - altered copies of the tiny checkpoints. */
#ifndef DWELL_TESTS_CHECKPOINTS_H
#define DWELL_TESTS_CHECKPOINTS_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "models.h"

/* `text` with the first `find` replaced (find "" : replace is put at the start); malloc. */
static inline char *replaced(const char *text, size_t size, const char *find, const char *replace, size_t *ret_size) {
  size_t length = strlen(find), added = strlen(replace), at = 0;
  while (at + length <= size && memcmp(text + at, find, length) != 0) at++;
  if (at + length > size) fail_msg("\"%s\" does not occur", find);
  char *out = malloc(size - length + added + 1);
  memcpy(out, text, at);
  memcpy(out + at, replace, added);
  memcpy(out + at + added, text + at + length, size - at - length);
  *ret_size = size - length + added;
  out[*ret_size] = '\0';
  return out;
}

static inline void copy_file(const char *from, const char *to) {
  size_t size;
  char *data = testing_read(from, &size);
  testing_write(to, data, size);
  free(data);
}

/* A fresh copy of a tiny checkpoint; the returned path lives until the next call but one. */
static inline const char *copy_of(const char *name) {
  static char paths[2][300];
  static unsigned turn, number;
  char *path = paths[turn++ % 2];
  snprintf(path, sizeof paths[0], "%s/model-%u", testing_folder(), number++);
  mkdir(path, 0777);
  const char *from = testing_source(testing_format("tests/golden/model/%s", name));
  copy_file(testing_format("%s/config.json", from), testing_format("%s/config.json", path));
  copy_file(testing_format("%s/model.safetensors", from), testing_format("%s/model.safetensors", path));
  return path;
}

/* Replaces text of config.json. */
static inline void edit_config(const char *folder, const char *find, const char *replace) {
  const char *path = testing_format("%s/config.json", folder);
  size_t size;
  char *text = testing_read(path, &size), *edited = replaced(text, size, find, replace, &size);
  testing_write(path, edited, size);
  free(text), free(edited);
}

/* Replaces text of the header of model.safetensors and puts the header's length right. */
static inline void edit_header(const char *folder, const char *find, const char *replace) {
  const char *path = testing_format("%s/model.safetensors", folder);
  size_t size, length;
  char *data = testing_read(path, &size);
  uint64_t header;
  memcpy(&header, data, 8);
  char *edited = replaced(data + 8, (size_t)header, find, replace, &length);
  char *out = malloc(8 + length + size);
  uint64_t stored = length;
  memcpy(out, &stored, 8);
  memcpy(out + 8, edited, length);
  memcpy(out + 8 + length, data + 8 + header, size - 8 - header);
  testing_write(path, out, size - header + length);
  free(data), free(edited), free(out);
}

/* Adds a tensor without elements. */
static inline void add_tensor(const char *folder, const char *name) {
  size_t size;
  char *data = testing_read(testing_format("%s/model.safetensors", folder), &size);
  uint64_t header;
  memcpy(&header, data, 8);
  free(data);
  size_t end = size - 8 - header;
  edit_header(folder, "{",
              testing_format("{\"%s\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[%zu,%zu]},", name, end, end));
}

/* ---- a GPT-2 of any shape, with random weights ---- */

typedef struct writing {
  FILE *stream;
  char *header;
  size_t length, capacity;
  uint64_t end, state;
  float spread;
} writing;

/* One tensor: its entry in the header (first pass) or its numbers (second pass, header NULL). */
static inline void put_tensor(writing *w, const char *name, size_t rows, size_t columns, float centre, float spread) {
  size_t count = rows * (columns ? columns : 1);
  if (w->header != NULL) {
    char shape[64];
    snprintf(shape, sizeof shape, columns ? "[%zu,%zu]" : "[%zu]", rows, columns);
    w->length +=
        (size_t)snprintf(w->header + w->length, w->capacity - w->length,
                         "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%llu,%llu]}", w->end ? "," : "{",
                         name, shape, (unsigned long long)w->end, (unsigned long long)(w->end + 4 * count));
    w->end += 4 * count;
    return;
  }
  for (size_t i = 0; i < count; i++) {
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    float value = centre + spread * ((float)(w->state >> 40) / (float)(1 << 24) - 0.5f);
    fwrite(&value, sizeof value, 1, w->stream);
  }
}

static inline void put_gpt2(writing *w, size_t d, size_t blocks, size_t context, size_t vocabulary) {
  float s = w->spread;
  put_tensor(w, "wte.weight", vocabulary, d, 0, s);
  put_tensor(w, "wpe.weight", context, d, 0, s);
  for (size_t b = 0; b < blocks; b++) {
    put_tensor(w, testing_format("h.%zu.ln_1.weight", b), d, 0, 1, s);
    put_tensor(w, testing_format("h.%zu.ln_1.bias", b), d, 0, 0, s);
    put_tensor(w, testing_format("h.%zu.attn.c_attn.weight", b), d, 3 * d, 0, s);
    put_tensor(w, testing_format("h.%zu.attn.c_attn.bias", b), 3 * d, 0, 0, s);
    put_tensor(w, testing_format("h.%zu.attn.c_proj.weight", b), d, d, 0, s);
    put_tensor(w, testing_format("h.%zu.attn.c_proj.bias", b), d, 0, 0, s);
    put_tensor(w, testing_format("h.%zu.ln_2.weight", b), d, 0, 1, s);
    put_tensor(w, testing_format("h.%zu.ln_2.bias", b), d, 0, 0, s);
    put_tensor(w, testing_format("h.%zu.mlp.c_fc.weight", b), d, 4 * d, 0, s);
    put_tensor(w, testing_format("h.%zu.mlp.c_fc.bias", b), 4 * d, 0, 0, s);
    put_tensor(w, testing_format("h.%zu.mlp.c_proj.weight", b), 4 * d, d, 0, s);
    put_tensor(w, testing_format("h.%zu.mlp.c_proj.bias", b), d, 0, 0, s);
  }
  put_tensor(w, "ln_f.weight", d, 0, 1, s);
  put_tensor(w, "ln_f.bias", d, 0, 0, s);
}

/* Writes the checkpoint into a fresh folder, whose path lives until the program ends. */
static inline const char *random_gpt2(size_t d, size_t heads, size_t blocks, size_t context, size_t vocabulary) {
  static char folder[300];
  snprintf(folder, sizeof folder, "%s/random-gpt2-%zu-%zu", testing_folder(), d, heads);
  mkdir(folder, 0777);
  const char *text = testing_format(
      "{\"model_type\":\"gpt2\",\"n_embd\":%zu,\"n_head\":%zu,\"n_layer\":%zu,\"n_positions\":%zu,\"vocab_size\":%zu}",
      d, heads, blocks, context, vocabulary);
  testing_write(testing_format("%s/config.json", folder), text, strlen(text));
  writing w = {.capacity = 65536, .state = 1, .spread = 0.3f};
  w.header = malloc(w.capacity);
  put_gpt2(&w, d, blocks, context, vocabulary);
  w.length += (size_t)snprintf(w.header + w.length, w.capacity - w.length, "}");
  w.stream = fopen(testing_format("%s/model.safetensors", folder), "wb");
  uint64_t length = w.length;
  fwrite(&length, 8, 1, w.stream);
  fwrite(w.header, 1, w.length, w.stream);
  free(w.header);
  w.header = NULL;
  put_gpt2(&w, d, blocks, context, vocabulary);
  fclose(w.stream);
  return folder;
}

#endif
