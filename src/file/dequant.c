/* file/dequant.c - the table of number types, plain ones and blocks of 32. A block of 32 holds its first 16 elements in
 * the low halves of 16 bytes and the others in the high halves. All numbers are little-endian. */
#include "file/dequant.h"

#include <string.h>

#include "base/str.h"
#include "file/bytes.h"

/* ---- plain types ---- */

static void from_f32(const unsigned char *raw, size_t count, float *out) { memcpy(out, raw, count * sizeof *out); }

static void from_f16(const unsigned char *raw, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = bytes_half(bytes_u16(raw + 2 * i));
}

static void from_bf16(const unsigned char *raw, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = bytes_bfloat(bytes_u16(raw + 2 * i));
}

static void from_f64(const unsigned char *raw, size_t count, float *out) {
  for (size_t i = 0; i < count; i++) {
    double value;
    memcpy(&value, raw + 8 * i, sizeof value);
    out[i] = (float)value;
  }
}

/* ---- blocks of 32 ---- */

enum { Q4_0 = 18, Q4_1 = 20, Q5_0 = 22, Q5_1 = 24, Q8_0 = 34, IQ4_NL = 18 };

/* scale (half), 32 signed bytes */
static void from_q8_0(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += Q8_0, out += 32) {
    float scale = bytes_half(bytes_u16(b));
    for (int i = 0; i < 32; i++) out[i] = (float)(signed char)b[2 + i] * scale;
  }
}

/* scale, 16 bytes of nibbles, 8 stands for 0 */
static void from_q4_0(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += Q4_0, out += 32) {
    float scale = bytes_half(bytes_u16(b));
    const unsigned char *low = b + 2;
    for (int i = 0; i < 16; i++) out[i] = scale * (float)((low[i] & 15) - 8);
    for (int i = 0; i < 16; i++) out[16 + i] = scale * (float)((low[i] >> 4) - 8);
  }
}

/* scale, least value, 16 bytes of nibbles */
static void from_q4_1(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += Q4_1, out += 32) {
    float scale = bytes_half(bytes_u16(b)), least = bytes_half(bytes_u16(b + 2));
    const unsigned char *low = b + 4;
    for (int i = 0; i < 16; i++) out[i] = scale * (float)(low[i] & 15) + least;
    for (int i = 0; i < 16; i++) out[16 + i] = scale * (float)(low[i] >> 4) + least;
  }
}

/* The fifth bits of 32 elements stand in one word, in order; `low` holds the nibbles. */
static void five_bits(uint32_t high, const unsigned char *low, int q[32]) {
  for (int i = 0; i < 16; i++) q[i] = (low[i] & 15) | (int)(high >> i & 1) << 4;
  for (int i = 0; i < 16; i++) q[16 + i] = (low[i] >> 4) | (int)(high >> (16 + i) & 1) << 4;
}

/* scale, 32 high bits, 16 bytes of nibbles, 16 stands for 0 */
static void from_q5_0(const unsigned char *b, size_t count, float *out) {
  int q[32];
  for (; count > 0; count--, b += Q5_0, out += 32) {
    float scale = bytes_half(bytes_u16(b));
    five_bits(bytes_u32(b + 2), b + 6, q);
    for (int i = 0; i < 32; i++) out[i] = scale * (float)(q[i] - 16);
  }
}

/* scale, least value, 32 high bits, 16 bytes of nibbles */
static void from_q5_1(const unsigned char *b, size_t count, float *out) {
  int q[32];
  for (; count > 0; count--, b += Q5_1, out += 32) {
    float scale = bytes_half(bytes_u16(b)), least = bytes_half(bytes_u16(b + 2));
    five_bits(bytes_u32(b + 4), b + 8, q);
    for (int i = 0; i < 32; i++) out[i] = scale * (float)q[i] + least;
  }
}

const signed char dequant_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* scale, 16 bytes of nibbles that choose from the sixteen values */
static void from_iq4_nl(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += IQ4_NL, out += 32) {
    float scale = bytes_half(bytes_u16(b));
    const unsigned char *low = b + 2;
    for (int i = 0; i < 16; i++) out[i] = scale * (float)dequant_iq4_values[low[i] & 15];
    for (int i = 0; i < 16; i++) out[16 + i] = scale * (float)dequant_iq4_values[low[i] >> 4];
  }
}

/* ---- the table ---- */

/* The numbers that are missing (4, 5, 31 to 33, 36 to 38) were types once; nothing writes or reads them any more. */
static const dequant_type types[] = {
    {"F32", 0, 1, 4, from_f32},
    {"F16", 1, 1, 2, from_f16},
    {"Q4_0", 2, 32, Q4_0, from_q4_0},
    {"Q4_1", 3, 32, Q4_1, from_q4_1},
    {"Q5_0", 6, 32, Q5_0, from_q5_0},
    {"Q5_1", 7, 32, Q5_1, from_q5_1},
    {"Q8_0", 8, 32, Q8_0, from_q8_0},
    {"Q8_1", 9, 32, 40, NULL},
    {"Q2_K", 10, 256, 84, dequant_q2_k},
    {"Q3_K", 11, 256, 110, dequant_q3_k},
    {"Q4_K", 12, 256, 144, dequant_q4_k},
    {"Q5_K", 13, 256, 176, dequant_q5_k},
    {"Q6_K", 14, 256, 210, dequant_q6_k},
    {"Q8_K", 15, 256, 292, NULL},
    {"IQ2_XXS", 16, 256, 66, NULL},
    {"IQ2_XS", 17, 256, 74, NULL},
    {"IQ3_XXS", 18, 256, 98, NULL},
    {"IQ1_S", 19, 256, 50, NULL},
    {"IQ4_NL", 20, 32, IQ4_NL, from_iq4_nl},
    {"IQ3_S", 21, 256, 110, NULL},
    {"IQ2_S", 22, 256, 82, NULL},
    {"IQ4_XS", 23, 256, 136, dequant_iq4_xs},
    {"I8", 24, 1, 1, NULL},
    {"I16", 25, 1, 2, NULL},
    {"I32", 26, 1, 4, NULL},
    {"I64", 27, 1, 8, NULL},
    {"F64", 28, 1, 8, from_f64},
    {"IQ1_M", 29, 256, 56, NULL},
    {"BF16", 30, 1, 2, from_bf16},
    {"TQ1_0", 34, 256, 54, NULL},
    {"TQ2_0", 35, 256, 66, NULL},
    {"MXFP4", 39, 32, 17, NULL},
    {"NVFP4", 40, 64, 36, NULL},
    {"Q1_0", 41, 128, 18, NULL},
};
enum { TYPES = sizeof types / sizeof types[0] };

const dequant_type *dequant_by_id(uint32_t id) {
  for (size_t i = 0; i < TYPES; i++) {
    if (types[i].id == id) return &types[i];
  }
  return NULL;
}

const dequant_type *dequant_by_name(const char *name) {
  for (size_t i = 0; i < TYPES; i++) {
    if (str_equal(types[i].name, name)) return &types[i];
  }
  return NULL;
}
