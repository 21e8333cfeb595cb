/* tools/mechanism/mechanism.h - the numbers of docs/mechanism.md: interventions on models over the texts of the study.
 * Nothing here is installed. */
#ifndef DWELL_TOOLS_MECHANISM_H
#define DWELL_TOOLS_MECHANISM_H

#include <dwell/model.h>
#include <stdbool.h>
#include <stdint.h>

#include "geometry/selection.h"
#include "mechanism/rebuild.h"
#include "text/prompt.h"
#include "trajectory/weights.h"

enum { SCALES = 5, ROTATIONS = 39, REBUILDS = 4, DIMENSIONS = 3, TOKENS = 128, PROMPTS = 24 };
extern const double mechanism_scales[SCALES];

/* ---- numbers with names, as files ---- */

typedef struct record {
  size_t count, capacity;
  struct entry {
    char name[48];
    double value;
  } * entries;
  bool failed; /* no memory: sticky */
} record;

/* NaN and infinities are left out: a number that is not there is undefined. */
void record_put(record *r, double value, const char *format, ...) __attribute__((format(printf, 3, 4)));
double record_get(const record *r, const char *format, ...) __attribute__((format(printf, 2, 3))); /* NaN: none */
dwell_status record_save(const record *r, const char *path, dwell_error *err);
/* *ret_found false: no such file. Release with record_free, also after a failure. */
dwell_status record_load(const char *path, record *ret_record, bool *ret_found, dwell_error *err);
void record_free(record *r);

/* ---- a model over one text ---- */

/* States [states, n, d] of one run, in double. */
typedef struct states {
  size_t count, n, d;
  double *x;
} states;

typedef struct subject {
  const dwell_context *ctx;
  dwell_model *model;
  const dwell_model_info *info;
  const prompt *text;
  uint64_t number; /* of the text: seed of what is drawn for it */
  states plain;
  selection kept; /* by the plain run, and the same in every other */
} subject;

dwell_status subject_open(const subject *s, const dwell_intervention *what, dwell_source **ret_source,
                          dwell_error *err);
dwell_status subject_run(const subject *s, const dwell_intervention *what, states *ret_states, dwell_error *err);
/* The plain run and its kept tokens. Release with subject_free, also after a failure. */
dwell_status subject_begin(subject *s, dwell_error *err);
void subject_free(subject *s);

/* Rates of collapse and falls of the energy, as they are and under interventions. */
dwell_status interventions_record(const subject *s, record *r, dwell_error *err);
/* What moves the energy, motion in subspaces, the sign test. */
dwell_status moves_record(const subject *s, record *r, dwell_error *err);

/* ---- maps in fewer dimensions ---- */

/* Spectra of the maps of all heads of all blocks; of blocks that share their weights, of one. */
typedef struct model_maps {
  size_t d, heads, blocks, stored; /* stored: blocks with maps of their own */
  bool reads_norm;                 /* attention reads through a norm */
  bool causal;
  double *forms, *writes;            /* [stored, heads, d, d] */
  rebuild_map *of_forms, *of_writes; /* [stored, heads] */
} model_maps;

dwell_status model_maps_make(const subject *s, model_maps *ret_maps, dwell_error *err);
void model_maps_free(model_maps *m);
dwell_status dimensions_record(const subject *s, const model_maps *m, record *r, dwell_error *err);

/* Circuits of heads against random ones: without a text. */
dwell_status circuits_record(const subject *s, record *r, dwell_error *err);

/* ---- tables ---- */

dwell_status tables_print(const char *folder, size_t count, char **models, dwell_error *err);
/* Name of a model's file for text `text` ("weights": of its circuits). */
void record_path(const char *folder, const char *model, const char *text, char path[1024]);
/* The texts: from each of eight registers the first three that are in English or code and long enough. */
size_t mechanism_prompts(const prompt *ret_prompts[PROMPTS]);

#endif
