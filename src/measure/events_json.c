/* measure/events_json.c - what was detected in a replica, as an object of run.json. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/attribution.h"
#include "measure/detected.h"

/* A number, or null and why. */
static void put_value(jwriter *w, const char *key, value v) {
  char reason[80];
  if (v.undefined == NULL) {
    jwriter_put_double(w, key, v.number);
    return;
  }
  jwriter_key(w, key);
  jwriter_null(w);
  snprintf(reason, sizeof reason, "%s_undefined", key);
  jwriter_put_string(w, reason, v.undefined);
}

/* A state's number in the trajectory, or nothing. */
static void put_state(jwriter *w, const measurement *s, const char *key, size_t state) {
  if (state != SIZE_MAX) jwriter_put_int(w, key, (int64_t)(s->t->first_state + state));
}

/* A time or ratio that is kept as its logarithm: e to it where a double holds that. */
static void put_exp(jwriter *w, const char *key, value log_value) {
  value v = log_value;
  if (v.undefined == NULL) v.number = exp(v.number);
  if (v.undefined == NULL && isinf(v.number)) v = UNDEFINED("beyond a double");
  put_value(w, key, v);
}

static void write_clusters(const measurement *s, const detected *d, jwriter *w) {
  jwriter_key(w, "clusters");
  jwriter_object(w);
  if (d->no_clusters != NULL) {
    jwriter_put_string(w, "undefined", d->no_clusters);
    jwriter_close(w);
    return;
  }
  jwriter_put_string(w, "selection", d->set == SET_TYPES || s->options->types ? "types" : "all");
  put_value(w, "p_any_state", d->any.p);
  put_state(w, s, "best_state", d->any.best);
  jwriter_put_int(w, "significant_states", (int64_t)d->significant);
  jwriter_put_int(w, "identities", (int64_t)d->tracks.life_count);
  char name[48];
  static const char *const keys[] = {"births", "deaths", "merges", "splits", "resumes"};
  for (int k = 0; k < TRACK_KINDS; k++) {
    jwriter_put_int(w, keys[k], (int64_t)detected_events(&d->tracks, (track_kind)k));
    if (d->no_track_null != NULL) continue;
    snprintf(name, sizeof name, "%s_null_mean", keys[k]);
    jwriter_put_double(w, name, d->track_null_mean[k]);
    snprintf(name, sizeof name, "%s_p", keys[k]);
    jwriter_put_double(w, name, d->track_p[k]);
  }
  if (d->no_track_null != NULL) jwriter_put_string(w, "null_undefined", d->no_track_null);
  size_t lasting = 0;
  for (size_t k = 0; k < d->tracks.event_count; k++) lasting += detected_lasting_merge(d, &d->tracks.events[k]);
  jwriter_put_int(w, "merges_lasting", (int64_t)lasting);
  put_value(w, "lifespan_median", d->lifespan);
  jwriter_close(w);
}

static size_t plateaus_of(const plateaus *p, plateau_kind kind, bool only_real) {
  size_t count = 0;
  for (size_t k = 0; k < p->count; k++) count += p->items[k].kind == kind && !(only_real && p->items[k].trivial);
  return count;
}

static void write_plateaus(const detected *d, jwriter *w) {
  jwriter_key(w, "plateaus");
  jwriter_object(w);
  if (d->no_plateaus != NULL) jwriter_put_string(w, "undefined", d->no_plateaus);
  for (int k = 0; d->no_plateaus == NULL && k < 4; k++) {
    jwriter_put_int(w, plateau_kind_name((plateau_kind)k), (int64_t)plateaus_of(&d->plateaus, (plateau_kind)k, false));
  }
  if (d->no_plateaus == NULL) {
    jwriter_put_int(w, "interior_nontrivial", (int64_t)plateaus_of(&d->plateaus, PLATEAU_INTERIOR, true));
    jwriter_put_int(w, "longest", (int64_t)d->plateaus.longest);
    put_value(w, "p", d->plateaus.p);
    jwriter_put_int(w, "interior_slow_third", (int64_t)plateaus_of(&d->plateaus_third, PLATEAU_INTERIOR, false));
    jwriter_put_int(w, "interior_slow_fifth", (int64_t)plateaus_of(&d->plateaus_fifth, PLATEAU_INTERIOR, false));
  }
  jwriter_close(w);
}

/* How many of the falls each part of a block carries, where that was measured. */
static void write_carriers(const measurement *s, const detected *d, const detected_energy *e, jwriter *w) {
  size_t counts[ENERGY_PARTS] = {0}, known = 0, head;
  for (size_t b = 0; b + 1 < d->states; b++) {
    if (energy_step(e->energy, e->floor, b) >= 0) continue;
    energy_part most = measurement_carrier(s, d->first + b + 1, e->column, &head);
    if (most < ENERGY_PARTS) counts[most]++, known++;
  }
  for (energy_part part = 0; part < ENERGY_PARTS && known > 0; part++) {
    char key[32];
    snprintf(key, sizeof key, "drops_by_%s", energy_part_name(part));
    jwriter_put_int(w, key, (int64_t)counts[part]);
  }
}

