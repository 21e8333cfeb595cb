/* study/verdicts.h - verdicts as files and as text: verdicts.csv, verdicts.json, the table in the terminal. */
#ifndef DWELL_STUDY_VERDICTS_H
#define DWELL_STUDY_VERDICTS_H

#include "study/decide.h"

/* claim,model,verdict,effect,lo,hi,p,p_holm,prompts,control,reason, then group,interval,contrast,contrast_lo,
 * contrast_hi,seeds,family,notes. Undefined: an empty cell. Appended to `out`. */
void verdicts_csv(const verdicts *v, strbuf *out);
/* Everything that is known of them, sentences, other thresholds and the published study's rows included. `thresholds`:
 * NULL: those compiled in. */
void verdicts_json(const verdicts *v, const study_plan *p, const char *thresholds, strbuf *out);
/* Lines for a terminal of `width` columns, with colours if `colour`. */
void verdicts_print(const verdicts *v, size_t width, bool colour, strbuf *out);
/* The same as a table: a line per model (flow, list of models, control), a column per claim. */
void verdicts_table(const verdicts *v, bool colour, strbuf *out);

/* Among the primary rows: that of a model on a claim (NULL: none); is any on the claim; is row i the model's first? */
const verdict_row *verdicts_primary(const verdicts *v, const char *model, const claim *c);
bool verdicts_on_claim(const verdicts *v, const claim *c);
bool verdicts_first_of_model(const verdicts *v, size_t i);

/* "exact, seed_normality"; "" if there are none. Static. */
const char *verdict_notes(const claim_verdict *v);
/* "beat its null" in words: against what it was held, and whether it was beaten. Static. */
const char *verdict_null(const verdict_row *row);

#endif
