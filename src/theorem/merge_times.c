/* theorem/merge_times.c - T12: the time in which two clusters meet, as ln t where t is beyond a double. */
#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

typedef struct pair {
  double beta, mass; /* of the first cluster; the second has 1 - mass */
  bool usa;
} pair;

/* ln of dt / du along the meeting, u = ln tan(theta / 2), in which d theta / sin theta = du. */
static double log_slowness(double u, const void *arg) {
  const pair *p = arg;
  double c = -tanh(u), gap = p->beta * (1 - c), m = p->mass, w = 1 - m, e = exp(-gap);
  if (p->usa) return -p->beta * c;
  return gap - log(w / (m + w * e) + m / (w + m * e));
}

static double clock_of(double angle) { return log(tan(angle / 2)); }

/* value: beta, angle, mass, usa. */
static pair pair_of(const theorem_row *row) { return (pair){row->value[0], row->value[2], row->value[3] == 1}; }

/* Two clusters under the log clock that count as one where they are .01 apart: the moment of the merger. */
static dwell_status merger(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  pair q = pair_of(row);
  particles p = {0};
  flow_history history = {0};
  double angles[2] = {0, row->value[1]};
  TRY(particles_open(q.usa ? "usa" : "sa", 2, 2, q.beta, &p, err));
  p.masses[0] = q.mass, p.masses[1] = 1 - q.mass;
  p.plan.rtol = 1e-12;
  particles_angles(&p, angles);
  TRY(particles_merge(&p, 2 * sin(0.005), 1, 1e5, &history, ctx, err));
  if (history.merger_count == 1) out->measured = history.mergers[0].log_time;
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* The same by quadrature of the two-cluster equation, for what the flow's times are compared with. */
static dwell_status quadrature(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                               dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  pair p = pair_of(row);
  out->measured = numerics_log_integral(log_slowness, &p, clock_of(0.01), clock_of(row->value[1]), 1e-14);
  return DWELL_OK;
}

/* Two tokens, run to the predicted time; what is missing of the angle .01 is turned into time. */
static dwell_status particles_meet(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                   dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  pair q = pair_of(row);
  particles p = {0};
  double angles[2] = {0, row->value[1]};
  TRY(particles_open(q.usa ? "usa" : "sa", 2, 2, q.beta, &p, err));
  p.masses[0] = q.mass, p.masses[1] = 1 - q.mass;
  p.plan.rtol = 1e-13;
  particles_angles(&p, angles);
  TRY(particles_to(&p, out->predicted, ctx, err));
  double chord = hypot(p.x[0] - p.x[2], p.x[1] - p.x[3]), angle = 2 * asin(chord / 2);
  double rate = sin(angle) / exp(log_slowness(clock_of(angle), &q)); /* of the angle's fall */
  out->measured = out->predicted + (angle - 0.01) / rate;
done:
  particles_close(&p);
  return status;
}

/* ln of e^{beta (1 - rho)} / (beta (1 - rho^2) (m_1 / m_2 + m_2 / m_1)) minus ln T. */
static dwell_status leading(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++) {
    pair p = pair_of(&row[r]);
    double rho = cos(row[r].value[1]), ratio = p.mass / (1 - p.mass), square = pow(sin(row[r].value[1]), 2);
    double log_t = numerics_log_integral(log_slowness, &p, clock_of(0.01), clock_of(row[r].value[1]), 1e-14);
    out[r].measured = fabs(p.beta * (1 - rho) - log(p.beta * square * (ratio + 1 / ratio)) - log_t);
  }
  return DWELL_OK;
}

#define LEADING(name, angle, e, eps, first)                                                                      \
  {                                                                                                              \
    "T12.leading." name, "error of the leading order e^{beta (1 - rho)} / (2 beta (1 - rho^2)) in ln T",         \
        "sa, beta = 400, theta " #angle " -> .01, equal masses", e, THEOREM_EQUAL, eps, "digits printed", first, \
        {400, angle, 0.5, 0}, false                                                                              \
  }
#define MEET(name, b, angle, t, slow)                                                                                \
  {                                                                                                                  \
    "T12.meet." name, "time in which two equal clusters meet, by the flow of two tokens",                            \
        "sa, beta = " #b ", theta " #angle " -> .01", t, THEOREM_EQUAL, 1e-9 * (t),                                  \
        "the specification's, relative; the flow's steps are of 1e-11 and less", particles_meet, {b, angle, 0.5, 0}, \
        slow                                                                                                         \
  }
#define LOG(name, flow, usa, b, angle, m, t)                                                                 \
  {                                                                                                          \
    "T12.ln." name, "ln of the time in which two clusters meet, by the flow's log clock",                    \
        flow ", beta = " #b ", theta " #angle " -> .01, masses " #m " and the rest", t, THEOREM_EQUAL, 1e-9, \
        "the specification's, absolute in ln t: steps of 1e-12, some hundred of them count", merger,         \
        {b, angle, m, usa}, false                                                                            \
  }

