/* file/dequant.h - the types of numbers in weight files: plain ones, and the block formats of GGUF, in which 32 or 256
 * neighbours of a row share a scale. One table says name, size and how a block becomes float32.
 *
 * A block's values are what the formats' reference computes, bit for bit: the scale is widened from half precision, and
 * every product and sum is rounded to float32 in the reference's order. In float64 these same numbers are widened: a
 * block format has no more to give. */
#ifndef DWELL_FILE_DEQUANT_H
#define DWELL_FILE_DEQUANT_H

#include <stddef.h>
#include <stdint.h>

enum { DEQUANT_MAX_BLOCK = 256 }; /* elements */

typedef struct dequant_type {
  const char *name; /* "F32", "Q4_K", ...: GGUF's name, and safetensors' where it has the type */
  uint32_t id;      /* GGUF's number of it */
  unsigned block;   /* elements of one block; 1: a plain type */
  unsigned bytes;   /* of one block */
  /* `count` whole blocks to floats [count * block]; F64 is rounded. NULL: the layout is known, reading it is not
   * implemented. */
  void (*to_float)(const unsigned char *blocks, size_t count, float *ret_values);
} dequant_type;

/* NULL: there is no such type. */
const dequant_type *dequant_by_id(uint32_t id);
const dequant_type *dequant_by_name(const char *name);

/* Bodies of the table: the 256-element formats, in dequant_k.c. */
void dequant_q2_k(const unsigned char *blocks, size_t count, float *ret_values);
void dequant_q3_k(const unsigned char *blocks, size_t count, float *ret_values);
void dequant_q4_k(const unsigned char *blocks, size_t count, float *ret_values);
void dequant_q5_k(const unsigned char *blocks, size_t count, float *ret_values);
void dequant_q6_k(const unsigned char *blocks, size_t count, float *ret_values);
void dequant_iq4_xs(const unsigned char *blocks, size_t count, float *ret_values);

/* The sixteen values that a nibble of IQ4_NL and IQ4_XS stands for. */
extern const signed char dequant_iq4_values[16];

#endif
