/* tests/draw/test_plot.c - what is drawn is what was given: paths invert to the data, gaps stay gaps, text is escaped,
 * colours are ordered and visible. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw/colour.h"
#include "draw/plot.h"
#include "draw/ridge.h"
#include "util/testing.h"

static plot_frame frame_of(double y_low, double y_high) {
  return (plot_frame){.id = "f",
                      .title = "a <b>",
                      .description = "d",
                      .width = 460,
                      .height = 250,
                      .right = 80,
                      .x = scale_make(SCALE_LINEAR, 0, 4),
                      .y = scale_make(SCALE_LINEAR, y_low, y_high),
                      .x_label = "x",
                      .y_label = "y",
                      .whole_x = true};
}

/* The d attribute of the path of `series`. */
static const char *path_of(const strbuf *out, const char *series) {
  const char *at = strstr(out->data, testing_format("data-series=\"%s\"", series));
  assert_non_null(at);
  const char *d = strstr(at, " d=\"");
  assert_non_null(d);
  return d + 4;
}

static void test_line_inverts_to_data(void **state) {
  (void)state;
  strbuf out = {0};
  plot p;
  plot_frame frame = frame_of(-1, 1);
  const double x[] = {0, 1, 2, 3, 4}, y[] = {-0.75, 0.1, NAN, 0.5, 1};
  plot_begin(&p, &out, &frame);
  plot_line(&p, x, y, 5, &(plot_style){.colour = "c0", .series = "t.y", .label = "y"});
  plot_end(&p);
  const char *d = path_of(&out, "t.y");
  size_t seen = 0, moves = 0;
  for (char *end; *d != '"'; d = end) {
    moves += *d == 'M';
    double px = strtod(d + 1, &end), py = strtod(end, &end);
    if (seen == 2) seen++;                               /* the gap */
    assert_near(scale_back(&p.x, px), x[seen], 0, 1e-5); /* pixels are printed to 1/1000 */
    assert_near(scale_back(&p.y, py), y[seen], 0, 1e-5);
    seen++;
  }
  assert_int_equal(seen, 5);
  assert_int_equal(moves, 2);
  assert_null(strstr(out.data, "nan"));
  assert_non_null(strstr(out.data, "a &lt;b&gt;"));
  strbuf_free(&out);
}

static void test_lonely_point_and_empty_line(void **state) {
  (void)state;
  strbuf out = {0};
  svg_path_points(&out, (double[]){1, 2, 3}, (double[]){NAN, 5, NAN}, 3);
  assert_string_equal(out.data, "M2 5h0");
  strbuf_free(&out);
  plot p;
  plot_frame frame = frame_of(0, 1);
  plot_begin(&p, &out, &frame);
  plot_line(&p, (double[]){0, 1}, (double[]){NAN, NAN}, 2,
            &(plot_style){.colour = "c0", .series = "e", .label = "gone"});
  plot_end(&p);
  assert_true(path_of(&out, "e")[0] == '"');
  assert_null(strstr(out.data, "gone")); /* no curve, no label */
  strbuf_free(&out);
}

static void test_band_has_pieces(void **state) {
  (void)state;
  strbuf out = {0};
  plot p;
  plot_frame frame = frame_of(0, 1);
  const double x[] = {0, 1, 2, 3, 4}, low[] = {0.1, 0.2, NAN, 0.2, 0.1}, high[] = {0.3, 0.4, 0.5, 0.6, 0.7};
  plot_begin(&p, &out, &frame);
  plot_band(&p, x, low, high, 5, &(plot_style){.colour = "c1", .series = "b"});
  plot_end(&p);
  size_t closed = 0;
  for (const char *d = path_of(&out, "b"); *d != '"'; d++) closed += *d == 'Z';
  assert_int_equal(closed, 2);
  strbuf_free(&out);
}

