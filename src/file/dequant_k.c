/* file/dequant_k.c - blocks of 256: parts of 16 or 32 elements have scales of 4 or 6 bits, which the block's own scale
 * multiplies. The bits of one element lie apart: a byte holds the same bits of elements 32 or 64 places from each
 * other.
 */
#include "file/bytes.h"
#include "file/dequant.h"

enum { Q2_K = 84, Q3_K = 110, Q4_K = 144, Q5_K = 176, Q6_K = 210, IQ4_XS = 136, BLOCK = 256 };

/* 16 bytes: scale (low nibble) and offset (high) of 16 parts of 16; 64 bytes of 2 bits; the scales of the scales and of
 * the offsets (halves). value = (d scale) q - dmin offset */
void dequant_q2_k(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += Q2_K, out += BLOCK) {
    float d = bytes_half(bytes_u16(b + 80)), dmin = bytes_half(bytes_u16(b + 82));
    for (int part = 0; part < 16; part++) {
      float scale = d * (float)(b[part] & 15), offset = dmin * (float)(b[part] >> 4);
      const unsigned char *q = b + 16 + part / 8 * 32 + part % 2 * 16;
      int shift = part % 8 / 2 * 2;
      for (int i = 0; i < 16; i++) out[part * 16 + i] = scale * (float)(q[i] >> shift & 3) - offset;
    }
  }
}

/* The 16 scales of Q3_K, 6 bits less 32, in 12 bytes: 8 bytes of low nibbles (scales 0-7 in the lower halves, 8-15 in
 * the upper), 4 bytes of high bits (byte k % 4, bits 2 (k / 4)). */
static void q3_k_scales(const unsigned char *at, float d, float scales[16]) {
  for (int k = 0; k < 16; k++) {
    int low = k < 8 ? at[k] & 15 : at[k - 8] >> 4, high = at[8 + k % 4] >> (k / 4 * 2) & 3;
    scales[k] = d * (float)((low | high << 4) - 32);
  }
}

/* 32 bytes of third bits; 64 bytes of 2 bits; 12 bytes of scales; scale (half). A third bit of 0 means 4 less. */
void dequant_q3_k(const unsigned char *b, size_t count, float *out) {
  float scales[16];
  for (; count > 0; count--, b += Q3_K, out += BLOCK) {
    q3_k_scales(b + 96, bytes_half(bytes_u16(b + 108)), scales);
    for (int part = 0; part < 16; part++) {
      const unsigned char *q = b + 32 + part / 8 * 32 + part % 2 * 16, *third = b + part % 2 * 16;
      int shift = part % 8 / 2 * 2, bit = part / 2;
      for (int i = 0; i < 16; i++) {
        int value = (q[i] >> shift & 3) + (third[i] >> bit & 1) * 4 - 4;
        out[part * 16 + i] = scales[part] * (float)value;
      }
    }
  }
}

/* The 8 scales and 8 offsets of Q4_K and Q5_K, 6 bits each, in 12 bytes: the first four of each are the low 6 bits of
 * bytes 0-3 and 4-7; of the others the low nibbles are in bytes 8-11 (offsets in the upper halves) and the two high
 * bits are the top bits of bytes 0-7. */
static void q4_k_scales(const unsigned char *b, float scales[8], float offsets[8]) {
  float d = bytes_half(bytes_u16(b)), dmin = bytes_half(bytes_u16(b + 2));
  const unsigned char *at = b + 4;
  for (int k = 0; k < 4; k++) {
    scales[k] = d * (float)(at[k] & 63);
    offsets[k] = dmin * (float)(at[4 + k] & 63);
    scales[4 + k] = d * (float)((at[8 + k] & 15) | at[k] >> 6 << 4);
    offsets[4 + k] = dmin * (float)(at[8 + k] >> 4 | at[4 + k] >> 6 << 4);
  }
}

/* Scales of scales and offsets (halves); 12 bytes of both; 128 bytes of nibbles, 32 for two parts of 32. */
void dequant_q4_k(const unsigned char *b, size_t count, float *out) {
  float scales[8], offsets[8];
  for (; count > 0; count--, b += Q4_K, out += BLOCK) {
    q4_k_scales(b, scales, offsets);
    for (int part = 0; part < 8; part++) {
      const unsigned char *q = b + 16 + part / 2 * 32;
      int shift = part % 2 * 4;
      for (int i = 0; i < 32; i++) out[part * 32 + i] = scales[part] * (float)(q[i] >> shift & 15) - offsets[part];
    }
  }
}

/* As Q4_K, with 32 bytes of fifth bits (bit `part`) before the nibbles. */
void dequant_q5_k(const unsigned char *b, size_t count, float *out) {
  float scales[8], offsets[8];
  for (; count > 0; count--, b += Q5_K, out += BLOCK) {
    q4_k_scales(b, scales, offsets);
    for (int part = 0; part < 8; part++) {
      const unsigned char *fifth = b + 16, *q = b + 48 + part / 2 * 32;
      int shift = part % 2 * 4;
      for (int i = 0; i < 32; i++) {
        int value = (q[i] >> shift & 15) | (fifth[i] >> part & 1) << 4;
        out[part * 32 + i] = scales[part] * (float)value - offsets[part];
      }
    }
  }
}

/* 128 bytes of low nibbles; 64 bytes of high pairs; 16 signed scales of parts of 16; scale (half). 32 stands for 0. */
void dequant_q6_k(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += Q6_K, out += BLOCK) {
    float d = bytes_half(bytes_u16(b + 208));
    for (int part = 0; part < 16; part++) {
      int half = part / 8, group = part % 8 / 2, from = part % 2 * 16;
      const unsigned char *low = b + half * 64 + group % 2 * 32 + from, *high = b + 128 + half * 32 + from;
      float scale = d * (float)(signed char)b[192 + part];
      for (int i = 0; i < 16; i++) {
        int value = (low[i] >> (group / 2 * 4) & 15) | (high[i] >> (group * 2) & 3) << 4;
        out[part * 16 + i] = scale * (float)(value - 32);
      }
    }
  }
}

/* Scale (half); 16 bits: the two high bits of 8 scales; 4 bytes: their low nibbles; 128 bytes of nibbles that choose
 * from sixteen values, 16 bytes for one part of 32. A scale is 6 bits less 32. */
void dequant_iq4_xs(const unsigned char *b, size_t count, float *out) {
  for (; count > 0; count--, b += IQ4_XS, out += BLOCK) {
    float d = bytes_half(bytes_u16(b));
    unsigned high = bytes_u16(b + 2);
    for (int part = 0; part < 8; part++) {
      int low = b[4 + part / 2] >> (part % 2 * 4) & 15, top = (int)(high >> (2 * part)) & 3;
      float scale = d * (float)((low | top << 4) - 32);
      const unsigned char *q = b + 8 + part * 16;
      for (int i = 0; i < 16; i++) out[part * 32 + i] = scale * (float)dequant_iq4_values[q[i] & 15];
      for (int i = 0; i < 16; i++) out[part * 32 + 16 + i] = scale * (float)dequant_iq4_values[q[i] >> 4];
    }
  }
}
