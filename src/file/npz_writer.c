/* file/npz_writer.c - writing .npz archives that numpy reads and maps. */
#include <assert.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/npy.h"
#include "file/npy_format.h"
#include "file/zip.h"

struct npz_writer {
  atomic_file file;
  zip_writer zip;
  size_t item_size; /* of the array being written */
};

dwell_status npz_writer_open(const char *path, npz_writer **ret_writer, dwell_error *err) {
  *ret_writer = NULL;
  npz_writer *w = MEM_ZERO(npz_writer, 1);
  if (w == NULL) return error_no_memory(err, "an archive writer");
  dwell_status status = atomic_file_open(path, &w->file, err);
  if (status != DWELL_OK) {
    mem_free(w);
    return status;
  }
  w->zip = zip_writer_start(w->file.stream, w->file.path);
  *ret_writer = w;
  return DWELL_OK;
}

void npz_writer_abort(npz_writer *w) {
  if (w == NULL) return;
  zip_writer_clear(&w->zip);
  atomic_file_abort(&w->file);
  mem_free(w);
}

dwell_status npz_writer_commit(npz_writer *w, dwell_error *err) {
  dwell_status status = zip_writer_finish(&w->zip, err);
  if (status == DWELL_OK) status = atomic_file_commit(&w->file, err);
  npz_writer_abort(w); /* what commit has finished is no longer there to drop */
  return status;
}

dwell_status npz_writer_begin(npz_writer *w, const char *name, npy_type type, size_t item_size, size_t rank,
                              const size_t *shape, dwell_error *err) {
  char header[NPY_MAX_WRITTEN];
  size_t length, bytes;
  strbuf member = {0};
  dwell_status status = DWELL_OK;
  TRY(npy_format(type, item_size, rank, shape, header, &length, &bytes, err));
  strbuf_printf(&member, "%s.npy", name);
  if (member.failed) TRY(error_no_memory(err, "the name of an array"));
  TRY(zip_writer_begin(&w->zip, member.data, (uint64_t)length + bytes, err));
  TRY(zip_writer_append(&w->zip, header, length, err));
  w->item_size = item_size;
done:
  strbuf_free(&member);
  return status;
}

dwell_status npz_writer_append(npz_writer *w, const void *data, size_t count, dwell_error *err) {
  size_t bytes;
  if (!size_mul(count, w->item_size, &bytes)) return error_set(err, DWELL_USAGE, "more elements than memory holds");
  return zip_writer_append(&w->zip, data, bytes, err);
}

dwell_status npz_writer_end(npz_writer *w, dwell_error *err) { return zip_writer_end(&w->zip, err); }

dwell_status npz_writer_add(npz_writer *w, const char *name, npy_type type, size_t item_size, size_t rank,
                            const size_t *shape, const void *data, dwell_error *err) {
  dwell_status status = npz_writer_begin(w, name, type, item_size, rank, shape, err);
  if (status == DWELL_OK) status = zip_writer_append(&w->zip, data, (size_t)w->zip.missing, err);
  if (status == DWELL_OK) status = npz_writer_end(w, err);
  return status;
}
