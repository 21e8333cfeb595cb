/* report/sphere.c - tokens on the circle or the sphere: a film strip that needs no script, frames for the animation,
 * and for the circle the angles against time. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/colour.h"
#include "report/figures.h"

enum { MOST_FRAMES = 200, MOST_POINTS = 60000, MOST_TOKENS = 1024, MOST_ANGLES = 128, FILM = 6 };

static const double TAU = 6.283185307179586;
static const double TOGETHER = 0.9995; /* tokens with a larger cosine are drawn as one larger dot */

typedef struct vec {
  double x, y, z;
} vec;

static double dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static vec scaled(vec a, double s) { return (vec){a.x * s, a.y * s, a.z * s}; }
static vec plus(vec a, vec b) { return (vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static vec cross(vec a, vec b) { return (vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }

static vec unit(vec a, vec otherwise) {
  double length = sqrt(dot(a, a));
  return length > 1e-6 ? scaled(a, 1 / length) : otherwise;
}

static vec point(const sphere_frames *s, size_t frame, size_t i) {
  const double *p = s->points + 3 * (frame * s->n + i);
  return (vec){p[0], p[1], p[2]};
}

/* ---- frames ---- */

static dwell_status copy_frames(const double *all, size_t states, size_t tokens, size_t dims, sphere_frames *s,
                                dwell_error *err) {
  s->dims = dims;
  s->n = tokens < MOST_TOKENS ? tokens : MOST_TOKENS;
  size_t most = MOST_POINTS / s->n;
  most = most > MOST_FRAMES ? MOST_FRAMES : most < 2 ? 2 : most;
  s->frames = states < most ? states : most;
  s->states = MEM_NEW(size_t, s->frames);
  s->points = MEM_NEW(double, s->frames * s->n * 3);
  s->colours = MEM_NEW(uint32_t, s->n);
  if (s->states == NULL || s->points == NULL || s->colours == NULL) return error_no_memory(err, "the sphere's frames");
  for (size_t f = 0; f < s->frames; f++) {
    size_t l = s->frames > 1 ? f * (states - 1) / (s->frames - 1) : 0;
    s->states[f] = l;
    for (size_t i = 0; i < s->n; i++) {
      const double *from = all + (l * tokens + i * tokens / s->n) * dims;
      for (size_t k = 0; k < 3; k++) {
        double value = k < dims ? from[k] : 0;
        s->points[3 * (f * s->n + i) + k] = isfinite(value) ? fmax(-1, fmin(1, value)) : 0;
      }
    }
  }
  return DWELL_OK;
}

/* The reader looks from beside the place where the tokens end, so that the gathering happens on the near side. */
static void choose_view(sphere_frames *s) {
  vec right = {1, 0, 0}, up = {0, 1, 0}, toward = {0, 0, 1}, sum = {0, 0, 0};
  if (s->dims == 3) {
    for (size_t i = 0; i < s->n; i++) sum = plus(sum, point(s, s->frames - 1, i));
    vec end = unit(sum, unit((vec){0.4, -0.7, 0.6}, toward));
    vec pole = fabs(end.z) < 0.8 ? (vec){0, 0, 1} : (vec){1, 0, 0};
    vec side = unit(cross(pole, end), right);
    vec above = cross(end, side);
    toward = unit(plus(end, plus(scaled(side, -0.55), scaled(above, 0.35))), end);
    right = unit(cross(pole, toward), side);
    up = cross(toward, right);
  }
  const vec rows[3] = {right, up, toward};
  for (int i = 0; i < 3; i++) s->view[i][0] = rows[i].x, s->view[i][1] = rows[i].y, s->view[i][2] = rows[i].z;
}

static vec seen(const sphere_frames *s, vec p) {
  double out[3];
  for (int i = 0; i < 3; i++) out[i] = s->view[i][0] * p.x + s->view[i][1] * p.y + s->view[i][2] * p.z;
  return (vec){out[0], out[1], out[2]};
}

/* A token keeps the colour of the direction in which it starts: mixing of colours shows who came from where. */
static void choose_colours(sphere_frames *s) {
  for (size_t i = 0; i < s->n; i++) {
    vec p = seen(s, point(s, 0, i));
    double turn = atan2(p.y, p.x) / TAU;
    s->colours[i] = colour_wheel(turn - floor(turn), s->dims == 3 ? 0.64 + 0.08 * p.z : 0.64);
  }
}

dwell_status sphere_open(const view *v, sphere_frames *ret_frames, dwell_error *err) {
  sphere_frames s = {0};
  double *all = NULL;
  size_t rank, shape[4], tokens, dims, have;
  dwell_status status = DWELL_OK;
  TRY(run_read_array(v->run, "sphere", &all, &rank, shape, err));
  if (all == NULL || rank < 3) goto done;
  dims = shape[rank - 1];
  tokens = shape[rank - 2];
  have = rank == 4 ? shape[0] * shape[1] : shape[0];
  if (dims < 2 || dims > 3 || tokens == 0 || have < v->states.steps) goto done;
  double d = view_number(v->states.t, v->states.rows[0], "d");
  TRY(copy_frames(all, v->states.steps, tokens, dims, &s, err));
  if (d <= 2) s.dims = 2; /* the array always has three coordinates */
  choose_view(&s);
  choose_colours(&s);
done:
  mem_free(all);
  if (status != DWELL_OK) sphere_close(&s);
  *ret_frames = s;
  return status;
}

void sphere_close(sphere_frames *s) {
  mem_free(s->states);
  mem_free(s->points);
  mem_free(s->colours);
  *s = (sphere_frames){0};
}

/* ---- film strip ---- */

/* FILM frames at equal steps of the distance travelled (a quarter of the way counted as plain time): all pictures
 * differ. */
static size_t choose_film(const sphere_frames *s, size_t ret_frames[FILM]) {
  double total = 0, travelled[MOST_FRAMES];
  travelled[0] = 0;
  for (size_t f = 1; f < s->frames; f++) {
    double move = 0;
    for (size_t i = 0; i < s->n; i++) {
      vec step = plus(point(s, f, i), scaled(point(s, f - 1, i), -1));
      move += sqrt(dot(step, step));
    }
    travelled[f] = total += move / (double)s->n;
  }
  size_t count = 0;
  for (size_t k = 0, f = 0; k < FILM; k++) {
    double goal = (double)k / (FILM - 1);
    while (f + 1 < s->frames) {
      double way =
          (total > 0 ? 0.75 * travelled[f] / total : 0) + (total > 0 ? 0.25 : 1) * (double)f / (double)(s->frames - 1);
      if (way >= goal - 1e-9) break;
      f++;
    }
    if (count == 0 || ret_frames[count - 1] != f) ret_frames[count++] = f;
  }
  return count;
}

/* Part of a great or small circle on the near side: points base + cos a u + sin a w. */
static void circle_path(const sphere_frames *s, strbuf *out, vec base, vec u, vec w, double radius) {
  enum { STEPS = 48 };
  double x[STEPS + 1], y[STEPS + 1];
  for (int i = 0; i <= STEPS; i++) {
    double a = TAU * i / STEPS;
    vec p = seen(s, plus(base, plus(scaled(u, cos(a)), scaled(w, sin(a)))));
    x[i] = p.z >= -0.02 ? radius * p.x : NAN;
    y[i] = -radius * p.y;
  }
  strbuf_puts(out, "<path class=\"grat\" d=\"");
  svg_path_points(out, x, y, STEPS + 1);
  strbuf_puts(out, "\"/>\n");
}

static void graticule(const sphere_frames *s, strbuf *out, double radius) {
  if (s->dims != 3) return;
  const vec x = {1, 0, 0}, y = {0, 1, 0}, z = {0, 0, 1};
  for (int k = -1; k <= 1; k++) {
    double height = sin(k * TAU / 8), width = cos(k * TAU / 8);
    circle_path(s, out, scaled(z, height), scaled(x, width), scaled(y, width), radius);
  }
  for (int k = 0; k < 4; k++) {
    double a = k * TAU / 8;
    circle_path(s, out, (vec){0, 0, 0}, (vec){cos(a), sin(a), 0}, z, radius);
  }
}

/* One dot per group of coincident tokens, in the colour of its first token, area growing with the group. */
static void film_points(const sphere_frames *s, strbuf *out, size_t frame, double radius, bool near_side) {
  bool taken[MOST_TOKENS] = {false};
  for (size_t i = 0; i < s->n; i++) {
    if (taken[i]) continue;
    vec p = point(s, frame, i);
    size_t group = 0;
    for (size_t j = i; j < s->n; j++) {
      if (!taken[j] && (j == i || dot(p, point(s, frame, j)) > TOGETHER)) taken[j] = true, group++;
    }
    vec at = seen(s, p);
    if ((at.z >= 0) != near_side) continue;
    strbuf_printf(out, "<circle class=\"%s\" style=\"fill:#%06x\" cx=\"", near_side ? "tok" : "tok far",
                  (unsigned)s->colours[i]);
    svg_number(out, radius * at.x);
    strbuf_puts(out, "\" cy=\"");
    svg_number(out, -radius * at.y);
    strbuf_puts(out, "\" r=\"");
    svg_number(out, fmin(14, (s->n > 200 ? 2 : 2.8) * pow((double)group, 0.4)));
    strbuf_puts(out, "\"/>\n");
  }
}

static void film_frame(const view *v, const sphere_frames *s, strbuf *out, size_t frame, size_t number) {
  char id[32], label[48], title[96], attributes[64];
  view_state_label(v, s->states[frame], label, sizeof label);
  bool timed = !str_equal(v->column, "state");
  snprintf(id, sizeof id, "film-%zu", number);
  snprintf(title, sizeof title, "Tokens at %s %s", timed ? "time" : "state", label);
  snprintf(attributes, sizeof attributes, "data-film=\"1\" data-state=\"%zu\"", s->states[frame]);
  svg_open(out, id, 170, 196, title, "Orthographic view; faint dots are on the far side.", attributes);
  strbuf_puts(out, "<g transform=\"translate(85 85)\">");
  svg_circle(out, s->dims == 3 ? "ball" : "ring1", 0, 0, 76);
  film_points(s, out, frame, 76, false);
  graticule(s, out, 76);
  film_points(s, out, frame, 76, true);
  svg_end(out);
  snprintf(title, sizeof title, "%s = %s", timed ? "t" : "l", label);
  svg_text(out, "lab", 85, 188, 'm', title);
  svg_close(out);
}

static void film_strip(const view *v, const sphere_frames *s, strbuf *out) {
  size_t frames[FILM], count = choose_film(s, frames);
  strbuf_puts(out, "<div class=\"film\">\n");
  for (size_t k = 0; k < count; k++) film_frame(v, s, out, frames[k], k);
  strbuf_puts(out, "</div>\n");
}

/* ---- angles on the circle ---- */

static dwell_status draw_angles(const view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  size_t most = 2 * s->frames; /* a jump across +-pi adds a gap */
  double *x = MEM_NEW(double, most), *y = MEM_NEW(double, most);
  dwell_status status = DWELL_OK;
  static const char *const text =
      "Angle of every token against time: lines that meet are tokens that merge, gaps that stay "
      "open are the metastable state.";
  TRY_ALLOC(x, "the angles");
  TRY_ALLOC(y, "the angles");
  figure_open(out, "angles", "Angles", text, "angles");
  plot p;
  plot_frame frame = view_frame(v);
  frame.id = "plot-angles";
  frame.title = "Angles of the tokens";
  frame.description = text;
  frame.width = 1060;
  frame.height = 360;
  frame.right = 16;
  frame.y_label = "angle (radians)";
  frame.y = scale_make(SCALE_LINEAR, -TAU / 2, TAU / 2);
  plot_begin(&p, out, &frame);
  size_t stride = (s->n + MOST_ANGLES - 1) / MOST_ANGLES;
  for (size_t i = 0; i < s->n; i += stride) {
    size_t count = 0;
    double last = 0;
    for (size_t f = 0; f < s->frames; f++) {
      vec q = point(s, f, i);
      double angle = atan2(q.y, q.x);
      if (f > 0 && fabs(angle - last) > TAU / 2) x[count] = y[count] = NAN, count++;
      x[count] = v->states.at[s->states[f]];
      y[count++] = last = angle;
    }
    char colour[16];
    snprintf(colour, sizeof colour, "#%06x", (unsigned)s->colours[i]);
    plot_line(&p, x, y, count, &(plot_style){.colour = colour, .more = "thin"});
  }
  plot_end(&p);
  figure_close(out, "arrays.npz: <code>sphere</code>");
done:
  mem_free(x);
  mem_free(y);
  return status;
}

/* ---- the section ---- */

static void stage(const view *v, const sphere_frames *s, strbuf *out) {
  strbuf_printf(out,
                "<div class=\"stage\">\n<canvas id=\"ball\" width=\"560\" height=\"560\" tabindex=\"0\" role=\"img\" "
                "aria-label=\"Tokens on the %s. Drag or use the arrow keys to turn; space plays.\"></canvas>\n"
                "<div class=\"controls\"><button id=\"play\" type=\"button\" aria-pressed=\"false\">Play</button>"
                "<input id=\"when\" type=\"range\" min=\"0\" max=\"%zu\" value=\"0\" step=\"1\" aria-label=\"%s\">"
                "<output id=\"clock\" for=\"when\"></output>"
                "<label><input id=\"trails\" type=\"checkbox\" checked> trails</label>"
                "<span class=\"hint\">%s</span></div></div>\n",
                s->dims == 3 ? "sphere" : "circle", s->frames - 1, v->label,
                s->dims == 3 ? "drag to turn; arrow keys too" : "space plays");
}

dwell_status figures_sphere(const view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  if (s->frames == 0) return DWELL_OK;
  dwell_status status = DWELL_OK;
  section_open(
      out, "tokens-move", s->dims == 3 ? "The tokens on the sphere" : "The tokens on the circle",
      "Every token keeps the colour of the direction it started from. A dot grows with the number of tokens that "
      "coincide there (cosine above 0.9995).");
  figure_open(out, "sphere", s->dims == 3 ? "On the sphere" : "On the circle",
              s->dims == 3 ? "Orthographic view. Faint dots are on the far side." : "All tokens on the unit circle.",
              "sphere");
  stage(v, s, out);
  film_strip(v, s, out);
  figure_close(out,
               v->replicas > 1 ? "arrays.npz: <code>sphere</code>; first replica" : "arrays.npz: <code>sphere</code>");
  if (s->dims == 2 && s->frames > 1) status = draw_angles(v, s, out, err);
  section_close(out);
  return status;
}
