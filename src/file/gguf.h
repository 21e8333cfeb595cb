/* file/gguf.h - GGUF files (versions 2 and 3, little-endian), read strictly: metadata of every type, and tensors, plain
 * or quantised, that are read by pread and dequantised block by block into the caller's buffer.
 *
 * Every count, length and offset is checked against the file before it is used, and nothing is allocated but for bytes
 * that the file really has. What the format's reference reader (ggml) refuses is refused: nested arrays, a key or
 * tensor name twice, holes, overlaps, rows that are no whole blocks. Stricter in six points: names are UTF-8, without
 * NUL, not empty, at most 65535 bytes; a bool is 0 or 1; no dimension is 0; general.alignment is an uint32; the data of
 * every tensor lie inside the file; metadata end within GGUF_MAX_HEADER bytes. More lenient in one: names may be longer
 * than 63 bytes. Bytes behind the last tensor are ignored, as everyone does.
 *
 * Rows of Q and K. Converters from Hugging Face checkpoints of architecture "llama" (also Mistral and SmolLM) reorder
 * the rows of blk.N.attn_q.weight and blk.N.attn_k.weight (and of their biases) inside each head, so that the two
 * numbers which a rotation mixes are neighbours. In a head of `size` rows, Hugging Face's row s * size / 2 + j (s = 0,
 * 1; j < size / 2; the rotation mixes rows j and size / 2 + j) is GGUF's row 2 j + s. In numpy, as the format's
 * documentation gives it: gguf = hf.reshape(heads, 2, size // 2, -1).swapaxes(1, 2).reshape(hf.shape), where `heads`
 * are the key-value heads for K. gguf_read_rotary undoes it. Other architectures (gptneox, qwen2, ...) keep the order.
 */
#ifndef DWELL_FILE_GGUF_H
#define DWELL_FILE_GGUF_H

#include <dwell/cloud.h>
#include <stdbool.h>

#include "file/dequant.h"

enum { GGUF_MAX_RANK = 4, GGUF_MAX_NAME = 65535, GGUF_MAX_HEADER = 1 << 28 };

/* The numbers are the file's. */
typedef enum gguf_type {
  GGUF_UINT8 = 0,
  GGUF_INT8 = 1,
  GGUF_UINT16 = 2,
  GGUF_INT16 = 3,
  GGUF_UINT32 = 4,
  GGUF_INT32 = 5,
  GGUF_FLOAT32 = 6,
  GGUF_BOOL = 7,
  GGUF_STRING = 8,
  GGUF_ARRAY = 9,
  GGUF_UINT64 = 10,
  GGUF_INT64 = 11,
  GGUF_FLOAT64 = 12
} gguf_type;

/* One entry of the metadata. */
typedef struct gguf_entry {
  const char *key; /* owned by the file object, as everything below */
  gguf_type type;
  gguf_type item_type; /* of an array; else the same as `type` */
  size_t count;        /* items of an array; else 1 */
  size_t at, size;     /* the bytes of the items, in the header */
} gguf_entry;

typedef struct gguf_tensor {
  const char *name;
  const dequant_type *type;
  size_t rank;
  size_t shape[GGUF_MAX_RANK]; /* as numpy and torch say it: the last varies fastest (the file lists them reversed) */
  size_t count;                /* elements */
  uint64_t begin, end;         /* bytes, from the beginning of the file that holds it */
  size_t part;                 /* which one that is (gguf_part_path) */
} gguf_tensor;

/* Bytes of a string in the file: usually UTF-8, but nobody checked; not NUL-terminated. */
typedef struct gguf_text {
  const char *data;
  size_t length;
} gguf_text;

typedef struct gguf gguf;

/* Checks the whole header. A file of another version or byte order is DWELL_UNSUPPORTED. The first file of a model that
 * is divided over several (NAME-00001-of-00003.gguf; split.count says so) opens them all; another one of them, a
 * missing one, one of another model, a tensor in two of them: DWELL_BAD_INPUT. */
dwell_status gguf_open(const char *path, gguf **ret_file, dwell_error *err);
void gguf_close(gguf *file); /* NULL is fine */
const char *gguf_path(const gguf *file);
/* Is it named as a part of a divided model, but not the first, which stands for all? */
bool gguf_is_later_part(const char *name);
size_t gguf_parts(const gguf *file); /* files; 1: not divided */
const char *gguf_part_path(const gguf *file, size_t part);
unsigned gguf_version(const gguf *file);

