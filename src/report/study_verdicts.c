/* report/study_verdicts.c - verdicts as tables: at a glance, one by one with the sentence to quote, and those that are
 * open. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "report/study_parts.h"
#include "study/reference.h"
#include "study/settle.h"
#include "study/verdicts.h"

void study_cell(strbuf *out, double x, const char *classes) {
  char digits[NUMBER_SIZE];
  if (!isfinite(x)) strbuf_printf(out, "<td class=\"%s\" data-value=\"\">–</td>", classes);
  else strbuf_printf(out, "<td class=\"%s\" data-value=\"%s\">%.3g</td>", classes, number_format(x, digits), x);
}

/* Shapes beside the colours: a verdict can be read without either. */
static void add_badge(strbuf *out, claim_outcome outcome) {
  static const char *const marks[] = {"○", "●", "✕"};
  const char *name = claim_outcome_name(outcome);
  strbuf_printf(out, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> %s</span>", name, marks[outcome],
                name);
}

static size_t count_of(const verdicts *v, verdict_group group, claim_outcome outcome) {
  size_t count = 0;
  for (size_t i = 0; i < v->count; i++) count += v->rows[i].group == group && v->rows[i].v.outcome == outcome;
  return count;
}

void study_summary(const verdicts *v, strbuf *out) {
  size_t yes = count_of(v, VERDICT_PRIMARY, CLAIM_CONFIRMED), no = count_of(v, VERDICT_PRIMARY, CLAIM_FALSIFIED);
  size_t open = count_of(v, VERDICT_PRIMARY, CLAIM_SUSPENDED), wrong = count_of(v, VERDICT_CONTROL, CLAIM_CONFIRMED);
  strbuf_printf(out,
                "<p class=\"lead\">Of <b>%zu</b> verdicts <b>%zu</b> are CONFIRMED, <b>%zu</b> FALSIFIED and "
                "<b>%zu</b> SUSPENDED: the data do not decide them, and beside each stands what would.",
                yes + no + open, yes, no, open);
  if (wrong > 0) strbuf_printf(out, " <b>%zu</b> of the controls came out CONFIRMED: a rule is wrong.", wrong);
  strbuf_puts(out, "</p>\n");
}

/* ---- at a glance ---- */

static void add_glance(const verdicts *v, const verdict_row *row, strbuf *out) {
  if (row == NULL) {
    strbuf_puts(out, "<td class=\"none\">not judged</td>");
    return;
  }
  strbuf_printf(out, "<td><a href=\"#v-%zu\" title=\"", (size_t)(row - v->rows));
  html_text(out, row->claim->title);
  strbuf_puts(out, "\">");
  add_badge(out, row->v.outcome);
  if (isfinite(row->v.effect)) strbuf_printf(out, "<small>%.3g</small>", row->v.effect);
  else if (row->v.reason != NULL) strbuf_printf(out, "<small>%s</small>", row->v.reason);
  strbuf_puts(out, "</a></td>");
}

static void add_glances(const verdicts *v, bool flow, const bool *used, strbuf *out) {
  size_t count;
  const claim *const *claims = claim_registry(&count);
  for (size_t i = 0; i < v->count; i++) {
    if (!verdicts_first_of_model(v, i) || v->rows[i].flow != flow) continue;
    strbuf_puts(out, "<tr><th scope=\"row\">");
    html_text(out, v->rows[i].model);
    strbuf_puts(out, flow ? "<small>flow</small></th>" : "</th>");
    for (size_t k = 0; k < count; k++) {
      if (used[k]) add_glance(v, verdicts_primary(v, v->rows[i].model, claims[k]), out);
    }
    strbuf_puts(out, "</tr>\n");
  }
}

