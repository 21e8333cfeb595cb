/* cli/flow_weights.c - weights of a flow from a file, drawn, or from a model. */
#include "cli/flow_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/weights.h"
#include "trajectory/source.h"

enum {
  KEY_QKV = 0x3100,
  KEY_HEADS,
  KEY_LAYERS,
  KEY_LAYER_TIME,
  KEY_WEIGHTS,
  KEY_BLOCK,
  KEY_NORMALISATION,
  KEY_KAPPA,
  KEY_MODES,
  KEY_RULE,
  KEY_ACTIVATION
};

void cli_flow_weights_begin(cli_flow_weights *f, dwell_flow_options *flow) {
  *f = (cli_flow_weights){.flow = flow, .layers = 1, .block = SIZE_MAX};
  interventions_begin(&f->interventions);
}

void cli_flow_weights_end(cli_flow_weights *f) {
  dwell_flow_weights_destroy(f->weights);
  mem_free(f->betas);
  mem_free(f->beta_times);
  interventions_free(&f->interventions);
}

void cli_parse_beta(struct argp_state *state, const char *text, cli_flow_weights *f) {
  f->has_beta = true;
  f->flow->beta_count = 0;
  if (strchr(text, ':') == NULL) {
    f->flow->beta = cli_real(state, "--beta", text, -1e6, 1e6);
    return;
  }
  size_t count = 1, k = 0;
  for (const char *p = text; *p != '\0'; p++) count += *p == ',';
  mem_free(f->betas);
  mem_free(f->beta_times);
  f->betas = MEM_NEW(double, count);
  f->beta_times = MEM_NEW(double, count);
  if (f->betas == NULL || f->beta_times == NULL) argp_failure(state, DWELL_NO_MEMORY, 0, "out of memory");
  char one[80];
  for (; str_item(&text, one, sizeof one); k++) {
    char *colon = strchr(one, ':');
    if (colon == NULL) cli_usage(state, "--beta takes a number, or t0:B0,t1:B1,..., not \"%s\"", one);
    *colon = '\0';
    f->beta_times[k] = cli_real(state, "--beta: a time", one, 0, 1e290);
    f->betas[k] = cli_real(state, "--beta", colon + 1, -1e6, 1e6);
  }
  f->flow->betas = f->betas, f->flow->beta_times = f->beta_times, f->flow->beta_count = k;
  f->flow->beta = f->betas[0];
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  cli_flow_weights *f = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &f->interventions; break;
    case KEY_QKV: f->file = arg; break;
    case KEY_HEADS: f->flow->heads = cli_size(state, "--heads", arg, 1, 100000); break;
    case KEY_LAYERS: f->layers = cli_size(state, "--layers", arg, 1, 100000); break;
    case KEY_LAYER_TIME: f->flow->layer_time = cli_real(state, "--layer-time", arg, 1e-12, 1e290); break;
    case KEY_WEIGHTS: f->model = arg; break;
    case KEY_BLOCK: f->block = cli_size(state, "--block", arg, 0, 100000); break;
    case KEY_NORMALISATION: f->flow->normalisation = arg; break;
    case KEY_KAPPA: f->flow->kappa = cli_real(state, "--kappa", arg, 1e-12, 1e12); break;
    case KEY_MODES: f->flow->modes = cli_size(state, "--modes", arg, 1, 1000); break;
    case KEY_RULE: f->flow->rule = arg; break;
    case KEY_ACTIVATION: f->flow->activation = arg; break;
    case ARGP_KEY_END:
      if (f->file != NULL && f->model != NULL) cli_usage(state, "--qkv and --weights exclude each other");
      if (f->block != SIZE_MAX && f->model == NULL) cli_usage(state, "--block is of a model: say --weights MODEL");
      if (interventions_any(&f->interventions) && f->model == NULL)
        cli_usage(state, "an intervention changes the weights of a model: say --weights MODEL");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"qkv", KEY_QKV, "FILE.npz|gaussian", 0,
     "Q, K, V (and W, U, v, a, omega) of heads and layers, or random ones; the flow is then qkv unless said", 12},
    {"heads", KEY_HEADS, "H", 0, "The first H heads of the file, or so many random ones", 12},
    {"layers", KEY_LAYERS, "L", 0, "Random layers (default 1)", 12},
    {"layer-time", KEY_LAYER_TIME, "T", 0,
     "How long a layer holds, then the next, then the first again (default: 1, or a layer of layer:ETA)", 12},
    {"weights", KEY_WEIGHTS, "MODEL", 0, "Attention of a trained model, layer by layer, its norm's gain folded in", 12},
    {"block", KEY_BLOCK, "B", 0, "Of this block only, iterated", 12},
    {"normalisation", KEY_NORMALISATION, "NAME", 0, "post (default), pre, mix:TAU, peri, ngpt, ngpt:ALPHA or sqrt", 13},
    {"kappa", KEY_KAPPA, "K", 0, "Noise sqrt(2/K) dW on each token; needs --integrator geometric:H, but with densities",
     13},
    {"modes", KEY_MODES, "K", 0, "Orders of a density (meanfield; default 64)", 13},
    {"rule", KEY_RULE, "RULE", 0, "Where hardmax goes among equal scores: mean (default), first or last", 13},
    {"activation", KEY_ACTIVATION, "NAME", 0, "Of the perceptron's neurons: relu (default), gelu or tanh", 13},
    {0}};

