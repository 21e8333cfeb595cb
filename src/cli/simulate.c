/* cli/simulate.c - dwell simulate: integrate an idealised flow and measure it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/controls.h"
#include "cli/flow_weights.h"
#include "cli/ranks.h"
#include "file/npy.h"
#include "flow/flow.h"
#include "run/run.h"

enum {
  KEY_FLOW = 0x3000,
  KEY_N,
  KEY_D,
  KEY_BETA,
  KEY_MASSES,
  KEY_UNTIL,
  KEY_TIMES,
  KEY_FRAMES,
  KEY_LOG_TIMES,
  KEY_CLOCK,
  KEY_UNTIL_LOG,
  KEY_UNTIL_MERGED,
  KEY_MERGE,
  KEY_REDUCE,
  KEY_INIT,
  KEY_MASK,
  KEY_REPLICAS,
  KEY_INTEGRATOR,
  KEY_RTOL,
  KEY_PRECISION,
  KEY_BETA0_CONTROL,
  KEY_CHECKPOINT
};

typedef struct simulate {
  cli *c;
  cli_measuring measuring;
  dwell_flow_options flow;
  double *times;
  double *masses;
  const char *masses_file;
  bool beta0_control, checkpoint, has_rtol;
  controls controls;
  cli_flow_weights weights;
} simulate;

/* "rk45", "rk4:H", "euler:H", "layer:ETA", "geometric:H" */
static void parse_integrator(struct argp_state *state, const char *text, dwell_flow_options *o) {
  for (dwell_integrator i = 0; dwell_integrator_name(i) != NULL; i++) {
    const char *name = dwell_integrator_name(i);
    size_t n = strlen(name);
    if (strncmp(text, name, n) != 0 || text[n] != (i == DWELL_RK45 ? '\0' : ':')) continue;
    o->integrator = i;
    if (i != DWELL_RK45) o->step = cli_real(state, "--integrator: the step", text + n + 1, 1e-12, 1e12);
    return;
  }
  cli_usage(state, "--integrator takes rk45, rk4:H, euler:H, layer:ETA or geometric:H, not \"%s\"", text);
}

static void parse_times(struct argp_state *state, const char *list, simulate *s) {
  size_t count = 1;
  for (const char *p = list; *p != '\0'; p++) count += *p == ',';
  mem_free(s->times);
  s->times = MEM_NEW(double, count);
  if (s->times == NULL) argp_failure(state, DWELL_NO_MEMORY, 0, "out of memory");
  char one[64];
  for (size_t k = 0; str_item(&list, one, sizeof one); k++) s->times[k] = cli_real(state, "--times", one, 0, INFINITY);
  s->flow.times = s->times, s->flow.times_count = count;
}

