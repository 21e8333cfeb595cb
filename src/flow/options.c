/* flow/options.c - checks every option of a flow and says in words what is wrong. */
#include "flow/options.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "flow/options_weights.h"
#include "flow/tiles_f32.h"
#include "hub/identity.h"

/* Velocities below about 1e-304 are zero in a double, so a longer time than this would hide motion. */
static const double longest_time = 1e290;

dwell_flow_options dwell_flow_options_default(void) {
  return (dwell_flow_options){
      .flow = "sa",
      .n = 32,
      .d = 3,
      .beta = 4,
      .init = "uniform",
      .replicas = 1,
      .integrator = DWELL_RK45,
      .step = 0.1,
      .rtol = 1e-10,
      .until = 20,
      .frames = 101,
      .dtype = DWELL_F64,
      .precision = DWELL_F64,
      .until_log = NAN,
      .normalisation = "post",
      .rule = "mean",
      .activation = "relu",
  };
}

const char *dwell_integrator_name(dwell_integrator integrator) {
  static const char *const names[] = {[DWELL_RK45] = "rk45",
                                      [DWELL_RK4] = "rk4",
                                      [DWELL_EULER] = "euler",
                                      [DWELL_LAYER] = "layer",
                                      [DWELL_GEOMETRIC] = "geometric"};
  return (unsigned)integrator < sizeof names / sizeof names[0] ? names[integrator] : NULL;
}

static dwell_status usage(dwell_error *err, const char *option, const char *message) {
  error_set(err, DWELL_USAGE, "%s", message);
  error_at_item(err, option);
  return DWELL_USAGE;
}

static dwell_status unknown_flow(const char *name, dwell_error *err) {
  const char *names[32];
  size_t count;
  const flow *const *all = flow_registry(&count);
  for (size_t i = 0; i < count && i < 32; i++) names[i] = all[i]->name;
  const char *nearest = str_nearest(name, names, count < 32 ? count : 32);
  error_set(err, DWELL_USAGE, "no flow is called \"%s\"", name);
  error_at_item(err, "flow");
  if (nearest != NULL) error_remedy(err, "Did you mean %s? dwell list flows shows all", nearest);
  return error_remedy(err, "dwell list flows shows all");
}

/* ---- numbers ---- */

static dwell_status check_integrator(const dwell_flow_options *o, dwell_error *err) {
  if (dwell_integrator_name(o->integrator) == NULL) return usage(err, "integrator", "no such integrator");
  if (o->integrator == DWELL_RK45) {
    if (!(o->rtol > 0) || o->rtol > 1e-2) return usage(err, "rtol", "the relative tolerance must be in (0, 0.01]");
    if (o->rtol < 1e-14) return usage(err, "rtol", "a tolerance below 1e-14 cannot be met in double precision");
  } else if (!(o->step > 0) || !isfinite(o->step)) {
    return usage(err, "step", "the step must be a positive number");
  }
  return DWELL_OK;
}

static dwell_status check_numbers(const dwell_flow_options *o, dwell_error *err) {
  if (!isfinite(o->beta)) return usage(err, "beta", "beta must be a finite number");
  if (o->replicas < 1 || o->replicas > UINT32_MAX) return usage(err, "replicas", "at least one replica is needed");
  if (o->dtype != DWELL_F32 && o->dtype != DWELL_F64) return usage(err, "dtype", "states are f32 or f64");
  return check_integrator(o, err);
}

static dwell_status check_size(const dwell_flow_options *o, bool flat, dwell_error *err) {
  size_t size;
  if (str_ends(o->init, ".npy")) return DWELL_OK; /* the file says */
  if (o->n < 1) return usage(err, "n", "at least one particle is needed");
  if (o->d < (flat ? 1 : 2)) return usage(err, "d", "the sphere needs at least 2 dimensions");
  if (o->n > INT32_MAX || o->d > INT32_MAX || !size_mul(o->n, o->reduce && o->d > o->n ? o->n : o->d, &size))
    return usage(err, "n", "that many particles in that many dimensions do not fit into memory");
  return DWELL_OK;
}

