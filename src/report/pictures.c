/* report/pictures.c - drawings out of a page. They were drawn once, for the page; here they only get what an SVG needs
 * to stand alone. */
#define _GNU_SOURCE
#include "report/pictures.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/str.h"

typedef struct span {
  const char *data;
  size_t length;
} span;

static const char *find(const char *from, const char *end, const char *what) {
  return from >= end ? NULL : memmem(from, (size_t)(end - from), what, strlen(what));
}

/* What stands between `open` and `close`, from `from` on. */
static span between(const char *from, const char *end, const char *open, const char *close) {
  const char *begin = find(from, end, open);
  if (begin == NULL) return (span){NULL, 0};
  begin += strlen(open);
  const char *stop = find(begin, end, close);
  return stop == NULL ? (span){NULL, 0} : (span){begin, (size_t)(stop - begin)};
}

/* The drawing that begins at `from`, with the drawings in it; NULL data: it does not end. */
static span whole_drawing(const char *from, const char *end) {
  size_t depth = 0;
  for (const char *at = from; at < end;) {
    const char *open = find(at, end, "<svg"), *close = find(at, end, "</svg>");
    if (close == NULL) break;
    if (open != NULL && open < close) {
      depth++, at = open + 4;
      continue;
    }
    at = close + strlen("</svg>");
    if (--depth == 0) return (span){from, (size_t)(at - from)};
  }
  return (span){NULL, 0};
}

/* Letters, digits, - and _ of a name in the page; others become -. */
static void take_name(span name, char *ret, size_t size) {
  size_t length = name.length < size - 1 ? name.length : size - 1;
  for (size_t i = 0; i < length; i++)
    ret[i] = isalnum((unsigned char)name.data[i]) || name.data[i] == '_' ? name.data[i] : '-';
  ret[length] = '\0';
}

static dwell_status write_drawing(span drawing, span style, const char *path, dwell_error *err) {
  static const char space[] = " xmlns=\"http://www.w3.org/2000/svg\"";
  strbuf out = {0};
  const char *tag = find(drawing.data, drawing.data + drawing.length, ">");
  span head = {drawing.data, (size_t)(tag - drawing.data)};
  strbuf_puts(&out, "<svg");
  if (memmem(head.data, head.length, "xmlns=", 6) == NULL) strbuf_puts(&out, space);
  strbuf_add(&out, head.data + 4, head.length - 4);
  strbuf_puts(&out, "><style><![CDATA[");
  strbuf_add(&out, style.data, style.length);
  strbuf_puts(&out, "]]></style>");
  strbuf_add(&out, tag + 1, drawing.length - head.length - 1);
  strbuf_putc(&out, '\n');
  dwell_status status =
      out.failed ? error_no_memory(err, "a picture") : atomic_file_write(path, out.data, out.length, err);
  strbuf_free(&out);
  return status;
}

/* The figure's name is that of its last <figure id="f-NAME"> or <section id="s-NAME"> before the drawing. */
static void name_of(const char *page, const char *drawing, char *ret, size_t size) {
  static const char *const tags[] = {"<figure id=\"f-", "<section id=\"s-"};
  span name = {"drawing", 7};
  const char *last = page;
  for (size_t k = 0; k < 2; k++) {
    for (const char *at = find(page, drawing, tags[k]); at != NULL; at = find(at + 1, drawing, tags[k])) {
      if (at >= last) last = at, name = between(at, drawing, tags[k], "\"");
    }
  }
  take_name(name, ret, size);
}

typedef dwell_status (*visit_drawing)(span drawing, span style, const char *path, dwell_error *err);

/* Every drawing of the page with the file it has in `folder`, until a visit fails. */
static dwell_status each_drawing(const char *page, size_t size, const char *folder, visit_drawing visit,
                                 size_t *ret_count, dwell_error *err) {
  const char *end = page + size, *body = find(page, end, "<body>");
  const span style = between(page, end, "<style>", "</style>");
  char name[80], before[80] = "", path[4400];
  size_t of_figure = 0;
  dwell_status status = DWELL_OK;
  *ret_count = 0;
  for (const char *at = body != NULL ? find(body, end, "<svg") : NULL; at != NULL && status == DWELL_OK;) {
    span drawing = whole_drawing(at, end);
    if (drawing.data == NULL) break;
    name_of(page, at, name, sizeof name);
    of_figure = strcmp(name, before) == 0 ? of_figure + 1 : 1;
    snprintf(before, sizeof before, "%s", name);
    if (of_figure == 1) snprintf(path, sizeof path, "%.4000s/%s.svg", folder, name);
    else snprintf(path, sizeof path, "%.4000s/%s-%zu.svg", folder, name, of_figure);
    status = visit(drawing, style, path, err);
    *ret_count += status == DWELL_OK;
    at = find(drawing.data + drawing.length, end, "<svg");
  }
  return status;
}

dwell_status pictures_write(const char *page, size_t size, const char *folder, size_t *ret_count, dwell_error *err) {
  return each_drawing(page, size, folder, write_drawing, ret_count, err);
}

static dwell_status remove_drawing(span drawing, span style, const char *path, dwell_error *err) {
  (void)drawing, (void)style;
  if (unlink(path) == 0 || errno == ENOENT) return DWELL_OK;
  return error_system(err, DWELL_FAILED, "remove", path);
}

dwell_status pictures_remove(const char *page, size_t size, const char *folder, dwell_error *err) {
  size_t count;
  return each_drawing(page, size, folder, remove_drawing, &count, err);
}
