/* cli/continue.c - dwell continue: stationary states and their stability as beta or kappa changes. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "file/jwriter.h"
#include "file/npy.h"
#include "flow/continuation.h"
#include "flow/symmetric.h"

enum {
  KEY_FLOW = 0x4000,
  KEY_D,
  KEY_BETA,
  KEY_KAPPA,
  KEY_FOLLOW,
  KEY_FROM,
  KEY_TO,
  KEY_ORDER,
  KEY_NEGATIVE,
  KEY_MODES,
  KEY_STEP,
  KEY_POINTS,
  KEY_TRICRITICAL,
  KEY_RING,
  KEY_SIMPLEX
};

/* A row of the table. */
typedef struct row {
  continuation_point point;
  double *u; /* [modes], NULL for clusters */
} row;

typedef struct follow {
  cli *c;
  continuation_plan plan;
  double from, to; /* NaN: the default */
  bool tricritical, has_points;
  symmetric clusters; /* n = 0: densities */
  row *rows;
  size_t count, room;
  const char *end;
} follow;

static const char *const kinds[] = {"", "origin", "fold", "equal"};

static error_t parse(int key, char *arg, struct argp_state *state) {
  static const char *const flows[] = {"sa", "usa", NULL}, *const parameters[] = {"kappa", "beta", NULL};
  follow *f = state->input;
  meanfield *m = &f->plan.m;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = f->c; break;
    case KEY_FLOW: m->normalised = cli_choice(state, "--flow", arg, flows) == 0; break;
    case KEY_D: m->d = cli_size(state, "--d", arg, 2, 4096); break;
    case KEY_BETA: m->beta = cli_real(state, "--beta", arg, -700, 700); break;
    case KEY_KAPPA: m->kappa = cli_real(state, "--kappa", arg, 1e-300, 1e300); break;
    case KEY_FOLLOW: f->plan.follow_beta = cli_choice(state, "--follow", arg, parameters) == 1; break;
    case KEY_FROM: f->from = cli_real(state, "--from", arg, -700, 1e300); break;
    case KEY_TO: f->to = cli_real(state, "--to", arg, -700, 1e300); break;
    case KEY_ORDER: f->plan.order = cli_size(state, "--order", arg, 1, 150); break;
    case KEY_NEGATIVE: f->plan.negative = true; break;
    case KEY_MODES: m->modes = cli_size(state, "--modes", arg, 8, 300); break;
    case KEY_STEP: f->plan.step = cli_real(state, "--step", arg, 1e-4, 1); break;
    case KEY_POINTS: f->plan.most = cli_size(state, "--points", arg, 2, 100000), f->has_points = true; break;
    case KEY_TRICRITICAL: f->tricritical = true; break;
    case KEY_RING:
    case KEY_SIMPLEX:
      f->clusters.ring = key == KEY_RING;
      f->clusters.n = cli_size(state, key == KEY_RING ? "--ring" : "--simplex", arg, 2, SYMMETRIC_MOST);
      break;
    case ARGP_KEY_ARG: cli_usage(state, "unexpected argument \"%s\"", arg); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"flow", KEY_FLOW, "sa|usa", 0, "With softmax, or unnormalised (default usa)", 10},
    {"d", KEY_D, "D", 0, "Dimensions: 2 the circle, else axisymmetric densities on S^{D-1} (default 2)", 10},
    {"follow", KEY_FOLLOW, "kappa|beta", 0, "What changes (default kappa)", 10},
    {"beta", KEY_BETA, "B", 0, "Inverse temperature where kappa is followed (default 4)", 10},
    {"kappa", KEY_KAPPA, "K", 0, "Inverse noise where beta is followed", 10},
    {"from", KEY_FROM, "A", 0, "Range of what changes (default: half to twice the threshold; beta: 0.01 to 20)", 10},
    {"to", KEY_TO, "B", 0, "", 10},
    {"order", KEY_ORDER, "L", 0, "Degree of the uniform density that loses stability (default 1)", 20},
    {"negative", KEY_NEGATIVE, NULL, 0, "The branch on the other side (another one for even degrees where D > 2)", 20},
    {"modes", KEY_MODES, "K", 0, "Degrees of the densities (default 64)", 20},
    {"step", KEY_STEP, "S", 0, "Longest step in arc length (default 0.05)", 20},
    {"points", KEY_POINTS, "N", 0, "At most so many points (default 400; of clusters 41)", 20},
    {"tricritical", KEY_TRICRITICAL, NULL, 0,
     "Only the beta between --from and --to up to which the transition is continuous", 30},
    {"ring", KEY_RING, "N", 0, "Instead of densities: N equal clusters, equally spaced on the circle", 30},
    {"simplex", KEY_SIMPLEX, "N", 0, "Instead of densities: N equal clusters at equal angles in N - 1 dimensions", 30},
    {0}};

