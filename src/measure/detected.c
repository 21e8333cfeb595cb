/* measure/detected.c - feeds the detectors with columns and labels of one replica. */
#include "measure/detected.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* ---- columns ---- */

/* A column along the states, or over the steps (the first of its `states - 1` values is step 0's). NaN: undefined.
 * ret [states]. False if it was not measured. */
static bool read_states(const measurement *s, const detected *d, size_t at, double *ret) {
  size_t width = s->plan.state.value_count;
  for (size_t l = 0; l < d->states; l++) {
    const value *v = at == SIZE_MAX ? NULL : &s->state_values[(d->first + l) * width + at];
    ret[l] = v != NULL && v->undefined == NULL ? v->number : NAN;
  }
  return at != SIZE_MAX;
}

static bool read_steps(const measurement *s, const detected *d, const char *column, double *ret) {
  size_t width = s->plan.step.value_count, at = plan_find(&s->plan.step, column, SET_SELECTION);
  for (size_t b = 0; b + 1 < d->states; b++) {
    const value *v = at == SIZE_MAX ? NULL : &s->step_values[(d->first + b + 1) * width + at];
    ret[b] = v != NULL && v->undefined == NULL ? v->number : NAN;
  }
  return at != SIZE_MAX;
}

static bool all_finite(const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) return false;
  }
  return true;
}

/* ---- times ---- */

static dwell_status make_times(const measurement *s, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *angle = MEM_NEW(double, d->states), sum = 0;
  d->log_time = MEM_NEW(double, d->states);
  d->log_tau = MEM_NEW(double, d->states);
  TRY_ALLOC(angle, "the times");
  TRY_ALLOC(d->log_time, "the times");
  TRY_ALLOC(d->log_tau, "the times");
  for (size_t l = 0; l < d->states; l++) {
    const dwell_frame *frame = spool_frame(s->states, d->first + l);
    d->log_time[l] = frame->has_time ? frame->log_time : log((double)l);
  }
  bool known = read_steps(s, d, "angle_mean", angle) && all_finite(angle, d->states - 1);
  for (size_t l = 0; known && l < d->states; l++) {
    d->log_tau[l] = log(sum);
    sum += l + 1 < d->states ? angle[l] : 0;
  }
  if (!known) mem_free(d->log_tau), d->log_tau = NULL;
done:
  mem_free(angle);
  return status;
}

/* ---- clusters ---- */

/* The array of labels of an instrument that reports clusters for this set, [frames, n]. */
static const int64_t *find_labels(const measurement *s, plan_set set) {
  for (size_t i = 0; i < s->plan.state.item_count; i++) {
    const plan_item *item = &s->plan.state.items[i];
    if (item->set == set && item->what->array_name != NULL && strcmp(item->what->array_name, "labels") == 0)
      return s->arrays[i];
  }
  return NULL;
}

/* Tokens that lie along one direction only (two points, at the end of a flow) have no null: of a
 * line there is nothing to draw from. There the labels stand without one (instruments.md 6.2). */
static bool is_degenerate(const measurement *s, const detected *d, size_t l) {
  const char *const *reasons = s->sets[d->set].null_reason;
  const char *reason = reasons != NULL ? reasons[d->first + l] : NULL;
  return reason != NULL && strcmp(reason, "degenerate") == 0;
}

/* p of the cluster test at every state, and the labels where it is significant. */
static void keep_significant(const measurement *s, detected *d, size_t slot, const int64_t *labels) {
  size_t n = s->sets[d->set].count;
  for (size_t l = 0; l < d->states; l++) {
    double mean, sd, p;
    bool tested = measurement_null(s, d->first + l, slot, &mean, &sd, &p);
    bool clustered = tested ? p <= MEASUREMENT_LEVEL : is_degenerate(s, d, l) && d->cluster_count[l] >= 2;
    d->cluster_p[l] = tested ? p : NAN;
    d->significant += clustered && tested;
    for (size_t i = 0; i < n; i++) d->labels[l * n + i] = clustered ? (int32_t)labels[(d->first + l) * n + i] : -1;
  }
}

static dwell_status test_all_states(const measurement *s, detected *d, size_t slot, double *z, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t draws = s->plan.draws, width = s->plan.null_count;
  double *drawn = mem_alloc(draws, d->states * sizeof(double)), *observed = MEM_NEW(double, d->states);
  TRY_ALLOC(drawn, "the test over states");
  TRY_ALLOC(observed, "the test over states");
  read_states(s, d, s->plan.nulls[slot].value, observed);
  for (size_t k = 0; k < draws; k++) {
    for (size_t l = 0; l < d->states; l++)
      drawn[k * d->states + l] = s->null_draws[(k * s->frames + d->first + l) * width + slot];
  }
  TRY(detect_max_t(observed, drawn, draws, d->states, z, &d->any, err));
done:
  mem_free(drawn);
  mem_free(observed);
  return status;
}