/* ---- the log clock ---- */

static bool wants_log_clock(const dwell_flow_options *o) {
  return o->clock == DWELL_CLOCK_LOG || !isnan(o->until_log) || o->until_merged > 0 || o->merge > 0;
}

static dwell_status check_clock(const dwell_flow_options *o, const flow *family, dwell_error *err) {
  bool merges = family->coalesces && !o->causal;
  if (o->clock != DWELL_CLOCK_LINEAR && o->clock != DWELL_CLOCK_LOG) return usage(err, "clock", "no such clock");
  if (!wants_log_clock(o)) return DWELL_OK;
  if (o->integrator != DWELL_RK45) return usage(err, "clock", "the log clock and merging need the integrator rk45");
  if (isinf(o->until_log)) return usage(err, "until-log", "the logarithm of the final time must be finite");
  if (!(o->merge == DWELL_MERGE_OFF || (o->merge >= 0 && o->merge <= 1)))
    return usage(err, "merge", "tokens are merged at a distance in (0, 1], or off");
  if (o->merge > 0 && !merges)
    return usage(err, "merge",
                 o->causal ? "under a causal mask tokens that meet do not stay together"
                           : "in this flow tokens that meet do not stay together");
  if (o->until_merged > 0 && (o->merge == DWELL_MERGE_OFF || !merges))
    return usage(err, "until-merged", "clusters are counted by merging, which is off");
  if (o->until_merged > 0 && o->times != NULL)
    return usage(err, "until-merged", "the time of a merger is not known before: ask for frames, not for times");
  return DWELL_OK;
}

/* Closer than this, force and barycentre neglect 1e-14 of the motion, and coordinates still tell the distance. */
static double merge_distance(const dwell_flow_options *o, const flow *family) {
  if (o->merge > 0) return o->merge;
  if (o->merge < 0 || !family->coalesces || o->causal) return 0;
  return 1e-7 / sqrt(fmax(1, fabs(o->beta)));
}

static dwell_status set_clock(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  flow_plan *plan = &setup->plan;
  setup->until_log = o->until_log;
  plan->log_clock = wants_log_clock(o);
  if (!plan->log_clock) return DWELL_OK;
  plan->merge = merge_distance(o, plan->family);
  plan->until_merged = o->until_merged;
  plan->system.scaled = plan->family->scales && o->beta > 0;
  for (size_t i = 0; i < setup->starts.n; i++)
    if (setup->masses[i] == 0) return usage(err, "masses", "the log clock needs masses above 0");
  return DWELL_OK;
}

/* ---- masses ---- */

static dwell_status read_masses(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  size_t n = setup->starts.n;
  double sum = 0;
  if (o->masses != NULL && o->n != n) {
    error_set(err, DWELL_USAGE, "there are %zu masses for the %zu tokens of the start", o->n, n);
    return error_at_item(err, "masses");
  }
  setup->masses = MEM_NEW(double, n);
  if (setup->masses == NULL) return error_no_memory(err, "the masses");
  for (size_t i = 0; i < n; i++) {
    double mass = o->masses != NULL ? o->masses[i] : 1;
    if (!isfinite(mass) || mass < 0) {
      error_set(err, DWELL_USAGE, "mass %zu is %g: masses are finite and not negative", i, mass);
      return error_at_item(err, "masses");
    }
    setup->masses[i] = mass;
    sum += mass;
  }
  if (!(sum > 0) || !isfinite(sum)) return usage(err, "masses", "the sum of the masses must be positive and finite");
  if (o->causal && setup->masses[0] == 0)
    return usage(err, "masses", "under a causal mask the first token sees only itself, so it needs a mass above 0");
  for (size_t i = 0; i < n; i++) setup->masses[i] /= sum;
  return DWELL_OK;
}

/* ---- times ---- */

