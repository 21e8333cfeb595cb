/* study/sources.c - from sources of registries to BibTeX. */
#define _GNU_SOURCE
#include "study/sources.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/flow.h"
#include "instrument/instrument.h"
#include "null/null.h"
#include "run/run.h"
#include "study/assets.h"
#include "study/work.h"

static const char of_a_study[] = "study";

static dwell_status add(source_list *s, const char *source, dwell_error *err) {
  for (size_t k = 0; k < s->count; k++) {
    if (str_equal(s->items[k], source)) return DWELL_OK;
  }
  const char **list = mem_room((void *)(uintptr_t)s->items, s->count, &s->capacity, 32, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the sources");
  s->items = list;
  list[s->count++] = source;
  return DWELL_OK;
}

void sources_free(source_list *s) {
  mem_free((void *)(uintptr_t)s->items);
  *s = (source_list){0};
}

/* ---- of a run ---- */

/* Does a table have a column of this instrument, in any representation? */
static bool is_in(const table *t, const instrument *what) {
  for (size_t k = 0; k < what->column_count; k++) {
    size_t length = strlen(what->columns[k].name);
    for (size_t c = 0; c < t->columns; c++) {
      bool begins = strncmp(t->names[c], what->columns[k].name, length) == 0;
      if (begins && (t->names[c][length] == '\0' || t->names[c][length] == '_')) return true;
    }
  }
  return false;
}

static dwell_status add_nulls(source_list *s, const json_t *list, dwell_error *err) {
  size_t k;
  const json_t *one;
  dwell_status status = DWELL_OK;
  json_array_foreach(list, k, one) {
    const char *name = json_string_value(json_object_get(one, "null"));
    const null_model *null = name != NULL ? null_find(name) : NULL;
    if (null != NULL && status == DWELL_OK) status = add(s, null->source, err);
  }
  return status;
}

dwell_status sources_of_run(source_list *s, const dwell_run *run, dwell_error *err) {
  size_t count;
  const instrument *const *all = instrument_registry(&count);
  json_t *manifest = json_loads(dwell_run_manifest(run), JSON_ALLOW_NUL, NULL);
  const json_t *source = json_object_get(manifest, "source"), *options = json_object_get(source, "options");
  const char *name = json_string_value(json_object_get(options, "flow"));
  const flow *f = name != NULL ? flow_find(name) : NULL;
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < count; k++) {
    if (is_in(&run->layers, all[k]) || is_in(&run->blocks, all[k]) || is_in(&run->heads, all[k]))
      TRY(add(s, all[k]->source, err));
  }
  TRY(add_nulls(s, json_object_get(manifest, "nulls"), err));
  if (f != NULL) TRY(add(s, f->source, err));
done:
  json_decref(manifest);
  return status;
}

/* ---- of a study ---- */

dwell_status sources_of_study(source_list *s, const study_plan *p, dwell_error *err) {
  size_t count;
  const instrument *const *all = instrument_registry(&count);
  char item[64];
  dwell_status status = add(s, of_a_study, err);
  for (const char *rest = study_needed_instruments; status == DWELL_OK && str_item(&rest, item, sizeof item);) {
    for (size_t k = 0; k < count && status == DWELL_OK; k++) {
      if (str_equal(all[k]->name, item)) status = add(s, all[k]->source, err);
    }
  }
  if (status == DWELL_OK && p->model_count > 0) status = add(s, null_find("gaussian_twin")->source, err);
  for (size_t k = 0; k < p->flow_count && status == DWELL_OK; k++) {
    const flow *f = flow_find(p->flows[k].flow);
    if (f != NULL) status = add(s, f->source, err);
  }
  return status;
}

/* ---- BibTeX ---- */

static const char match_line[] = "% match: ";

static bool is_wanted(const source_list *s, const char *match, size_t length) {
  for (size_t k = 0; k < s->count; k++) {
    const char *source = s->items[k];
    bool whole = strlen(of_a_study) == length && memcmp(match, of_a_study, length) == 0;
    if (whole ? source == of_a_study : memmem(source, strlen(source), match, length) != NULL) return true;
  }
  return false;
}

/* Entries of data/sources.bib, in its order. */
static void put_known(const source_list *s, strbuf *out) {
  for (const char *at = strstr(sources_bib, match_line); at != NULL;) {
    const char *match = at + sizeof match_line - 1, *entry = strchr(match, '\n') + 1, *next = strstr(entry, match_line);
    size_t length = next != NULL ? (size_t)(next - entry) : strlen(entry);
    while (length > 0 && entry[length - 1] == '\n') length--;
    if (is_wanted(s, match, (size_t)(entry - 1 - match))) {
      strbuf_add(out, entry, length);
      strbuf_puts(out, "\n\n");
    }
    at = next;
  }
}

/* "A, B, C, " before the paper's number, as BibTeX joins authors; what is no list of surnames is left out. */
static void put_authors(const char *from, size_t length, strbuf *out) {
  while (length > 0 && strchr(", ", from[length - 1]) != NULL) length--;
  if (length == 0 || !isupper((unsigned char)from[0])) return;
  strbuf_puts(out, "  author = {");
  for (size_t i = 0; i < length; i++) {
    bool comma = from[i] == ',' && i + 1 < length && from[i + 1] == ' ';
    if (comma) strbuf_puts(out, " and ");
    else strbuf_putc(out, from[i]);
    i += comma;
  }
  strbuf_puts(out, "},\n");
}

/* Has the paper of this number an entry already? */
static bool is_there(const strbuf *out, const char *number, size_t digits) {
  char eprint[64];
  snprintf(eprint, sizeof eprint, "eprint = {%.*s}", (int)digits, number);
  return out->data != NULL && strstr(out->data, eprint) != NULL;
}

static void put_papers(const char *source, strbuf *out) {
  static const char arxiv[] = "arXiv:";
  const char *begin = source;
  for (const char *at = strstr(source, arxiv); at != NULL; at = strstr(at + 1, arxiv)) {
    const char *number = at + sizeof arxiv - 1;
    size_t digits = strspn(number, "0123456789.");
    while (digits > 0 && number[digits - 1] == '.') digits--;
    if (is_there(out, number, digits)) continue;
    for (const char *p = begin; p < at; p++) {
      if (strncmp(p, "; ", 2) == 0) begin = p + 2;
    }
    strbuf_printf(out, "@misc{arxiv%.*s,\n", (int)digits, number);
    put_authors(begin, (size_t)(at - begin), out);
    strbuf_printf(out, "  eprint = {%.*s},\n  archiveprefix = {arXiv}\n}\n\n", (int)digits, number);
    begin = number + digits;
  }
}

void sources_bibtex(const source_list *s, strbuf *out) {
  put_known(s, out);
  for (size_t k = 0; k < s->count; k++) put_papers(s->items[k], out);
}