static const struct argp_child children[] = {{&cli_argp_weight_interventions, 0, NULL, 0}, {0}};

const struct argp cli_argp_flow_weights = {options, parse, NULL, NULL, children, NULL, NULL};

/* ---- of a model ---- */

static dwell_status take_blocks(const cli *c, const dwell_source *source, cli_flow_weights *f, size_t blocks,
                                dwell_error *err) {
  size_t first = f->block == SIZE_MAX ? 0 : f->block, end = f->block == SIZE_MAX ? blocks : f->block + 1;
  if (end > blocks) {
    error_set(err, DWELL_USAGE, "there is no block %zu: the blocks are 0 to %zu", f->block, blocks - 1);
    return error_at_item(err, "--block");
  }
  return weights_of_source(source, &c->ctx, first, end, source_short_name(f->model), &f->weights, err);
}

static dwell_status load_model(const cli *c, cli_flow_weights *f, dwell_error *err) {
  static const int64_t any_id = 0; /* a source has a text; this one is not run */
  dwell_model_options o = dwell_model_options_default();
  dwell_model *model = NULL;
  dwell_source *source = NULL;
  dwell_status status = DWELL_OK;
  o.intervention = f->interventions.what;
  TRY(dwell_model_open(f->model, &c->ctx, &model, err));
  TRY(dwell_model_open_ids(model, &any_id, 1, &o, &source, err));
  const dwell_trajectory *t = dwell_source_trajectory(source);
  TRY(take_blocks(c, source, f, t->states - 1, err));
  if (!f->has_mask) f->flow->causal = t->causal;
  if (!f->has_beta) f->flow->beta = 1;
  if (f->weights->rotary)
    cli_say(c, "%s turns queries and keys by their positions; the flow has none and leaves that out", f->model);
done:
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return status;
}

dwell_status cli_flow_weights_load(const cli *c, cli_flow_weights *f, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_options *o = f->flow;
  if (f->file == NULL && f->model == NULL) return DWELL_OK;
  if (f->model != NULL) {
    TRY(load_model(c, f, err));
  } else if (strcmp(f->file, "gaussian") == 0) {
    TRY(dwell_flow_weights_draw(f->layers, o->heads > 0 ? o->heads : 1, o->d, c->ctx.seed, &f->weights, err));
  } else {
    TRY(dwell_flow_weights_read(f->file, &f->weights, err));
  }
  o->weights = f->weights;
  o->d = dwell_flow_weights_d(f->weights);
  if (!f->has_flow) o->flow = "qkv";
done:
  return status;
}