/* "off", or a distance */
static double parse_merge(struct argp_state *state, const char *text) {
  return strcmp(text, "off") == 0 ? DWELL_MERGE_OFF : cli_real(state, "--merge", text, 1e-300, 1);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  static const char *const masks[] = {"none", "causal", NULL}, *const clocks[] = {"linear", "log", NULL};
  static const char *const precisions[] = {"f32", "f64", NULL};
  simulate *s = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &s->measuring;
      state->child_inputs[1] = state->child_inputs[2] = state->child_inputs[3] = s->c;
      state->child_inputs[4] = &s->weights;
      break;
    case KEY_FLOW: s->flow.flow = arg, s->weights.has_flow = true; break;
    case KEY_N: s->flow.n = cli_size(state, "--n", arg, 1, 10000000); break;
    case KEY_D: s->flow.d = cli_size(state, "--d", arg, 1, 10000000); break;
    case KEY_BETA: cli_parse_beta(state, arg, &s->weights); break;
    case KEY_MASSES: s->masses_file = arg; break;
    case KEY_UNTIL: s->flow.until = cli_real(state, "--until", arg, 1e-300, 1e300); break;
    case KEY_TIMES: parse_times(state, arg, s); break;
    case KEY_FRAMES: s->flow.frames = cli_size(state, "--frames", arg, 2, 10000000); break;
    case KEY_LOG_TIMES: s->flow.log_times = true; break;
    case KEY_CLOCK: s->flow.clock = cli_choice(state, "--clock", arg, clocks) == 1 ? DWELL_CLOCK_LOG : 0; break;
    case KEY_UNTIL_LOG: s->flow.until_log = cli_real(state, "--until-log", arg, -1e15, 1e15); break;
    case KEY_UNTIL_MERGED: s->flow.until_merged = cli_size(state, "--until-merged", arg, 1, 10000000); break;
    case KEY_MERGE: s->flow.merge = parse_merge(state, arg); break;
    case KEY_REDUCE: s->flow.reduce = true; break;
    case KEY_INIT: s->flow.init = arg; break;
    case KEY_MASK:
      s->flow.causal = cli_choice(state, "--mask", arg, masks) == 1;
      s->weights.has_mask = true;
      break;
    case KEY_REPLICAS: s->flow.replicas = cli_size(state, "--replicas", arg, 1, 1000000); break;
    case KEY_INTEGRATOR: parse_integrator(state, arg, &s->flow); break;
    case KEY_RTOL:
      s->flow.rtol = cli_real(state, "--rtol", arg, 1e-14, 1e-2);
      s->has_rtol = true;
      break;
    case KEY_PRECISION:
      s->flow.precision = cli_choice(state, "--precision", arg, precisions) == 0 ? DWELL_F32 : DWELL_F64;
      break;
    case KEY_BETA0_CONTROL: s->beta0_control = true; break;
    case KEY_CHECKPOINT:
      s->checkpoint = true;
      s->flow.checkpoint_seconds = cli_real(state, "--checkpoint", arg, 0, 1e9);
      break;
    case ARGP_KEY_ARG: cli_usage(state, "unexpected argument \"%s\"", arg); break;
    case ARGP_KEY_END:
      if (s->flow.precision == DWELL_F32 && !s->has_rtol) s->flow.rtol = 5e-6;
      if (s->c->out == NULL) cli_usage(state, "say where the results go: -o RUN");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"flow", KEY_FLOW, "NAME", 0, "Dynamics, see `dwell list flows` (default sa)", 10},
    {"n", KEY_N, "N", 0, "Particles (default 32)", 10},
    {"d", KEY_D, "D", 0, "Dimensions; particles live on the sphere S^{D-1} (default 3)", 10},
    {"beta", KEY_BETA, "B", 0, "Inverse temperature (default 4), or t0:B0,t1:B1,...: B0 from t0 = 0 on, then B1, ...",
     10},
    {"reduce", KEY_REDUCE, NULL, 0,
     "Where D > N: N coordinates of each particle in a basis of their span, so that any D costs what N does", 10},
    {"init", KEY_INIT, "START", 0,
     "uniform (default), orthogonal, equiangular:RHO, caps:K,EPS, or FILE.npy [n, d]; on R^d also box:R, gaussian:S; "
     "of densities also mode:K,A, vonmises:C",
     10},
    {"mask", KEY_MASK, "none|causal", 0, "causal: particle i sees j <= i only", 10},
    {"masses", KEY_MASSES, "FILE.npy", 0, "Masses [n] >= 0, rescaled to sum 1 (default: equal)", 10},
    {"replicas", KEY_REPLICAS, "R", 0, "Independent starts (default 1)", 10},
    {"until", KEY_UNTIL, "T", 0, "Final time (default 20)", 20},
    {"frames", KEY_FRAMES, "K", 0, "States measured, both ends counted (default 101)", 20},
    {"log-times", KEY_LOG_TIMES, NULL, 0,
     "Space them in ln t: the first at t = 0, then from a hundredth of the flow's unit of time on", 20},
    {"times", KEY_TIMES, "T0,T1,...", 0, "Exactly these times", 20},
    {"clock", KEY_CLOCK, "linear|log", 0,
     "log: count ln t, which may be anything, and merge tokens that have met (default linear)", 20},
    {"until-log", KEY_UNTIL_LOG, "LNT", 0, "Final ln t instead of --until; the clock is then log", 20},
    {"until-merged", KEY_UNTIL_MERGED, "K", 0,
     "End when K clusters are left (with --until-log: or then); the clock is then log", 20},
    {"merge", KEY_MERGE, "DISTANCE|off", 0,
     "Tokens closer than this count as one (default with the log clock: 1e-7 / sqrt(beta), else off)", 20},
    {"integrator", KEY_INTEGRATOR, "NAME", 0,
     "rk45 (default), rk4:H, euler:H (the published scripts' map), layer:ETA (a layer of a network), geometric:H "
     "(geodesic steps, with --kappa noisy ones)",
     30},
    {"beta0-control", KEY_BETA0_CONTROL, NULL, 0,
     "Beside each column its value along the same starts' flow at beta = 0", 30},
    {"checkpoint", KEY_CHECKPOINT, "SECONDS", 0,
     "Save the state in RUN every so often: the same command goes on there, with the same bits", 30},
    {"rtol", KEY_RTOL, "R", 0, "Relative tolerance of rk45 per step (default with --precision f32 5e-6, else 1e-10)",
     30},
    {"precision", KEY_PRECISION, "f32|f64", 0,
     "Of the sums over pairs of sa and usa: f32 is twice as fast in many dimensions, velocities are off by up to "
     "1e-7 (1 + beta) (default f64)",
     30},
    {0}};

static const struct argp_child children[] = {{&cli_argp_measuring, 0, NULL, 0},    {&cli_argp_output, 0, NULL, 0},
                                             {&cli_argp_compute, 0, NULL, 0},      {&cli_argp_words, 0, NULL, 0},
                                             {&cli_argp_flow_weights, 0, NULL, 0}, {0}};

