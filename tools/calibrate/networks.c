/* tools/calibrate/networks.c - networks with random weights: does anything look like clusters before training? */
#include <dwell/model.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/threads.h"
#include "calibrate.h"
#include "detect/detect.h"
#include "test.h"

enum { DRAWS = 19, MOST_DEPTHS = 31 };

#define BERT_SIZES                                                                                    \
  "\"vocab_size\": 4096, \"hidden_size\": 64, \"num_hidden_layers\": 8, \"num_attention_heads\": 4, " \
  "\"intermediate_size\": 256, \"max_position_embeddings\": 128"

typedef struct network_case {
  const char *name, *config;
  size_t tokens, blocks, width, vocabulary, seeds;
  double published_distinct, published_zipf, published_interior; /* specification, 9.4 */
} network_case;

static const network_case networks[] = {
    {"GPT-2",
     "{\"model_type\": \"gpt2\", \"vocab_size\": 4096, \"n_embd\": 64, \"n_layer\": 8, \"n_head\": 4, "
     "\"n_positions\": 128}",
     64, 8, 64, 4096, 20, .07, .87, 0},
    {"BERT", "{\"model_type\": \"bert\", " BERT_SIZES ", \"type_vocab_size\": 2, \"hidden_act\": \"gelu\"}", 64, 8, 64,
     4096, 20, .04, .66, 0},
    {"ALBERT",
     "{\"model_type\": \"albert\", " BERT_SIZES
     ", \"embedding_size\": 64, \"type_vocab_size\": 2, \"hidden_act\": \"gelu_new\"}",
     64, 8, 64, 4096, 20, .02, .16, 0},
    {"LLaMA", "{\"model_type\": \"llama\", " BERT_SIZES ", \"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-6}", 64, 8,
     64, 4096, 20, .12, .77, 0},
    {"MiniLM-L6's shape",
     "{\"model_type\": \"bert\", \"vocab_size\": 30522, \"hidden_size\": 384, \"num_hidden_layers\": 6, "
     "\"num_attention_heads\": 12, \"intermediate_size\": 1536, \"max_position_embeddings\": 512, \"type_vocab_size\": "
     "2, "
     "\"hidden_act\": \"gelu\"}",
     115, 6, 384, 30522, 10, .05, 1.0, 0},
    {"SmolLM2-135M's shape",
     "{\"model_type\": \"llama\", \"vocab_size\": 49152, \"hidden_size\": 576, \"num_hidden_layers\": 30, "
     "\"num_attention_heads\": 9, \"num_key_value_heads\": 3, \"intermediate_size\": 1536, "
     "\"max_position_embeddings\": 8192, "
     "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-5, \"rope_theta\": 100000, \"initializer_range\": "
     "0.041666666666666664}",
     127, 30, 576, 49152, 5, .38, NAN, 0},
};

/* ---- networks ---- */

/* Distinct ids, or ids drawn by Zipf's law (probability as 1/rank). */
static void draw_ids(const network_case *c, bool zipf, uint64_t seed, int64_t *ret_ids) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_TEST, .replica = 7};
  size_t apart = c->vocabulary / c->tokens;
  double total = 0;
  for (size_t k = 1; k <= c->vocabulary; k++) total += 1 / (double)k;
  for (size_t i = 0; i < c->tokens; i++) {
    ret_ids[i] = (int64_t)(i * apart + random_below(&s, (uint32_t)i, 0, (uint32_t)apart));
    double mass = random_uniform(&s, (uint32_t)i, 1) * total;
    for (size_t k = 1; zipf && k <= c->vocabulary; k++) {
      mass -= 1 / (double)k;
      if (mass > 0 && k < c->vocabulary) continue;
      ret_ids[i] = (int64_t)k - 1;
      break;
    }
  }
}

/* ---- its states ---- */

typedef struct states {
  const network_case *of;
  double *x; /* [blocks + 1, tokens, width] */
} states;

static size_t one_state(const network_case *c) { return c->tokens * c->width; }

static dwell_status keep_state(void *self, const dwell_frame *frame, const dwell_cloud *cloud, dwell_error *err) {
  states *s = self;
  (void)err;
  if (strcmp(frame->tap, "resid") != 0) return DWELL_OK;
  memcpy(s->x + frame->state * one_state(s->of), cloud->data, one_state(s->of) * sizeof(double));
  return DWELL_OK;
}

static dwell_status run_network(dwell_model *model, const dwell_context *ctx, bool zipf, uint64_t seed, states *s,
                                dwell_error *err) {
  int64_t *ids = MEM_NEW(int64_t, s->of->tokens);
  dwell_source *source = NULL;
  dwell_model_options options = dwell_model_options_default();
  dwell_sink sink = {.self = s, .on_state = keep_state};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(ids, "the tokens");
  options.dtype = DWELL_F64, options.random_weights = true, options.random_seed = seed, options.special = false;
  draw_ids(s->of, zipf, seed, ids);
  TRY(dwell_model_open_ids(model, ids, s->of->tokens, &options, &source, err));
  TRY(dwell_source_run(source, ctx, &sink, err));
done:
  dwell_source_destroy(source);
  mem_free(ids);
  return status;
}

/* ---- what is found in them ---- */

typedef struct found {
  size_t rejected[MOST_DEPTHS]; /* runs, by state */
  size_t interior, terminal;    /* runs with p <= .05, and with a plateau up to the last state */
} found;