static void test_labels_do_not_overlap(void **state) {
  (void)state;
  strbuf out = {0};
  plot p;
  plot_frame frame = frame_of(0, 1);
  plot_begin(&p, &out, &frame);
  const double x[] = {0, 4};
  for (int i = 0; i < 7; i++) {
    double y[] = {0.5, i < 4 ? 0.999 : 0.5 + 0.001 * i};
    plot_line(&p, x, y, 2, &(plot_style){.colour = "c0", .series = "s", .label = "label"});
  }
  plot_end(&p);
  assert_int_equal(p.label_count, 7);
  for (size_t i = 0; i < 7; i++) {
    assert_true(p.labels[i].y > p.top - 8 && p.labels[i].y < p.bottom + 8);
    if (i > 0) assert_true(p.labels[i].y - p.labels[i - 1].y > 12);
  }
  strbuf_free(&out);
}

static void test_log_axis_drops_what_has_no_logarithm(void **state) {
  (void)state;
  strbuf out = {0};
  plot p;
  plot_frame frame = frame_of(0, 1);
  frame.y = scale_make(SCALE_LOG, 0.01, 10);
  plot_begin(&p, &out, &frame);
  plot_line(&p, (double[]){0, 1, 2}, (double[]){1, 0, -3}, 3, &(plot_style){.colour = "c0", .series = "l"});
  plot_end(&p);
  assert_null(strstr(out.data, "nan"));
  assert_null(strstr(out.data, "inf"));
  assert_non_null(strstr(path_of(&out, "l"), "h0"));
  strbuf_free(&out);
}

static void test_ramp(void **state) {
  (void)state;
  for (int dark = 0; dark < 2; dark++) {
    double last = colour_luminance(colour_ramp(0, dark));
    for (int i = 1; i < COLOUR_LEVELS; i++) {
      double now = colour_luminance(colour_ramp(i / (double)(COLOUR_LEVELS - 1), dark));
      assert_true(dark ? now > last : now < last);
      last = now;
    }
  }
  assert_int_equal(colour_level(NAN), 0);
  assert_int_equal(colour_level(-1), 0);
  assert_int_equal(colour_level(2), COLOUR_LEVELS - 1);
}

/* Every category has 3:1 against its page (WCAG 2, graphical objects), read from the very rules that are shipped. */
static void test_categories_are_visible(void **state) {
  (void)state;
  strbuf css = {0};
  svg_style(&css);
  const char *at = css.data, *names[] = {"--page:#fcfcfb", "--page:#12161c"};
  const uint32_t pages[] = {0xFCFCFB, 0x12161C};
  for (int dark = 0; dark < 2; dark++) {
    assert_non_null(strstr(css.data, names[dark]));
    double page = colour_luminance(pages[dark]);
    for (int c = 0; c < COLOUR_CATEGORIES; c++) {
      at = strstr(at, testing_format("--c%d:#", c));
      assert_non_null(at);
      double own = colour_luminance((uint32_t)strtoul(strchr(at, '#') + 1, NULL, 16));
      double contrast = (fmax(own, page) + 0.05) / (fmin(own, page) + 0.05);
      if (contrast < 3) fail_msg("category %d has contrast %.2f", c, contrast);
    }
  }
  strbuf_free(&css);
}

static size_t count_of(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
  return n;
}

/* ---- colour blindness ---- */

/* What is left of linear red, green and blue without one kind of cone: Machado, Oliveira, Fernandes, IEEE TVCG 15
 * (2009), severity 1; and the identity. */
static const double visions[][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
};

/* The colour as seen, in OKLab. */
static void seen_as(uint32_t rgb, const double vision[3][3], double ret[3]) {
  static const double lms[3][3] = {{0.4122214708, 0.5363325363, 0.0514459929},
                                   {0.2119034982, 0.6806995451, 0.1073969566},
                                   {0.0883024619, 0.2817188376, 0.6299787005}};
  static const double lab[3][3] = {{0.2104542553, 0.7936177850, -0.0040720468},
                                   {1.9779984951, -2.4285922050, 0.4505937099},
                                   {0.0259040371, 0.7827717662, -0.8086757660}};
  double linear[3], seen[3], cones[3];
  for (int i = 0; i < 3; i++) {
    double v = (double)(rgb >> (16 - 8 * i) & 255) / 255;
    linear[i] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
  }
  for (int i = 0; i < 3; i++) {
    seen[i] = vision[i][0] * linear[0] + vision[i][1] * linear[1] + vision[i][2] * linear[2];
    seen[i] = fmin(1, fmax(0, seen[i]));
  }
  for (int i = 0; i < 3; i++) cones[i] = cbrt(lms[i][0] * seen[0] + lms[i][1] * seen[1] + lms[i][2] * seen[2]);
  for (int i = 0; i < 3; i++) ret[i] = lab[i][0] * cones[0] + lab[i][1] * cones[1] + lab[i][2] * cones[2];
}

