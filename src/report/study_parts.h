/* report/study_parts.h - the parts of a study's page, in its order. Each appends HTML; without data, nothing. */
#ifndef DWELL_REPORT_STUDY_PARTS_H
#define DWELL_REPORT_STUDY_PARTS_H

#include "report/html.h"
#include "study/decide.h"

/* How many came out how, in a sentence (study_verdicts.c). */
void study_summary(const verdicts *v, strbuf *out);
/* Subjects x claims, a verdict in each cell: trained networks above, flows (the theory) below. */
void study_overview(const verdicts *v, strbuf *out);
/* Verdicts of a group with all their numbers, the sentence to quote, and what was published. */
void study_table(const verdicts *v, verdict_group group, const char *heading, const char *text, strbuf *out);
/* Suspended ones, each with why and with what would settle it. */
void study_open_ones(const verdicts *v, strbuf *out);

/* Claim by claim the numbers of every text, networks beside flows (study_strips.c). */
dwell_status study_strips(const numbers *n, const verdicts *v, strbuf *out, dwell_error *err);
/* How clustering comes about in training, per series of checkpoints (study_training.c). */
dwell_status study_training(const numbers *n, strbuf *out, dwell_error *err);

/* A cell of a table: the number as verdicts.csv has it in the attribute, short for readers. */
void study_cell(strbuf *out, double x, const char *classes);
/* Is a row of numbers one of the trained network itself (or of the flow) over a text that is averaged over? */
bool study_is_own(const numbers *n, size_t row);

#endif
