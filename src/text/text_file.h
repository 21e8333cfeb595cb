/* text/text_file.h - a text file, or standard input, as UTF-8. */
#ifndef DWELL_TEXT_TEXT_FILE_H
#define DWELL_TEXT_TEXT_FILE_H

#include <dwell/status.h>
#include <stddef.h>

/* The file, or standard input for "-". Release with mem_free. DWELL_BAD_INPUT: it cannot be read, or is not UTF-8. */
dwell_status text_file_read(const char *path, char **ret_text, size_t *ret_length, dwell_error *err);

#endif
