/* model/gguf_config.h - the metadata of a GGUF file as the config.json that an architecture reads. */
#ifndef DWELL_MODEL_GGUF_CONFIG_H
#define DWELL_MODEL_GGUF_CONFIG_H

#include "file/gguf.h"
#include "model/config.h"
#include "model/rotary.h"

/* What the file says of sizes, norms, rotary positions and special tokens, under the names of config.json. Files of
 * architecture llama (which Mistral and SmolLM are too) and qwen2; others, and what would change numbers and is not
 * implemented (experts, partial rotary positions, heads whose values have another size), are DWELL_UNSUPPORTED by name.
 * Release with config_close, also after a failure. The file must outlive the config. */
dwell_status gguf_config_open(const gguf *file, model_notes *opt_notes, config *ret_config, dwell_error *err);

/* The divisors of the rotary frequencies, which files of Llama 3.1 and later have as a tensor (rope_freqs.weight), into
 * `storage`; nothing to do where there is none. Another number of them, or one that is not positive: DWELL_BAD_INPUT.
 */
dwell_status gguf_config_rotary(const gguf *file, arena *storage, model_rotary *rotary, dwell_error *err);

#endif