/* ---- tensors ---- */

size_t gguf_count(const gguf *file);
const gguf_tensor *gguf_at(const gguf *file, size_t i);           /* in the order of the file; NULL: there is none */
const gguf_tensor *gguf_find(const gguf *file, const char *name); /* NULL: absent */

/* Elements [first, first + count) in C order, dequantised and widened to dtype (file/dequant.h says how). NaN or Inf is
 * DWELL_BAD_INPUT naming tensor and index. Safe from several threads at once. */
dwell_status gguf_read(const gguf *file, const gguf_tensor *tensor, size_t first, size_t count, dwell_dtype dtype,
                       void *ret_values, dwell_error *err);

/* Has the system read the tensor from the disk in the background (tensor_ahead). */
void gguf_ahead(const gguf *file, const gguf_tensor *tensor);

/* The row of a GGUF's attn_q or attn_k that holds row `row` of the Hugging Face checkpoint; `head_size` is even. */
size_t gguf_rotary_row(size_t row, size_t head_size);
/* gguf_read of a tensor whose rows (the first dimension) are reordered so, in the order of the Hugging Face checkpoint.
 * DWELL_BAD_INPUT unless head_size is even and divides the number of rows. */
dwell_status gguf_read_rotary(const gguf *file, const gguf_tensor *tensor, size_t head_size, size_t first, size_t count,
                              dwell_dtype dtype, void *ret_values, dwell_error *err);

/* ---- metadata ---- */

size_t gguf_entries(const gguf *file);
const gguf_entry *gguf_entry_at(const gguf *file, size_t i);        /* in the order of the file; NULL: there is none */
const gguf_entry *gguf_entry_of(const gguf *file, const char *key); /* NULL: absent */
const char *gguf_type_name(gguf_type type);                         /* "uint8", "string", ...; static */

/* Values by key. Absent, of another kind or outside the range: DWELL_BAD_INPUT naming the key. Whether an optional key
 * is there, gguf_entry_of says. */
/* Any of the eight integer types, in [low, high]. */
dwell_status gguf_uint(const gguf *file, const char *key, uint64_t low, uint64_t high, uint64_t *ret_value,
                       dwell_error *err);
/* A finite float32 (widened: 1e-5 reads as 9.99999974737875163555145263672e-06) or float64. */
dwell_status gguf_float(const gguf *file, const char *key, double *ret_value, dwell_error *err);
dwell_status gguf_bool(const gguf *file, const char *key, bool *ret_value, dwell_error *err);
/* A string that is UTF-8. Valid while the file is open. */
dwell_status gguf_string(const gguf *file, const char *key, gguf_text *ret_text, dwell_error *err);
/* True if the key is there and is this string. */
bool gguf_is(const gguf *file, const char *key, const char *text);

/* The items of an array, or the one value of a scalar:
 *     TRY(gguf_array(file, "tokenizer.ggml.tokens", GGUF_KIND_STRING, &list, err));
 *     for (gguf_item item; gguf_next(&list, &item);) ...item.text...
 * Items were checked when the file was opened, so walking cannot fail; list.count are left at every moment. */
typedef struct gguf_item {
  gguf_type type;  /* says which of these is set: */
  int64_t integer; /* integers and bools; a uint64's bits: cast it back */
  double real;     /* floats; may be NaN or Inf */
  gguf_text text;  /* strings */
} gguf_item;

typedef struct gguf_list {
  gguf_type type;
  size_t count;
  const unsigned char *next;
} gguf_list;

typedef enum gguf_kind {
  GGUF_KIND_INTEGER,
  GGUF_KIND_FLOAT,
  GGUF_KIND_BOOL,
  GGUF_KIND_STRING,
  GGUF_KIND_ARRAY
} gguf_kind;
gguf_kind gguf_kind_of(gguf_type type);

/* An array of items of this kind. */
dwell_status gguf_array(const gguf *file, const char *key, gguf_kind kind, gguf_list *ret_list, dwell_error *err);
gguf_list gguf_walk(const gguf *file, const gguf_entry *entry);
bool gguf_next(gguf_list *list, gguf_item *ret_item);

#endif