void study_overview(const verdicts *v, strbuf *out) {
  enum { MOST_CLAIMS = 64 };
  size_t count;
  const claim *const *claims = claim_registry(&count);
  bool used[MOST_CLAIMS] = {false};
  section_open(
      out, "overview", "Verdicts",
      "Trained networks above, the idealised flows of the theory below, under the same rules. Below each verdict "
      "its effect, or why there is none. Each leads to its numbers and to the sentence to quote.");
  strbuf_puts(out, "<div class=\"wide\" tabindex=\"0\"><table class=\"glance\"><thead><tr><td></td>");
  for (size_t k = 0; k < count && k < MOST_CLAIMS; k++) {
    used[k] = verdicts_on_claim(v, claims[k]);
    if (used[k]) strbuf_printf(out, "<th scope=\"col\"><b>%s</b> %s</th>", claims[k]->name, claims[k]->title);
  }
  strbuf_puts(out, "</tr></thead><tbody>\n");
  add_glances(v, false, used, out);
  add_glances(v, true, used, out);
  strbuf_puts(out, "</tbody></table></div>\n");
  section_close(out);
}

/* ---- one by one ---- */

static const char *unit_of(const verdict_row *row) {
  if (row->flow) return "starts";
  return row->claim->scope >= CLAIM_OF_CHECKPOINTS ? "models" : "texts";
}

static void add_interval(strbuf *out, const char *low, const char *high, interval i) {
  char digits[NUMBER_SIZE];
  if (!isfinite(i.low) && !isfinite(i.high)) return;
  strbuf_printf(out, " <span class=\"ci\">(<span data-column=\"%s\" data-value=\"%s\">", low,
                isfinite(i.low) ? number_format(i.low, digits) : "");
  strbuf_printf(out, isfinite(i.low) ? "%.3g" : "open", i.low);
  strbuf_printf(out, "</span>, <span data-column=\"%s\" data-value=\"%s\">", high,
                isfinite(i.high) ? number_format(i.high, digits) : "");
  strbuf_printf(out, isfinite(i.high) ? "%.3g" : "open", i.high);
  strbuf_puts(out, "</span>)</span>");
}

/* A number with its name; nothing where it is undefined. */
static void add_number(strbuf *out, const char *label, const char *column, double x) {
  char digits[NUMBER_SIZE];
  strbuf_printf(out, "<td class=\"n\"><span class=\"l\">%s</span> ", label);
  if (isfinite(x)) {
    strbuf_printf(out, "<span data-column=\"%s\" data-value=\"%s\">%.3g</span>", column, number_format(x, digits), x);
  } else {
    strbuf_puts(out, "–");
  }
}

static void add_numbers(const verdict_row *row, strbuf *out) {
  const claim_verdict *x = &row->v;
  add_number(out, "effect", "effect", x->effect);
  add_interval(out, "lo", "hi", x->interval);
  strbuf_puts(out, "</td>");
  add_number(out, "control", "control", x->control);
  strbuf_puts(out, "</td>");
  add_number(out, "beyond control", "contrast", x->contrast);
  add_interval(out, "contrast_lo", "contrast_hi", x->contrast_interval);
  strbuf_puts(out, "</td>");
  add_number(out, "p", "p", x->p);
  strbuf_puts(out, "</td>");
  add_number(out, "p after Holm", "p_holm", x->p_holm);
  strbuf_printf(out,
                "</td><td class=\"n\"><span class=\"l\">%s</span> <span data-column=\"prompts\" "
                "data-value=\"%zu\">%zu</span></td>",
                unit_of(row), x->prompts, x->prompts);
}

static void add_published(const verdict_row *row, strbuf *out) {
  const reference_row *published =
      row->flow || row->group == VERDICT_CONTROL ? NULL : reference_find(row->claim->name, row->model);
  if (published == NULL) return;
  strbuf_puts(out, "<details class=\"published\"><summary>What the published study says</summary><p><b>There:</b> ");
  html_text(out, published->said);
  strbuf_puts(out, ".</p><p><b>Here:</b> ");
  html_text(out, published->ours);
  strbuf_puts(out, ".</p></details>");
}

