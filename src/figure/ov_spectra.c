/* figure/ov_spectra.c - eigenvalues of what the heads of a trained model write of what they read. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "figure/trained.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "mechanism/circuit.h"

enum { SHOWN = 4, KINDS = 2, CIRCLE = 73 };

static const trained_kind kinds[KINDS] = {TRAINED_RANDOM, TRAINED_AS_IS};

/* Eigenvalues of all heads of some blocks: [blocks, heads, size] real and imaginary parts. */
typedef struct spectra {
  size_t blocks, heads, size;
  size_t shown[SHOWN];
  double *real, *imaginary;
  double radius; /* of head 0 of the first block, by the instrument `ov` */
} spectra;

static void clear(spectra *f) {
  mem_free(f->real);
  mem_free(f->imaginary);
}

static dwell_status add_head(spectra *f, const dwell_weights *w, size_t row, size_t head, double *work,
                             dwell_error *err) {
  size_t r = w->head_size, d = w->d, at = (row * f->heads + head) * r;
  double *a = work, *b = work + r * d, *product = work + 2 * r * d;
  circuit_factors(w, CIRCUIT_OV, head, a, b);
  gemm_f64(false, true, r, r, d, 1, b, d, a, d, 0, product, r); /* the non-zero eigenvalues of AB are those of BA */
  return eigen_general(r, product, f->real + at, f->imaginary + at, err);
}

static dwell_status add_block(spectra *f, const dwell_weights *w, size_t row, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *work = mem_alloc(2 * w->d + w->head_size, w->head_size * sizeof(double));
  TRY_ALLOC(work, "the spectra of heads");
  if (row == 0) {
    value v[CIRCUIT_KEYS];
    f->heads = w->heads, f->size = w->head_size;
    f->real = mem_alloc(f->blocks * f->heads, f->size * sizeof(double));
    f->imaginary = mem_alloc(f->blocks * f->heads, f->size * sizeof(double));
    if (f->real == NULL || f->imaginary == NULL) TRY_ALLOC(NULL, "the spectra of heads");
    TRY(circuit_of_head(w, CIRCUIT_OV, 0, v, err));
    f->radius = v[CIRCUIT_RADIUS].number;
  }
  for (size_t h = 0; h < f->heads; h++) TRY(add_head(f, w, row, h, work, err));
done:
  mem_free(work);
  return status;
}

static dwell_status collect(const figure_sheet *s, trained_kind kind, spectra *f, dwell_error *err) {
  dwell_status status = DWELL_OK;
  trained_blocks b;
  dwell_weights w = {0};
  TRY(trained_open(s, kind, &b, err));
  f->blocks = b.blocks < SHOWN ? b.blocks : SHOWN;
  for (size_t row = 0; row < f->blocks; row++) {
    f->shown[row] = f->blocks > 1 ? row * (b.blocks - 1) / (f->blocks - 1) : 0;
    TRY(source_weights(b.source, s->ctx, f->shown[row], &w, err));
    bool shared = w.shared;
    TRY(add_block(f, &w, row, err));
    dwell_weights_free(&w);
    w = (dwell_weights){0};
    if (shared) f->blocks = 1;
  }
done:
  dwell_weights_free(&w);
  trained_close(&b);
  return status;
}

static double largest(const double *real, const double *imaginary, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, hypot(real[i], imaginary[i]));
  return most;
}

