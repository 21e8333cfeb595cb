/* text/aligned.h - text on its way to tokens: the current (normalised) bytes, for each of them the bytes of the
 * original text it came from, and the splits the text is cut into so far. Every step either rewrites the text of each
 * split (normalisers) or cuts each split (pre-tokenizers); splits that are added tokens already are left alone.
 * Offsets are 32-bit: texts of 4 GiB and more are refused at the start. Running out of memory is sticky (`failed`), and
 * so is a text that grows beyond all measure (`overgrown`): ten replacements of one character by ten ask for gigabytes.
 */
#ifndef DWELL_TEXT_ALIGNED_H
#define DWELL_TEXT_ALIGNED_H

#include <dwell/status.h>
#include <stdbool.h>

typedef struct span {
  uint32_t begin, end;
} span;

typedef struct split {
  uint32_t begin, end; /* bytes of the current text */
  int32_t id;          /* an added token; SPLIT_TEXT: text that is still to be cut */
} split;

enum { SPLIT_TEXT = -1 };

typedef struct aligned {
  char *text;
  span *origin;                  /* of each byte: the whole character(s) of the original text */
  size_t length, capacity, most; /* bytes: now, of the room, allowed */
  split *splits;
  size_t count, split_capacity;
  bool failed, overgrown;
} aligned;

/* The current state and the one being made. */
typedef struct workbench {
  aligned now, next;
} workbench;

/* One split [0, length) holding `text`, each character aligned with itself. Release with workbench_free. */
dwell_status workbench_start(workbench *w, const char *text, size_t length, dwell_error *err);
void workbench_free(workbench *w);

/* ---- rewriting ---- */

/* The source is consumed from `at` to `end` while new characters are put into `to`. */
typedef struct rewriter {
  const aligned *from;
  size_t begin, end, at;
  aligned *to;
} rewriter;

typedef dwell_status (*rewrite_split)(const void *arg, rewriter *r, dwell_error *err);

/* Runs `rewrite` on every text split of w->now; the result becomes w->now. Splits left empty disappear. */
dwell_status workbench_rewrite(workbench *w, rewrite_split rewrite, const void *arg, dwell_error *err);

/* The text still to be consumed. */
static inline const char *rewriter_text(const rewriter *r) { return r->from->text + r->at; }
static inline size_t rewriter_left(const rewriter *r) { return r->end - r->at; }
/* Decodes the next character without consuming it; returns its size, 0 at the end. */
size_t rewriter_peek(const rewriter *r, uint32_t *ret_code);
/* Takes over `size` bytes as they are. */
void rewriter_copy(rewriter *r, size_t size);
/* Drops `size` bytes. */
void rewriter_drop(rewriter *r, size_t size);
/* Puts one character the way tokenizers counts changes: change <= 0 replaces the next source character (keeping its
 * alignment) and drops -change further ones; change > 0 is new and shares the alignment of the byte before. */
void rewriter_put(rewriter *r, uint32_t code, int change);
/* Puts bytes aligned with `origin`, consuming nothing. */
void rewriter_insert(rewriter *r, const char *bytes, size_t size, span origin);

/* For rewriters that write `to` themselves: makes room for `size` more bytes; false: out of memory. */
bool rewriter_room(rewriter *r, size_t size);

/* ---- cutting ---- */

typedef enum cut_behaviour {
  CUT_REMOVED,
  CUT_ISOLATED,
  CUT_WITH_PREVIOUS,
  CUT_WITH_NEXT,
  CUT_CONTIGUOUS
} cut_behaviour;

typedef struct cutter {
  const char *text; /* the split being cut */
  size_t length;
  cut_behaviour behaviour;
  bool invert; /* what is between the matches counts as match */
  /* private: */
  aligned *to;
  size_t base;         /* of the split in the whole text */
  size_t first;        /* index of the first split made here */
  bool previous_match; /* kind of the stretch before */
} cutter;

typedef dwell_status (*cut_split)(const void *arg, cutter *c, dwell_error *err);

/* Runs `cut` on every text split of w->now. It must report stretches in order, covering the split. */
dwell_status workbench_cut(workbench *w, cut_split cut, const void *arg, cut_behaviour behaviour, bool invert,
                           dwell_error *err);
/* A stretch [begin, end) of the split, and whether it is a match. */
void cutter_stretch(cutter *c, size_t begin, size_t end, bool match);
/* An added token found in the split (whatever the behaviour). */
void cutter_token(cutter *c, size_t begin, size_t end, int32_t id);

/* Every character that has one of the classes (unicode.h) is a match of its own. */
dwell_status workbench_cut_class(workbench *w, unsigned classes, cut_behaviour behaviour, dwell_error *err);

#endif
