/* text/vocab.c - pieces and their ids. */
#include "text/vocab.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

static size_t slot_of(uint64_t hash, size_t slots) {
  return (size_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (slots - 1);
}

uint64_t vocab_hash(uint64_t start, const char *text, size_t length) {
  uint64_t hash = start;
  for (size_t i = 0; i < length; i++) hash = vocab_hash_step(hash, text[i]);
  return hash;
}

/* Slot of an entry with this text, or the free slot where it would go. */
static size_t text_slot(const vocab *v, uint64_t hash, const char *prefix, size_t prefix_length, const char *text,
                        size_t length) {
  size_t slot = slot_of(hash, v->slots);
  for (; v->by_text[slot] != 0; slot = (slot + 1) & (v->slots - 1)) {
    const vocab_entry *entry = &v->entries[v->by_text[slot] - 1];
    if (entry->hash == hash && entry->length == prefix_length + length &&
        memcmp(entry->text, prefix, prefix_length) == 0 && memcmp(entry->text + prefix_length, text, length) == 0) {
      break;
    }
  }
  return slot;
}

static size_t id_slot(const vocab *v, int32_t id) {
  size_t slot = slot_of((uint64_t)id, v->slots);
  while (v->by_id[slot] != 0 && v->entries[v->by_id[slot] - 1].id != id) slot = (slot + 1) & (v->slots - 1);
  return slot;
}

/* Doubles the room and enters everything anew. */
static dwell_status grow(vocab *v, dwell_error *err) {
  size_t capacity = v->capacity == 0 ? 256 : v->capacity * 2;
  uint32_t *by_text = MEM_ZERO(uint32_t, capacity * 2), *by_id = MEM_ZERO(uint32_t, capacity * 2);
  vocab_entry *entries = by_text && by_id ? mem_grow(v->entries, v->count, capacity, sizeof(vocab_entry)) : NULL;
  if (entries == NULL) {
    mem_free(by_text);
    mem_free(by_id);
    return error_no_memory(err, "the vocabulary");
  }
  uint32_t *old_text = v->by_text;
  size_t old_slots = v->slots;
  mem_free(v->by_id);
  *v = (vocab){entries, v->count, capacity, by_text, by_id, capacity * 2, v->largest, v->longest, v->model_count};
  for (size_t i = 0; i < v->count; i++) v->by_id[id_slot(v, entries[i].id)] = (uint32_t)i + 1;
  for (size_t s = 0; s < old_slots; s++) { /* not entry by entry: of a repeated text only the later one is listed */
    if (old_text[s] == 0) continue;
    const vocab_entry *e = &entries[old_text[s] - 1];
    v->by_text[text_slot(v, e->hash, "", 0, e->text, e->length)] = old_text[s];
  }
  mem_free(old_text);
  return DWELL_OK;
}

static dwell_status refuse(const char *what, const char *text, size_t length, int32_t id, dwell_error *err) {
  char shown[120];
  str_display(shown, sizeof shown, text, length);
  error_set(err, DWELL_BAD_INPUT, what, shown, (int)id);
  return DWELL_BAD_INPUT;
}

dwell_status vocab_add(vocab *v, const char *text, size_t length, int32_t id, bool later_wins, dwell_error *err) {
  if (length > UINT32_MAX / 2 || v->count >= INT32_MAX / 2) {
    return error_set(err, DWELL_UNSUPPORTED, "the vocabulary is too large");
  }
  if (v->count == v->capacity) {
    dwell_status status = grow(v, err);
    if (status != DWELL_OK) return status;
  }
  uint64_t hash = vocab_hash(VOCAB_HASH_START, text, length);
  size_t by_text = text_slot(v, hash, "", 0, text, length), by_id = id_slot(v, id);
  if (v->by_text[by_text] != 0 && !later_wins) {
    return refuse("the vocabulary has the piece '%s' twice (again with id %d)", text, length, id, err);
  }
  if (v->by_id[by_id] != 0)
    return refuse("the vocabulary gives piece '%s' the id %d of another piece", text, length, id, err);
  v->entries[v->count++] = (vocab_entry){hash, text, (uint32_t)length, id, false};
  v->by_text[by_text] = v->by_id[by_id] = (uint32_t)v->count;
  if (v->count == 1 || id > v->largest) v->largest = id;
  if (length > v->longest) v->longest = length;
  return DWELL_OK;
}

void vocab_free(vocab *v) {
  mem_free(v->entries);
  mem_free(v->by_text);
  mem_free(v->by_id);
  *v = (vocab){0};
}

int32_t vocab_find_hashed(const vocab *v, uint64_t hash, const char *prefix, size_t prefix_length, const char *text,
                          size_t length) {
  if (v->count == 0) return VOCAB_NONE;
  uint32_t entry = v->by_text[text_slot(v, hash, prefix, prefix_length, text, length)];
  bool known = entry != 0 && (v->model_count == 0 || entry <= v->model_count);
  return known ? v->entries[entry - 1].id : VOCAB_NONE;
}

int32_t vocab_find(const vocab *v, const char *text, size_t length) {
  return vocab_find_hashed(v, vocab_hash(VOCAB_HASH_START, text, length), "", 0, text, length);
}

void vocab_find_bytes(const vocab *v, int32_t ret_ids[256]) {
  for (unsigned byte = 0; byte < 256; byte++) {
    char name[8];
    int length = snprintf(name, sizeof name, "<0x%02X>", byte);
    ret_ids[byte] = vocab_find(v, name, (size_t)length);
  }
}

const vocab_entry *vocab_entry_of(const vocab *v, int64_t id) {
  if (v->count == 0 || id < 0 || id > v->largest) return NULL;
  uint32_t entry = v->by_id[id_slot(v, (int32_t)id)];
  return entry == 0 ? NULL : &v->entries[entry - 1];
}

void vocab_settle(vocab *v) { v->model_count = v->count; }

void vocab_mark_special(vocab *v, int32_t id) {
  uint32_t entry = v->count == 0 ? 0 : v->by_id[id_slot(v, id)];
  if (entry != 0) v->entries[entry - 1].special = true;
}
