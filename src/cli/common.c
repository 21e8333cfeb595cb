/* cli/common.c - what the commands share: interrupts, progress, errors, option values. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"
#include "linalg/gemm.h"

/* ---- interrupts ---- */

/* When the first interrupt came, in nanoseconds of clock_seconds; 0: none did. Handlers may run on several threads. */
static _Atomic int64_t interrupted_at;

/* One interrupt often arrives twice: timeout(1) signals its child and then the group, and wrappers pass on what the
 * terminal has sent to all. */
enum { SAME_INTERRUPT_NANOSECONDS = 300000000 };

static void on_signal(int number) {
  int64_t now = 1 + (int64_t)(1e9 * clock_seconds()), first = 0;
  if (atomic_compare_exchange_strong(&interrupted_at, &first, now)) return;
  if (now - first < SAME_INTERRUPT_NANOSECONDS) return;
  signal(number, SIG_DFL); /* the second one means it */
  raise(number);
}

/* A signal that was ignored stays ignored: nohup, and jobs in the background. */
static void watch(int number) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN) return;
  sigaction(number, &action, NULL);
}

static int is_interrupted(void *self) {
  (void)self;
  return atomic_load(&interrupted_at) != 0;
}

/* ---- progress and words ---- */

static bool on_terminal(void) {
  const char *no_color = getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

void cli_clear(cli *c) {
  if (c->stage[0] == '\0') return;
  fputs("\r\033[K", stderr);
  c->stage[0] = '\0';
}

static void show_progress(void *self, const char *stage, double done, double total) {
  cli *c = self;
  double now = clock_seconds();
  if (strcmp(c->stage, stage) != 0) {
    snprintf(c->stage, sizeof c->stage, "%s", stage);
    c->stage_began = now;
  } else if (now - c->last_drawn < 0.1 && done < total) {
    return;
  }
  c->last_drawn = now;
  enum { WIDTH = 30 };
  double share = total > 0 ? fmin(done / total, 1) : 0, spent = now - c->stage_began;
  int full = (int)(share * WIDTH);
  fprintf(stderr, "\r\033[K%s%-10s [%.*s%*s] %3.0f %%", c->part, stage, full, "##############################",
          WIDTH - full, "", 100 * share);
  if (spent > 0.3 && share > 0) {
    double left = spent * (1 - share) / share;
    fprintf(stderr, "  %.3g%s/s  %d:%02d left", done / spent, c->unit != NULL ? c->unit : "", (int)left / 60,
            (int)left % 60);
  }
}

/* Words may hold names of files, tensors or tokens: nothing in them moves the cursor or turns the writing around. */
enum { LINE = 9000 }; /* two paths and some words */

static void show_line(const char *before, const char *line) {
  char shown[LINE];
  str_display(shown, sizeof shown, line, strlen(line));
  fprintf(stderr, "%s%s\n", before, shown);
}

static void show_log(void *self, dwell_level level, const char *line) {
  cli *c = self;
  if (level == DWELL_LOG_DEBUG && !c->verbose) return;
  if (level == DWELL_LOG_INFO && c->quiet) return;
  cli_clear(c);
  show_line(level == DWELL_LOG_WARNING ? "warning: " : "", line);
}

void cli_say(const cli *c, const char *format, ...) {
  if (c->quiet) return;
  char line[LINE];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  show_line("", line);
}

void cli_usage(struct argp_state *state, const char *format, ...) {
  char line[600], shown[600]; /* an option's value may be a whole text: its beginning is enough */
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  str_display(shown, sizeof shown, line, strlen(line));
  argp_error(state, "%s", shown);
}

/* A shell would read the line back as typed. */
static void quote(strbuf *s, const char *word) {
  if (s->length > 0) strbuf_putc(s, ' ');
  bool plain = word[0] != '\0' && word[strspn(word,
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                              "0123456789-_=+:,./@%^")] == '\0';
  if (plain) {
    strbuf_puts(s, word);
    return;
  }
  strbuf_putc(s, '\'');
  for (; *word != '\0'; word++) {
    if (*word == '\'') strbuf_puts(s, "'\\''");
    else strbuf_putc(s, *word);
  }
  strbuf_putc(s, '\'');
}

void cli_begin(cli *c, int argc, char **argv) {
  *c = (cli){.ctx = dwell_context_default()};
  c->ctx.self = c;
  c->ctx.interrupted = is_interrupted;
  c->ctx.log = show_log;
  if (on_terminal()) c->ctx.progress = show_progress;
  strbuf_puts(&c->command, "dwell");
  for (int i = 1; i < argc; i++) quote(&c->command, argv[i]);
  argp_err_exit_status = DWELL_USAGE;
  watch(SIGINT);
  watch(SIGTERM);
  watch(SIGHUP);
  signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of fflush, not a silent death */
  signal(SIGXFSZ, SIG_IGN); /* and a file that may not grow (ulimit -f) one of write */
}

dwell_status cli_selfcheck(dwell_error *err) { return gemm_selfcheck(true, err); }

int cli_fail(cli *c, const char *name, const dwell_error *err) {
  char text[1600], remedy[300];
  dwell_error shown = *err;
  cli_clear(c);
  snprintf(remedy, sizeof remedy, "%s", err->remedy);
  shown.remedy[0] = '\0';
  fprintf(stderr, "%s: %s.\n", name, dwell_error_text(&shown, text, sizeof text));
  if (remedy[0] != '\0') fprintf(stderr, "  %s%s\n", remedy, strchr(".?!", remedy[strlen(remedy) - 1]) ? "" : ".");
  return (int)err->status;
}

/* ---- option values ---- */

size_t cli_size(struct argp_state *state, const char *option, const char *text, size_t low, size_t high) {
  int64_t value;
  if (number_parse_int(text, (int64_t)low, (int64_t)high, &value)) return (size_t)value;
  cli_usage(state, "%s takes a whole number from %zu to %zu, not \"%s\"", option, low, high, text);
  return low;
}

double cli_real(struct argp_state *state, const char *option, const char *text, double low, double high) {
  double value;
  if (number_parse(text, &value) && value >= low && value <= high) return value;
  if (isinf(high)) cli_usage(state, "%s takes a number of at least %g, not \"%s\"", option, low, text);
  else cli_usage(state, "%s takes a number from %g to %g, not \"%s\"", option, low, high, text);
  return low;
}

size_t cli_choice(struct argp_state *state, const char *option, const char *text, const char *const *names) {
  size_t count = 0;
  strbuf all = {0};
  for (; names[count] != NULL; count++) {
    if (strcmp(names[count], text) == 0) return count;
  }
  for (size_t i = 0; i < count; i++) {
    strbuf_printf(&all, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
  }
  cli_usage(state, "%s takes %s, not \"%s\"", option, all.data, text);
  strbuf_free(&all);
  return 0;
}

/* ---- common options ---- */

enum { KEY_JSON = 0x1000, KEY_SEED, KEY_MEMORY, KEY_FORCE, KEY_DTYPE };

static error_t parse_common(int key, char *arg, struct argp_state *state) {
  static const char *const dtypes[] = {"f32", "f64", NULL};
  cli *c = state->input;
  switch (key) {
    case 'q': c->quiet = true, c->ctx.progress = NULL; break;
    case 'v': c->verbose = true; break;
    case KEY_JSON: c->json = true; break;
    case 't': c->ctx.threads = (int)cli_size(state, "--threads", arg, 1, 1024); break;
    case KEY_SEED: c->ctx.seed = cli_size(state, "--seed", arg, 0, INT64_MAX); break;
    case KEY_MEMORY: c->ctx.memory_bound = (uint64_t)(cli_real(state, "--memory", arg, 1, 1e9) * 1e6); break;
    case 'o': c->out = arg; break;
    case KEY_FORCE: c->force = true; break;
    case KEY_DTYPE: c->dtype = cli_choice(state, "--dtype", arg, dtypes) == 0 ? DWELL_F32 : DWELL_F64; break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option words[] = {{"quiet", 'q', NULL, 0, "No progress, no words; errors only", 90},
                                           {"verbose", 'v', NULL, 0, "More words", 90},
                                           {"json", KEY_JSON, NULL, 0, "Standard output as JSON", 90},
                                           {0}};
#define OPTION_THREADS \
  { "threads", 't', "N", 0, "Threads (default: the CPUs of this process); results do not depend on it", 80 }
static const struct argp_option threads[] = {OPTION_THREADS, {0}};
static const struct argp_option compute[] = {
    OPTION_THREADS,
    {"seed", KEY_SEED, "S", 0, "Seed of every random stream (default 0)", 80},
    {"memory", KEY_MEMORY, "MB", 0, "Refuse, before computing, what may need more than this", 80},
    {"dtype", KEY_DTYPE, "f32|f64", 0, "Precision of the states (measure: f32, simulate: f64)", 80},
    {0}};
static const struct argp_option output[] = {
    {NULL, 'o', "RUN", 0, "Folder for the results", 70},
    {"force", KEY_FORCE, NULL, 0, "Replace a finished run (only the files it lists)", 70},
    {0}};
const struct argp cli_argp_words = {.options = words, .parser = parse_common};
const struct argp cli_argp_threads = {.options = threads, .parser = parse_common};
const struct argp cli_argp_compute = {.options = compute, .parser = parse_common};
const struct argp cli_argp_output = {.options = output, .parser = parse_common};

const char *cli_bytes(uint64_t bytes, char text[24]) {
  double mb = (double)bytes / 1e6;
  if (mb < 1000) snprintf(text, 24, "%.0f MB", ceil(mb));
  else snprintf(text, 24, "%.2f GB", mb / 1000);
  return text;
}