static const char doc[] =
    "Follow stationary states and their stability as kappa (the inverse of noise) or beta changes: the ordered "
    "densities "
    "that bifurcate from the uniform one, through folds, with the thresholds on the way.\v"
    "Marked rows: origin (the uniform density loses stability), fold (a spinodal: the branch turns), equal (usa: as "
    "much\n"
    "free energy as the uniform density: the first-order transition).\n\n"
    "Examples:\n"
    "  dwell continue --beta 4                        the discontinuous transition of usa on the circle\n"
    "  dwell continue --flow sa --d 3 --beta 5 -o branch.npz\n"
    "  dwell continue --follow beta --kappa 0.5 --from 0.1 --to 10\n"
    "  dwell continue --tricritical --d 3 --from 1 --to 3\n"
    "  dwell continue --ring 3 --from -1 --to 0       three clusters become stable below beta = -2/3";

/* ---- computing ---- */

static dwell_status add(void *self, const continuation_point *point, const double *u, dwell_error *err) {
  follow *f = self;
  size_t modes = f->plan.m.modes;
  if (f->count == f->room) {
    size_t room = f->room == 0 ? 64 : 2 * f->room;
    row *more = mem_grow(f->rows, f->room, room, sizeof(row));
    if (more == NULL) return error_no_memory(err, "the table");
    f->rows = more, f->room = room;
  }
  row r = {*point, NULL};
  if (u != NULL) {
    r.u = MEM_NEW(double, modes);
    if (r.u == NULL) return error_no_memory(err, "the table");
    memcpy(r.u, u, modes * sizeof(double));
  }
  f->rows[f->count++] = r;
  return DWELL_OK;
}

static dwell_status follow_density(follow *f, dwell_error *err) {
  static const char *const ends[] = {"it left the range", "there are enough points", "more modes are needed",
                                     "no further step converges"};
  continuation_plan *p = &f->plan;
  continuation_host host = {&f->c->ctx, add, f};
  continuation_end end;
  double threshold = p->follow_beta ? NAN : continuation_threshold(&p->m, p->order);
  p->low = !isnan(f->from) ? f->from : p->follow_beta ? 0.01 : threshold / 2;
  p->high = !isnan(f->to) ? f->to : p->follow_beta ? 20 : threshold * 2;
  if (!p->follow_beta && !isfinite(threshold))
    return error_set(err, DWELL_USAGE, "degree %zu of the uniform density never loses stability", p->order);
  dwell_status status = continuation_follow(p, &host, &end, err);
  if (status == DWELL_OK) f->end = ends[end];
  return status;
}

/* Equally spaced beta, and the one between two of them at which stability changes. */
static dwell_status follow_clusters(follow *f, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double from = isnan(f->from) ? -2 : f->from, to = isnan(f->to) ? 20 : f->to;
  size_t points = f->has_points ? f->plan.most : 41;
  f->clusters.flow = f->plan.m.normalised ? "sa" : "usa";
  if (!(from < to)) return error_set(err, DWELL_USAGE, "the range must ascend");
  for (size_t k = 0; k < points; k++) {
    continuation_point p = {
        .beta = from + (to - from) * (double)k / (double)(points - 1), .kappa = NAN, .free_energy = NAN};
    TRY(symmetric_growth(&f->clusters, p.beta, &p.growth, &p.unstable, err));
    const continuation_point *last = f->count > 0 ? &f->rows[f->count - 1].point : &p;
    if (last->growth * p.growth < 0) {
      continuation_point change = p;
      change.kind = CONTINUATION_FOLD;
      TRY(symmetric_change(&f->clusters, last->beta, p.beta, &change.beta, err));
      TRY(symmetric_growth(&f->clusters, change.beta, &change.growth, &change.unstable, err));
      TRY(add(f, &change, NULL, err));
    }
    TRY(add(f, &p, NULL, err));
  }
  f->end = "it left the range";
done:
  return status;
}

/* ---- output ---- */

static const char *kind_of(const follow *f, const row *r) {
  return f->clusters.n > 0 && r->point.kind == CONTINUATION_FOLD ? "change" : kinds[r->point.kind];
}

static void print_number(double x) {
  if (isfinite(x)) printf(" %14.9g", x);
  else printf(" %14s", "-");
}

static void print_text(const follow *f) {
  bool density = f->clusters.n == 0;
  printf("%-7s %14s %14s", "", "beta", "growth");
  if (density) printf(" %14s %14s %14s %14s", "kappa", "R1", "R2", "free_energy");
  printf(" %8s\n", "unstable");
  for (size_t k = 0; k < f->count; k++) {
    const row *r = &f->rows[k];
    printf("%-7s", kind_of(f, r));
    print_number(r->point.beta);
    print_number(r->point.growth);
    if (density) {
      print_number(r->point.kappa);
      print_number(r->u[0]);
      print_number(r->u[1]);
      print_number(r->point.free_energy);
    }
    printf(" %8zu\n", r->point.unstable);
  }
}

