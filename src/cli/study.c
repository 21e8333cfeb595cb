/* cli/study.c - dwell study: models x texts x controls, decided claim by claim. */
#include <dwell/report.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"
#include "cli/ranks.h"
#include "cli/study.h"
#include "file/jcursor.h"
#include "report/study_page.h"
#include "study/finish.h"
#include "study/verdicts.h"

enum { KEY_PRESET = 0x6000, KEY_DRY_RUN, KEY_SHARD, KEY_MERGE, KEY_SCHEMA, PLAN_MOST = 1 << 24 };

typedef struct study {
  cli *c;
  const char *plan_file, *preset, *name;
  bool dry_run, merge, schema, sharded;
  size_t shard, shards;
  char *text; /* of the plan */
  size_t size;
  strbuf folder; /* of the plan */
  study_plan plan;
  study_units units;
  verdicts verdicts;
  size_t rank, ranks; /* this process of how many (mpirun) */
  bool failed;        /* a unit, of any process */
  size_t told;        /* units of this process that failed */
} study;

/* "2/3" */
static void parse_shard(struct argp_state *state, study *s, const char *text) {
  char first[24];
  size_t length = strcspn(text, "/");
  int64_t shard = 0, shards = 0;
  snprintf(first, sizeof first, "%.*s", length < sizeof first ? (int)length : 0, text);
  bool right = text[length] == '/' && number_parse_int(text + length + 1, 1, 1000000, &shards) &&
               number_parse_int(first, 1, shards, &shard);
  if (!right) cli_usage(state, "--shard takes I/N with I from 1 to N, not \"%s\"", text);
  s->shard = (size_t)shard, s->shards = (size_t)shards, s->sharded = true;
}

/* A task of a Slurm array takes its share by itself. */
static void shard_of_slurm(study *s) {
  const char *id = getenv("SLURM_ARRAY_TASK_ID"), *count = getenv("SLURM_ARRAY_TASK_COUNT");
  const char *least = getenv("SLURM_ARRAY_TASK_MIN");
  int64_t task, tasks, first = 0;
  if (s->sharded || s->merge || s->dry_run || id == NULL || count == NULL) return;
  if (!number_parse_int(count, 1, 1000000, &tasks) || !number_parse_int(id, 0, INT32_MAX, &task)) return;
  if (least == NULL || !number_parse_int(least, 0, INT32_MAX, &first)) first = task >= tasks ? 1 : 0;
  if (task < first || task - first >= tasks) return; /* steps other than 1: --shard says it better */
  s->shard = (size_t)(task - first) + 1, s->shards = (size_t)tasks, s->sharded = tasks > 1;
}

static void check(struct argp_state *state, study *s) {
  if (s->schema) return;
  if ((s->plan_file != NULL) + (s->preset != NULL) != 1)
    cli_usage(state, "name a PLAN.json, or one that comes with dwell: --preset NAME");
  if (s->c->out == NULL && !s->dry_run) cli_usage(state, "say where the study goes: -o DIR");
  if (s->merge && s->sharded) cli_usage(state, "--merge takes all shards: leave --shard out");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  study *s = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = state->child_inputs[2] = s->c; break;
    case ARGP_KEY_ARG:
      if (s->plan_file != NULL) cli_usage(state, "one plan at a time");
      s->plan_file = arg;
      break;
    case KEY_PRESET: s->preset = arg; break;
    case KEY_DRY_RUN: s->dry_run = true; break;
    case KEY_SHARD: parse_shard(state, s, arg); break;
    case KEY_MERGE: s->merge = true; break;
    case KEY_SCHEMA: s->schema = true; break;
    case ARGP_KEY_END: check(state, s); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"preset", KEY_PRESET, "NAME", 0, "A plan that comes with dwell: demo, full, gpt2-family, albert-time", 10},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Measure nothing: say what can be decided, and what time and memory it takes",
     10},
    {"shard", KEY_SHARD, "I/N", 0,
     "Only the I-th of N shares of the work (default: SLURM_ARRAY_TASK_ID of SLURM_ARRAY_TASK_COUNT)", 20},
    {"merge", KEY_MERGE, NULL, 0, "Measure nothing: decide from what all shards have measured", 20},
    {"schema", KEY_SCHEMA, NULL, 0, "Print the JSON schema of a plan", 30},
    {0}};