/* About 0.02 is just noticeable side by side; thin lines apart from each other need three times that. */
static void test_categories_for_the_colour_blind(void **state) {
  (void)state;
  strbuf css = {0};
  colour_style(&css);
  const char *at = css.data;
  for (int dark = 0; dark < 2; dark++) {
    uint32_t rgb[COLOUR_CATEGORIES];
    for (int c = 0; c < COLOUR_CATEGORIES; c++) {
      at = strstr(at, testing_format("--c%d:#", c));
      assert_non_null(at);
      rgb[c] = (uint32_t)strtoul(strchr(at, '#') + 1, NULL, 16);
    }
    for (int k = 0; k < 4 * COLOUR_CATEGORIES * COLOUR_CATEGORIES; k++) {
      int vision = k % 4, a = k / 4 % COLOUR_CATEGORIES, b = k / 4 / COLOUR_CATEGORIES;
      double x[3], y[3];
      if (a >= b) continue;
      seen_as(rgb[a], visions[vision], x), seen_as(rgb[b], visions[vision], y);
      double distance = sqrt(pow(x[0] - y[0], 2) + pow(x[1] - y[1], 2) + pow(x[2] - y[2], 2));
      if (distance < 0.06) fail_msg("categories %d and %d are %.3f apart in vision %d", a, b, distance, vision);
    }
  }
  strbuf_free(&css);
}

static void test_heat_map(void **state) {
  (void)state;
  strbuf out = {0};
  const double values[] = {0, 0.5, 1, NAN, 0.25, 2};
  heat_draw(&out, &(heat_figure){.id = "h",
                                 .title = "t",
                                 .description = "d",
                                 .width = 300,
                                 .rows = 2,
                                 .columns = 3,
                                 .values = values,
                                 .low = 0,
                                 .high = 1,
                                 .x_label = "block",
                                 .y_label = "head",
                                 .value_label = "v",
                                 .mark = NAN,
                                 .series = "heads.v"});
  const char *cells = strstr(out.data, "class=\"cells\"");
  assert_non_null(cells);
  assert_int_equal(count_of(cells, "<rect"), 5); /* the empty cell is not drawn */
  assert_int_equal(count_of(cells, "\"fm31\""), 2);
  strbuf_free(&out);
}

static void test_ridgeline(void **state) {
  (void)state;
  strbuf out = {0};
  const double counts[] = {1, 2, 1, 0, 0, 0, 0, 4};
  const char *labels[] = {"0", "1"};
  const size_t states[] = {0, 7};
  const double marks[] = {0, NAN};
  ridge_draw(&out, &(ridge_figure){.id = "r",
                                   .title = "t",
                                   .description = "d",
                                   .width = 400,
                                   .row_height = 20,
                                   .overlap = 2,
                                   .rows = 2,
                                   .bins = 4,
                                   .counts = counts,
                                   .low = -1,
                                   .high = 1,
                                   .labels = labels,
                                   .states = states,
                                   .opt_marks = marks,
                                   .x_label = "cosine",
                                   .row_label = "state",
                                   .series = "arrays.hist"});
  assert_int_equal(count_of(out.data, "class=\"ridge "), 2);
  assert_int_equal(count_of(out.data, "class=\"mean\""), 1);
  assert_non_null(strstr(out.data, "data-state=\"7\""));
  strbuf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_line_inverts_to_data),
      cmocka_unit_test(test_lonely_point_and_empty_line),
      cmocka_unit_test(test_band_has_pieces),
      cmocka_unit_test(test_labels_do_not_overlap),
      cmocka_unit_test(test_log_axis_drops_what_has_no_logarithm),
      cmocka_unit_test(test_ramp),
      cmocka_unit_test(test_categories_are_visible),
      cmocka_unit_test(test_categories_for_the_colour_blind),
      cmocka_unit_test(test_heat_map),
      cmocka_unit_test(test_ridgeline),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
