/* report/definitions.h - what the columns of a figure are: from the registry of instruments and from the manual. */
#ifndef DWELL_REPORT_DEFINITIONS_H
#define DWELL_REPORT_DEFINITIONS_H

#include <stddef.h>

#include "base/str.h"

/* docs/instruments.md, embedded when building (tools/embed_formulas.py): a name that ends in * stands for all that
 * begin so. */
typedef struct formula {
  const char *name, *text, *section;
} formula;
extern const formula formula_table[];
extern const size_t formula_table_size;

/* A fold below a figure's heading with meaning, range, formula, null and source of its columns, which `numbers` names
 * as figure_open does; nothing where none is known. */
void definitions_write(strbuf *out, const char *heading, const char *numbers);

#endif