static const char doc[] =
    "Integrate an idealised flow of tokens on the sphere and measure every state.\v"
    "Examples:\n"
    "  dwell simulate --n 64 --d 3 --beta 9 --until 1e4 --log-times -o run\n"
    "  dwell simulate --n 60 --d 2 --beta 400 --until-merged 1 -o run\n"
    "  dwell simulate --init equiangular:0.1 --beta 5 --n 8 --d 8 -o run\n\n"
    "RUN gets layers.csv (a row per state), blocks.csv (a row per step), events.csv (what happened), arrays.npz and\n"
    "run.json.";

static dwell_status read_masses(simulate *s, dwell_error *err) {
  npz *z = NULL;
  dwell_status status = DWELL_OK;
  if (s->masses_file == NULL) return DWELL_OK;
  TRY(npz_open(s->masses_file, &z, err));
  const npy_header *h = npz_header(z, 0);
  if (npz_count(z) != 1 || h->rank != 1 || h->count != s->flow.n) {
    status = error_set(err, DWELL_BAD_INPUT, "masses must be one array [%zu], one number a particle", s->flow.n);
    error_in_file(err, s->masses_file);
    goto done;
  }
  s->masses = MEM_NEW(double, h->count);
  TRY_ALLOC(s->masses, "the masses");
  TRY(npz_read_f64(z, 0, 0, h->count, s->masses, err));
  s->flow.masses = s->masses;
done:
  npz_close(z);
  return status;
}

/* The flow at beta = 0 from the same starts, which has no clusters to form: what random weights are to a network. */
static dwell_status add_control(simulate *s, dwell_error *err) {
  dwell_flow_options o = s->flow;
  dwell_source *source;
  if (!s->beta0_control) return DWELL_OK;
  o.beta = 0;
  o.beta_count = 0;
  o.checkpoint = NULL;
  dwell_status status = dwell_flow_open(&o, &s->c->ctx, &source, err);
  if (status == DWELL_OK) status = controls_add(&s->controls, source, "beta0", "beta 0, the same starts", err);
  s->measuring.options.controls = s->controls.list, s->measuring.options.control_count = s->controls.count;
  return status;
}

/* Several processes divide the sums over pairs, which not every flow has. */
static dwell_status check_divided(const simulate *s, dwell_error *err) {
  const flow *family = flow_find(s->flow.flow);
  if (s->c->ctx.ranks == NULL || family == NULL) return DWELL_OK;
  if (s->beta0_control) {
    error_set(err, DWELL_USAGE, "--beta0-control is for one process");
    return error_remedy(err, "Run beta 0 as a run of its own");
  }
  if (family->solve == NULL) return DWELL_OK;
  error_set(err, DWELL_USAGE, "the flow %s has no sums over pairs for several processes to divide", family->name);
  return error_remedy(err, "Start it without mpirun");
}

/* The folder that checkpoints go to, which is the run's. */
static dwell_status begin_checkpoints(simulate *s, dwell_error *err) {
  bool first = s->c->ctx.ranks == NULL || s->c->ctx.ranks->rank == 0;
  if (!s->checkpoint) return DWELL_OK;
  s->flow.checkpoint = s->c->out;
  dwell_status status = first ? run_check_folder(s->c->out, s->c->force, err) : DWELL_OK;
  return status == DWELL_OK && first ? run_make_folder(s->c->out, err) : status;
}

/* From the options to the files. */
static dwell_status run(simulate *s, dwell_error *err) {
  cli *c = s->c;
  dwell_source *source = NULL;
  dwell_status status = DWELL_OK;
  TRY(cli_selfcheck(err));
  TRY(check_divided(s, err));
  TRY(cli_flow_weights_load(c, &s->weights, err));
  s->measuring.options.beta = s->flow.beta;
  TRY(read_masses(s, err));
  TRY(begin_checkpoints(s, err));
  TRY(dwell_flow_open(&s->flow, &c->ctx, &source, err));
  TRY(add_control(s, err));
  if (c->ctx.ranks != NULL && c->ctx.ranks->rank > 0) TRY(ranks_help(c, source, err));
  else TRY(cli_measure_source(c, source, &s->measuring, c->out, err));
done:
  dwell_source_destroy(source);
  return status;
}

int cmd_simulate(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, NULL, doc, children, NULL, NULL};
  simulate s = {.c = c, .flow = dwell_flow_options_default()};
  dwell_error err = {.offset = -1};
  cli_measuring_begin(&s.measuring);
  cli_flow_weights_begin(&s.weights, &s.flow);
  ranks_hush();
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  if (c->dtype != 0) s.flow.dtype = c->dtype;
  dwell_status status = ranks_begin(c, &err);
  if (status == DWELL_OK) status = run(&s, &err);
  status = ranks_end_run(c, status, &err);
  controls_clear(&s.controls);
  cli_flow_weights_end(&s.weights);
  mem_free(s.times);
  mem_free(s.masses);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