static void add_words(const verdict_row *row, strbuf *out) {
  strbuf words = {0};
  verdict_sentence(row, &words);
  strbuf_puts(out, "<tr class=\"words\"><td colspan=\"9\"><q>");
  html_text(out, words.data != NULL ? words.data : "");
  strbuf_puts(out, "</q>");
  if (words.failed) out->failed = true;
  strbuf_free(&words);
  if (row->v.reason != NULL)
    strbuf_printf(out, " <span class=\"reason\" data-column=\"reason\" data-value=\"%s\">%s</span>", row->v.reason,
                  row->v.reason);
  if (row->settle != NULL) {
    strbuf_puts(out, "<p>It would be settled by ");
    html_text(out, row->settle);
    strbuf_puts(out, ".</p>");
  }
  if (row->beside != NULL) {
    strbuf_puts(out, "<p>Beside it: ");
    html_text(out, row->beside);
    strbuf_puts(out, ".</p>");
  }
  add_published(row, out);
  strbuf_puts(out, "</td></tr>");
}

static void add_verdict(const verdicts *v, const verdict_row *row, strbuf *out) {
  strbuf_printf(out, "<tbody class=\"verdict\" id=\"v-%zu\"", (size_t)(row - v->rows));
  strbuf_printf(out, " data-group=\"%s\" data-claim=\"%s\" data-verdict=\"%s\" data-model=\"",
                verdict_group_name(row->group), row->claim->name, claim_outcome_name(row->v.outcome));
  html_text(out, row->model);
  strbuf_puts(out, "\"><tr><th scope=\"row\">");
  html_text(out, row->model);
  strbuf_printf(out, "</th><td><b>%s</b> ", row->claim->name);
  html_text(out, row->claim->title);
  strbuf_puts(out, "</td><td>");
  add_badge(out, row->v.outcome);
  strbuf_puts(out, "</td>");
  add_numbers(row, out);
  strbuf_puts(out, "</tr>");
  add_words(row, out);
  strbuf_puts(out, "</tbody>\n");
}

void study_table(const verdicts *v, verdict_group group, const char *heading, const char *text, strbuf *out) {
  size_t count = 0;
  for (size_t i = 0; i < v->count; i++) count += v->rows[i].group == group;
  if (count == 0) return;
  section_open(out, verdict_group_name(group), heading, text);
  strbuf_puts(
      out,
      "<table class=\"verdicts\"><thead><tr><th scope=\"col\">subject</th><th scope=\"col\">claim</th>"
      "<th scope=\"col\">verdict</th><th scope=\"col\" class=\"n\">effect (95 %)</th><th scope=\"col\" class=\"n\">"
      "control</th><th scope=\"col\" class=\"n\">beyond control (95 %)</th><th scope=\"col\" class=\"n\">p</th>"
      "<th scope=\"col\" class=\"n\">p, Holm</th><th scope=\"col\" class=\"n\">sample</th></tr></thead>\n");
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].group == group) add_verdict(v, &v->rows[i], out);
  }
  strbuf_puts(out, "</table>\n");
  section_close(out);
}

/* ---- those that are open ---- */

void study_open_ones(const verdicts *v, strbuf *out) {
  bool any = false;
  for (size_t i = 0; i < v->count; i++) {
    const verdict_row *row = &v->rows[i];
    if (row->v.outcome != CLAIM_SUSPENDED || row->group == VERDICT_CONTROL) continue;
    if (!any) {
      section_open(
          out, "open", "What would decide the open ones",
          "A verdict is suspended where the data cannot carry either answer; the reason says what is missing.");
      strbuf_puts(out,
                  "<div class=\"wide\" tabindex=\"0\"><table class=\"open\"><thead><tr><th scope=\"col\">subject</th>"
                  "<th scope=\"col\">claim</th><th scope=\"col\">why it is open</th><th scope=\"col\">it would be "
                  "settled by</th></tr>"
                  "</thead><tbody>\n");
    }
    any = true;
    const char *why = settle_reason(row->v.reason);
    strbuf_puts(out, "<tr><th scope=\"row\">");
    html_text(out, row->model);
    strbuf_printf(out, "</th><td><a href=\"#v-%zu\"><b>%s</b></a></td><td>%s</td><td>", i, row->claim->name,
                  why != NULL             ? why
                  : row->v.reason != NULL ? row->v.reason
                                          : "");
    html_text(out, row->settle != NULL ? row->settle : "–");
    strbuf_puts(out, "</td></tr>\n");
  }
  if (!any) return;
  strbuf_puts(out, "</tbody></table></div>\n");
  section_close(out);
}