static dwell_status draw(figure_sheet *s, const spectra *all, size_t row, dwell_error *err) {
  static const char *const words[KINDS] = {"random weights (circle: the largest)", "trained"};
  plot p;
  char title[48], id[16];
  double most = 1e-12;
  size_t each = all[0].heads * all[0].size;
  for (size_t k = 0; k < KINDS; k++)
    for (size_t i = row * each; i < (row + 1) * each; i++)
      most = fmax(most, fmax(fabs(all[k].real[i]), fabs(all[k].imaginary[i])));
  snprintf(title, sizeof title, all[0].blocks == 1 ? "all blocks" : "block %zu", all[0].shown[row]);
  snprintf(id, sizeof id, "block%zu", row);
  strbuf *out = figure_panel_begin(s, 400, 400, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = title,
                           .description = "eigenvalues in the complex plane",
                           .width = 400,
                           .height = 400,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, -1.08 * most, 1.08 * most),
                           .y = scale_make(SCALE_LINEAR, -1.08 * most, 1.08 * most),
                           .x_label = "Re λ",
                           .y_label = "Im λ"});
  const char *const colours[KINDS] = {"c1", "c0"};
  double x[CIRCLE], y[CIRCLE], radius = largest(all[0].real + row * each, all[0].imaginary + row * each, each);
  for (size_t i = 0; i < CIRCLE; i++) {
    double angle = 2 * acos(-1) * (double)i / (CIRCLE - 1);
    x[i] = radius * cos(angle), y[i] = radius * sin(angle);
  }
  for (size_t k = KINDS; k-- > 0;) /* random weights last: theirs are smaller */
    plot_points(&p, all[k].real + row * each, all[k].imaginary + row * each, NULL, each,
                &(plot_style){.colour = colours[k]});
  plot_line(&p, x, y, CIRCLE, &(plot_style){.colour = colours[0], .more = "dash thin"});
  for (size_t k = 0; k < KINDS; k++) plot_key(&p, 14, k, &(plot_style){.colour = colours[k]}, words[k]);
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status keep(figure_sheet *s, const spectra *all, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double shown[SHOWN];
  for (size_t row = 0; row < all[0].blocks; row++) shown[row] = (double)all[0].shown[row];
  TRY(figure_keep_series(s, "block", all[0].blocks, shown, err));
  for (size_t k = 0; k < KINDS; k++) {
    const size_t shape[3] = {all[k].blocks, all[k].heads, all[k].size};
    TRY(figure_keep(s, k == 0 ? "random_real" : "real", 3, shape, all[k].real, err));
    TRY(figure_keep(s, k == 0 ? "random_imaginary" : "imaginary", 3, shape, all[k].imaginary, err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  spectra all[KINDS] = {{0}, {0}};
  s->columns = 2;
  for (size_t k = 0; k < KINDS; k++) TRY(collect(s, kinds[k], &all[k], err));
  for (size_t row = 0; row < all[0].blocks; row++) TRY(draw(s, all, row, err));
  snprintf(
      s->note, sizeof s->note,
      "%s: the %zu eigenvalues of W_O W_V of each of %zu heads, with the norms before and behind folded in; orange: of "
      "the same network with random weights.",
      s->model, all[1].size, all[1].heads);
  TRY(keep(s, all, err));
  TRY(figure_check_value(s, "radius", "largest modulus of the first head: that of the instrument ov", THEOREM_EQUAL,
                         largest(all[1].real, all[1].imaginary, all[1].size), all[1].radius, 1e-9 * all[1].radius,
                         "rounding", err));
done:
  for (size_t k = 0; k < KINDS; k++) clear(&all[k]);
  return status;
}

const figure figure_ov_spectra = {
    .name = "ov-spectra",
    .summary = "Eigenvalues of the heads' value maps of a trained model",
    .source = "arXiv:2305.05465, figures of the spectra of ALBERT",
    .shows =
        "In up to four blocks, the eigenvalues of what each head writes of what it reads, in the complex plane, with "
        "those of the same network with random weights.",
    .original =
        "The value matrices of the sixteen heads of ALBERT-xlarge, alone: their eigenvalues change if a head's units "
        "are "
        "written in another basis, which changes nothing that the network does.",
    .ours =
        "The product of output and value maps, which no such change touches, with the norms folded in; any model; and "
        "what random weights give beside it.",
    .needs_model = true,
    .make = make,
};
