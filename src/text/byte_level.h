/* text/byte_level.h - GPT-2's alphabet: every byte as one visible character (printable Latin-1 as itself, the others
 * from U+0100 on), so that a BPE vocabulary is text. */
#ifndef DWELL_TEXT_BYTE_LEVEL_H
#define DWELL_TEXT_BYTE_LEVEL_H

#include "text/aligned.h"

enum { BYTE_LEVEL_SPACE = 0x120, /* the character of byte 0x20 */ BYTE_LEVEL_CODES = 0x144 /* all are below */ };

/* Rewrites every text split into the alphabet. All bytes of a character stay aligned with the whole character. */
dwell_status byte_level_map(workbench *w, dwell_error *err);

/* Cuts every text split the way GPT-2's regular expression does:
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * (Radford et al. 2019; the pattern of ByteLevel in tokenizers). Written by hand: exact and faster than a regex. */
dwell_status byte_level_cut(workbench *w, dwell_error *err);

#endif