typedef struct test_set {
  const states *s;
  size_t n, first; /* tokens tested, from this one on: token 0 of a causal model sees only itself */
  uint64_t seed;
  bool rejected[MOST_DEPTHS];
} test_set;

static const double *state_of(const test_set *t, size_t l) {
  return t->s->x + l * one_state(t->s->of) + t->first * t->s->of->width;
}

static dwell_status test_state(void *arg, size_t l, int worker, dwell_error *err) {
  (void)worker;
  test_set *t = arg;
  cluster_test test;
  dwell_status status = cluster_test_run(t->n, t->s->of->width, state_of(t, l), true, t->seed, DRAWS, &test, err);
  t->rejected[l] = status == DWELL_OK && test.excess;
  return status;
}

/* `change` of every block. */
static dwell_status measure_changes(const test_set *t, double *ret_changes, dwell_error *err) {
  const instrument *cka = instrument_find("change");
  const instrument_setting setting = {.epsilon = 1e-15};
  geometry *before = NULL, *after = NULL;
  value values[16];
  dwell_status status = DWELL_OK;
  size_t *rows = MEM_NEW(size_t, t->n);
  TRY_ALLOC(rows, "the rows of a state");
  for (size_t i = 0; i < t->n; i++) rows[i] = i;
  for (size_t l = 0; l <= t->s->of->blocks; l++) {
    TRY(geometry_create(state_of(t, l), t->s->of->width, rows, t->n, &after, err));
    if (l > 0) {
      TRY(cka->step(before, after, &setting, values, err));
      ret_changes[l - 1] = values[column_named(cka, "change")].number;
    }
    geometry_destroy(before);
    before = after, after = NULL;
  }
done:
  geometry_destroy(before), geometry_destroy(after);
  mem_free(rows);
  return status;
}

static dwell_status look_at(const states *s, bool causal, const dwell_context *ctx, uint64_t seed, found *f,
                            dwell_error *err) {
  double changes[MOST_DEPTHS];
  plateau_setting setting = PLATEAU_SETTING;
  plateaus p = {0};
  test_set t = {.s = s, .n = s->of->tokens - (causal ? 1 : 0), .first = causal ? 1 : 0, .seed = seed};
  dwell_status status = DWELL_OK;
  TRY(threads_for(ctx, s->of->blocks + 1, test_state, &t, err));
  for (size_t l = 0; l <= s->of->blocks; l++) f->rejected[l] += t.rejected[l];
  TRY(measure_changes(&t, changes, err));
  setting.seed = seed;
  TRY(detect_plateaus(changes, s->of->blocks, NULL, &setting, &p, err));
  f->interior += p.p.undefined == NULL && p.p.number <= 0.05;
  f->terminal += p.count > 0 && p.items[p.count - 1].kind == PLATEAU_TERMINAL;
done:
  plateaus_free(&p);
  return status;
}

static void print_rejected(const network_case *c, const found *f, double published) {
  size_t all = 0, least = c->seeds, most = 0;
  for (size_t l = 0; l <= c->blocks; l++) {
    all += f->rejected[l];
    if (f->rejected[l] < least) least = f->rejected[l];
    if (f->rejected[l] > most) most = f->rejected[l];
  }
  printf(" %.3f", (double)all / (double)((c->blocks + 1) * c->seeds));
  if (!isnan(published)) printf(" [%.2f]", published);
  printf(", by state %.2f to %.2f |", (double)least / (double)c->seeds, (double)most / (double)c->seeds);
}

static dwell_status study(const network_case *c, const dwell_context *ctx, bool zipf, dwell_error *err) {
  found f = {0};
  dwell_model *model = NULL;
  states s = {c, MEM_NEW(double, (c->blocks + 1) * one_state(c))};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(s.x, "the states");
  TRY(calibrate_open_config(c->config, ctx, &model, err));
  for (uint64_t seed = 0; seed < c->seeds; seed++) {
    TRY(run_network(model, ctx, zipf, seed, &s, err));
    TRY(look_at(&s, dwell_model_get_info(model)->causal, ctx, seed, &f, err));
  }
  print_rejected(c, &f, zipf ? c->published_zipf : c->published_distinct);
  if (zipf) goto done;
  print_rate(f.interior, c->seeds, c->published_interior, c->seeds);
  print_rate(f.terminal, c->seeds, NAN, 0);
done:
  dwell_model_destroy(model);
  mem_free(s.x);
  return status;
}

static dwell_status run_networks(const dwell_context *ctx, dwell_error *err) {
  printf(
      "Random weights. %d draws; mean over states of the rejection of T, in brackets the specification (9.4); the last "
      "two rows there are of English, first occurrences of ids (under Zipf's law: all tokens). States of one network "
      "are not independent: the standard error is that of as many runs as there are seeds. Plateaus of `change` with "
      "distinct ids: interior ones with p <= .05, and any that lasts to the last state.\n\n",
      DRAWS);
  printf(
      "| network | tokens, blocks, width | seeds | distinct ids | interior plateau | terminal | ids by Zipf's law |\n");
  printf("|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
    const network_case *c = &networks[i];
    printf("| %s | %zu, %zu, %zu | %zu |", c->name, c->tokens, c->blocks, c->width, c->seeds);
    dwell_status status = study(c, ctx, false, err);
    if (status == DWELL_OK) status = study(c, ctx, true, err);
    if (status != DWELL_OK) return status;
    printf("\n");
    fflush(stdout);
  }
  return DWELL_OK;
}

const calibration_part calibrate_networks = {"networks", "Cluster tests on networks with random weights", run_networks};
