/* report/cloud.c - the tokens as points: on the circle or the sphere as they are, in more dimensions on the three axes
 * of `pca`; and the section that shows them beside the text. */
#include "report/cloud.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/colour.h"
#include "report/figures.h"

enum { MOST_FRAMES = CLOUD_MOST_FRAMES, MOST_POINTS = 60000, MOST_TOKENS = CLOUD_MOST_TOKENS };

static const double TAU = 6.283185307179586;

vec cloud_point(const cloud *c, size_t frame, size_t i) {
  const double *p = c->points + 3 * (frame * c->n + i);
  return (vec){p[0], p[1], p[2]};
}

vec cloud_seen(const cloud *c, vec p) {
  double out[3];
  for (int i = 0; i < 3; i++) out[i] = c->view[i][0] * p.x + c->view[i][1] * p.y + c->view[i][2] * p.z;
  return (vec){out[0], out[1], out[2]};
}

/* ---- frames ---- */

/* All particles of a flow, the measured tokens of anything else; evenly fewer where there are too many. */
static void choose_tokens(const groups *g, size_t tokens, cloud *c) {
  bool known = c->pca && g->keep != NULL && g->n == tokens;
  size_t taken = 0, seen = 0;
  for (size_t i = 0; i < tokens; i++) c->of += !known || g->keep[i] > 0;
  c->n = c->of < MOST_TOKENS ? c->of : MOST_TOKENS;
  for (size_t i = 0; i < tokens && taken < c->n; i++) {
    if (known && !(g->keep[i] > 0)) continue;
    if (seen++ == taken * c->of / c->n) c->tokens[taken++] = i;
  }
}

static dwell_status make_room(size_t states, size_t tokens, const groups *g, cloud *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY_ALLOC(c->tokens = MEM_NEW(size_t, tokens), "the cloud");
  choose_tokens(g, tokens, c);
  if (c->n == 0) return DWELL_OK;
  size_t most = MOST_POINTS / c->n;
  most = most > MOST_FRAMES ? MOST_FRAMES : most < 2 ? 2 : most;
  c->frames = states < most ? states : most;
  c->states = MEM_NEW(size_t, c->frames);
  c->points = MEM_NEW(double, c->frames * c->n * 3);
  c->colours = MEM_NEW(uint32_t, c->n);
  TRY_ALLOC(c->states, "the cloud");
  TRY_ALLOC(c->points, "the cloud");
  TRY_ALLOC(c->colours, "the cloud");
done:
  return status;
}

/* Coordinates in units of the largest distance from the middle, 1 on the sphere. */
static void copy_frames(const double *all, size_t states, size_t tokens, size_t axes, cloud *c) {
  c->scale = c->pca ? 0 : 1;
  for (size_t l = 0; c->pca && l < states; l++) {
    for (size_t i = 0; i < c->n; i++) {
      const double *p = all + (l * tokens + c->tokens[i]) * axes;
      c->scale = fmax(c->scale, sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]));
    }
  }
  if (!(c->scale > 0)) c->scale = 1;
  for (size_t f = 0; f < c->frames; f++) {
    size_t l = c->states[f] = c->frames > 1 ? f * (states - 1) / (c->frames - 1) : 0;
    for (size_t i = 0; i < c->n; i++) {
      for (size_t k = 0; k < 3; k++) {
        double value = k < axes ? all[(l * tokens + c->tokens[i]) * axes + k] / c->scale : 0;
        c->points[3 * (f * c->n + i) + k] = isfinite(value) ? fmax(-1, fmin(1, value)) : 0;
      }
    }
  }
}

/* The reader looks from beside the place where the tokens end, so that the gathering happens on the near side. */
static void look_at_the_end(cloud *c) {
  vec right = {1, 0, 0}, up = {0, 1, 0}, toward = {0, 0, 1}, sum = {0, 0, 0};
  if (c->dims == 3) {
    for (size_t i = 0; i < c->n; i++) sum = vec_plus(sum, cloud_point(c, c->frames - 1, i));
    vec end = vec_unit(sum, vec_unit((vec){0.4, -0.7, 0.6}, toward));
    vec pole = fabs(end.z) < 0.8 ? (vec){0, 0, 1} : (vec){1, 0, 0};
    vec side = vec_unit(vec_cross(pole, end), right);
    vec above = vec_cross(end, side);
    toward = vec_unit(vec_plus(end, vec_plus(vec_scaled(side, -0.55), vec_scaled(above, 0.35))), end);
    right = vec_unit(vec_cross(pole, toward), side);
    up = vec_cross(toward, right);
  }
  const vec rows[3] = {right, up, toward};
  for (int i = 0; i < 3; i++) c->view[i][0] = rows[i].x, c->view[i][1] = rows[i].y, c->view[i][2] = rows[i].z;
}

