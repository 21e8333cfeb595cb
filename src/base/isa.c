/* base/isa.c - which of three versions of the same code this CPU runs. */
#include "base/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

int isa_fused(const char *name) {
#if defined(__x86_64__)
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512 && (name == NULL || strcmp(name, "avx512") == 0)) return 2;
  if (avx2 && (name == NULL || strcmp(name, "avx2") == 0)) return 1;
#endif
  return name == NULL || strcmp(name, "baseline") == 0 ? 0 : -1;
}
