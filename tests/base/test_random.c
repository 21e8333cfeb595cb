/* Random numbers: published known answers, numbers of an independent implementation (tools/oracle/random_streams.py),
 * and the statistics that a stream must have. */
#include "base/random.h"

#include <math.h>
#include <string.h>

#include "util/testing.h"

/* Random123's known answers of philox4x32 with 10 rounds (its file tests/kat_vectors). */
static void known_answers(void **state) {
  (void)state;
  static const struct {
    uint32_t counter[4];
    uint64_t key;
    uint32_t bits[4];
  } known[] = {
      {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       0xffffffffffffffff,
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       0x299f31d0a4093822, /* low word first */
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t t = 0; t < sizeof known / sizeof known[0]; t++) {
    random_stream s = {.seed = known[t].key, .purpose = known[t].counter[0], .replica = known[t].counter[1]};
    uint32_t bits[4];
    random_bits(&s, known[t].counter[2], known[t].counter[3], bits);
    assert_memory_equal(bits, known[t].bits, sizeof bits);
  }
}

/* A change here changes every published result that used a seed: never update these to make the test pass. */
static void streams_never_change(void **state) {
  (void)state;
  static const struct {
    uint64_t seed;
    uint32_t purpose, replica, i, j;
    double uniform, normal;
  } golden[] = {
      {0u, 1u, 0u, 0u, 0u, 0.36209111566940344051, -0.35287489660161829699},
      {1u, 1u, 0u, 0u, 0u, 0.87411193518713081740, 1.1460459748596202882},
      {0u, 2u, 0u, 0u, 0u, 0.31944576791009160477, -0.46924918026737256846},
      {0u, 1u, 1u, 0u, 0u, 0.89359457125613450668, 1.2458734532453368137},
      {0u, 1u, 0u, 1u, 0u, 0.85070025496905887774, 1.0394414176370194672},
      {0u, 1u, 0u, 0u, 1u, 0.31659348539808485068, -0.47724598291603598315},
      {1311768467463790320u, 5u, 7u, 511u, 767u, 0.36685484901602072316, -0.34019498044109978568},
      {18446744073709551615u, 100u, 4294967295u, 4294967295u, 4294967295u, 0.51886579840278168607,
       0.047307183117430913437},
  };
  for (size_t t = 0; t < sizeof golden / sizeof golden[0]; t++) {
    random_stream s = {golden[t].seed, golden[t].purpose, golden[t].replica};
    assert_true(random_uniform(&s, golden[t].i, golden[t].j) == golden[t].uniform); /* exact by construction */
    /* AS 241 claims 1e-16 in exact arithmetic; its 15 operations round. */
    assert_near(random_normal(&s, golden[t].i, golden[t].j), golden[t].normal, 1e-14, 0);
  }
  static const size_t expected[12] = {8, 3, 4, 9, 2, 1, 11, 5, 10, 6, 7, 0};
  size_t order[12];
  random_permutation(&(random_stream){42, 5, 3}, 9, 12, order);
  assert_memory_equal(order, expected, sizeof order);
}

static void quantiles(void **state) {
  (void)state;
  static const double golden[][2] = {
      {0.25, -0.67448975019608174320},
      {0.1, -1.2815515655446004353},
      {0.075, -1.4395314709384559349},
      {0.0750001, -1.4395307645017296865},
      {0.025, -1.9599639845400542118},
      {0.001, -3.0902323061678135354},
      {1e-06, -4.7534243088228989573},
      {1e-10, -6.3613409024040561991},
      {1.3887943864964e-11, -6.6579046435011038061},
      {1e-12, -7.0344838253011319326},
      {1e-17, -8.4937932241095980661},
      {1e-100, -21.273453560965324294},
      {1e-300, -37.047096299361199237},
      {5.551115123125783e-17, -8.2923610758135955382},
      {0.6, 0.25334710313579974132},
      {0.9, 1.2815515655446005935},
      {0.925, 1.4395314709384562291},
      {0.99, 2.3263478740408407676},
      {0.9999, 3.7190164854557083867},
      {0.9999999999990905, 7.0477002566644087254},
      {0.9999999999999999, 8.2095361516013868556},
  };
  assert_true(random_normal_quantile(0.5) == 0);
  for (size_t t = 0; t < sizeof golden / sizeof golden[0]; t++) {
    assert_near(random_normal_quantile(golden[t][0]), golden[t][1], 1e-14, 0);
  }
  for (double p = 1e-9; p < 0.5; p *= 1.01) assert_true(random_normal_quantile(p * 1.01) > random_normal_quantile(p));
}

/* ---- statistics ---- */

enum { DRAWS = 200000 };

/* Deviations are in standard errors; 5 of them happen by chance once in two million, and the stream is fixed, so the
 * test either always passes or never. */
static void check_moment(double sum, double expected, double variance) {
  assert_near(sum / DRAWS, expected, 0, 5 * sqrt(variance / DRAWS));
}

static void uniform_and_normal_have_their_moments(void **state) {
  (void)state;
  random_stream s = {.seed = 1, .purpose = RANDOM_TEST};
  double u1 = 0, u2 = 0, lag = 0, z1 = 0, z2 = 0, z3 = 0, z4 = 0, before = 0.5;
  for (uint32_t t = 0; t < DRAWS; t++) {
    double u = random_uniform(&s, t % 447, t / 447), z = random_normal(&s, t, 1);
    assert_true(u > 0 && u < 1);
    u1 += u, u2 += u * u, lag += (u - 0.5) * (before - 0.5), before = u;
    z1 += z, z2 += z * z, z3 += z * z * z, z4 += z * z * z * z;
  }
  check_moment(u1, 1. / 2, 1. / 12);
  check_moment(u2, 1. / 3, 4. / 45);
  check_moment(lag, 0, 1. / 144);
  check_moment(z1, 0, 1);
  check_moment(z2, 1, 2);
  check_moment(z3, 0, 15);
  check_moment(z4, 3, 96);
}

/* Pearson's chi^2 of counts with equal expectations, against its mean + 5 standard deviations. */
static void check_equal(const size_t *counts, size_t cells, size_t total) {
  double expected = (double)total / (double)cells, chi2 = 0;
  for (size_t c = 0; c < cells; c++) {
    double off = (double)counts[c] - expected;
    chi2 += off * off / expected;
  }
  double freedom = (double)(cells - 1);
  assert_near(chi2, freedom, 0, 5 * sqrt(2 * freedom));
}

static void below_is_uniform(void **state) {
  (void)state;
  random_stream s = {.seed = 2, .purpose = RANDOM_TEST};
  size_t counts[7] = {0};
  for (uint32_t t = 0; t < 70000; t++) {
    size_t r = random_below(&s, 3, t, 7);
    assert_true(r < 7);
    counts[r]++;
    assert_int_equal(random_below(&s, 3, t, 1), 0);
  }
  check_equal(counts, 7, 70000);
  assert_true(random_below(&s, 0, 0, SIZE_MAX) > SIZE_MAX / 4); /* no overflow: 0.36 of the range, as the uniform */
}

/* All 24 orders of 4 things come equally often; larger ones are permutations. */
static void permutations_are_uniform(void **state) {
  (void)state;
  random_stream s = {.seed = 4, .purpose = RANDOM_SHUFFLE};
  size_t counts[256] = {0}, orders[24], found = 0, order[1000], seen[1000] = {0};
  for (uint32_t t = 0; t < 48000; t++) {
    random_permutation(&s, t, 4, order);
    counts[order[0] << 6 | order[1] << 4 | order[2] << 2 | order[3]]++;
  }
  for (size_t c = 0; c < 256; c++) {
    if (counts[c] == 0) continue;
    assert_true(found < 24);
    orders[found++] = counts[c];
  }
  assert_int_equal(found, 24);
  check_equal(orders, 24, 48000);
  random_permutation(&s, 0, 1000, order);
  for (size_t i = 0; i < 1000; i++) assert_true(order[i] < 1000 && seen[order[i]]++ == 0);
  random_permutation(&s, 0, 1, order);
  assert_int_equal(order[0], 0);
  random_permutation(&s, 0, 0, order);
}

/* Changing any one part of the key gives unrelated numbers. */
static void streams_are_unrelated(void **state) {
  (void)state;
  random_stream s = {.seed = 9, .purpose = RANDOM_TEST, .replica = 3};
  random_stream others[] = {
      {10, RANDOM_TEST, 3}, {9 + (1ull << 32), RANDOM_TEST, 3}, {9, RANDOM_START, 3}, {9, RANDOM_TEST, 4}};
  for (size_t o = 0; o < 4; o++) {
    double product = 0;
    for (uint32_t t = 0; t < 20000; t++) product += random_normal(&s, t, 0) * random_normal(&others[o], t, 0);
    assert_near(product / 20000, 0, 0, 5 / sqrt(20000.));
  }
}

/* Many at once are those that come one by one, whatever the count and where the counters begin. */
static void normals_at_once(void **state) {
  enum { MOST = 1000 };
  double many[MOST];
  (void)state;
  const random_stream s = {.seed = 7, .purpose = RANDOM_TEST};
  for (size_t count = 0; count <= MOST; count += count < 130 ? 1 : 145) {
    uint32_t first = UINT32_MAX - MOST + 1;
    random_normals(&s, 3, first, count, many);
    for (size_t k = 0; k < count; k++) {
      double one = random_normal(&s, 3, first + (uint32_t)k);
      assert_memory_equal(&many[k], &one, sizeof one);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(streams_never_change),
      cmocka_unit_test(quantiles),
      cmocka_unit_test(uniform_and_normal_have_their_moments),
      cmocka_unit_test(below_is_uniform),
      cmocka_unit_test(permutations_are_uniform),
      cmocka_unit_test(streams_are_unrelated),
      cmocka_unit_test(normals_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
