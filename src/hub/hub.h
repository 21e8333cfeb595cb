/* hub/hub.h - from the name of a model to the folder that holds it. Nothing is written here; pull.h downloads. */
#ifndef DWELL_HUB_HUB_H
#define DWELL_HUB_HUB_H

#include <dwell/status.h>

#include "base/str.h"

typedef struct hub_place {
  char *folder;   /* holds config.json and the weights; owned, release with hub_place_free */
  char *file;     /* a GGUF file in it, which is the whole model, else NULL; owned */
  char *revision; /* commit of a model from the Hugging Face cache, "step-N" of the nursery, else NULL; owned */
} hub_place;

/* Finds MODEL. In this order:
 *   nursery:NAME[@step-N]  in models/ below $DWELL_DATA, else <program>/../share/dwell, else the source tree's data/
 *   FOLDER, FILE.gguf      a path that exists, as it is
 *   [ORG/]NAME[@REV]       in the local Hugging Face cache: $HF_HUB_CACHE, else $HF_HOME/hub, else
 *                          $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub; REV (default main) is a
 *                          branch, a tag or a commit
 * The cache is read tolerantly (hand-staged caches are common): white space around the commit in refs/REV is ignored, a
 * missing refs/main is fine if there is one snapshot, files may be links or plain files. A folder or snapshot that
 * holds one GGUF file and no safetensors is that file's model.
 *
 * Errors: a name that cannot be one, or that is another file: DWELL_USAGE; not found, or several snapshots and no refs
 * file to choose, or a link whose blob is missing (an interrupted download): DWELL_BAD_INPUT, naming where it looked.
 */
dwell_status hub_find(const char *name, hub_place *ret_place, dwell_error *err);
/* How many models in GGUF files a folder holds (a divided one counts once), and the path of one, appended. */
size_t hub_find_gguf(const char *folder, strbuf *ret_first);
void hub_place_free(hub_place *place);

/* Folder of dwell's own data that contains `entry` (the first of the three places above), as "PLACE/entry"; owned by
 * the caller, mem_free. DWELL_BAD_INPUT if none has it. */
dwell_status hub_data(const char *entry, char **ret_path, dwell_error *err);

#endif
