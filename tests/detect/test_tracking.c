/* tests/detect/test_tracking.c - identities of clusters: the cases of the definition one by one, a slow twin written
 * from its sentences, and invariances. */
#include <string.h>

#include "base/random.h"
#include "detect/detect.h"
#include "util/testing.h"

static tracking track(const int32_t *labels, size_t states, size_t n) {
  dwell_error err;
  tracking t;
  assert_ok(detect_tracking(labels, states, n, &t, &err), &err);
  return t;
}

static void assert_event(const tracking *t, size_t k, size_t state, track_kind kind, int32_t id, int32_t other) {
  assert_true(k < t->event_count);
  const track_event *e = &t->events[k];
  if (e->state != state || e->kind != kind || e->id != id || e->other != other)
    fail_msg("event %zu: %s of %d and %d at state %zu", k, track_kind_name(e->kind), e->id, e->other, e->state);
}

static void assert_life(const tracking *t, size_t id, size_t born, size_t last) {
  assert_true(id < t->life_count);
  assert_int_equal(t->lives[id].born, born);
  assert_int_equal(t->lives[id].last, last);
}

/* A string of one character per token and state: '.' unassigned, 'a' cluster 0, ... */
static tracking track_text(const char *const *rows, size_t states) {
  size_t n = strlen(rows[0]);
  int32_t labels[1024];
  for (size_t l = 0; l < states; l++) {
    for (size_t i = 0; i < n; i++) labels[l * n + i] = rows[l][i] == '.' ? -1 : rows[l][i] - 'a';
  }
  return track(labels, states, n);
}

/* 30 + 6 tokens for two states, one cluster of 36 for four: the larger goes on, the smaller ends in it. */
static void d_1_12_the_larger_cluster_survives_a_merge(void **state) {
  (void)state;
  int32_t labels[6 * 36];
  for (size_t k = 0; k < 6 * 36; k++) labels[k] = k / 36 < 2 && k % 36 >= 30;
  tracking t = track(labels, 6, 36);
  assert_int_equal(t.life_count, 2);
  assert_life(&t, 0, 0, 5);
  assert_life(&t, 1, 0, 1);
  assert_int_equal(t.event_count, 1);
  assert_event(&t, 0, 2, TRACK_MERGE, 1, 0);
  tracking_free(&t);
}

static void d_1_12_one_state_of_noise_ends_no_cluster(void **state) {
  (void)state;
  static const char *const rows[] = {"aaaabbbb", "aaaabbbb", "....bbbb", "aaaabbbb", "aaaabbbb"};
  tracking t = track_text(rows, 5);
  assert_int_equal(t.life_count, 2);
  assert_life(&t, 0, 0, 4);
  assert_int_equal(t.event_count, 1);
  assert_event(&t, 0, 3, TRACK_RESUME, 0, 0);
  assert_int_equal(t.ids[2 * 8], -1);
  tracking_free(&t);
}

static void test_two_states_of_noise_end_it(void **state) {
  (void)state;
  static const char *const rows[] = {"aaaabbbb", "....bbbb", "....bbbb", "aaaabbbb"};
  tracking t = track_text(rows, 4);
  assert_int_equal(t.event_count, 2);
  assert_event(&t, 0, 1, TRACK_DEATH, 0, 0);
  assert_event(&t, 1, 3, TRACK_BIRTH, 2, 2);
  assert_life(&t, 0, 0, 0);
  tracking_free(&t);
}

static void d_1_12_a_split_is_no_birth(void **state) {
  (void)state;
  static const char *const rows[] = {"aaaaaaaaa", "aaaaaabbb"};
  tracking t = track_text(rows, 2);
  assert_int_equal(t.event_count, 1);
  assert_event(&t, 0, 1, TRACK_SPLIT, 1, 0);
  assert_life(&t, 0, 0, 1); /* the larger piece */
  assert_int_equal(t.ids[9], 0);
  tracking_free(&t);
}