/* The state after the start that stands out most, of those with two significant clusters. */
static void choose_partition(detected *d, const double *z) {
  for (size_t l = 1; l < d->states; l++) {
    if (!(d->cluster_p[l] <= MEASUREMENT_LEVEL) || !(d->cluster_count[l] >= 2)) continue;
    if (d->partition == SIZE_MAX || z[l] > z[d->partition]) d->partition = l;
  }
}

static dwell_status follow_clusters(const measurement *s, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  d->set = measurement_followed(s);
  const int64_t *labels = find_labels(s, d->set);
  size_t at = plan_find(&s->plan.state, "cluster_T", d->set), count;
  size_t slot = at != SIZE_MAX ? s->plan.state.values[at].null_slot : SIZE_MAX;
  d->any.p = d->lifespan = UNDEFINED("no clusters were followed");
  if (labels == NULL || at == SIZE_MAX) return d->no_clusters = "not measured", DWELL_OK;
  if (slot == SIZE_MAX || s->null_draws == NULL) return d->no_clusters = "no null was drawn", DWELL_OK;
  if (!size_mul(d->states, s->sets[d->set].count, &count)) return error_no_memory(err, "the labels");
  double *z = MEM_NEW(double, d->states);
  d->labels = MEM_NEW(int32_t, count);
  d->cluster_p = MEM_NEW(double, d->states), d->cluster_count = MEM_NEW(double, d->states);
  TRY_ALLOC(z, "the labels");
  TRY_ALLOC(d->labels, "the labels");
  TRY_ALLOC(d->cluster_p, "the labels");
  TRY_ALLOC(d->cluster_count, "the labels");
  read_states(s, d, plan_find(&s->plan.state, "cluster_count", d->set), d->cluster_count);
  keep_significant(s, d, slot, labels);
  TRY(test_all_states(s, d, slot, z, err));
  TRY(detect_tracking(d->labels, d->states, s->sets[d->set].count, &d->tracks, err));
  TRY(detect_lifespan(&d->tracks, &d->lifespan, err));
  TRY(detected_track_null(s, d, slot, err));
  choose_partition(d, z);
done:
  mem_free(z);
  return status;
}

bool detected_lasting_merge(const detected *d, const track_event *e) {
  const track_life *lives = d->tracks.lives, *a = &lives[e->id], *b = &lives[e->other];
  return e->kind == TRACK_MERGE && a->last > a->born && b->last > b->born;
}

/* ---- plateaus ---- */

/* Rows of [5, states]: changes, mean cosine, largest angle, update. */
static dwell_status find_plateaus(const measurement *s, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = d->states;
  double *x = mem_alloc(4, n * sizeof(double));
  TRY_ALLOC(x, "the plateaus");
  bool measured = read_steps(s, d, "change", x);
  if (!measured || !all_finite(x, n - 1)) {
    d->no_plateaus = "not measured";
    goto done;
  }
  bool ip = read_states(s, d, plan_find(&s->plan.state, "ip_mean", SET_SELECTION), x + n);
  bool moved = read_steps(s, d, "angle_max", x + 2 * n) && read_steps(s, d, "update_norm", x + 3 * n);
  plateau_evidence e = {.cluster_p = d->cluster_p, .clusters = d->cluster_count, .ip_mean = ip ? x + n : NULL};
  if (moved) e.angle_max = x + 2 * n, e.update_norm = x + 3 * n;
  plateau_setting setting = PLATEAU_SETTING;
  setting.seed = s->ctx->seed, setting.replica = (uint32_t)d->replica;
  TRY(detect_plateaus(x, n - 1, &e, &setting, &d->plateaus, err));
  setting.draws = 0; /* how the count depends on what is called slow */
  setting.slow = 1. / 3;
  TRY(detect_plateaus(x, n - 1, &e, &setting, &d->plateaus_third, err));
  setting.slow = 1. / 5;
  TRY(detect_plateaus(x, n - 1, &e, &setting, &d->plateaus_fifth, err));
done:
  mem_free(x);
  return status;
}

/* Of one column, if it is defined at every state and the test has what it needs. */
static dwell_status add_scalar(const measurement *s, detected *d, const char *column, plan_set set,
                               const plateau_setting *setting, double *x, dwell_error *err) {
  plateaus found;
  if (!read_states(s, d, plan_find(&s->plan.state, column, set), x) || !all_finite(x, d->states)) return DWELL_OK;
  dwell_status status = detect_plateaus_scalar(x, d->states - 1, setting, &found, err);
  if (status == DWELL_OK) {
    detected_scalar *scalar = &d->scalars[d->scalar_count++];
    *scalar = (detected_scalar){.column = column, .longest = found.longest, .p = found.p};
    for (size_t k = 0; k < found.count; k++) scalar->interior += found.items[k].kind == PLATEAU_INTERIOR;
  }
  plateaus_free(&found);
  return status;
}

static dwell_status find_scalar_plateaus(const measurement *s, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *x = MEM_NEW(double, d->states);
  plateau_setting setting = PLATEAU_SETTING;
  setting.seed = s->ctx->seed, setting.replica = (uint32_t)d->replica;
  TRY_ALLOC(x, "the plateaus");
  TRY(add_scalar(s, d, "mass90_centred", SET_SELECTION, &setting, x, err));
  TRY(add_scalar(s, d, "cluster_T", d->set, &setting, x, err));
  TRY(add_scalar(s, d, "energy_calibrated", SET_SELECTION, &setting, x, err));
done:
  mem_free(x);
  return status;
}