/* The first axis to the right, the second up, and a little of the third. */
static void look_at_the_plane(cloud *c) {
  vec toward = vec_unit((vec){-0.26, 0.3, 1}, (vec){0, 0, 1});
  vec right = vec_unit(vec_cross((vec){0, 1, 0}, toward), (vec){1, 0, 0});
  const vec rows[3] = {right, vec_cross(toward, right), toward};
  for (int i = 0; i < 3; i++) c->view[i][0] = rows[i].x, c->view[i][1] = rows[i].y, c->view[i][2] = rows[i].z;
}

/* A token keeps the colour of the direction in which it starts: mixing of colours shows who came from where. */
static void choose_colours(cloud *c) {
  for (size_t i = 0; i < c->n; i++) {
    vec p = cloud_seen(c, cloud_point(c, 0, i));
    double turn = atan2(p.y, p.x) / TAU;
    c->colours[i] = colour_wheel(turn - floor(turn), c->dims == 3 ? 0.64 + 0.08 * fmax(-1, fmin(1, p.z)) : 0.64);
  }
}

/* The shares of the states shown. */
static dwell_status read_share(const view *v, cloud *c, dwell_error *err) {
  double *all = NULL;
  size_t rank, shape[4];
  dwell_status status = DWELL_OK;
  TRY(run_read_array(v->run, "pca_share", &all, &rank, shape, err));
  if (all == NULL || rank != 2 || shape[0] < v->states.steps || shape[1] != 3) goto done;
  TRY_ALLOC(c->share = MEM_NEW(double, 3 * c->frames), "the cloud");
  for (size_t k = 0; k < 3 * c->frames; k++) c->share[k] = all[3 * c->states[k / 3] + k % 3];
done:
  mem_free(all);
  return status;
}

/* `sphere` where there is one, else `pca`; *ret_all NULL: neither. */
static dwell_status read_points(const view *v, double **ret_all, size_t *ret_tokens, size_t *ret_axes, bool *ret_pca,
                                dwell_error *err) {
  size_t rank, shape[4];
  dwell_status status = run_read_array(v->run, "sphere", ret_all, &rank, shape, err);
  *ret_pca = status == DWELL_OK && *ret_all == NULL;
  if (*ret_pca) status = run_read_array(v->run, "pca", ret_all, &rank, shape, err);
  if (status != DWELL_OK || *ret_all == NULL) return status;
  *ret_tokens = rank >= 3 ? shape[rank - 2] : 0, *ret_axes = rank >= 3 ? shape[rank - 1] : 0;
  size_t have = rank == 4 ? shape[0] * shape[1] : shape[0];
  bool fits = *ret_axes == 3 || (*ret_axes == 2 && !*ret_pca);
  if (!fits || *ret_tokens == 0 || have < v->states.steps) mem_free(*ret_all), *ret_all = NULL;
  return DWELL_OK;
}

dwell_status cloud_open(const view *v, const groups *g, cloud *ret_cloud, dwell_error *err) {
  cloud *c = ret_cloud;
  double *all = NULL;
  size_t tokens = 0, axes = 0;
  dwell_status status = DWELL_OK;
  *c = (cloud){0};
  TRY(read_points(v, &all, &tokens, &axes, &c->pca, err));
  if (all == NULL) goto done;
  TRY(make_room(v->states.steps, tokens, g, c, err));
  if (c->n == 0) goto done;
  copy_frames(all, v->states.steps, tokens, axes, c);
  /* the array always has three coordinates */
  c->dims = !c->pca && view_number(v->states.t, v->states.rows[0], "d") <= 2 ? 2 : axes;
  if (c->pca) look_at_the_plane(c);
  else look_at_the_end(c);
  choose_colours(c);
  if (c->pca) TRY(read_share(v, c, err));
done:
  mem_free(all);
  return status;
}

void cloud_close(cloud *c) {
  mem_free(c->states);
  mem_free(c->tokens);
  mem_free(c->points);
  mem_free(c->share);
  mem_free(c->colours);
  *c = (cloud){0};
}

/* ---- the section ---- */

typedef struct colouring {
  const char *name, *label;
} colouring;

/* What the points may be coloured by, the first one at the start. */
static void choices(const view *v, const groups *g, const cloud *c, strbuf *out) {
  static const colouring all[] = {
      {"start", "start"}, {"cluster", "cluster"}, {"position", "position in the text"}, {"class", "kind of token"}};
  bool text = json_array_size(json_object_get(v->manifest, "tokens")) > 0;
  strbuf_puts(out, "<label>colour <select id=\"by\">");
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
      bool first = c->pca && g->any ? k == 1 : c->pca && text ? k == 2 : k == 0;
      bool there = k == 0 || (k == 1 && g->any) || (k >= 2 && text);
      if (there && first == (pass == 0))
        strbuf_printf(out, "<option value=\"%s\">%s</option>", all[k].name, all[k].label);
    }
  }
  strbuf_puts(out, "</select></label>");
}

