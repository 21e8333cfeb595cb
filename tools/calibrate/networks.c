/* tools/calibrate/networks.c - networks with random weights: does anything look like clusters before training? */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */
#include <dwell/model.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "calibrate.h"
#include "test.h"

enum { TOKENS = 64, WIDTH = 64, BLOCKS = 8, VOCABULARY = 4096, SEEDS = 20, DRAWS = 19, DEPTHS = BLOCKS + 1 };

#define SIZES "\"vocab_size\": 4096, "
#define BERT_SIZES                                                                                          \
  SIZES                                                                                                     \
  "\"hidden_size\": 64, \"num_hidden_layers\": 8, \"num_attention_heads\": 4, \"intermediate_size\": 256, " \
  "\"max_position_embeddings\": 128"

typedef struct network_case {
  const char *name, *config;
  double published_distinct, published_zipf;
} network_case;

/* Specification, 9.4. */
static const network_case networks[] = {
    {"GPT-2",
     "{\"model_type\": \"gpt2\", " SIZES "\"n_embd\": 64, \"n_layer\": 8, \"n_head\": 4, \"n_positions\": 128}", .07,
     .87},
    {"BERT", "{\"model_type\": \"bert\", " BERT_SIZES ", \"type_vocab_size\": 2, \"hidden_act\": \"gelu\"}", .04, .66},
    {"ALBERT",
     "{\"model_type\": \"albert\", " BERT_SIZES
     ", \"embedding_size\": 64, \"type_vocab_size\": 2, \"hidden_act\": \"gelu_new\"}",
     .02, .16},
    {"LLaMA", "{\"model_type\": \"llama\", " BERT_SIZES ", \"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-6}", .12,
     .77},
};

/* ---- a model of a config ---- */

static dwell_status open_config(const char *config, const dwell_context *ctx, dwell_model **ret_model,
                                dwell_error *err) {
  char folder[] = "/tmp/calibrate-XXXXXX", file[64];
  if (mkdtemp(folder) == NULL) return error_set(err, DWELL_BAD_INPUT, "cannot make a folder below /tmp");
  snprintf(file, sizeof file, "%s/config.json", folder);
  FILE *stream = fopen(file, "w");
  bool written = stream != NULL && fputs(config, stream) >= 0;
  if (stream != NULL) written = fclose(stream) == 0 && written;
  dwell_status status = written ? dwell_model_open(folder, ctx, ret_model, err)
                                : error_set(err, DWELL_BAD_INPUT, "cannot write %s", file);
  unlink(file), rmdir(folder);
  return status;
}

/* Distinct ids, or ids drawn by Zipf's law (probability as 1/rank). */
static void draw_ids(bool zipf, uint64_t seed, int64_t ids[TOKENS]) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_TEST, .replica = 7};
  double total = 0;
  for (size_t k = 1; k <= VOCABULARY; k++) total += 1 / (double)k;
  for (size_t i = 0; i < TOKENS; i++) {
    ids[i] = (int64_t)(i * (VOCABULARY / TOKENS) + random_below(&s, (uint32_t)i, 0, VOCABULARY / TOKENS));
    double mass = random_uniform(&s, (uint32_t)i, 1) * total;
    for (size_t k = 1; zipf && k <= VOCABULARY; k++) {
      mass -= 1 / (double)k;
      if (mass > 0 && k < VOCABULARY) continue;
      ids[i] = (int64_t)k - 1;
      break;
    }
  }
}

/* ---- its states ---- */

typedef struct states {
  double *x; /* [DEPTHS, TOKENS, WIDTH] */
} states;

static dwell_status keep_state(void *self, const dwell_frame *frame, const dwell_cloud *cloud, dwell_error *err) {
  states *s = self;
  (void)err;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  const double *from = cloud->data;
  memcpy(s->x + frame->state * TOKENS * WIDTH, from, TOKENS * WIDTH * sizeof(double));
  return DWELL_OK;
}

static dwell_status run_network(dwell_model *model, const dwell_context *ctx, bool zipf, uint64_t seed, states *s,
                                dwell_error *err) {
  int64_t ids[TOKENS];
  dwell_source *source = NULL;
  dwell_model_options options = dwell_model_options_default();
  options.dtype = DWELL_F64, options.random_weights = true, options.random_seed = seed, options.special = false;
  draw_ids(zipf, seed, ids);
  dwell_status status = dwell_model_open_ids(model, ids, TOKENS, &options, &source, err);
  dwell_sink sink = {.self = s, .on_state = keep_state};
  if (status == DWELL_OK) status = dwell_source_run(source, ctx, &sink, err);
  dwell_source_destroy(source);
  return status;
}

/* Rejections of T by state. Token 0 of a causal model sees only itself and is left out. */
static dwell_status test_states(const states *s, bool causal, uint64_t seed, size_t rejected[DEPTHS],
                                dwell_error *err) {
  for (size_t l = 0; l < DEPTHS; l++) {
    cluster_test t;
    const double *x = s->x + (l * TOKENS + (causal ? 1 : 0)) * WIDTH;
    dwell_status status = cluster_test_run(TOKENS - (causal ? 1 : 0), WIDTH, x, true, seed, DRAWS, &t, err);
    if (status != DWELL_OK) return status;
    rejected[l] += t.excess;
  }
  return DWELL_OK;
}

static dwell_status study(const network_case *c, const dwell_context *ctx, bool zipf, double published,
                          dwell_error *err) {
  size_t rejected[DEPTHS] = {0}, all = 0, least = SEEDS, most = 0;
  dwell_model *model = NULL;
  states s = {MEM_NEW(double, DEPTHS *TOKENS *WIDTH)};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(s.x, "the states");
  TRY(open_config(c->config, ctx, &model, err));
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    TRY(run_network(model, ctx, zipf, seed, &s, err));
    TRY(test_states(&s, dwell_model_get_info(model)->causal, seed, rejected, err));
  }
  for (size_t l = 0; l < DEPTHS; l++) {
    all += rejected[l];
    if (rejected[l] < least) least = rejected[l];
    if (rejected[l] > most) most = rejected[l];
  }
  printf(" %.3f [%.2f], by state %.2f to %.2f |", (double)all / (DEPTHS * SEEDS), published, (double)least / SEEDS,
         (double)most / SEEDS);
done:
  dwell_model_destroy(model);
  mem_free(s.x);
  return status;
}

static dwell_status run_networks(const dwell_context *ctx, dwell_error *err) {
  printf(
      "%d tokens, %d blocks of width %d, %d seeds, %d draws; mean over states of the rejection of T, in brackets the "
      "specification (9.4). States of one network are not independent: the standard error is that of %d runs.\n\n",
      TOKENS, BLOCKS, WIDTH, SEEDS, DRAWS, SEEDS);
  printf("| network | distinct ids | ids by Zipf's law |\n|---|---|---|\n");
  for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
    printf("| %s |", networks[i].name);
    dwell_status status = study(&networks[i], ctx, false, networks[i].published_distinct, err);
    if (status == DWELL_OK) status = study(&networks[i], ctx, true, networks[i].published_zipf, err);
    if (status != DWELL_OK) return status;
    printf("\n");
  }
  return DWELL_OK;
}

const calibration_part calibrate_networks = {"networks", "Cluster tests on networks with random weights", run_networks};
