/* file/pcursor.c - the wire format of protocol buffers. */
#include "file/pcursor.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5, VARINT_MOST = 10 };

static const char CUT_SHORT[] = "the message ends in the middle of a field";
static const char WRONG_KIND[] = "a field is not of the kind that belongs to its number";

pcursor pcursor_start(const char *data, size_t size) { return (pcursor){.data = data, .end = size}; }

void pcursor_fail(pcursor *c, const char *problem) {
  if (c->problem != NULL) return;
  c->problem = problem;
  c->problem_at = c->at;
}

static uint64_t take_varint(pcursor *c) {
  uint64_t value = 0;
  for (unsigned i = 0; c->problem == NULL; i++) {
    if (c->at == c->end) {
      pcursor_fail(c, CUT_SHORT);
      break;
    }
    uint8_t byte = (uint8_t)c->data[c->at++];
    if (i == VARINT_MOST - 1 && byte > 1) pcursor_fail(c, "a number has more than 64 bits");
    value |= (uint64_t)(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return c->problem == NULL ? value : 0;
  }
  return 0;
}

/* Moves past `size` bytes; their place, or NULL if there are fewer. */
static const char *take(pcursor *c, uint64_t size) {
  if (c->problem != NULL) return NULL;
  if (size > c->end - c->at) {
    pcursor_fail(c, CUT_SHORT);
    return NULL;
  }
  const char *place = c->data + c->at;
  c->at += (size_t)size;
  return place;
}

bool pcursor_field(pcursor *c, uint32_t *ret_field) {
  if (c->problem != NULL || c->at == c->end) return false;
  uint64_t tag = take_varint(c);
  if (tag > UINT32_MAX || tag >> 3 == 0) pcursor_fail(c, "a field has an impossible number");
  c->wire = (unsigned)(tag & 7);
  bool known = c->wire == WIRE_VARINT || c->wire == WIRE_FIXED64 || c->wire == WIRE_BYTES || c->wire == WIRE_FIXED32;
  if (!known) pcursor_fail(c, "a field is of a kind that is not supported (groups are not)");
  *ret_field = (uint32_t)(tag >> 3);
  return c->problem == NULL;
}

static bool is_kind(pcursor *c, unsigned wire) {
  if (c->problem == NULL && c->wire != wire) pcursor_fail(c, WRONG_KIND);
  return c->problem == NULL;
}

int64_t pcursor_int(pcursor *c, int64_t low, int64_t high) {
  int64_t value = is_kind(c, WIRE_VARINT) ? (int64_t)take_varint(c) : 0;
  if (c->problem == NULL && (value < low || value > high)) pcursor_fail(c, "a number is out of the range allowed here");
  return c->problem == NULL ? value : low;
}

bool pcursor_bool(pcursor *c) { return is_kind(c, WIRE_VARINT) && take_varint(c) != 0; }

float pcursor_float(pcursor *c) {
  const char *bytes = is_kind(c, WIRE_FIXED32) ? take(c, 4) : NULL;
  if (bytes == NULL) return 0;
  uint32_t bits = 0;
  for (unsigned i = 0; i < 4; i++) bits |= (uint32_t)(uint8_t)bytes[i] << (8 * i);
  float value;
  memcpy(&value, &bits, sizeof value);
  if (!isfinite(value)) pcursor_fail(c, "a number is not finite");
  return c->problem == NULL ? value : 0;
}

pbytes pcursor_bytes(pcursor *c) {
  uint64_t length = is_kind(c, WIRE_BYTES) ? take_varint(c) : 0;
  const char *data = take(c, length);
  return data == NULL ? (pbytes){"", 0} : (pbytes){data, (size_t)length};
}

pcursor pcursor_message(pcursor *c) {
  pbytes inside = pcursor_bytes(c);
  if (c->problem != NULL) return (pcursor){.data = c->data}; /* empty: nobody reads it */
  return (pcursor){.data = c->data, .at = c->at - inside.length, .end = c->at};
}

void pcursor_skip(pcursor *c) {
  switch (c->wire) {
    case WIRE_VARINT: take_varint(c); break;
    case WIRE_FIXED64: take(c, 8); break;
    case WIRE_FIXED32: take(c, 4); break;
    default: pcursor_bytes(c); break;
  }
}

dwell_status pcursor_end(const pcursor *c, const char *path, dwell_error *err) {
  if (c->problem == NULL) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "%s", c->problem);
  error_at_offset(err, (int64_t)c->problem_at);
  if (path != NULL) error_in_file(err, path);
  return DWELL_BAD_INPUT;
}