static void stage(const view *v, const groups *g, const cloud *c, strbuf *out) {
  const char *what = c->pca         ? "Tokens in three dimensions"
                     : c->dims == 3 ? "Tokens on the sphere"
                                    : "Tokens on the circle";
  strbuf_printf(out,
                "<div class=\"stage\">\n<canvas id=\"ball\" width=\"560\" height=\"560\" tabindex=\"0\" role=\"img\" "
                "aria-label=\"%s. Drag or use the arrow keys to turn; space plays.\"></canvas>\n"
                "<div class=\"controls\"><button id=\"play\" type=\"button\" aria-pressed=\"false\">Play</button>"
                "<input id=\"when\" type=\"range\" min=\"0\" max=\"%zu\" value=\"0\" step=\"1\" aria-label=\"%s\">"
                "<output id=\"clock\" for=\"when\"></output>",
                what, c->frames - 1, v->label);
  choices(v, g, c, out);
  strbuf_printf(out,
                "<label><input id=\"trails\" type=\"checkbox\"%s> trails</label>%s"
                "<p class=\"hint\" id=\"facts\"></p><div class=\"hint\" id=\"legend\"></div></div></div>\n",
                c->pca ? "" : " checked",
                c->pca ? "<label><input id=\"fit\" type=\"checkbox\"> fill the frame at every state</label>" : "");
}

static void open_section(const cloud *c, strbuf *out) {
  static const char *const keeps =
      "Every token keeps the colour of the direction it started from. A dot grows with the number of tokens that "
      "coincide there (cosine above 0.9995).";
  section_open(out, "tokens-move",
               c->pca         ? "The cloud of tokens"
               : c->dims == 3 ? "The tokens on the sphere"
                              : "The tokens on the circle",
               c->pca ? "Each dot is a token: its direction less the mean of all. Point at one to find it in the text, "
                        "or at the text "
                        "to find it here."
                      : keeps);
}

static const char *source_of(const view *v, const cloud *c) {
  if (c->pca) return "arrays.npz: <code>pca</code>, <code>pca_share</code>, <code>labels</code>";
  return v->replicas > 1 ? "arrays.npz: <code>sphere</code>; first replica" : "arrays.npz: <code>sphere</code>";
}

static void open_figure(const cloud *c, strbuf *out) {
  strbuf text = {0};
  if (c->pca) {
    strbuf_puts(&text,
                "On the three axes along which all states together spread most: one basis for all states, so what "
                "moves has moved, and a cloud that shrinks has shrunk.");
    if (c->n < c->of) strbuf_printf(&text, " Shown are %zu of %zu tokens, evenly chosen.", c->n, c->of);
  } else {
    strbuf_puts(&text,
                c->dims == 3 ? "Orthographic view. Faint dots are on the far side." : "All tokens on the unit circle.");
  }
  if (text.failed) out->failed = true;
  figure_open(out, "sphere",
              c->pca         ? "In three dimensions"
              : c->dims == 3 ? "On the sphere"
                             : "On the circle",
              text.data != NULL ? text.data : "", c->pca ? "cloud" : "sphere");
  strbuf_free(&text);
}

/* A run without coordinates has its text all the same. */
static void text_alone(const view *v, const groups *g, strbuf *out) {
  if (!g->any || !passage_is_known(v)) return;
  section_open(out, "tokens-move", "The text", "The tokens as they stand in the text, by their clusters.");
  figure_open(out, "passage", "Clusters in the text",
              "Each token on the colour of its cluster, at the state that is marked in the other figures.", "labels");
  figures_passage(v, g, out);
  figure_close(out, "arrays.npz: <code>labels</code>");
  section_close(out);
}

dwell_status figures_cloud(const view *v, const groups *g, const cloud *c, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (c->frames == 0) return text_alone(v, g, out), DWELL_OK;
  open_section(c, out);
  open_figure(c, out);
  strbuf_puts(out, "<div class=\"linked\">\n");
  stage(v, g, c, out);
  figures_passage(v, g, out);
  strbuf_puts(out, "</div>\n");
  cloud_film(v, g, c, out);
  figure_close(out, source_of(v, c));
  if (c->dims == 2 && c->frames > 1) status = cloud_angles(v, c, out, err);
  section_close(out);
  return status;
}
