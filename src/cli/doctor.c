/* cli/doctor.c - dwell doctor: this machine, and whether its linear algebra computes right. */
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cli/cli.h"
#include "file/jwriter.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

static error_t parse(int key, char *arg, struct argp_state *state) {
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = state->input; break;
    case ARGP_KEY_ARG: cli_usage(state, "unexpected argument \"%s\"", arg); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value != NULL ? value : "not set";
}

static void print(const cli *c, bool right, const char *problem) {
  double f32 = cli_speed(false), f64 = cli_speed(true);
  if (c->json) {
    strbuf out = {0};
    jwriter w = jwriter_start(&out, 1);
    jwriter_object(&w);
    jwriter_put_string(&w, "version", version_number());
    jwriter_put_string(&w, "commit", version_commit());
    jwriter_put_string(&w, "isa", vmath_isa());
    jwriter_put_int(&w, "threads", c->ctx.threads);
    jwriter_put_string(&w, "blas", gemm_library());
    jwriter_put_string(&w, "openblas_coretype", getenv("OPENBLAS_CORETYPE"));
    jwriter_put_double(&w, "gflops_f32_one_thread", f32);
    jwriter_put_double(&w, "gflops_f64_one_thread", f64);
    jwriter_put_bool(&w, "right", right);
    jwriter_put_string(&w, "problem", problem);
    jwriter_close(&w);
    puts(out.data);
    strbuf_free(&out);
    return;
  }
  printf("dwell         %s (%s), %s\n", version_number(), version_commit(), version_compiler());
  printf("vector code   %s\n", vmath_isa());
  printf("threads       %d\n", c->ctx.threads);
  printf("BLAS          %s\n", gemm_library());
  printf("              OPENBLAS_CORETYPE %s\n", setting("OPENBLAS_CORETYPE"));
  printf("speed         %.0f GFLOP/s f32, %.0f GFLOP/s f64 on one thread (products of a forward pass)\n", f32, f64);
  printf("computes      %s\n", right ? "right: products and eigenvalues agree with plain loops" : "WRONG");
}

int cmd_doctor(int argc, char **argv, cli *c) {
  static const struct argp_child children[] = {{&cli_argp_threads, 0, NULL, 0}, {&cli_argp_words, 0, NULL, 0}, {0}};
  static const char doc[] = "Describe this machine and check that its linear algebra computes right.";
  static const struct argp argp = {NULL, parse, NULL, doc, children, NULL, NULL};
  dwell_error err = {.offset = -1};
  argp_parse(&argp, argc, argv, 0, NULL, c);
  dwell_status status = gemm_selfcheck(false, &err);
  print(c, status == DWELL_OK, status == DWELL_OK ? NULL : err.message);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