static void put_row(const follow *f, const row *r, jwriter *w) {
  const continuation_point *p = &r->point;
  jwriter_flat_object(w);
  jwriter_put_string(w, "kind", kind_of(f, r)[0] != '\0' ? kind_of(f, r) : "point");
  jwriter_put_double(w, "beta", p->beta);
  jwriter_put_double(w, "growth", p->growth);
  jwriter_put_int(w, "unstable", (int64_t)p->unstable);
  if (r->u != NULL) {
    jwriter_put_double(w, "kappa", p->kappa);
    jwriter_put_double(w, "R1", r->u[0]);
    jwriter_put_double(w, "R2", r->u[1]);
    jwriter_put_double(w, "free_energy", p->free_energy);
    jwriter_put_double(w, "arc", p->arc);
    jwriter_put_double(w, "tail", p->tail);
  }
  jwriter_close(w);
}

static void print_json(const follow *f) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 1);
  jwriter_object(&w);
  jwriter_key(&w, "points");
  jwriter_array(&w);
  for (size_t k = 0; k < f->count; k++) put_row(f, &f->rows[k], &w);
  jwriter_close(&w);
  jwriter_put_string(&w, "end", f->end);
  jwriter_close(&w);
  puts(out.failed ? "{\"points\": []}" : out.data);
  strbuf_free(&out);
}

/* Columns of the table as arrays; kind as in continuation_kind. */
static dwell_status save_columns(const follow *f, npz_writer *w, double *column, dwell_error *err) {
  static const char *const names[] = {"kind", "beta", "kappa", "arc", "growth", "unstable", "free_energy", "tail"};
  dwell_status status = DWELL_OK;
  for (size_t a = 0; a < sizeof names / sizeof names[0]; a++) {
    for (size_t k = 0; k < f->count; k++) {
      const continuation_point *p = &f->rows[k].point;
      const double values[] = {(double)p->kind,     p->beta,        p->kappa, p->arc, p->growth,
                               (double)p->unstable, p->free_energy, p->tail};
      column[k] = values[a];
    }
    TRY(npz_writer_add(w, names[a], NPY_FLOAT, sizeof(double), 1, &f->count, column, err));
  }
done:
  return status;
}

static dwell_status save(const follow *f, dwell_error *err) {
  dwell_status status = DWELL_OK;
  npz_writer *w = NULL;
  const size_t shape[] = {f->count, f->plan.m.modes};
  double *column = MEM_NEW(double, f->count);
  TRY_ALLOC(column, "the table");
  TRY(npz_writer_open(f->c->out, &w, err));
  TRY(save_columns(f, w, column, err));
  if (f->clusters.n == 0) {
    TRY(npz_writer_begin(w, "order", NPY_FLOAT, sizeof(double), 2, shape, err));
    for (size_t k = 0; k < f->count; k++) TRY(npz_writer_append(w, f->rows[k].u, shape[1], err));
    TRY(npz_writer_end(w, err));
  }
  status = npz_writer_commit(w, err);
  w = NULL;
done:
  npz_writer_abort(w);
  mem_free(column);
  return status;
}

/* ---- the command ---- */

static dwell_status check_output(const follow *f, dwell_error *err) {
  if (f->c->out == NULL || f->c->force || access(f->c->out, F_OK) != 0) return DWELL_OK;
  error_set(err, DWELL_USAGE, "exists");
  error_in_file(err, f->c->out);
  return error_remedy(err, "Choose another -o, or --force to replace it");
}

static dwell_status find_tricritical(const follow *f, dwell_error *err) {
  double beta = NAN, from = isnan(f->from) ? 0.5 : f->from, to = isnan(f->to) ? 10 : f->to;
  dwell_status status = continuation_tricritical(&f->plan.m, f->plan.order, from, to, &beta, err);
  if (status != DWELL_OK) return status;
  meanfield m = f->plan.m;
  m.beta = beta;
  double kappa = continuation_threshold(&m, f->plan.order);
  if (f->c->json) printf("{\"tricritical\": {\"beta\": %.12g, \"kappa\": %.12g}}\n", beta, kappa);
  else printf("tricritical at beta = %.10g, kappa = %.10g\n", beta, kappa);
  return DWELL_OK;
}

static dwell_status run(follow *f, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(cli_selfcheck(err));
  TRY(check_output(f, err));
  if (f->tricritical) return find_tricritical(f, err);
  TRY(f->clusters.n > 0 ? follow_clusters(f, err) : follow_density(f, err));
  if (f->c->out != NULL) TRY(save(f, err));
  if (f->c->json) print_json(f);
  else print_text(f);
  fflush(stdout);
  cli_say(f->c, "%zu points; the end: %s", f->count, f->end);
done:
  return status;
}

int cmd_continue(int argc, char **argv, cli *c) {
  static const struct argp_child children[] = {{&cli_argp_output, 0, NULL, 0}, {&cli_argp_words, 0, NULL, 0}, {0}};
  static const struct argp argp = {options, parse, NULL, doc, children, NULL, NULL};
  follow f = {.c = c, .from = NAN, .to = NAN};
  f.plan = (continuation_plan){.m = {2, 4, false, 0, 64}, .order = 1, .step = 0.05, .most = 400};
  dwell_error err = {.offset = -1};
  argp_parse(&argp, argc, argv, 0, NULL, &f);
  dwell_status status = run(&f, &err);
  for (size_t k = 0; k < f.count; k++) mem_free(f.rows[k].u);
  mem_free(f.rows);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
