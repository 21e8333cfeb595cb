/* study/sources.h - BibTeX of what a run or a study builds on, from the sources that the registries name. */
#ifndef DWELL_STUDY_SOURCES_H
#define DWELL_STUDY_SOURCES_H

#include <dwell/run.h>

#include "study/plan.h"

/* Which sources were used: their texts as the registries have them, each once. */
typedef struct source_list {
  const char *const *items; /* [count] static */
  size_t count, capacity;
} source_list;

/* Adds those of the instruments whose columns a run has, of its nulls and of its flow. DWELL_NO_MEMORY. */
dwell_status sources_of_run(source_list *s, const dwell_run *run, dwell_error *err);
/* Adds those that a study has beside its runs: statistics, its flows, and (of a study without its runs) the instruments
 * that the claims need. */
dwell_status sources_of_study(source_list *s, const study_plan *p, dwell_error *err);
void sources_free(source_list *s);

/* The entries, appended to `out`: those of data/sources.bib, and one made of the source itself for other papers of the
 * arXiv. A source without a paper (a section of the documents) has none. */
void sources_bibtex(const source_list *s, strbuf *out);

#endif
