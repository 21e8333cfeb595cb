/* model/tokens.c - token ids for a forward pass, from text or as given. */
#include "model/tokens.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"

enum { SHUFFLE_TOKENS = 0 }; /* what is permuted, for random_permutation */

void tokens_free(model_tokens *tokens) {
  mem_free(tokens->ids);
  mem_free(tokens->pieces);
  mem_free(tokens->special);
  mem_free(tokens->order);
  *tokens = (model_tokens){0};
}

static dwell_status make_room(size_t n, bool pieces, model_tokens *ret_tokens, dwell_error *err) {
  *ret_tokens = (model_tokens){.n = n, .ids = MEM_NEW(int64_t, n), .special = MEM_ZERO(bool, n)};
  if (pieces) ret_tokens->pieces = MEM_ZERO(const char *, n);
  bool all = ret_tokens->ids && ret_tokens->special && (!pieces || ret_tokens->pieces);
  return all ? DWELL_OK : error_no_memory(err, "the tokens");
}

/* ---- cutting, checking, shuffling ---- */

/* Keeps `most` tokens: the runs of special tokens at both ends, and as much as fits of what is between. */
static dwell_status cut(model_tokens *t, size_t most, dwell_error *err) {
  if (most == 0 || t->n <= most) return DWELL_OK;
  size_t head = 0, tail = 0;
  while (head < t->n && t->special[head]) head++;
  while (tail < t->n - head && t->special[t->n - 1 - tail]) tail++;
  if (head + tail >= most) {
    return error_set(err, DWELL_USAGE, "cannot cut to %zu tokens: %zu special ones are kept", most, head + tail);
  }
  size_t to = most - tail, from = t->n - tail;
  memmove(t->ids + to, t->ids + from, tail * sizeof *t->ids);
  memmove(t->special + to, t->special + from, tail * sizeof *t->special);
  if (t->pieces) memmove(t->pieces + to, t->pieces + from, tail * sizeof *t->pieces);
  t->n = most;
  return DWELL_OK;
}