static const struct argp_child children[] = {
    {&cli_argp_output, 0, NULL, 0}, {&cli_argp_threads, 0, NULL, 0}, {&cli_argp_words, 0, NULL, 0}, {0}};

static const char doc[] =
    "Run many models over many texts with their controls, and decide what of the theory they confirm.\v"
    "Examples:\n"
    "  dwell study --preset demo -o demo\n"
    "  dwell study plan.json --dry-run\n"
    "  dwell study plan.json -o study --shard 2/8     then, after all shards: dwell study plan.json -o study "
    "--merge\n"
    "  mpirun -np 8 dwell study plan.json -o study -t 1\n\n"
    "Interrupted or killed, the same command continues. A unit (one model, one text) that fails does not stop the "
    "others\n"
    "(exit code 1 at the end).";

/* ---- reading the plan ---- */

static dwell_status read_plan(study *s, dwell_error *err) {
  const study_preset *preset;
  dwell_status status = DWELL_OK;
  if (s->preset != NULL) {
    TRY(study_preset_find(s->preset, &preset, err));
    s->text = mem_copy(preset->text, preset->size, 1), s->size = preset->size;
    TRY_ALLOC(s->text, "the plan");
    strbuf_puts(&s->folder, "");
  } else {
    const char *slash = strrchr(s->plan_file, '/');
    TRY(file_slurp(s->plan_file, PLAN_MOST, &s->text, &s->size, err));
    if (slash != NULL) strbuf_add(&s->folder, s->plan_file, (size_t)(slash - s->plan_file) + (slash == s->plan_file));
  }
  TRY(study_plan_read(s->text, s->size, s->preset != NULL ? s->preset : s->plan_file,
                      s->folder.data != NULL ? s->folder.data : "", &s->plan, err));
  TRY(study_units_make(&s->plan, &s->units, err));
done:
  return status;
}

/* ---- running ---- */

/* Hundreds of units mostly fail for one reason: the first few say it, and all of them in their notes. */
static void tell_failure(study *s, const char *unit, const dwell_error *err) {
  enum { MOST = 8 };
  dwell_error shown = *err;
  if (s->told++ > MOST) return;
  if (s->told > MOST) {
    cli_clear(s->c);
    fprintf(stderr, "%s: more units fail: %s/failed says why.\n", s->name, s->c->out);
    return;
  }
  if (shown.item[0] == '\0' && strstr(shown.file, unit) == NULL) snprintf(shown.item, sizeof shown.item, "%s", unit);
  cli_fail(s->c, s->name, &shown);
}

static void tell(void *self, const char *unit, size_t number, size_t count, const dwell_error *opt_error) {
  study *s = self;
  if (opt_error != NULL) {
    tell_failure(s, unit, opt_error);
  } else if (s->c->verbose) {
    cli_clear(s->c);
    cli_say(s->c, "unit %zu of %zu: %s", number, count, unit);
  }
}

static size_t next_piece(void *self, size_t count) {
  (void)self;
  return ranks_next(count);
}

/* What all processes did. */
static void add_tallies(study *s, study_tally *t) {
  size_t sums[] = {t->measured, t->there, t->failed};
  ranks_add(sizeof sums / sizeof sums[0], sums);
  *t = (study_tally){sums[0], sums[1], sums[2]};
  s->failed = t->failed > 0;
}

static void say_tally(const study *s, const study_tally *t) {
  strbuf words = {0};
  strbuf_printf(&words, "%zu units measured", t->measured);
  if (t->there > 0) strbuf_printf(&words, ", %zu were there", t->there);
  if (t->failed > 0) strbuf_printf(&words, ", %zu failed (%s/failed says why)", t->failed, s->c->out);
  if (!words.failed) cli_say(s->c, "%s", words.data);
  strbuf_free(&words);
}

