/* study/verdicts.c - verdicts as CSV, JSON and lines of text. */
#include "study/verdicts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file/csv.h"
#include "file/jwriter.h"
#include "study/reference.h"
#include "study/settle.h"

const char *verdict_notes(const claim_verdict *v) {
  static const char *const names[] = {"", "exact", "seed_normality", "exact, seed_normality"};
  return names[v->notes & 3];
}

const char *verdict_null(const verdict_row *row) {
  static const char *const against[][3] = {
      {"A", "structureless clouds and random weights", "structureless clouds and the flow at beta 0"},
      {"B", "permuted layers and random weights", "the flow at beta 0"},
      {"C", "shifted labels and random weights", ""},
      {"D", "a coin for each text", "a coin for each start"},
      {"E1", "a coin for each text", "a coin for each start"},
      {"E2", "rotations of the maps", ""},
      {"F", "permuted classes", ""},
      {"G", "random weights", ""},
      {"H", "random weights", ""},
      {"I", "a coin for each text", ""},
      {"J", "permuted kinds of models", ""}};
  for (size_t k = 0; k < sizeof against / sizeof against[0]; k++) {
    if (strcmp(against[k][0], row->claim->name) == 0) return against[k][row->flow ? 2 : 1];
  }
  return "";
}

/* ---- CSV ---- */

void verdicts_csv(const verdicts *v, strbuf *out) {
  csv_writer w = {.out = out};
  strbuf_puts(out,
              "claim,model,verdict,effect,lo,hi,p,p_holm,prompts,control,reason,group,interval,contrast,contrast_lo,"
              "contrast_hi,seeds,family,notes,order,order_lo,order_hi\n");
  for (size_t i = 0; i < v->count; i++) {
    const verdict_row *row = &v->rows[i];
    const claim_verdict *x = &row->v;
    csv_text(&w, row->claim->name);
    csv_text(&w, row->model);
    csv_text(&w, claim_outcome_name(x->outcome));
    csv_double(&w, x->effect), csv_double(&w, x->interval.low), csv_double(&w, x->interval.high);
    csv_double(&w, x->p), csv_double(&w, x->p_holm);
    csv_int(&w, (int64_t)x->prompts);
    csv_double(&w, x->control);
    csv_text(&w, x->reason);
    csv_text(&w, verdict_group_name(row->group));
    csv_text(&w, x->kind);
    csv_double(&w, x->contrast), csv_double(&w, x->contrast_interval.low), csv_double(&w, x->contrast_interval.high);
    csv_int(&w, (int64_t)x->seeds), csv_int(&w, (int64_t)x->family);
    csv_text(&w, verdict_notes(x));
    csv_double(&w, x->order), csv_double(&w, x->order_interval.low), csv_double(&w, x->order_interval.high);
    csv_end_row(&w);
  }
}

/* ---- JSON ---- */

static void put_row(jwriter *w, const verdict_row *row) {
  const claim_verdict *x = &row->v;
  const reference_row *reference =
      row->group == VERDICT_CONTROL || row->flow ? NULL : reference_find(row->claim->name, row->model);
  strbuf sentence = {0};
  verdict_sentence(row, &sentence);
  jwriter_object(w);
  jwriter_put_string(w, "claim", row->claim->name), jwriter_put_string(w, "title", row->claim->title);
  jwriter_put_string(w, "model", row->model), jwriter_put_string(w, "group", verdict_group_name(row->group));
  jwriter_put_string(w, "verdict", claim_outcome_name(x->outcome));
  jwriter_put_string(w, "sentence", sentence.failed ? "" : sentence.data);
  jwriter_put_double(w, "effect", x->effect);
  jwriter_put_double(w, "lo", x->interval.low), jwriter_put_double(w, "hi", x->interval.high);
  jwriter_put_string(w, "interval", x->kind);
  jwriter_put_double(w, "contrast", x->contrast);
  jwriter_put_double(w, "contrast_lo", x->contrast_interval.low);
  jwriter_put_double(w, "contrast_hi", x->contrast_interval.high);
  jwriter_put_double(w, "control", x->control);
  if (isfinite(x->order)) {
    jwriter_put_double(w, "order", x->order);
    jwriter_put_double(w, "order_lo", x->order_interval.low), jwriter_put_double(w, "order_hi", x->order_interval.high);
  }
  jwriter_put_double(w, "p", x->p), jwriter_put_double(w, "p_holm", x->p_holm);
  jwriter_put_int(w, "family", (int64_t)x->family);
  jwriter_put_int(w, "prompts", (int64_t)x->prompts), jwriter_put_int(w, "seeds", (int64_t)x->seeds);
  jwriter_put_string(w, "held_against", verdict_null(row));
  jwriter_put_string(w, "reason", x->reason), jwriter_put_string(w, "reason_means", settle_reason(x->reason));
  jwriter_put_string(w, "settle", row->settle), jwriter_put_string(w, "beside", row->beside);
  jwriter_put_string(w, "notes", verdict_notes(x));
  if (reference != NULL) {
    jwriter_key(w, "published");
    jwriter_object(w);
    jwriter_put_string(w, "said", reference->said), jwriter_put_string(w, "ours", reference->ours);
    jwriter_close(w);
  }
  jwriter_close(w);
  strbuf_free(&sentence);
}

