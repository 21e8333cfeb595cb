/* cli/interventions.c - --scale-wo, --scale-wq, --rotate-wo, --drop-heads, --patch and --at. */
#include "cli/interventions.h"

#include <string.h>

#include "base/error.h"
#include "base/number.h"

enum { KEY_SCALE_WO = 0x5000, KEY_SCALE_WQ, KEY_ROTATE_WO, KEY_DROP_HEADS, KEY_PATCH, KEY_AT };
enum { MOST_PLACE = 10000000 }; /* far above any number of blocks or heads */
static const double MOST_SCALE = 1e6;

void interventions_begin(cli_interventions *i) {
  *i = (cli_interventions){.what = dwell_intervention_none(), .at = SIZE_MAX};
}

void interventions_free(cli_interventions *i) {
  dwell_patch_free(i->patch);
  arena_clear(&i->storage);
}

bool interventions_any(const cli_interventions *i) {
  const dwell_intervention *what = &i->what;
  return what->scale_wo != 1 || what->scale_wq != 1 || what->rotate_wo || what->drop_count > 0 || i->patch_file != NULL;
}

/* "b.h" */
static bool parse_head(const char *text, dwell_head_place *ret_place) {
  char block[24];
  int64_t b, h;
  const char *dot = strchr(text, '.');
  if (dot == NULL || (size_t)(dot - text) >= sizeof block) return false;
  memcpy(block, text, (size_t)(dot - text));
  block[dot - text] = '\0';
  if (!number_parse_int(block, 0, MOST_PLACE, &b) || !number_parse_int(dot + 1, 0, MOST_PLACE, &h)) return false;
  *ret_place = (dwell_head_place){(size_t)b, (size_t)h};
  return true;
}

static void parse_heads(struct argp_state *state, const char *list, cli_interventions *i) {
  size_t count = 1;
  char item[48];
  for (const char *p = list; *p != '\0'; p++) count += *p == ',';
  dwell_head_place *places = ARENA_NEW(&i->storage, dwell_head_place, count);
  if (places == NULL) argp_failure(state, DWELL_NO_MEMORY, 0, "out of memory");
  for (size_t k = 0; str_item(&list, item, sizeof item); k++) {
    if (parse_head(item, &places[k])) continue;
    cli_usage(state, "--drop-heads takes heads as BLOCK.HEAD separated by commas, such as 0.3,5.11, not \"%s\"", item);
  }
  i->what.drop = places, i->what.drop_count = count;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  cli_interventions *i = state->input;
  switch (key) {
    case KEY_SCALE_WO: i->what.scale_wo = cli_real(state, "--scale-wo", arg, -MOST_SCALE, MOST_SCALE); break;
    case KEY_SCALE_WQ: i->what.scale_wq = cli_real(state, "--scale-wq", arg, -MOST_SCALE, MOST_SCALE); break;
    case KEY_ROTATE_WO:
      i->what.rotate_wo = true;
      i->what.rotate_seed = cli_size(state, "--rotate-wo", arg, 0, INT64_MAX);
      break;
    case KEY_DROP_HEADS: parse_heads(state, arg, i); break;
    case KEY_PATCH: i->patch_file = arg; break;
    case KEY_AT: i->at = cli_size(state, "--at", arg, 0, MOST_PLACE); break;
    case ARGP_KEY_END:
      if (i->patch_file != NULL && i->at == SIZE_MAX)
        cli_usage(state, "--patch needs --at L: the state that the file takes the place of");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

#define OF_WEIGHTS                                                                                                   \
  {"scale-wo", KEY_SCALE_WO, "S", 0, "Intervention: every W_O (heads to stream) and its bias times S", 30},          \
      {"scale-wq", KEY_SCALE_WQ, "S", 0, "Intervention: every W_Q and its bias times S: beta", 30},                  \
      {"rotate-wo", KEY_ROTATE_WO, "SEED", 0, "Intervention: one random rotation per block of what its heads write", \
       30},                                                                                                          \
  {                                                                                                                  \
    "drop-heads", KEY_DROP_HEADS, "B.H,...", 0, "Intervention: these heads (block.head) write nothing", 30           \
  }

static const struct argp_option options[] = {
    OF_WEIGHTS,
    {"patch", KEY_PATCH, "FILE.npz", 0, "Intervention: go on from this state (an array `state` or `states`)", 30},
    {"at", KEY_AT, "L", 0, "The state that --patch takes the place of, or that --push pushes", 30},
    {0}};
const struct argp cli_argp_interventions = {.options = options, .parser = parse};

static const struct argp_option weight_options[] = {OF_WEIGHTS, {0}};
const struct argp cli_argp_weight_interventions = {.options = weight_options, .parser = parse};

dwell_status interventions_read(cli_interventions *i, dwell_error *err) {
  dwell_intervention *what = &i->what;
  if (i->patch_file == NULL) return DWELL_OK;
  what->patch_state = i->at, what->patch_name = i->patch_file;
  dwell_status status = dwell_patch_read(i->patch_file, i->at, &i->patch, &what->patch_n, &what->patch_d, err);
  what->patch = i->patch;
  return status;
}
