/* null/repeated_token.c - a text, not a model: it is never averaged with others. */
#include "null/nulls.h"

const null_model null_repeated_token = {
    .name = "repeated_token",
    .summary = "a text of one word: a network that collapses, does so here",
    .source = "docs/prompts.md",
    .holds = "the network",
    .destroys = "content",
    .how = "a run of its own (--prompt repeated_tokens); never part of a mean over texts",
    .flops = null_no_flops,
    .bytes = null_no_bytes,
};