static void test_birth_death_and_the_last_state(void **state) {
  (void)state;
  static const char *const rows[] = {"........", "aaaa....", "aaaabbbb", "....bbbb"};
  tracking t = track_text(rows, 4);
  assert_int_equal(t.event_count, 3);
  assert_event(&t, 0, 1, TRACK_BIRTH, 0, 0);
  assert_event(&t, 1, 2, TRACK_BIRTH, 1, 1);
  assert_event(&t, 2, 3, TRACK_DEATH, 0, 0);
  tracking_free(&t);
}

/* Less than half of it lies anywhere: it fades, it does not merge. */
static void test_dissolving_is_a_death(void **state) {
  (void)state;
  static const char *const rows[] = {"aaaaaabbbbbbcccccc", "..aabbbbbbbb.ccccc", "..aabbbbbbbb.ccccc"};
  static const char *const scattered[] = {"aaaaaabbbbbbbbbbcccccccccc", "bbcc..bbbbbbbbbbcccccccccc",
                                          "bbcc..bbbbbbbbbbcccccccccc"};
  tracking t = track_text(rows, 3);
  assert_life(&t, 0, 0, 2);
  assert_int_equal(t.event_count, 0);
  tracking_free(&t);
  t = track_text(scattered, 3);
  assert_event(&t, 0, 1, TRACK_DEATH, 0, 0);
  tracking_free(&t);
}

static void test_edges(void **state) {
  (void)state;
  dwell_error err;
  tracking t;
  const int32_t none[3] = {-1, -1, -1}, wrong[2] = {0, 2}, low[1] = {-2};
  t = track(none, 0, 0);
  assert_int_equal(t.life_count, 0);
  tracking_free(&t);
  t = track(none, 3, 1);
  assert_int_equal(t.life_count + t.event_count, 0);
  tracking_free(&t);
  assert_fails(detect_tracking(wrong, 1, 2, &t, &err), DWELL_BAD_INPUT, &err, "2 is no label");
  tracking_free(&t);
  assert_fails(detect_tracking(low, 1, 1, &t, &err), DWELL_BAD_INPUT, &err, "-2 is no label");
  tracking_free(&t);
}

/* ---- random labels ---- */

enum { LENGTH = 9, N = 24, CLUSTERS = 4, MOST = LENGTH * N };
static const random_stream numbers = {.seed = 3, .purpose = RANDOM_TEST};

/* Clusters that drift: a token keeps its label most of the time; some states have fewer clusters or none. */
static void draw_labels(uint32_t seed, int32_t labels[MOST]) {
  for (uint32_t l = 0; l < LENGTH; l++) {
    for (uint32_t i = 0; i < N; i++) {
      double u = random_uniform(&numbers, 1000 * seed + l, i);
      int32_t fresh = (int32_t)random_below(&numbers, 1000 * seed + l, 500 + i, CLUSTERS + 1) - 1;
      labels[l * N + i] = l > 0 && u < 0.85 ? labels[(l - 1) * N + i] : fresh;
    }
    bool silent = random_uniform(&numbers, 1000 * seed + l, 999) < 0.15;
    for (uint32_t i = 0; silent && i < N; i++) labels[l * N + i] = -1;
  }
}

/* ---- the slow twin: sets of tokens, by the sentences of the definition ---- */

typedef struct set {
  bool has[N];
  size_t size;
  int32_t id;
} set;

typedef struct twin {
  int32_t ids[MOST];
  track_life lives[MOST];
  size_t lives_count, deaths, merges, splits, births, resumes;
} twin;

static size_t sets_of(const int32_t *labels, set out[CLUSTERS]) {
  for (int32_t c = 0; c < CLUSTERS; c++) {
    out[c] = (set){.id = -1};
    for (size_t i = 0; i < N; i++) out[c].has[i] = labels[i] == c, out[c].size += labels[i] == c;
  }
  return CLUSTERS;
}

