/* report/study_page.c - the page of a study, in the order in which it is asked about: what is decided, on what numbers,
 * how it came about, what is open, and by what rules. */
#include "report/study_page.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/version.h"
#include "file/jcursor.h"
#include "report/assets.h"
#include "report/study_parts.h"
#include "study/reference.h"

/* The repeated word: its collapse, and nothing else, under its own heading. */
static void add_collapse_control(strbuf *out, const numbers *n) {
  bool any = false;
  for (size_t row = 0; row < n->t.rows; row++) {
    const char *kind = numbers_text(n, row, NUMBER_KIND);
    if (kind == NULL || strcmp(kind, "control") != 0) continue;
    if (!any) {
      section_open(out, "collapse", "Collapse control",
                   "One word repeated: equal tokens become nearly equal vectors in any network. It enters no average.");
      strbuf_puts(
          out,
          "<table class=\"open\"><thead><tr><th scope=\"col\">model</th><th scope=\"col\">collapse rate per state</th>"
          "<th scope=\"col\">mean cosine at the end</th></tr></thead><tbody>\n");
    }
    any = true;
    strbuf_puts(out, "<tr><td>");
    html_text(out, numbers_text(n, row, NUMBER_MODEL));
    strbuf_puts(out, "</td>");
    study_cell(out, numbers_get(n, row, NUMBER_COLLAPSE), "n");
    study_cell(out, numbers_get(n, row, NUMBER_IP_LAST), "n");
    strbuf_puts(out, "</tr>\n");
  }
  if (!any) return;
  strbuf_puts(out, "</tbody></table>\n");
  section_close(out);
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

static void add_head(const study_plan *p, const verdicts *v, strbuf *out) {
  strbuf_puts(out, "<header><p class=\"kind\">dwell · study</p><h1>");
  html_text(out, p->title != NULL ? p->title : "A study");
  strbuf_puts(out, "</h1><p class=\"lead\">");
  html_text(out, p->about != NULL ? p->about : "");
  strbuf_puts(out, "</p>");
  study_summary(v, out);
  strbuf_puts(out, "</header>\n");
}

static dwell_status add_body(const study_plan *p, const numbers *n, const verdicts *v, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  add_head(p, v, out);
  study_overview(v, out);
  study_table(v, VERDICT_PRIMARY, "One by one",
              "As in verdicts.csv. The sentences in quotation marks may be quoted as they stand.", out);
  TRY(study_strips(n, v, out, err));
  TRY(study_training(n, out, err));
  study_open_ones(v, out);
  study_table(v, VERDICT_EXPLORATORY, "Exploratory", "One test each, outside the family.", out);
  study_table(v, VERDICT_CONTROL, "Controls under the same rules",
              "A control in place of the trained network. If one is CONFIRMED, a rule is wrong.", out);
  add_collapse_control(out, n);
  add_methods(out, p, v);
done:
  return status;
}

dwell_status study_page_write(const study_plan *p, const numbers *n, const verdicts *v, const char *path,
                              dwell_error *err) {
  const page_script scripts[] = {{figures_js, figures_js_size}};
  strbuf out = {0}, title = {0};
  dwell_status status = DWELL_OK;
  html_text(&title, p->title != NULL ? p->title : "A study");
  if (title.failed) TRY(error_no_memory(err, "the page"));
  TRY(page_open(&out, title.data != NULL ? title.data : "", study_css, scripts, 1, err));
  TRY(add_body(p, n, v, &out, err));
  page_close(&out, NULL, scripts, 1);
  if (out.failed) TRY(error_no_memory(err, "the page"));
  status = atomic_file_write(path, out.data, out.length, err);
done:
  strbuf_free(&out);
  strbuf_free(&title);
  return status;
}

/* In place: the manifest keeps its bytes but for the one hash. */
static dwell_status replace_hash(const char *folder, char *text, size_t size, dwell_error *err) {
  static const char key[] = "\"report.html\": \"";
  char path[4200], hex[SHA256_SIZE];
  char *at = strstr(text, key);
  if (at == NULL || strspn(at + sizeof key - 1, "0123456789abcdef") != SHA256_SIZE - 1) return DWELL_OK;
  snprintf(path, sizeof path, "%s/report.html", folder);
  dwell_status status = sha256_file(path, hex, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < SHA256_SIZE - 1; i++) at[sizeof key - 1 + i] = hex[i];
  snprintf(path, sizeof path, "%s/study.json", folder);
  return atomic_file_write(path, text, size, err);
}

dwell_status study_page_refresh(const char *folder, dwell_error *err) {
  enum { MOST = 1 << 20 };
  char path[4200], *text = NULL;
  size_t size;
  snprintf(path, sizeof path, "%s/study.json", folder);
  if (access(path, F_OK) != 0) return DWELL_OK;
  dwell_status status = file_slurp(path, MOST, &text, &size, err);
  if (status == DWELL_OK) status = replace_hash(folder, text, size, err);
  mem_free(text);
  return status;
}