static dwell_status check_until(const dwell_flow_options *o, dwell_error *err) {
  if (o->frames < 2) return usage(err, "frames", "at least 2 frames are needed: both ends");
  if (!isnan(o->until_log) || o->until_merged > 0) return DWELL_OK;
  if (!(o->until > 0) || !isfinite(o->until)) return usage(err, "until", "the final time must be a positive number");
  if (o->until <= longest_time) return DWELL_OK;
  usage(err, "until", "the final time must be at most 1e290");
  return error_remedy(err, "--until-log takes the logarithm of any time");
}

/* frames: equally spaced, or the first at 0 and the others in ln t. The first positive time is then a hundredth of the
 * flow's own unit (before it nothing moves), or a thousandth of the whole if that is less. */
static void make_times(const dwell_flow_options *o, const flow_plan *plan, double *times) {
  size_t last = o->frames - 1;
  double first = fmin(0.01 * plan->family->time_unit(&plan->system), o->until / 1000);
  for (size_t f = 0; f <= last; f++) {
    double part = o->log_times ? ((double)f - 1) / ((double)last - 1) : (double)f / (double)last;
    times[f] = o->log_times ? first * exp(part * (log(o->until) - log(first))) : o->until * part;
  }
  times[0] = 0;
  times[last] = o->until;
}

static dwell_status copy_times(const dwell_flow_options *o, double *times, dwell_error *err) {
  for (size_t f = 0; f < o->times_count; f++) {
    double t = o->times[f];
    if (!isfinite(t) || t < 0 || t > longest_time || (f > 0 && t <= o->times[f - 1])) {
      error_set(err, DWELL_USAGE, "time %zu is %g: times are finite, at least 0, at most 1e290 and ascending", f, t);
      return error_at_item(err, "times");
    }
    times[f] = t;
  }
  return DWELL_OK;
}

/* Layers, and steps with noise, have no states between them: equally spaced frames go to the nearest layer, each layer
 * once; times that were asked for must be layers. */
static dwell_status round_to_layers(const dwell_flow_options *o, flow_plan *plan, double *times, dwell_error *err) {
  double eta = o->step;
  size_t kept = 0;
  for (size_t f = 0; f < plan->count; f++) {
    double layer = round(times[f] / eta);
    bool must = o->times != NULL || f + 1 == plan->count;
    if (must && fabs(times[f] / eta - layer) > 1e-9 * fmax(1, layer)) {
      error_set(err, DWELL_USAGE, "time %g is not a whole number of %s of %g", times[f],
                plan->kappa > 0 ? "steps" : "layers", eta);
      error_at_item(err, o->times != NULL ? "times" : "until");
      return error_remedy(err, "Use %.10g or %.10g", floor(times[f] / eta) * eta, ceil(times[f] / eta) * eta);
    }
    if (kept == 0 || layer * eta > times[kept - 1]) times[kept++] = layer * eta;
  }
  plan->count = kept;
  return DWELL_OK;
}

void options_log_frames(const flow_setup *setup, double log_end, double *ret_log_times) {
  double first = flow_log_unit(setup->plan.family, &setup->plan.system) + log(0.01), last = (double)setup->frames - 1;
  if (!(log_end > -INFINITY)) log_end = first; /* merged from the start */
  first = fmin(first, log_end - log(1000));
  for (size_t f = 0; f < setup->frames; f++)
    ret_log_times[f] = last > 1 ? first + ((double)f - 1) / (last - 1) * (log_end - first) : log_end;
  ret_log_times[0] = -INFINITY;
  ret_log_times[setup->frames - 1] = log_end;
}

/* With the log clock: states equally spaced in ln t. */
static bool frames_by_log(const dwell_flow_options *o) {
  return o->times == NULL && (o->log_times || o->clock == DWELL_CLOCK_LOG || !isnan(o->until_log));
}