static double common(const set *a, const set *b) {
  size_t both = 0;
  for (size_t i = 0; i < N; i++) both += a->has[i] && b->has[i];
  return (double)both;
}

static double similarity(const set *a, const set *b) {
  double o = common(a, b), all = (double)(a->size + b->size) - o;
  return all > 0 ? o / all : 0;
}

static int best_for(const set *a, const set *from, bool forward) {
  int best = -1;
  for (int k = 0; k < CLUSTERS; k++) {
    double s = common(a, &from[k]) + similarity(a, &from[k]) / 2;
    (void)forward;
    if (common(a, &from[k]) > 0 && (best < 0 || s > common(a, &from[best]) + similarity(a, &from[best]) / 2)) best = k;
  }
  return best;
}

static void twin_step(twin *w, size_t l, set *old, set *now, set *lost, size_t *lost_count, bool *lost_here) {
  int heir_of[CLUSTERS];
  for (int p = 0; p < CLUSTERS; p++) {
    int q = old[p].size > 0 ? best_for(&old[p], now, true) : -1;
    bool half = q >= 0 && (2 * common(&old[p], &now[q]) >= (double)old[p].size ||
                           2 * common(&old[p], &now[q]) >= (double)now[q].size);
    heir_of[p] = half && best_for(&now[q], old, false) == p ? q : -1;
    if (heir_of[p] >= 0) now[q].id = old[p].id, w->lives[old[p].id].last = l;
  }
  for (int q = 0; q < CLUSTERS; q++) {
    if (now[q].size == 0 || now[q].id >= 0) continue;
    int again = -1, p = best_for(&now[q], old, false);
    for (int k = 0; k < (int)*lost_count; k++) {
      if (!lost_here[k] || similarity(&lost[k], &now[q]) < 0.5) continue;
      if (again < 0 || similarity(&lost[k], &now[q]) > similarity(&lost[again], &now[q])) again = k;
    }
    if (again >= 0) {
      lost_here[again] = false;
      now[q].id = lost[again].id;
      w->lives[now[q].id].last = l;
      w->resumes++;
      continue;
    }
    bool piece = p >= 0 && heir_of[p] >= 0 && 2 * common(&now[q], &old[p]) >= (double)now[q].size;
    now[q].id = (int32_t)w->lives_count;
    w->lives[w->lives_count++] = (track_life){l, l};
    if (l > 0 && piece) w->splits++;
    if (l > 0 && !piece) w->births++;
  }
  for (size_t k = 0; k < *lost_count; k++) w->deaths += lost_here[k];
  *lost_count = 0;
  for (int p = 0; p < CLUSTERS; p++) {
    if (old[p].size == 0 || heir_of[p] >= 0) continue;
    int q = best_for(&old[p], now, true);
    if (q >= 0 && 2 * common(&old[p], &now[q]) >= (double)old[p].size) w->merges++;
    else lost[*lost_count] = old[p], lost_here[(*lost_count)++] = true;
  }
}

static void twin_track(const int32_t *labels, twin *w) {
  set old[CLUSTERS] = {{{0}, 0, -1}}, now[CLUSTERS], lost[CLUSTERS];
  bool lost_here[CLUSTERS];
  size_t lost_count = 0;
  *w = (twin){.lives_count = 0};
  for (size_t l = 0; l < LENGTH; l++) {
    sets_of(labels + l * N, now);
    twin_step(w, l, old, now, lost, &lost_count, lost_here);
    for (size_t i = 0; i < N; i++) w->ids[l * N + i] = labels[l * N + i] < 0 ? -1 : now[labels[l * N + i]].id;
    memcpy(old, now, sizeof old);
  }
  for (size_t k = 0; k < lost_count; k++) w->deaths += lost_here[k];
}

static size_t events_of(const tracking *t, track_kind kind) {
  size_t count = 0;
  for (size_t k = 0; k < t->event_count; k++) count += t->events[k].kind == kind;
  return count;
}

