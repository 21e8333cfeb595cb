/* report/study_page.c - verdicts as a page: a table, then each verdict in words, with what the published study said. */
#include "report/study_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/number.h"
#include "base/version.h"
#include "draw/svg.h"
#include "report/assets.h"
#include "report/figures.h"
#include "study/reference.h"
#include "study/settle.h"
#include "study/verdicts.h"

static const char STYLE[] =
    "table.verdicts{border-collapse:collapse;width:100%}"
    ".verdicts td,.verdicts th{padding:.25em .6em;text-align:left;vertical-align:top;border-bottom:1px solid #8884}"
    ".verdicts td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".CONFIRMED{color:#1a7f37;font-weight:600}.FALSIFIED{color:#b42318;font-weight:600}.SUSPENDED{color:#8a6d00}"
    ".published{border-left:3px solid #8886;padding-left:.8em}";

/* A number as verdicts.csv has it, in the attribute, and short for readers. */
static void add_cell(strbuf *out, double x) {
  char digits[NUMBER_SIZE];
  if (!isfinite(x)) strbuf_puts(out, "<td class=\"n\"></td>");
  else strbuf_printf(out, "<td class=\"n\" data-value=\"%s\">%.3g</td>", number_format(x, digits), x);
}

static void add_row(strbuf *out, const verdict_row *row) {
  const claim_verdict *x = &row->v;
  const char *outcome = claim_outcome_name(x->outcome);
  strbuf_puts(out, "<tr><td>");
  html_text(out, row->model);
  strbuf_printf(out, "</td><td title=\"");
  html_text(out, row->claim->title);
  strbuf_printf(out, "\">%s</td><td class=\"%s\">%s</td>", row->claim->name, outcome, outcome);
  add_cell(out, x->effect), add_cell(out, x->interval.low), add_cell(out, x->interval.high);
  add_cell(out, x->p), add_cell(out, x->p_holm);
  strbuf_printf(out, "<td class=\"n\">%zu</td>", x->prompts);
  add_cell(out, x->control);
  strbuf_printf(out, "<td>%s</td></tr>\n", x->reason != NULL ? x->reason : "");
}

static void add_table(strbuf *out, const verdicts *v, verdict_group group, const char *heading, const char *text) {
  size_t count = 0;
  for (size_t i = 0; i < v->count; i++) count += v->rows[i].group == group;
  if (count == 0) return;
  section_open(out, verdict_group_name(group), heading, text);
  strbuf_printf(
      out,
      "<table class=\"verdicts\" id=\"t-%s\"><thead><tr><th>model</th><th>claim</th><th>verdict</th><th>effect</th>"
      "<th>lo</th><th>hi</th><th>p</th><th>p_holm</th><th>prompts</th><th>control</th><th>reason</th></tr>"
      "</thead><tbody>\n",
      verdict_group_name(group));
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].group == group) add_row(out, &v->rows[i]);
  }
  strbuf_puts(out, "</tbody></table>\n");
  section_close(out);
}

/* ---- words ---- */

static void add_words(strbuf *out, const verdict_row *row) {
  strbuf words = {0};
  const reference_row *published =
      row->flow || row->group == VERDICT_CONTROL ? NULL : reference_find(row->claim->name, row->model);
  verdict_sentence(row, &words);
  if (row->settle != NULL) strbuf_printf(&words, " It would be settled by %s.", row->settle);
  if (row->beside != NULL) strbuf_printf(&words, " Beside it: %s.", row->beside);
  strbuf_printf(out, "<h3><span class=\"%s\">%s</span> ", claim_outcome_name(row->v.outcome),
                claim_outcome_name(row->v.outcome));
  html_text(out, row->model);
  strbuf_printf(out, ", %s: ", row->claim->name);
  html_text(out, row->claim->title);
  strbuf_puts(out, "</h3><p>");
  html_text(out, words.failed || words.data == NULL ? "" : words.data);
  strbuf_puts(out, "</p>\n");
  if (published != NULL) {
    strbuf_puts(out, "<p class=\"published\"><b>The published study:</b> ");
    html_text(out, published->said);
    strbuf_puts(out, ". <b>Here:</b> ");
    html_text(out, published->ours);
    strbuf_puts(out, ".</p>\n");
  }
  strbuf_free(&words);
}