/* Logarithms of times that were made or given, or frames in ln t. */
static dwell_status read_log_times(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_plan *plan = &setup->plan;
  double end = isnan(o->until_log) ? log(o->until) : o->until_log;
  setup->frames = o->frames;
  plan->count = o->times != NULL ? o->times_count : o->frames;
  plan->log_end = o->until_merged > 0 && isnan(o->until_log) ? INFINITY : end;
  if (o->until_merged > 0) return DWELL_OK;
  setup->logarithms = MEM_NEW(double, plan->count);
  TRY_ALLOC(setup->logarithms, "the times");
  if (frames_by_log(o)) options_log_frames(setup, end, setup->logarithms);
  for (size_t f = 0; f < plan->count && setup->times != NULL; f++) setup->logarithms[f] = log(setup->times[f]);
  plan->log_end = setup->logarithms[plan->count - 1];
  plan->log_times = setup->logarithms;
done:
  return status;
}

static dwell_status read_times(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_plan *plan = &setup->plan;
  if (o->times != NULL && o->times_count < 1) return usage(err, "times", "at least one time is needed");
  if (o->times == NULL) TRY(check_until(o, err));
  if (plan->log_clock && (frames_by_log(o) || plan->until_merged > 0)) return read_log_times(o, setup, err);
  plan->count = o->times != NULL ? o->times_count : o->frames;
  setup->times = MEM_NEW(double, plan->count);
  TRY_ALLOC(setup->times, "the times");
  if (o->times != NULL) TRY(copy_times(o, setup->times, err));
  if (o->times == NULL) make_times(o, plan, setup->times);
  bool drawn = plan->kappa > 0 && !plan->family->density;
  if (plan->integrator == DWELL_LAYER || drawn) TRY(round_to_layers(o, plan, setup->times, err));
  if (plan->integrator != DWELL_RK45 && setup->times[plan->count - 1] / o->step > 1e15)
    TRY(usage(err, "step", "the step is so small against the final time that steps cannot be counted"));
  plan->times = setup->times;
  if (plan->log_clock) TRY(read_log_times(o, setup, err));
done:
  return status;
}

/* ---- all of it ---- */

static dwell_status keep_asked(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  size_t size = strlen(o->init) + 1;
  setup->init = mem_alloc(size, 1);
  if (setup->init == NULL) return error_no_memory(err, "the start's name");
  memcpy(setup->init, o->init, size);
  setup->equal_masses = o->masses == NULL;
  setup->given_times = o->times != NULL;
  setup->log_times = o->log_times;
  setup->until = o->until;
  setup->frames = o->frames;
  return DWELL_OK;
}

/* What is saved is one orbit with one law. */
static dwell_status keep_checkpoint(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  if (o->checkpoint == NULL) return DWELL_OK;
  const char *why = s->plan.log_clock                                     ? "the log clock"
                    : s->plan.family->solve != NULL                       ? "this flow"
                    : !segments_stand_still(&s->schedule, &s->plan)       ? "a law that changes"
                    : normalisation_is_radial(&s->schedule.normalisation) ? "a normalisation with lengths"
                                                                          : NULL;
  if (why != NULL) return error_set(err, DWELL_USAGE, "there are no checkpoints with %s", why);
  if (!(o->checkpoint_seconds >= 0)) return error_set(err, DWELL_USAGE, "checkpoints need seconds >= 0");
  size_t size = strlen(o->checkpoint) + 1;
  s->checkpoint = mem_alloc(size, 1);
  if (s->checkpoint == NULL) return error_no_memory(err, "the name of a folder");
  memcpy(s->checkpoint, o->checkpoint, size);
  s->checkpoint_seconds = o->checkpoint_seconds;
  return DWELL_OK;
}

static dwell_status reduce(const dwell_flow_options *o, flow_setup *setup, dwell_error *err) {
  if (setup->plan.family->isotropic) return starts_reduce(&setup->starts, err);
  error_set(err, DWELL_USAGE, "%s does not stay in the span of its tokens", o->flow);
  return error_at_item(err, "reduce");
}

