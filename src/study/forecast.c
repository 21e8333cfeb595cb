/* study/forecast.c - the conditions of the claims, on what is known before. */
#include "study/forecast.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "study/evidence.h"
#include "study/permutation.h"

/* A reason why a claim cannot be decided; the first one counts. */
static void add(strbuf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(strbuf *why, const char *format, ...) {
  char text[300];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  strbuf_printf(why, "%s%s", why->length > 0 ? "; " : "", text);
}

/* The smallest p that sign flips over so many texts can give. */
static double smallest_p(size_t texts) {
  return texts <= SIGN_FLIP_EXACT ? ldexp(1, -(int)texts) : 1.0 / (SIGN_FLIP_DRAWS + 1);
}

static bool lacks_texts(const forecast *f, rules *r, bool types, strbuf *why) {
  double least = rule(r, "prompts");
  size_t have = types ? f->usable : f->texts;
  if ((double)have >= least) return false;
  if (types && (double)f->texts >= least)
    add(why, "few_types: %zu of %zu texts have %g distinct tokens, %g are needed", have, f->texts, rule(r, "types"),
        least);
  else add(why, "few_prompts: %zu %s, %g are needed", have, f->flow ? "starts" : "texts", least);
  return true;
}

static bool lacks_controls(const forecast *f, rules *r, strbuf *why) {
  if (f->flow) return false;
  if ((double)f->seeds < rule(r, "seeds")) {
    add(why, "few_seeds: %zu random networks, %g are needed", f->seeds, rule(r, "seeds"));
    return true;
  }
  if ((double)f->classes < rule(r, "text_classes")) {
    add(why, "few_classes: texts of %zu class%s, %g are needed", f->classes, f->classes == 1 ? "" : "es",
        rule(r, "text_classes"));
    return true;
  }
  if ((double)f->seeds < rule(r, "rank_seeds"))
    add(why, "note seed_normality: the rank of the network needs %g seeds", rule(r, "rank_seeds"));
  return false;
}

static bool is_swamped(const forecast *f, rules *r, double p, strbuf *why) {
  if (p * (double)f->family <= rule(r, "level")) return false;
  add(why, "multiplicity: the smallest p, %.2g, is too large for a family of %zu tests", p, f->family);
  return true;
}

static forecast_answer clusters(const forecast *f, rules *r, strbuf *why) {
  bool not = lacks_texts(f, r, true, why) || lacks_controls(f, r, why) || is_swamped(f, r, smallest_p(f->usable), why);
  return not ? FORECAST_NOT : FORECAST_OPEN;
}

static forecast_answer persistence(const forecast *f, rules *r, strbuf *why) {
  if (lacks_texts(f, r, true, why) || lacks_controls(f, r, why)) return FORECAST_NOT;
  if ((double)f->blocks < rule(r, "layers")) {
    add(why, "few_layers: %zu blocks, %g are needed", f->blocks, rule(r, "layers"));
    return FORECAST_NOT;
  }
  double none = pow(1 - rule(r, "share"), (double)f->usable);
  if (!f->flow) add(why, "only if A is confirmed");
  if ((double)f->blocks < rule(r, "layers_to_deny")) {
    add(why, "FALSIFIED needs %g blocks", rule(r, "layers_to_deny"));
    return FORECAST_ONE_SIDED;
  }
  if (none <= 0.025 && none * (double)f->family <= rule(r, "level")) return FORECAST_OPEN;
  add(why, "FALSIFIED needs more texts: none with a plateau of %zu has p = %.2g", f->usable, none);
  return FORECAST_ONE_SIDED;
}

static forecast_answer alignment(const forecast *f, rules *r, strbuf *why) {
  if (lacks_texts(f, r, true, why) || lacks_controls(f, r, why)) return FORECAST_NOT;
  if ((double)(f->blocks * f->heads) < rule(r, "heads")) {
    add(why, "few_heads: %zu heads in all, %g are needed of each text", f->blocks * f->heads, rule(r, "heads"));
    return FORECAST_NOT;
  }
  add(why, "if %g heads read states with significant clusters", rule(r, "heads"));
  return is_swamped(f, r, smallest_p(f->usable), why) ? FORECAST_NOT : FORECAST_OPEN;
}

static forecast_answer energy(const forecast *f, rules *r, strbuf *why) {
  if (lacks_texts(f, r, false, why)) return FORECAST_NOT;
  if ((double)f->blocks < rule(r, "layers"))
    add(why, "few_layers: %zu blocks, %g are needed", f->blocks, rule(r, "layers"));
  if ((double)f->blocks < rule(r, "layers")) return FORECAST_NOT;
  if (!f->flow) add(why, "if one inverse temperature describes the heads");
  return is_swamped(f, r, ldexp(1, -(int)fmin((double)f->texts, 1000)), why) ? FORECAST_NOT : FORECAST_OPEN;
}

static forecast_answer timescales(const forecast *f, rules *r, strbuf *why) {
  enum { DEEP = 24 };
  if (lacks_texts(f, r, false, why)) return FORECAST_NOT;
  if (f->flow || f->blocks >= DEEP) return FORECAST_OPEN;
  add(why, "with %zu blocks CONFIRMED needs groups that form within %.3g", f->blocks,
      (double)f->blocks / rule(r, "ratio"));
  return FORECAST_OPEN;
}

static forecast_answer speed(const forecast *f, rules *r, strbuf *why) {
  if (lacks_texts(f, r, false, why)) return FORECAST_NOT;
  if ((double)f->rotations < rule(r, "seeds")) {
    add(why, "few_seeds: %zu rotations of the output maps, %g are needed", f->rotations, rule(r, "seeds"));
    return FORECAST_NOT;
  }
  add(why,
      "CONFIRMED needs maps rebuilt in fewer dimensions, which a study does not measure (docs/mechanism.md 5 does)");
  return FORECAST_ONE_SIDED;
}

static forecast_answer others(const forecast *f, const claim *c, rules *r, strbuf *why) {
  const struct {
    claim_scope scope;
    size_t have;
    const char *rule, *reason, *what;
  } needs[] = {{CLAIM_OF_CLASSES, f->smallest_class, "class_prompts", "few_classes", "texts in the smallest class"},
               {CLAIM_OF_LENGTHS, f->sweeps, "prompts", "few_prompts", "texts cut at enough lengths"},
               {CLAIM_OF_CHECKPOINTS, f->checkpoints, "checkpoints", "few_checkpoints", "checkpoints"},
               {CLAIM_OF_DEPTHS, f->depths, "depths", "depth_range", "depths"}};
  for (size_t k = 0; k < sizeof needs / sizeof needs[0]; k++) {
    if (needs[k].scope != c->scope || (double)needs[k].have >= rule(r, needs[k].rule)) continue;
    add(why, "%s: %zu %s, %g are needed", needs[k].reason, needs[k].have, needs[k].what, rule(r, needs[k].rule));
    return FORECAST_NOT;
  }
  if (c->scope == CLAIM_OF_CHECKPOINTS && (double)f->seeds < rule(r, "seeds")) {
    add(why, "few_seeds: %zu random networks, %g are needed", f->seeds, rule(r, "seeds"));
    return FORECAST_NOT;
  }
  return FORECAST_OPEN;
}

forecast_answer forecast_claim(const forecast *f, const claim *c, const claim_thresholds *t, strbuf *why) {
  typedef forecast_answer (*answer)(const forecast *, rules *, strbuf *);
  static const struct {
    const char *claim;
    answer of;
  } answers[] = {{"A", clusters}, {"B", persistence}, {"C", alignment},
                 {"D", energy},   {"E1", timescales}, {"E2", speed}};
  rules r = {.all = t, .claim = c->name, .flow = f->flow};
  for (size_t k = 0; k < sizeof answers / sizeof answers[0]; k++) {
    if (strcmp(answers[k].claim, c->name) == 0) return answers[k].of(f, &r, why);
  }
  return others(f, c, &r, why);
}