/* The repeated word: its collapse, and nothing else, under its own heading. */
static void add_collapse_control(strbuf *out, const numbers *n) {
  bool any = false;
  for (size_t row = 0; row < n->t.rows; row++) {
    const char *kind = numbers_text(n, row, NUMBER_KIND);
    if (kind == NULL || strcmp(kind, "control") != 0) continue;
    if (!any) {
      section_open(out, "collapse", "Collapse control",
                   "One word repeated: equal tokens become nearly equal vectors in any network. It enters no average.");
      strbuf_puts(out,
                  "<table class=\"verdicts\"><thead><tr><th>model</th><th>collapse rate per state</th><th>mean "
                  "cosine at the end</th></tr></thead><tbody>\n");
    }
    any = true;
    strbuf_puts(out, "<tr><td>");
    html_text(out, numbers_text(n, row, NUMBER_MODEL));
    strbuf_puts(out, "</td>");
    add_cell(out, numbers_get(n, row, NUMBER_COLLAPSE)), add_cell(out, numbers_get(n, row, NUMBER_IP_LAST));
    strbuf_puts(out, "</tr>\n");
  }
  if (!any) return;
  strbuf_puts(out, "</tbody></table>\n");
  section_close(out);
}

static void add_head(strbuf *out, const study_plan *p) {
  strbuf_puts(
      out,
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-"
      "Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
      "form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
  html_text(out, p->title != NULL ? p->title : "A study");
  strbuf_puts(out, " · dwell</title>\n<style>\n");
  svg_style(out);
  strbuf_add(out, report_css, report_css_size);
  strbuf_puts(out, STYLE);
  strbuf_puts(out, "</style>\n</head>\n<body>\n<main>\n<header><p class=\"kind\">dwell · study</p><h1>");
  html_text(out, p->title != NULL ? p->title : "A study");
  strbuf_puts(out, "</h1><p class=\"lead\">");
  html_text(out, p->about != NULL ? p->about : "");
  strbuf_puts(out, "</p></header>\n");
}

static void add_methods(strbuf *out, const study_plan *p, const verdicts *v) {
  section_open(out, "methods", "Methods",
               "The text is the unit of replication; intervals are at 95 %; p after Holm over a family that was fixed "
               "before the data. Rules: docs/verdicts.md; thresholds with their reasons: data/claims.json.");
  strbuf_printf(
      out,
      "<p>Family of %zu tests. %lld networks with random weights, %lld orders of the tokens, %lld rotations of "
      "the output maps. %lld draws of the nulls, %lld in controls. Seed %lld. dwell %s (%s).</p>\n",
      v->family, (long long)p->random, (long long)p->shuffled, (long long)p->rotations, (long long)p->nulls,
      (long long)p->control_nulls, (long long)p->seed, version_number(), version_commit());
  strbuf_puts(out, "<p>Published study: ");
  html_text(out, reference_source);
  strbuf_puts(out, ".</p>\n");
  section_close(out);
}

dwell_status study_page_write(const study_plan *p, const numbers *n, const verdicts *v, const char *path,
                              dwell_error *err) {
  strbuf out = {0};
  add_head(&out, p);
  add_table(&out, v, VERDICT_PRIMARY, "Verdicts", "As in verdicts.csv.");
  add_table(&out, v, VERDICT_EXPLORATORY, "Exploratory", "One test each, outside the family.");
  add_table(&out, v, VERDICT_CONTROL, "Controls under the same rules",
            "A control in place of the trained network. If one is CONFIRMED, a rule is wrong.");
  add_collapse_control(&out, n);
  section_open(&out, "words", "In words",
               "What can be quoted, what would settle the open ones, what was published before.");
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].group != VERDICT_CONTROL) add_words(&out, &v->rows[i]);
  }
  section_close(&out);
  add_methods(&out, p, v);
  strbuf_puts(&out, "</main>\n</body>\n</html>\n");
  dwell_status status =
      out.failed ? error_no_memory(err, "the page") : atomic_file_write(path, out.data, out.length, err);
  strbuf_free(&out);
  return status;
}