void verdicts_json(const verdicts *v, const study_plan *p, const char *thresholds, strbuf *out) {
  jwriter w = jwriter_start(out, 1);
  jwriter_object(&w);
  jwriter_put_int(&w, "format", 1);
  jwriter_put_string(&w, "title", p->title), jwriter_put_string(&w, "about", p->about);
  jwriter_put_int(&w, "family", (int64_t)v->family);
  jwriter_put_string(&w, "thresholds", thresholds != NULL ? thresholds : "data/claims.json");
  jwriter_put_string(&w, "published_study", reference_source);
  jwriter_key(&w, "verdicts");
  jwriter_array(&w);
  for (size_t i = 0; i < v->count; i++) put_row(&w, &v->rows[i]);
  jwriter_close(&w);
  jwriter_close(&w);
  strbuf_putc(out, '\n');
}

/* ---- the terminal ---- */

static void add_wrapped(strbuf *out, const char *text, size_t indent, size_t width) {
  size_t at = indent;
  strbuf_printf(out, "%*s", (int)indent, "");
  for (const char *p = text; *p != '\0';) {
    size_t word = strcspn(p, " "), blanks = strspn(p + word, " ");
    strbuf_add(out, p, word);
    at += word;
    p += word + blanks;
    if (*p != '\0' && at + 1 + strcspn(p, " ") <= width) strbuf_putc(out, ' '), at++;
    else if (*p != '\0') strbuf_printf(out, "\n%*s", (int)indent, ""), at = indent;
  }
  strbuf_putc(out, '\n');
}

static void add_number(strbuf *out, double x) {
  if (isfinite(x)) strbuf_printf(out, "%.3g", x);
  else strbuf_putc(out, '-');
}

static void add_interval(strbuf *out, const char *name, double x, interval i) {
  strbuf_puts(out, name);
  add_number(out, x);
  if (!isfinite(i.low) && !isfinite(i.high)) return;
  strbuf_puts(out, " (");
  add_number(out, i.low);
  strbuf_puts(out, ", ");
  add_number(out, i.high);
  strbuf_puts(out, ")");
}

static void print_evidence(const verdict_row *row, strbuf *out) {
  const claim_verdict *x = &row->v;
  bool starts = row->flow;
  add_interval(out, "      effect ", x->effect, x->interval);
  if (isfinite(x->contrast)) add_interval(out, ", beyond control ", x->contrast, x->contrast_interval);
  strbuf_printf(out, "; %zu %s", x->prompts,
                starts                                      ? "starts"
                : row->claim->scope >= CLAIM_OF_CHECKPOINTS ? "models"
                                                            : "texts");
  if (x->seeds > 0 && !starts) strbuf_printf(out, ", %zu controls", x->seeds);
  if (x->outcome != CLAIM_SUSPENDED || x->p < 1) strbuf_printf(out, "; p %.2g, after Holm %.2g", x->p, x->p_holm);
  if (verdict_null(row)[0] != '\0') {
    const char *beaten = x->outcome == CLAIM_CONFIRMED   ? "beats "
                         : x->outcome == CLAIM_FALSIFIED ? "does not beat "
                                                         : "held against ";
    strbuf_printf(out, "; %s%s", beaten, verdict_null(row));
  }
  strbuf_putc(out, '\n');
}

static const char *colour_of(claim_outcome o) {
  return o == CLAIM_CONFIRMED ? "\033[32m" : o == CLAIM_FALSIFIED ? "\033[31m" : "\033[33m";
}

static void print_row(const verdict_row *row, size_t width, bool colour, strbuf *out) {
  strbuf words = {0};
  const char *reason = row->v.outcome == CLAIM_SUSPENDED ? row->v.reason : NULL;
  strbuf_printf(out, "  %-3s %s%-9s%s  %s%s%s\n", row->claim->name, colour ? colour_of(row->v.outcome) : "",
                claim_outcome_name(row->v.outcome), colour ? "\033[0m" : "", row->claim->title,
                reason != NULL ? ": " : "", reason != NULL ? reason : "");
  print_evidence(row, out);
  verdict_sentence(row, &words);
  if (row->settle != NULL) strbuf_printf(&words, " It would be settled by %s.", row->settle);
  if (row->beside != NULL) strbuf_printf(&words, " Beside it: %s.", row->beside);
  if (!words.failed) add_wrapped(out, words.data, 6, width);
  strbuf_free(&words);
}

