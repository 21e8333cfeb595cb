/* report/film.c - tokens that move, on paper: a few moments of a cloud in a row, and for the circle the angles against
 * time. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "report/figures.h"

enum { MOST_ANGLES = 128, FILM = 6 };

static const double TAU = 6.283185307179586;
static const double TOGETHER = 0.9995; /* tokens with a larger cosine are drawn as one larger dot */

/* ---- film strip ---- */

/* FILM frames at equal steps of the distance travelled (a quarter of the way counted as plain time): all pictures
 * differ. */
static size_t choose_film(const cloud *s, size_t ret_frames[FILM]) {
  double total = 0, travelled[CLOUD_MOST_FRAMES];
  travelled[0] = 0;
  for (size_t f = 1; f < s->frames; f++) {
    double move = 0;
    for (size_t i = 0; i < s->n; i++) {
      vec step = vec_plus(cloud_point(s, f, i), vec_scaled(cloud_point(s, f - 1, i), -1));
      move += sqrt(vec_dot(step, step));
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
static void circle_path(const cloud *s, strbuf *out, vec base, vec u, vec w, double radius) {
  enum { STEPS = 48 };
  double x[STEPS + 1], y[STEPS + 1];
  for (int i = 0; i <= STEPS; i++) {
    double a = TAU * i / STEPS;
    vec p = cloud_seen(s, vec_plus(base, vec_plus(vec_scaled(u, cos(a)), vec_scaled(w, sin(a)))));
    x[i] = p.z >= -0.02 ? radius * p.x : NAN;
    y[i] = -radius * p.y;
  }
  strbuf_puts(out, "<path class=\"grat\" d=\"");
  svg_path_points(out, x, y, STEPS + 1);
  strbuf_puts(out, "\"/>\n");
}

static void graticule(const cloud *s, strbuf *out, double radius) {
  if (s->dims != 3) return;
  const vec x = {1, 0, 0}, y = {0, 1, 0}, z = {0, 0, 1};
  for (int k = -1; k <= 1; k++) {
    double height = sin(k * TAU / 8), width = cos(k * TAU / 8);
    circle_path(s, out, vec_scaled(z, height), vec_scaled(x, width), vec_scaled(y, width), radius);
  }
  for (int k = 0; k < 4; k++) {
    double a = k * TAU / 8;
    circle_path(s, out, (vec){0, 0, 0}, (vec){cos(a), sin(a), 0}, z, radius);
  }
}

/* One dot per group of coincident tokens, in the colour of its first token, area growing with the group. */
static void film_points(const cloud *s, strbuf *out, size_t frame, double radius, bool near_side) {
  bool taken[CLOUD_MOST_TOKENS] = {false};
  for (size_t i = 0; i < s->n; i++) {
    if (taken[i]) continue;
    vec p = cloud_point(s, frame, i);
    size_t group = 0;
    for (size_t j = i; j < s->n; j++) {
      if (!taken[j] && (j == i || vec_dot(p, cloud_point(s, frame, j)) > TOGETHER)) taken[j] = true, group++;
    }
    vec at = cloud_seen(s, p);
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

/* A cloud: one path of dots for each colour, tokens in no cluster below the others. */
static void film_cloud(const groups *g, const cloud *s, strbuf *out, size_t frame, double radius) {
  for (int32_t colour = -1; colour < GROUPS_COLOURS; colour++) {
    size_t count = 0;
    for (size_t i = 0; i < s->n; i++) {
      int32_t id = groups_identity(g, s->states[frame], s->tokens[i]);
      if (groups_colour(g, id) != colour) continue;
      vec at = cloud_seen(s, cloud_point(s, frame, i));
      if (count++ == 0 && colour < 0) strbuf_puts(out, "<path class=\"specks loose\" d=\"");
      else if (count == 1) strbuf_printf(out, "<path class=\"specks sc%d\" d=\"", colour);
      strbuf_printf(out, "M%.1f %.1fh0", radius * at.x, -radius * at.y);
    }
    if (count > 0) strbuf_puts(out, "\"/>\n");
  }
}

/* Pixels of 1, so that the picture is filled: the same for all moments. */
static double film_unit(const cloud *s, const size_t *frames, size_t count) {
  double most = 0;
  for (size_t k = 0; k < count * s->n; k++) {
    vec at = cloud_seen(s, cloud_point(s, frames[k / s->n], k % s->n));
    most = fmax(most, fmax(fabs(at.x), fabs(at.y)));
  }
  return most > 0 ? 80 / most : 80;
}

static void film_sphere(const cloud *s, strbuf *out, size_t frame, double radius) {
  svg_circle(out, s->dims == 3 ? "ball" : "ring1", 0, 0, radius);
  film_points(s, out, frame, radius, false);
  graticule(s, out, radius);
  film_points(s, out, frame, radius, true);
}

static void film_frame(const view *v, const groups *g, const cloud *s, strbuf *out, size_t frame, size_t number,
                       double unit) {
  char id[32], label[48], title[96], attributes[64];
  view_state_label(v, s->states[frame], label, sizeof label);
  bool timed = !str_equal(v->column, "state");
  snprintf(id, sizeof id, "film-%zu", number);
  snprintf(title, sizeof title, "Tokens at %s %s", timed ? "time" : "state", label);
  snprintf(attributes, sizeof attributes, "data-film=\"1\" data-state=\"%zu\"", s->states[frame]);
  svg_open(out, id, 170, 196, title,
           s->pca ? "The first axis to the right, the second up, coloured by cluster."
                  : "Orthographic view; faint dots are on the far side.",
           attributes);
  strbuf_puts(out, "<g transform=\"translate(85 85)\">");
  if (s->pca) film_cloud(g, s, out, frame, unit);
  else film_sphere(s, out, frame, 76);
  svg_end(out);
  snprintf(title, sizeof title, "%s = %s", timed ? "t" : "l", label);
  svg_text(out, "lab", 85, 188, 'm', title);
  svg_close(out);
}

void cloud_film(const view *v, const groups *g, const cloud *s, strbuf *out) {
  size_t frames[FILM], count = choose_film(s, frames);
  strbuf_puts(out, "<div class=\"film\">\n");
  for (size_t k = 0; k < count; k++) film_frame(v, g, s, out, frames[k], k, film_unit(s, frames, count));
  strbuf_puts(out, "</div>\n");
}

/* ---- angles on the circle ---- */

dwell_status cloud_angles(const view *v, const cloud *s, strbuf *out, dwell_error *err) {
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
      vec q = cloud_point(s, f, i);
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