/* What the family says of every beta of the schedule. */
static dwell_status check_systems(const flow_setup *s, dwell_error *err) {
  flow_system system = s->plan.system;
  size_t count = s->schedule.beta_count;
  if (s->plan.family->check == NULL) return DWELL_OK;
  for (size_t k = 0; k == 0 || k < count; k++) {
    if (count > 0) system.beta = s->schedule.betas[k];
    dwell_status status = s->plan.family->check(&system, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* ---- single precision ---- */

static dwell_status no_single(dwell_error *err, const char *what) {
  error_set(err, DWELL_USAGE, "there are no sums in single precision %s", what);
  error_at_item(err, "precision");
  return error_remedy(err, "Use --precision f64, the default");
}

static dwell_status check_precision(const dwell_flow_options *o, const flow_setup *s, dwell_error *err) {
  double beta = fabs(s->plan.system.beta);
  for (size_t k = 0; k < s->schedule.beta_count; k++) beta = fmax(beta, fabs(s->schedule.betas[k]));
  if (o->precision == DWELL_F64) return DWELL_OK;
  if (o->precision != DWELL_F32) return usage(err, "precision", "sums are f32 or f64");
  if (!s->plan.family->single) return no_single(err, "in this flow");
  if (o->causal) return no_single(err, "under a causal mask");
  if (s->plan.log_clock) return no_single(err, "with the log clock, which follows distances far below their precision");
  if (beta > TILES_F32_BETA) return no_single(err, "for |beta| above 40: weights leave its range");
  double least = tiles_f32_error(beta);
  if (o->integrator != DWELL_RK45 || o->rtol >= least) return DWELL_OK;
  error_set(err, DWELL_USAGE, "sums in single precision are off by %.2g at beta %g: no tolerance below it can be met",
            least, beta);
  error_at_item(err, "rtol");
  return error_remedy(err, "Use --rtol 5e-6, which is enough at any beta, or --precision f64");
}

static dwell_status open_starts(const dwell_flow_options *o, const flow *family, starts *ret_starts, dwell_error *err) {
  if (family->density) return starts_open_density(o->init, o->n, o->d, ret_starts, err);
  return family->off_sphere ? starts_open_flat(o->init, o->n, o->d, ret_starts, err)
                            : starts_open(o->init, o->n, o->d, ret_starts, err);
}

static dwell_status read_density(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  struct flow_density *to = &s->plan.density;
  if (!s->plan.family->density) return o->modes > 0 ? usage(err, "modes", "only a density has modes") : DWELL_OK;
  to->modes = o->modes > 0 ? o->modes : 64;
  to->start = s->starts.kind == STARTS_MODE        ? DENSITY_MODE
              : s->starts.kind == STARTS_VON_MISES ? DENSITY_VON_MISES
                                                   : DENSITY_TOKENS;
  to->order = s->starts.order;
  to->amount = s->starts.width;
  return DWELL_OK;
}

dwell_status options_read(const dwell_flow_options *options, uint64_t seed, flow_setup *ret_setup, dwell_error *err) {
  dwell_status status = DWELL_OK;
  flow_setup s = {.replicas = options->replicas, .seed = seed, .dtype = options->dtype};
  s.plan.family = flow_find(options->flow);
  if (s.plan.family == NULL) TRY(unknown_flow(options->flow, err));
  TRY(check_numbers(options, err));
  TRY(check_size(options, s.plan.family->off_sphere, err));
  TRY(open_starts(options, s.plan.family, &s.starts, err));
  if (options->reduce) TRY(reduce(options, &s, err));
  TRY(read_masses(options, &s, err));
  s.plan.system = (flow_system){s.starts.n, s.starts.d, options->beta, s.masses, options->causal};
  TRY(check_clock(options, s.plan.family, err));
  TRY(set_clock(options, &s, err));
  s.plan.integrator = options->integrator;
  s.plan.step = options->step;
  s.plan.rtol = options->rtol;
  TRY(options_read_weights(options, &s, err));
  TRY(check_precision(options, &s, err));
  s.plan.system.single = options->precision == DWELL_F32;
  TRY(read_density(options, &s, err));
  TRY(check_systems(&s, err));
  TRY(read_times(options, &s, err));
  if (s.plan.family->check_plan != NULL) TRY(s.plan.family->check_plan(&s.plan, err));
  TRY(options_check_changes(&s, err));
  TRY(keep_asked(options, &s, err));
  TRY(keep_checkpoint(options, &s, err));
done:
  if (status != DWELL_OK) options_close(&s);
  *ret_setup = s;
  return status;
}

void options_close(flow_setup *setup) {
  starts_close(&setup->starts);
  mem_free(setup->masses);
  mem_free(setup->times);
  mem_free(setup->logarithms);
  mem_free(setup->init);
  mem_free(setup->layer);
  mem_free(setup->checkpoint);
  mem_free(setup->schedule.betas);
  mem_free(setup->schedule.beta_times);
  *setup = (flow_setup){0};
}

/* ---- for the manifest ---- */

static void write_clock(const flow_setup *s, jwriter *w) {
  const flow_plan *plan = &s->plan;
  if (!plan->log_clock) return;
  jwriter_put_string(w, "clock", "log");
  if (plan->merge > 0) jwriter_put_double(w, "merge", plan->merge);
  else jwriter_put_string(w, "merge", "off");
  if (plan->until_merged > 0) jwriter_put_int(w, "until_merged", (int64_t)plan->until_merged);
}

static void write_times(const flow_setup *s, jwriter *w) {
  write_clock(s, w);
  if (!s->given_times) {
    if (!isnan(s->until_log)) jwriter_put_double(w, "until_log", s->until_log);
    else if (s->plan.until_merged == 0) jwriter_put_double(w, "until", s->until);
    jwriter_put_int(w, "frames", (int64_t)s->frames);
    jwriter_put_bool(w, "log_times", s->log_times);
    return;
  }
  jwriter_key(w, "times");
  jwriter_flat_array(w);
  for (size_t f = 0; f < s->plan.count; f++) jwriter_double(w, s->times[f]);
  jwriter_close(w);
}

void options_write(const flow_setup *s, jwriter *w) {
  const flow_plan *plan = &s->plan;
  char hex[SHA256_SIZE];
  jwriter_key(w, "options");
  jwriter_object(w);
  jwriter_put_string(w, "flow", plan->family->name);
  jwriter_put_int(w, "n", (int64_t)s->starts.n);
  jwriter_put_int(w, "d", (int64_t)(s->starts.ambient > 0 ? s->starts.ambient : s->starts.d));
  if (s->starts.ambient > 0) jwriter_put_bool(w, "reduced", true);
  jwriter_put_double(w, "beta", plan->system.beta);
  jwriter_put_string(w, "init", s->init);
  jwriter_put_string(w, "mask", plan->system.causal ? "causal" : "none");
  jwriter_put_string(w, "masses", s->equal_masses ? "equal" : "given");
  if (!s->equal_masses && sha256_buffer(s->masses, s->starts.n * sizeof(double), hex, NULL) == DWELL_OK)
    jwriter_put_string(w, "masses_sha256", hex); /* of the doubles, rescaled to sum 1 */
  jwriter_put_int(w, "replicas", (int64_t)s->replicas);
  jwriter_put_string(w, "integrator", dwell_integrator_name(plan->integrator));
  if (plan->integrator == DWELL_RK45) jwriter_put_double(w, "rtol", plan->rtol);
  else jwriter_put_double(w, "step", plan->step);
  options_write_weights(s, w);
  if (plan->family->density) jwriter_put_int(w, "modes", (int64_t)plan->density.modes);
  write_times(s, w);
  jwriter_key(w, "seed");
  jwriter_uint(w, s->seed);
  jwriter_put_string(w, "precision", plan->system.single ? "f32" : "f64");
  jwriter_put_string(w, "dtype", s->dtype == DWELL_F32 ? "f32" : "f64");
  jwriter_close(w);
  const char *files[2];
  size_t count = 0;
  if (s->starts.kind == STARTS_FILE) files[count++] = s->init;
  if (s->schedule.weights != NULL && s->schedule.weights->from_file) files[count++] = s->schedule.weights->name;
  if (count > 0) identity_write(w, files, count, NULL);
}