static const theorem_row rows[] = {
    {"T12.quadrature",
     "the quadrature of the two-cluster equation gives the same",
     "sa, beta = 2000, theta 3.0 -> .01",
     3975.56080311293,
     THEOREM_EQUAL,
     1e-9,
     "of numbers printed to 15 digits",
     quadrature,
     {2000, 3, 0.5, 0},
     false},
    LEADING("1.5", 1.5, 3.7e-4, 6e-6, leading),
    LEADING(".8", 0.8, 6.9e-3, 6e-5, NULL),
    LEADING("3.0", 3.0, 0.19, 6e-3, NULL),
    MEET("sa-1-3.0", 1, 3.0, 14.90060008, false),
    MEET("sa-4-2.0", 4, 2.0, 44.50405882, false),
    MEET("sa-9-1.5", 9, 1.5, 255.876495, false),
    MEET("sa-20-1.0", 20, 1.0, 388.4380444, false),
    MEET("sa-50-0.8", 50, 0.8, 79667.32023, false),
    MEET("sa-9-3.0", 9, 3.0, 32375669.86, true),
    LOG("sa-50-.3", "sa", 0, 50, 0.3, 0.5, 1.51423171671887),
    LOG("sa-50-.8", "sa", 0, 50, 0.8, 0.5, 11.2856147459210),
    LOG("sa-50-1.5", "sa", 0, 50, 1.5, 0.5, 41.8666613931846),
    LOG("sa-50-2.0", "sa", 0, 50, 2.0, 0.5, 66.3736648043859),
    LOG("sa-50-3.0", "sa", 0, 50, 3.0, 0.5, 98.0436160565344),
    LOG("sa-100-.3", "sa", 0, 100, 0.3, 0.5, 2.28342155282893),
    LOG("sa-100-.8", "sa", 0, 100, 0.8, 0.5, 25.7241049227608),
    LOG("sa-100-1.5", "sa", 0, 100, 1.5, 0.5, 87.6346063570209),
    LOG("sa-100-2.0", "sa", 0, 100, 2.0, 0.5, 136.496844589026),
    LOG("sa-100-3.0", "sa", 0, 100, 3.0, 0.5, 197.103953523846),
    LOG("sa-400-.3", "sa", 0, 400, 0.3, 0.5, 13.6791592977116),
    LOG("sa-400-.8", "sa", 0, 400, 0.8, 0.5, 115.303935050908),
    LOG("sa-400-1.5", "sa", 0, 400, 1.5, 0.5, 365.025892158135),
    LOG("sa-400-2.0", "sa", 0, 400, 2.0, 0.5, 559.961796781498),
    LOG("sa-400-3.0", "sa", 0, 400, 3.0, 0.5, 793.037948189784),
    LOG("sa-2000-.3", "sa", 0, 2000, 0.3, 0.5, 83.4821388438370),
    LOG("sa-2000-.8", "sa", 0, 2000, 0.8, 0.5, 598.958255128162),
    LOG("sa-2000-1.5", "sa", 0, 2000, 1.5, 0.5, 1850.23663494009),
    LOG("sa-2000-2.0", "sa", 0, 2000, 2.0, 0.5, 2824.18928720004),
    LOG("sa-2000-3.0", "sa", 0, 2000, 3.0, 0.5, 3975.56080311293),
    LOG("sa-50-.8-.25", "sa", 0, 50, 0.8, 0.25, 10.7748301880130),
    LOG("sa-50-.8-.1", "sa", 0, 50, 0.8, 0.1, 9.76947339063102),
    LOG("sa-50-.8-.01", "sa", 0, 50, 0.8, 0.01, 7.38624864978966),
    LOG("sa-50-2.0-.25", "sa", 0, 50, 2.0, 0.25, 65.8628391806199),
    LOG("sa-50-2.0-.1", "sa", 0, 50, 2.0, 0.1, 64.8573173150178),
    LOG("sa-50-2.0-.01", "sa", 0, 50, 2.0, 0.01, 62.4715901096109),
    LOG("sa-400-.8-.25", "sa", 0, 400, 0.8, 0.25, 114.793109427142),
    LOG("sa-400-.8-.1", "sa", 0, 400, 0.8, 0.1, 113.787587561540),
    LOG("sa-400-.8-.01", "sa", 0, 400, 0.8, 0.01, 111.401860356133),
    LOG("sa-400-2.0-.25", "sa", 0, 400, 2.0, 0.25, 559.450971157732),
    LOG("sa-400-2.0-.1", "sa", 0, 400, 2.0, 0.1, 558.445449292130),
    LOG("sa-400-2.0-.01", "sa", 0, 400, 2.0, 0.01, 556.059722086723),
    LOG("sa-2000-.8-.25", "sa", 0, 2000, 0.8, 0.25, 598.447429504396),
    LOG("sa-2000-.8-.1", "sa", 0, 2000, 0.8, 0.1, 597.441907638794),
    LOG("sa-2000-.8-.01", "sa", 0, 2000, 0.8, 0.01, 595.056180433387),
    LOG("sa-2000-2.0-.25", "sa", 0, 2000, 2.0, 0.25, 2823.67846157627),
    LOG("sa-2000-2.0-.1", "sa", 0, 2000, 2.0, 0.1, 2822.67293971067),
    LOG("sa-2000-2.0-.01", "sa", 0, 2000, 2.0, 0.01, 2820.28721250526),
    LOG("usa-50-.8", "usa", 1, 50, 0.8, 0.5, -38.0212659237013),
    LOG("usa-50-2.0", "usa", 1, 50, 2.0, 0.5, 17.0668119849458),
    LOG("usa-400-.8", "usa", 1, 400, 0.8, 0.5, -284.002917768536),
    LOG("usa-400-2.0", "usa", 1, 400, 2.0, 0.5, 160.654943962058),
    LOG("usa-400-3.0", "usa", 1, 400, 3.0, 0.5, 393.731095370344),
    LOG("usa-2000-.8", "usa", 1, 2000, 0.8, 0.5, -1400.34859769128),
    LOG("usa-2000-2.0", "usa", 1, 2000, 2.0, 0.5, 824.882434380598),
    LOG("usa-2000-3.0", "usa", 1, 2000, 3.0, 0.5, 1976.25395029349),
};

const theorem theorem_merge_times = {
    "T12", "exact times in which two clusters meet",
    "derived here from arXiv:2312.10794, eqs. (SA), (USA); tables by multiprecision quadrature", THEOREM_ROWS(rows)};
