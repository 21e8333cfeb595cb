/* text/unicode.h - what a character is, as the tokenizers package sees it. The classes were measured from that
 * package (tools/oracle/make_unicode_data.py), because its parts follow different Unicode versions; normalisation and
 * case come from utf8proc except where the measurement differs. */
#ifndef DWELL_TEXT_UNICODE_H
#define DWELL_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U+2581, which stands for a space in SentencePiece and its kin. */
#define UNICODE_SPACE_MARK "\xE2\x96\x81"

/* Bits in the order of the generated table. */
enum unicode_class {
  UNICODE_LETTER = 1 << 0,      /* \p{L} of a regular expression */
  UNICODE_NUMBER = 1 << 1,      /* \p{N} of a regular expression */
  UNICODE_SPACE = 1 << 2,       /* White_Space */
  UNICODE_WORD = 1 << 3,        /* \w of the Whitespace pre-tokenizer and of single_word */
  UNICODE_REGEX_WORD = 1 << 4,  /* \w of a regular expression in tokenizer.json */
  UNICODE_NUMERIC = 1 << 5,     /* the Digits pre-tokenizer */
  UNICODE_PUNCTUATION = 1 << 6, /* the Punctuation and Bert pre-tokenizers */
  UNICODE_CLEANED = 1 << 7,     /* removed by clean_text of BertNormalizer */
  UNICODE_NONSPACING = 1 << 8,  /* removed by strip_accents of BertNormalizer */
  UNICODE_MARK = 1 << 9,        /* removed by StripAccents */
  UNICODE_IDEOGRAPH = 1 << 10   /* set apart by handle_chinese_chars of BertNormalizer */
};

/* Where grapheme clusters break (Unicode Standard Annex 29): Grapheme_Cluster_Break, with Extended_Pictographic and
 * Indic_Conjunct_Break folded in. The numbers are those of the generated table. */
enum unicode_grapheme {
  GRAPHEME_OTHER,
  GRAPHEME_CONTROL,
  GRAPHEME_CR,
  GRAPHEME_LF,
  GRAPHEME_PREPEND,
  GRAPHEME_SPACING,
  GRAPHEME_EXTEND, /* joins the character before, */
  GRAPHEME_LINK,   /* a virama: joins the consonant after it too, */
  GRAPHEME_APART,  /* but between consonants undoes that */
  GRAPHEME_ZWJ,
  GRAPHEME_PICTURE,
  GRAPHEME_CONSONANT,
  GRAPHEME_L, /* Hangul: leading consonants, vowels, trailing consonants, syllables */
  GRAPHEME_V,
  GRAPHEME_T,
  GRAPHEME_LV,
  GRAPHEME_LVT
};

/* Bits of all classes of a code point. */
unsigned unicode_classes(uint32_t code);

enum unicode_grapheme unicode_grapheme_of(uint32_t code);

/* Lower case into out; returns the number of code points (1 or 2). */
size_t unicode_lower(uint32_t code, uint32_t out[2]);

enum { UNICODE_MOST_DECOMPOSED = 18 }; /* U+FDFA has the longest compatibility decomposition */

/* Full canonical (or compatibility) decomposition; returns the number of code points, at least 1. */
size_t unicode_decompose(uint32_t code, bool compatibility, uint32_t out[UNICODE_MOST_DECOMPOSED]);
/* Canonical combining class. */
unsigned unicode_combining_class(uint32_t code);
/* The primary composite of two code points, or 0. */
uint32_t unicode_compose(uint32_t first, uint32_t second);

#endif