/* ---- energies ---- */

/* The energy of column k with its floor, if both are defined at every state. */
static dwell_status add_energy(const measurement *s, detected *d, size_t k, const char *suffix, double beta,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  char floor[80];
  detected_energy *e = &d->energies[d->energy_count];
  snprintf(floor, sizeof floor, "energy_floor_%s", suffix);
  snprintf(e->column, sizeof e->column, "energy_%s", suffix);
  e->energy = MEM_NEW(double, d->states), e->floor = MEM_NEW(double, d->states);
  TRY_ALLOC(e->energy, "the energies");
  TRY_ALLOC(e->floor, "the energies");
  bool known =
      read_states(s, d, k, e->energy) && read_states(s, d, plan_find(&s->plan.state, floor, SET_SELECTION), e->floor);
  if (known && all_finite(e->energy, d->states) && all_finite(e->floor, d->states)) {
    e->beta = beta;
    d->energy_count++;
    return detect_violations(e->energy, e->floor, d->states, &e->path, err);
  }
done:
  mem_free(e->energy);
  mem_free(e->floor);
  *e = (detected_energy){0};
  return status;
}

static dwell_status follow_energies(const measurement *s, detected *d, dwell_error *err) {
  const struct {
    const char *suffix;
    double beta;
  } energies[] = {{"b0.1", 0.1}, {"b1", 1}, {"b2", 2}, {"b5", 5}, {"calibrated", s->setting.beta}};
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < sizeof energies / sizeof energies[0]; k++) {
    char column[80];
    snprintf(column, sizeof column, "energy_%s", energies[k].suffix);
    size_t at = plan_find(&s->plan.state, column, SET_SELECTION);
    if (at != SIZE_MAX) status = add_energy(s, d, at, energies[k].suffix, energies[k].beta, err);
  }
  return status;
}

/* ---- stairs and collapse ---- */

static dwell_status climb_stairs(const measurement *s, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *x = MEM_NEW(double, d->states);
  size_t *counts = MEM_NEW(size_t, d->states);
  TRY_ALLOC(x, "the staircase");
  TRY_ALLOC(counts, "the staircase");
  bool known =
      read_states(s, d, plan_find(&s->plan.state, "components999", SET_SELECTION), x) && all_finite(x, d->states);
  if (!known) d->no_stairs = "not measured";
  for (size_t l = 0; known && l < d->states; l++) counts[l] = (size_t)x[l];
  if (known) TRY(detect_staircase(counts, d->log_time, d->states, &d->stairs, err));
done:
  mem_free(x);
  mem_free(counts);
  return status;
}

static dwell_status watch_collapse(const measurement *s, detected *d, dwell_error *err) {
  double *x = MEM_NEW(double, d->states);
  if (x == NULL) return error_no_memory(err, "the collapse");
  dwell_status status = DWELL_OK;
  bool known = read_states(s, d, plan_find(&s->plan.state, "ip_mean", SET_SELECTION), x) && all_finite(x, d->states);
  if (!known) d->no_collapse = "not measured";
  else status = detect_collapse(x, d->log_time, d->states, &d->collapse, err);
  mem_free(x);
  return status;
}

dwell_status detected_make(const measurement *s, size_t replica, detected *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const dwell_trajectory *t = s->t;
  size_t per_replica = t->states + (t->has_final_norm ? 1 : 0);
  *d = (detected){.replica = replica, .first = replica * per_replica, .states = t->states, .partition = SIZE_MAX};
  TRY(make_times(s, d, err));
  TRY(follow_clusters(s, d, err));
  /* A flow's times are not equally spaced: its slow steps are short ones. It has the staircase. */
  if (strcmp(t->kind, "flow") == 0) d->no_plateaus = "uneven times";
  else TRY(find_plateaus(s, d, err));
  if (strcmp(t->kind, "flow") != 0 && d->states > 0) TRY(find_scalar_plateaus(s, d, err));
  TRY(follow_energies(s, d, err));
  TRY(climb_stairs(s, d, err));
  TRY(watch_collapse(s, d, err));
done:
  return status;
}

void detected_free(detected *d) {
  mem_free(d->log_time), mem_free(d->log_tau);
  mem_free(d->cluster_p), mem_free(d->cluster_count), mem_free(d->labels);
  tracking_free(&d->tracks);
  plateaus_free(&d->plateaus), plateaus_free(&d->plateaus_third), plateaus_free(&d->plateaus_fifth);
  for (size_t k = 0; k < d->energy_count; k++) {
    mem_free(d->energies[k].energy), mem_free(d->energies[k].floor), mem_free(d->energies[k].parts);
  }
  staircase_free(&d->stairs);
  mem_free(d->within), mem_free(d->between);
  *d = (detected){0};
}
