/* report/html.c - head, sections, figures and scripts of pages. */
#include "report/html.h"

#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "draw/svg.h"
#include "report/assets.h"
#include "report/definitions.h"

void html_text(strbuf *out, const char *text) { strbuf_html(out, text, strlen(text)); }

void section_open(strbuf *out, const char *id, const char *heading, const char *text) {
  strbuf_printf(out, "<section id=\"s-%s\"><h2>%s</h2><p class=\"intro\">%s</p>\n", id, heading, text);
}

void section_close(strbuf *out) { strbuf_puts(out, "</section>\n"); }

void figure_open(strbuf *out, const char *id, const char *heading, const char *text, const char *numbers) {
  strbuf_printf(out, "<figure id=\"f-%s\"", id);
  if (numbers != NULL) svg_attribute(out, "data-numbers", numbers);
  strbuf_printf(out, "><figcaption><h3>%s</h3><p>%s</p></figcaption>\n", heading, text);
  definitions_write(out, heading, numbers);
}

void figure_close(strbuf *out, const char *source) {
  strbuf_printf(out, "<p class=\"source\">%s</p></figure>\n", source);
}

void base64_add(strbuf *out, const void *data, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i += 3) {
    size_t left = size - i;
    unsigned three =
        (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0u) | (left > 2 ? bytes[i + 2] : 0u);
    char four[4] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63], digits[three & 63]};
    if (left < 3) four[3] = '=';
    if (left < 2) four[2] = '=';
    strbuf_add(out, four, 4);
  }
}

static int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* A page may run exactly the scripts whose hashes stand in its policy. */
static dwell_status add_hash(strbuf *out, const page_script *script, dwell_error *err) {
  char hex[SHA256_SIZE];
  unsigned char bytes[32];
  dwell_status status = sha256_buffer(script->text, script->size, hex, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < 32; i++) bytes[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
  strbuf_puts(out, " 'sha256-");
  base64_add(out, bytes, sizeof bytes);
  strbuf_putc(out, '\'');
  return DWELL_OK;
}

dwell_status page_open(strbuf *out, const char *title, const char *style, const page_script *scripts, size_t count,
                       dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf_puts(out,
              "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-"
              "Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src");
  for (size_t i = 0; i < count && status == DWELL_OK; i++) status = add_hash(out, &scripts[i], err);
  strbuf_puts(out,
              "; base-uri 'none'; form-action 'none'\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
              "<link rel=\"icon\" href=\"data:,\">\n<title>");
  strbuf_printf(out, "%s · dwell</title>\n<style>\n", title);
  svg_style(out);
  strbuf_add(out, report_css, report_css_size);
  if (style != NULL) strbuf_puts(out, style);
  strbuf_puts(out, "</style>\n</head>\n<body>\n<main>\n");
  return status;
}

void page_close(strbuf *out, const strbuf *data, const page_script *scripts, size_t count) {
  strbuf_puts(out, "</main>\n<div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n");
  if (data != NULL) {
    strbuf_puts(out, "<script type=\"application/json\" id=\"dwell-data\">");
    strbuf_add(out, data->data != NULL ? data->data : "", data->length);
    strbuf_puts(out, "</script>\n");
    if (data->failed) out->failed = true;
  }
  for (size_t i = 0; i < count; i++) {
    strbuf_puts(out, "<script>");
    strbuf_add(out, scripts[i].text, scripts[i].size);
    strbuf_puts(out, "</script>\n");
  }
  strbuf_puts(out, "</body>\n</html>\n");
}
