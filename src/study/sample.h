/* study/sample.h - from rows of the table of numbers to the samples that claims are decided on. */
#ifndef DWELL_STUDY_SAMPLE_H
#define DWELL_STUDY_SAMPLE_H

#include "study/claim.h"
#include "study/numbers.h"

/* Which rows stand for the trained network and which for its controls. */
typedef struct sample_choice {
  const char *model;
  const char *variant;  /* of what is judged */
  double seed;          /* of it, NaN: any */
  const char *controls; /* variant of the controls; NULL: none */
  double without;       /* the seed that is no control, NaN: all are */
  const char *kind;     /* of texts; NULL: those that are averaged over */
  bool orders;          /* with the trend of the same tokens in other orders */
} sample_choice;

typedef struct sample {
  claim_sample s;
  double *values, *controls, *types, *orders;
  uint32_t *classes;
  size_t *rows; /* [s.prompts] of what is judged */
} sample;

/* Everything a claim needs of a model. Needs that are no column of the table are NaN. Seeds without any row do not
 * count; a seed's missing prompt is NaN. Release with sample_free, also after an error. */
dwell_status sample_make(const numbers *n, const sample_choice *c, const claim *what, uint64_t seed, sample *ret_sample,
                         dwell_error *err);
void sample_free(sample *s);

/* Row of a text in a variant with a seed (NaN: any) and scale (NaN: any), or SIZE_MAX. */
size_t sample_row(const numbers *n, const char *model, const char *variant, double seed, double scale,
                  const char *text);
/* Is the row of a text that is averaged over (kind NULL), or of this kind? */
bool sample_has_kind(const numbers *n, size_t row, const char *kind);
/* Column of a need by its name, NUMBERS: none. */
study_number sample_column(const char *need);
/* Mean of a column over rows of a variant (and seed, unless NaN) of a model, over texts that are averaged over; NaN:
 * none. */
double sample_average(const numbers *n, const char *model, const char *variant, double seed, study_number column);

#endif
