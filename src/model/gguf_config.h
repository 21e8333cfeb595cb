/* model/gguf_config.h - the metadata of a GGUF file as the config.json that an architecture reads. */
#ifndef DWELL_MODEL_GGUF_CONFIG_H
#define DWELL_MODEL_GGUF_CONFIG_H

#include "file/gguf.h"
#include "model/config.h"

/* What the file says of sizes, norms, rotary positions and special tokens, under the names of config.json. Files of
 * architecture llama (which Mistral and SmolLM are too) and qwen2; others, and what would change numbers and is not
 * implemented (experts, partial rotary positions, heads whose values have another size), are DWELL_UNSUPPORTED by name.
 * Release with config_close, also after a failure. The file must outlive the config. */
dwell_status gguf_config_open(const gguf *file, model_notes *opt_notes, config *ret_config, dwell_error *err);

#endif