static dwell_status run_units(study *s, dwell_error *err) {
  study_tally t = {0};
  const study_work w = {.ctx = &s->c->ctx,
                        .plan = &s->plan,
                        .units = &s->units,
                        .folder = s->c->out,
                        .shard = s->shard,
                        .shards = s->shards,
                        .force = s->c->force,
                        .helps = s->rank > 0,
                        .next = next_piece,
                        .program = s->c->command.data,
                        .self = s,
                        .tell = tell};
  s->c->unit = " units";
  if (s->sharded) cli_say(s->c, "shard %zu of %zu", s->shard, s->shards);
  dwell_status status = study_run(&w, &t, err);
  ranks_next_end();
  cli_clear(s->c);
  dwell_status own = status;
  status = ranks_meet(status, err);
  if (status == DWELL_OK) add_tallies(s, &t);
  if (own == DWELL_OK || s->ranks == 1) say_tally(s, &t);
  if (status == DWELL_INTERRUPTED) error_remedy(err, "The same command continues");
  return status;
}

bool cli_is_study(const char *folder) {
  char path[STUDY_PATH];
  snprintf(path, sizeof path, "%.4000s/plan.json", folder);
  return access(path, F_OK) == 0;
}

size_t cli_width(void) {
  struct winsize w;
  enum { LEAST = 60, MOST = 120 };
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0) return 100;
  return w.ws_col < LEAST ? LEAST : w.ws_col > MOST ? MOST : w.ws_col;
}

void cli_print_verdicts(const cli *c, const study_plan *p, const verdicts *v, const char *thresholds, bool brief) {
  strbuf out = {0};
  const char *no_color = getenv("NO_COLOR");
  bool colour = isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
  if (c->json) verdicts_json(v, p, thresholds, &out);
  else if (!brief) verdicts_print(v, cli_width(), colour, &out), strbuf_putc(&out, '\n');
  if (!c->json) verdicts_table(v, colour, &out);
  if (!c->quiet || c->json) fwrite(out.data, 1, out.failed ? 0 : out.length, stdout);
  fflush(stdout); /* before the words that follow on standard error */
  strbuf_free(&out);
}

static dwell_status conclude(study *s, dwell_error *err) {
  dwell_status status = study_finish(s->c->out, &s->plan, &s->units, study_page_write, &s->verdicts, err);
  if (status != DWELL_OK) return status;
  cli_print_verdicts(s->c, &s->plan, &s->verdicts, NULL, false);
  cli_say(s->c, "%s: verdicts.csv, verdicts.json, numbers.csv, report.html, runs/", s->c->out);
  return DWELL_OK;
}

/* Several processes share the units; all else is the first one's. */
static dwell_status run_study(study *s, dwell_error *err) {
  bool first = s->rank == 0;
  dwell_status status = DWELL_OK;
  TRY(read_plan(s, err));
  if (s->dry_run) return first ? cli_study_forecast(s->c, &s->plan, &s->units, err) : DWELL_OK;
  status = first ? study_begin(s->c->out, s->text, s->size, s->c->force, err) : DWELL_OK;
  TRY(ranks_meet(status, err));
  if (!s->merge) TRY(run_units(s, err));
  if (!first) goto done;
  if (!s->sharded) TRY(conclude(s, err));
  else cli_say(s->c, "when all shards are done: the same command with --merge in place of --shard");
done:
  return status;
}

int cmd_study(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "[PLAN.json]", doc, children, NULL, NULL};
  study s = {.c = c, .name = argv[0], .shard = 1, .shards = 1};
  dwell_error err = {.offset = -1};
  ranks_hush();
  argp_parse(&argp, argc, argv, 0, NULL, &s);
  if (s.schema) {
    strbuf schema = {0};
    study_plan_schema(&schema);
    fputs(schema.failed ? "" : schema.data, stdout);
    strbuf_free(&schema);
    return DWELL_OK;
  }
  shard_of_slurm(&s);
  dwell_status status = ranks_begin(c, &err);
  s.rank = ranks_own(&c->ctx), s.ranks = ranks_count(&c->ctx);
  c->ctx.ranks = NULL; /* no sum is divided: units are */
  if (status == DWELL_OK) status = cli_selfcheck(&err);
  if (status == DWELL_OK) status = run_study(&s, &err);
  status = ranks_end_run(c, status, &err);
  verdicts_free(&s.verdicts);
  study_units_free(&s.units);
  study_plan_free(&s.plan);
  strbuf_free(&s.folder);
  mem_free(s.text);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  return s.failed ? DWELL_FAILED : DWELL_OK;
}