static void write_scalars(const detected *d, jwriter *w) {
  jwriter_key(w, "scalar_plateaus");
  jwriter_array(w);
  for (size_t k = 0; k < d->scalar_count; k++) {
    const detected_scalar *scalar = &d->scalars[k];
    jwriter_flat_object(w);
    jwriter_put_string(w, "column", scalar->column);
    jwriter_put_int(w, "interior", (int64_t)scalar->interior);
    jwriter_put_int(w, "longest", (int64_t)scalar->longest);
    put_value(w, "p", scalar->p);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void write_energies(const measurement *s, const detected *d, jwriter *w) {
  jwriter_key(w, "energies");
  jwriter_array(w);
  for (size_t k = 0; k < d->energy_count; k++) {
    const energy_path *p = &d->energies[k].path;
    jwriter_flat_object(w);
    jwriter_put_string(w, "column", d->energies[k].column);
    put_value(w, "index", p->index);
    jwriter_put_int(w, "drops", (int64_t)p->drops);
    write_carriers(s, d, &d->energies[k], w);
    jwriter_put_int(w, "within_rounding", (int64_t)p->below_floor);
    jwriter_put_double(w, "max_drop_rel", p->max_drop_rel);
    put_state(w, s, "worst_block", p->worst_step);
    jwriter_put_double(w, "drawdown_rel", p->drawdown_rel);
    put_state(w, s, "drawdown_peak", p->peak);
    put_state(w, s, "drawdown_trough", p->trough);
    if (strcmp(d->energies[k].column, "energy_calibrated") != 0)
      put_value(w, "ideal_rate", detect_ideal_rate(s->setting.beta, d->energies[k].beta));
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void write_stairs(const detected *d, jwriter *w) {
  const stair *best = d->stairs.best != SIZE_MAX ? &d->stairs.stairs[d->stairs.best] : NULL;
  jwriter_key(w, "staircase");
  jwriter_flat_object(w);
  if (d->no_stairs != NULL) jwriter_put_string(w, "undefined", d->no_stairs);
  else put_exp(w, "ratio", VALUE(d->stairs.log_ratio));
  if (best != NULL) {
    jwriter_put_double(w, "log_ratio", d->stairs.log_ratio);
    jwriter_put_int(w, "components", (int64_t)best->level);
    put_exp(w, "enter", VALUE(best->log_enter));
    put_exp(w, "exit", VALUE(best->log_exit));
    jwriter_put_bool(w, "censored", best->censored);
  }
  jwriter_close(w);
}

static void write_scales(const measurement *s, const detected *d, jwriter *w) {
  jwriter_key(w, "two_timescales");
  jwriter_flat_object(w);
  put_state(w, s, "groups_of_state", d->partition);
  put_exp(w, "ratio", d->in_time.log_ratio);
  if (d->in_time.log_ratio.undefined == NULL) {
    put_exp(w, "t_form", d->in_time.log_form);
    put_exp(w, "t_merge", d->in_time.log_merge);
    jwriter_put_bool(w, "censored", d->in_time.censored);
  }
  if (d->partition != SIZE_MAX) put_exp(w, "ratio_tau", d->in_tau.log_ratio);
  jwriter_close(w);
}

static void write_collapse(const detected *d, jwriter *w) {
  const collapse *c = &d->collapse;
  jwriter_key(w, "collapse");
  jwriter_object(w);
  if (d->no_collapse != NULL) jwriter_put_string(w, "undefined", d->no_collapse);
  if (d->no_collapse == NULL) {
    put_value(w, "collapse_rate", c->rate);
    put_value(w, "half_time", c->half_time);
    put_value(w, "fit_rate", c->fit_rate);
    if (c->fit_rate.undefined == NULL) {
      put_value(w, "fit_se", c->fit_se);
      put_value(w, "fit_r2", c->fit_r2);
      put_value(w, "fit_half_life", c->fit_half_life);
    }
  }
  jwriter_close(w);
}

void detected_write(const measurement *s, const detected *d, jwriter *w) {
  jwriter_object(w);
  jwriter_put_int(w, "replica", (int64_t)d->replica);
  write_clusters(s, d, w);
  write_plateaus(d, w);
  write_scalars(d, w);
  write_energies(s, d, w);
  write_stairs(d, w);
  write_scales(s, d, w);
  write_collapse(d, w);
  jwriter_close(w);
}