static dwell_status check_ids(const dwell_model *model, bool from_text, const model_tokens *t, dwell_error *err) {
  size_t vocabulary = model->shape.vocabulary;
  for (size_t i = 0; i < t->n; i++) {
    if (t->ids[i] >= 0 && (uint64_t)t->ids[i] < vocabulary) continue;
    error_set(err, DWELL_BAD_INPUT, "token %zu has id %lld, but the model's vocabulary has %zu entries", i,
              (long long)t->ids[i], vocabulary);
    if (from_text) error_remedy(err, "The tokenizer does not belong to these weights");
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

/* t->ids and t->pieces in the order t->order. */
static dwell_status reorder(model_tokens *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  int64_t *ids = mem_copy(t->ids, t->n, sizeof *ids);
  const char **pieces = t->pieces != NULL ? mem_copy(t->pieces, t->n, sizeof *pieces) : NULL;
  TRY_ALLOC(ids, "the tokens");
  if (t->pieces != NULL) TRY_ALLOC(pieces, "the tokens");
  for (size_t i = 0; i < t->n; i++) {
    t->ids[i] = ids[t->order[i]];
    if (pieces != NULL) t->pieces[i] = pieces[t->order[i]];
  }
done:
  mem_free(ids);
  mem_free(pieces);
  return status;
}

/* A uniform permutation of the tokens that are not special; those stay where they are. */
static dwell_status shuffle(uint64_t seed, model_tokens *t, dwell_error *err) {
  const random_stream stream = {.seed = seed, .purpose = RANDOM_SHUFFLE};
  size_t count = 0;
  dwell_status status = DWELL_OK;
  size_t *places = MEM_NEW(size_t, t->n), *drawn = MEM_NEW(size_t, t->n);
  t->order = MEM_NEW(size_t, t->n);
  TRY_ALLOC(places, "the order of the tokens");
  TRY_ALLOC(drawn, "the order of the tokens");
  TRY_ALLOC(t->order, "the order of the tokens");
  for (size_t i = 0; i < t->n; i++) {
    t->order[i] = i;
    if (!t->special[i]) places[count++] = i;
  }
  random_permutation(&stream, SHUFFLE_TOKENS, count, drawn);
  for (size_t k = 0; k < count; k++) t->order[places[k]] = places[drawn[k]];
  status = reorder(t, err);
done:
  mem_free(places);
  mem_free(drawn);
  return status;
}

static dwell_status finish(const dwell_model *model, const dwell_model_options *options, bool from_text,
                           model_tokens *t, dwell_error *err) {
  if (t->n == 0) {
    error_set(err, DWELL_BAD_INPUT, from_text ? "the text gives no token" : "there are no token ids");
    error_remedy(err, from_text ? "Give some text" : "Give some ids");
    return DWELL_BAD_INPUT;
  }
  dwell_status status = cut(t, options->max_tokens, err);
  if (status == DWELL_OK && t->n > model->shape.context) {
    status =
        error_set(err, DWELL_USAGE, "%zu tokens do not fit the model's context of %zu", t->n, model->shape.context);
    error_remedy(err, "Cut the text with --max-tokens %zu", model->shape.context);
  }
  if (status == DWELL_OK) status = check_ids(model, from_text, t, err);
  return status == DWELL_OK && options->shuffle ? shuffle(options->shuffle_seed, t, err) : status;
}

/* ---- from text ---- */

/* Why there is no tokenizer, as an error about the model's folder. */
static dwell_status no_tokenizer(const dwell_model *model, dwell_error *err) {
  if (err == NULL) return model->tokenizer_error.status;
  *err = model->tokenizer_error;
  if (err->status != DWELL_UNSUPPORTED) return err->status;
  error_in_file(err, model->info.folder);
  const char *other = model->tokenizer_error.remedy;
  err->remedy[0] = '\0'; /* whatever it was, ids work too */
  if (other[0] != '\0') error_remedy(err, "%s; or give token ids with --ids", other);
  error_remedy(err, "Give token ids with --ids");
  return DWELL_UNSUPPORTED;
}

dwell_status tokens_from_text(const dwell_model *model, const char *text, size_t length,
                              const dwell_model_options *options, model_tokens *ret_tokens, dwell_error *err) {
  *ret_tokens = (model_tokens){0};
  if (model->tokenizer == NULL) return no_tokenizer(model, err);
  token_list list = {0};
  dwell_status status = DWELL_OK;
  TRY(tokenizer_encode(model->tokenizer, text, length, options->special, &list, err));
  TRY(make_room(list.count, true, ret_tokens, err));
  for (size_t i = 0; i < list.count; i++) {
    ret_tokens->ids[i] = list.tokens[i].id;
    ret_tokens->pieces[i] = list.tokens[i].piece;
    ret_tokens->special[i] = list.tokens[i].special;
  }
  TRY(finish(model, options, true, ret_tokens, err));
done:
  token_list_free(&list);
  if (status != DWELL_OK) tokens_free(ret_tokens);
  return status;
}

/* ---- from ids ---- */

static bool is_special(const dwell_model *model, int64_t id) {
  if (model->tokenizer != NULL && tokenizer_is_special(model->tokenizer, id)) return true;
  for (size_t i = 0; i < model->special_count; i++) {
    if (model->special_ids[i] == id) return true;
  }
  return false;
}

static const char *piece_of(const dwell_model *model, int64_t id) {
  const char *piece = tokenizer_piece(model->tokenizer, id);
  return piece != NULL ? piece : ""; /* an id that the model has and the tokenizer has not */
}

dwell_status tokens_from_ids(const dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                             model_tokens *ret_tokens, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(make_room(n, model->tokenizer != NULL, ret_tokens, err));
  for (size_t i = 0; i < n; i++) {
    ret_tokens->ids[i] = ids[i];
    ret_tokens->special[i] = is_special(model, ids[i]);
    if (model->tokenizer != NULL) ret_tokens->pieces[i] = piece_of(model, ids[i]);
  }
  TRY(finish(model, options, false, ret_tokens, err));
done:
  if (status != DWELL_OK) tokens_free(ret_tokens);
  return status;
}