void verdicts_print(const verdicts *v, size_t width, bool colour, strbuf *out) {
  static const char *const headings[VERDICT_GROUPS] = {"", " (exploratory: one test each)",
                                                       " (a control under the same rules; must not be CONFIRMED)"};
  const char *model = "";
  verdict_group group = VERDICT_GROUPS;
  for (size_t i = 0; i < v->count; i++) {
    const verdict_row *row = &v->rows[i];
    if (strcmp(row->model, model) != 0 || row->group != group)
      strbuf_printf(out, "%s%s%s\n", i > 0 ? "\n" : "", row->model, headings[row->group]);
    model = row->model, group = row->group;
    print_row(row, width, colour, out);
  }
}

/* ---- primary rows ---- */

static bool is_primary_of(const verdict_row *row, const char *model) {
  return row->group == VERDICT_PRIMARY && strcmp(row->model, model) == 0;
}

const verdict_row *verdicts_primary(const verdicts *v, const char *model, const claim *c) {
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].claim == c && is_primary_of(&v->rows[i], model)) return &v->rows[i];
  }
  return NULL;
}

bool verdicts_on_claim(const verdicts *v, const claim *c) {
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].group == VERDICT_PRIMARY && v->rows[i].claim == c) return true;
  }
  return false;
}

bool verdicts_first_of_model(const verdicts *v, size_t i) {
  for (size_t k = 0; k < i; k++) {
    if (is_primary_of(&v->rows[k], v->rows[i].model)) return false;
  }
  return v->rows[i].group == VERDICT_PRIMARY;
}

/* ---- the table ---- */

enum { CELL = 11 };

static const verdict_row *row_of(const verdicts *v, const verdict_row *first, const char *name) {
  bool control = first->group == VERDICT_CONTROL;
  for (size_t i = 0; i < v->count; i++) {
    const verdict_row *row = &v->rows[i];
    if (strcmp(row->model, first->model) == 0 && (row->group == VERDICT_CONTROL) == control &&
        strcmp(row->claim->name, name) == 0)
      return row;
  }
  return NULL;
}

static bool is_first(const verdicts *v, size_t index) {
  for (size_t i = 0; i < index; i++) {
    bool same_kind = (v->rows[i].group == VERDICT_CONTROL) == (v->rows[index].group == VERDICT_CONTROL);
    if (same_kind && strcmp(v->rows[i].model, v->rows[index].model) == 0) return false;
  }
  return true;
}

/* Claims that any row is of, in the order of the registry. */
static size_t claims_of(const verdicts *v, const claim **ret_claims, size_t most) {
  size_t all, count = 0;
  const claim *const *registry = claim_registry(&all);
  for (size_t k = 0; k < all; k++) {
    bool there = false;
    for (size_t i = 0; i < v->count; i++) there = there || v->rows[i].claim == registry[k];
    if (there && count < most) ret_claims[count++] = registry[k];
  }
  return count;
}

static void add_cell(strbuf *out, const verdict_row *row, bool colour) {
  const char *word = row == NULL ? "" : row->v.outcome == CLAIM_SUSPENDED ? "open" : claim_outcome_name(row->v.outcome);
  bool shown = colour && row != NULL;
  strbuf_printf(out, "%s%-*s%s", shown ? colour_of(row->v.outcome) : "", CELL, word, shown ? "\033[0m" : "");
}

void verdicts_table(const verdicts *v, bool colour, strbuf *out) {
  enum { CLAIMS_MOST = 32 };
  const claim *claims[CLAIMS_MOST];
  size_t count = claims_of(v, claims, CLAIMS_MOST), widest = 0;
  verdict_group last = VERDICT_PRIMARY;
  for (size_t i = 0; i < v->count; i++) widest = strlen(v->rows[i].model) > widest ? strlen(v->rows[i].model) : widest;
  strbuf_printf(out, "%-*s", (int)widest + 2, "");
  for (size_t k = 0; k < count; k++) strbuf_printf(out, "%-*s", CELL, claims[k]->name);
  strbuf_puts(out, "\n");
  for (size_t i = 0; i < v->count; i++) {
    const verdict_row *first = &v->rows[i];
    if (!is_first(v, i)) continue;
    if (first->group == VERDICT_CONTROL && last != VERDICT_CONTROL)
      strbuf_puts(out, "Controls under the same rules, none of which may be CONFIRMED for A, B, C or E1:\n");
    last = first->group;
    strbuf_printf(out, "%-*s", (int)widest + 2, first->model);
    for (size_t k = 0; k < count; k++) add_cell(out, row_of(v, first, claims[k]->name), colour);
    strbuf_puts(out, "\n");
  }
  for (size_t k = 0; k < count; k++) strbuf_printf(out, "%-3s %s\n", claims[k]->name, claims[k]->title);
}