static void test_against_the_twin(void **state) {
  (void)state;
  static twin w;
  int32_t labels[MOST];
  size_t seen[5] = {0};
  for (uint32_t seed = 0; seed < 400; seed++) {
    draw_labels(seed, labels);
    tracking t = track(labels, LENGTH, N);
    twin_track(labels, &w);
    assert_memory_equal(t.ids, w.ids, sizeof w.ids);
    assert_int_equal(t.life_count, w.lives_count);
    for (size_t k = 0; k < t.life_count; k++) assert_life(&t, k, w.lives[k].born, w.lives[k].last);
    const size_t expected[5] = {w.births, w.deaths, w.merges, w.splits, w.resumes};
    for (int k = 0; k < 5; k++) {
      assert_int_equal(events_of(&t, (track_kind)k), expected[k]);
      seen[k] += expected[k];
    }
    for (size_t k = 1; k < t.event_count; k++) assert_true(t.events[k - 1].state <= t.events[k].state);
    tracking_free(&t);
  }
  for (int k = 0; k < 5; k++) assert_true(seen[k] > 20); /* every kind was there to be compared */
}

/* Label numbers and the order of tokens mean nothing: lives and events stay up to the numbers of identities. */
static void test_invariant_under_renumbering(void **state) {
  (void)state;
  int32_t labels[MOST], moved[MOST];
  for (uint32_t seed = 0; seed < 50; seed++) {
    draw_labels(seed, labels);
    for (size_t k = 0; k < MOST; k++) moved[k / N * N + (N - 1 - k % N)] = labels[k];
    tracking a = track(labels, LENGTH, N), b = track(moved, LENGTH, N);
    for (size_t k = 0; k < MOST; k++) assert_int_equal(a.ids[k], b.ids[k / N * N + (N - 1 - k % N)]);
    assert_int_equal(a.event_count, b.event_count);
    tracking_free(&a), tracking_free(&b);
  }
}

/* ---- lifespans ---- */

static value median(const track_life *lives, size_t count, size_t states) {
  tracking t = {.states = states, .lives = (track_life *)lives, .life_count = count};
  dwell_error err;
  value v;
  assert_ok(detect_lifespan(&t, &v, &err), &err);
  return v;
}

/* Lengths 1, 2, 2, 3+ (censored), 5: survival 4/5, 2/5 -> the median is 2. With the 3+ taken as an end it would be the
 * same, with it left out it would be the same; so a second set, where censoring matters. */
static void d_1_12_lifespans_know_censoring(void **state) {
  (void)state;
  const track_life some[] = {{1, 1}, {2, 3}, {1, 2}, {7, 9}, {2, 6}};
  assert_near(median(some, 5, 10).number, 2, 0, 0);
  /* 1, 2+, 2+, 4, 4 (nine states): S(1) = .8, S(4) = 0 -> 4; averaging the censored as ends would say 2 */
  const track_life young[] = {{3, 3}, {7, 8}, {7, 8}, {1, 4}, {2, 5}};
  assert_near(median(young, 5, 9).number, 4, 0, 0);
  const track_life start[] = {{0, 3}, {0, 2}};
  assert_string_equal(median(start, 2, 9).undefined, "no births seen");
  const track_life end[] = {{5, 8}, {6, 8}};
  assert_string_equal(median(end, 2, 9).undefined, "censored");
  assert_string_equal(median(end, 0, 9).undefined, "no births seen");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(d_1_12_the_larger_cluster_survives_a_merge),
      cmocka_unit_test(d_1_12_one_state_of_noise_ends_no_cluster),
      cmocka_unit_test(d_1_12_a_split_is_no_birth),
      cmocka_unit_test(d_1_12_lifespans_know_censoring),
      cmocka_unit_test(test_two_states_of_noise_end_it),
      cmocka_unit_test(test_birth_death_and_the_last_state),
      cmocka_unit_test(test_dissolving_is_a_death),
      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_against_the_twin),
      cmocka_unit_test(test_invariant_under_renumbering),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
