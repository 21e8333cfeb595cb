/* cli/mpi.c - the processes of `mpirun dwell simulate` and `mpirun dwell study`, by MPI.
 *
 * Every meeting of the processes begins with the same call, in which each says how it fared; so one that failed, and
 * goes to the end, meets the others wherever they are, and all leave with its message. */
#define _POSIX_C_SOURCE 200809L
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/version.h"
#include "cli/ranks.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

/* All processes of a run; MPI keeps it global as well. */
typedef struct crew {
  dwell_ranks ranks;
  int *counts, *firsts;  /* [ranks] rows of an exchange */
  MPI_Request *requests; /* [room] of one list of moves */
  size_t room;
  struct {
    uint64_t next, count; /* of the first process */
    size_t told;          /* processes that know that nothing is left, or that have left */
    uint64_t piece;       /* of the others: the answer that was asked for */
    bool asked;
    MPI_Request answer;
  } work;
  bool over; /* all have met and know that one of them failed: there is no further meeting */
} crew;

static crew the_crew;

/* Waits for requests: at first by looking again and again, then asleep between looks, since the CPU may be wanted by
 * the process that is waited for, and the first process may measure for long. */
static bool await(size_t count, MPI_Request *requests) {
  enum { LOOKS = 2000 };
  struct timespec nap = {0, 50000};
  int done = 0;
  for (size_t look = 0; !done; look++) {
    if (MPI_Testall((int)count, requests, &done, MPI_STATUSES_IGNORE) != MPI_SUCCESS) return false;
    if (!done && look > LOOKS) nanosleep(&nap, NULL);
    if (look > 10 * LOOKS) nap.tv_nsec = 2000000;
  }
  return true;
}

/* The status of the first process that failed, and its error; DWELL_OK if none did. */
static dwell_status agree(dwell_status mine, dwell_error *err) {
  dwell_error first = err != NULL ? *err : (dwell_error){.offset = -1};
  int count = (int)the_crew.ranks.count, failed = mine == DWELL_OK ? count : (int)the_crew.ranks.rank, lowest = count;
  int code = (int)mine;
  MPI_Request request;
  if (the_crew.over) return mine;
  MPI_Iallreduce(&failed, &lowest, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
  if (!await(1, &request)) return error_set(err, DWELL_FAILED, "MPI lost the other processes");
  if (lowest == count) return DWELL_OK;
  the_crew.over = true;
  MPI_Bcast(&code, 1, MPI_INT, lowest, MPI_COMM_WORLD);
  MPI_Bcast(&first, (int)sizeof first, MPI_BYTE, lowest, MPI_COMM_WORLD);
  if (err != NULL) *err = first;
  return (dwell_status)code;
}

/* Rows are one item to MPI, whose counts are ints. */
static dwell_status gather(crew *c, const size_t *bounds, const ranks_array *array, dwell_error *err) {
  MPI_Datatype row;
  for (size_t r = 0; r < c->ranks.count; r++) {
    c->firsts[r] = (int)bounds[r];
    c->counts[r] = (int)(bounds[r + 1] - bounds[r]);
  }
  bool good = MPI_Type_contiguous((int)array->width, MPI_DOUBLE, &row) == MPI_SUCCESS;
  good = good && MPI_Type_commit(&row) == MPI_SUCCESS;
  good = good && MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, array->data, c->counts, c->firsts, row,
                                MPI_COMM_WORLD) == MPI_SUCCESS;
  if (good) MPI_Type_free(&row);
  return good ? DWELL_OK : error_set(err, DWELL_FAILED, "MPI could not exchange the rows");
}

static dwell_status exchange(void *self, dwell_status mine, const size_t *bounds, size_t arrays,
                             const ranks_array *array, dwell_error *err) {
  crew *c = self;
  dwell_status status = agree(mine, err);
  for (size_t a = 0; a < arrays && status == DWELL_OK; a++) status = gather(c, bounds, &array[a], err);
  return status;
}

/* The pieces that concern this process, whose requests fit in c->requests; parts of at most 2^30 bytes, since MPI
 * counts in ints. */
static dwell_status start_moves(crew *c, size_t count, const ranks_move *moves, size_t *ret_requests) {
  enum { PART = 1 << 30 };
  size_t used = 0, own = c->ranks.rank;
  for (size_t k = 0; k < count; k++) {
    const ranks_move *m = &moves[k];
    bool sends = m->from == own, takes = m->to == own;
    for (size_t at = 0; at < m->bytes && sends != takes; at += PART) {
      char *data = (char *)m->data + at;
      int size = (int)(m->bytes - at < PART ? m->bytes - at : PART), done;
      if (used == c->room) {
        size_t room = c->room == 0 ? 256 : 2 * c->room;
        MPI_Request *more = mem_grow(c->requests, c->room, room, sizeof *more);
        if (more == NULL) return DWELL_NO_MEMORY;
        c->requests = more, c->room = room;
      }
      done = sends ? MPI_Isend(data, size, MPI_BYTE, (int)m->to, 0, MPI_COMM_WORLD, &c->requests[used++])
                   : MPI_Irecv(data, size, MPI_BYTE, (int)m->from, 0, MPI_COMM_WORLD, &c->requests[used++]);
      if (done != MPI_SUCCESS) return DWELL_FAILED;
    }
  }
  *ret_requests = used;
  return DWELL_OK;
}

/* Messages between two processes arrive in the order of the list, so that they need no names. There is no meeting here:
 * one that failed goes on, with whatever sums it has, to the exchange at the end. One that cannot even do that ends
 * all.
 */
static dwell_status move(void *self, dwell_status mine, size_t count, const ranks_move *moves, dwell_error *err) {
  crew *c = self;
  size_t requests = 0;
  dwell_status status = the_crew.over ? DWELL_OK : start_moves(c, count, moves, &requests);
  if (status != DWELL_OK) MPI_Abort(MPI_COMM_WORLD, (int)status);
  if (await(requests, c->requests) || mine != DWELL_OK) return mine;
  return error_set(err, DWELL_FAILED, "MPI could not move sums between processes");
}

/* Everything that bits depend on. */
static void fingerprint(char text[256]) {
  memset(text, 0, 256);
  snprintf(text, 256, "%s %s %s %s", version_number(), version_commit(), vmath_isa(), gemm_library());
}

static dwell_status check_alike(dwell_error *err) {
  char mine[256], first[256];
  fingerprint(mine);
  memcpy(first, mine, sizeof first);
  MPI_Bcast(first, (int)sizeof first, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (memcmp(mine, first, sizeof first) == 0) return agree(DWELL_OK, err);
  error_set(err, DWELL_FAILED, "process %zu computes with %s, process 0 with %s: their bits may differ",
            the_crew.ranks.rank, mine, first);
  error_remedy(err, "Start all processes on machines of one kind, with one build of dwell");
  return agree(DWELL_FAILED, err);
}

dwell_status ranks_begin(cli *c, dwell_error *err) {
  int provided, rank, count;
  if (getenv("OMPI_COMM_WORLD_SIZE") == NULL && getenv("PMI_RANK") == NULL) return DWELL_OK; /* no mpirun */
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    return error_set(err, DWELL_FAILED, "MPI does not start");
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  the_crew.ranks = (dwell_ranks){(size_t)rank, (size_t)count, &the_crew, exchange, move};
  the_crew.counts = MEM_NEW(int, (size_t)count);
  the_crew.firsts = MEM_NEW(int, (size_t)count);
  dwell_status status = the_crew.counts == NULL || the_crew.firsts == NULL ? error_no_memory(err, "MPI") : DWELL_OK;
  status = agree(status, err);
  if (status == DWELL_OK) status = check_alike(err);
  if (status == DWELL_OK && count > 1) c->ctx.ranks = &the_crew.ranks;
  if (rank > 0) c->quiet = true, c->ctx.progress = NULL, c->ctx.log = NULL;
  return status;
}

dwell_status ranks_end_run(cli *c, dwell_status mine, dwell_error *err) {
  if (the_crew.ranks.count == 0) return mine;
  if (mine != DWELL_OK && err != NULL && the_crew.ranks.rank > 0) {
    char name[40];
    snprintf(name, sizeof name, "process %zu", the_crew.ranks.rank);
    error_at_item(err, name);
  }
  dwell_status status = agree(mine, err);
  c->ctx.ranks = NULL;
  mem_free(the_crew.counts);
  mem_free(the_crew.firsts);
  mem_free(the_crew.requests);
  MPI_Finalize();
  return status;
}

/* ---- pieces of work ---- */

dwell_status ranks_meet(dwell_status mine, dwell_error *err) {
  return the_crew.ranks.count == 0 ? mine : agree(mine, err);
}

/* The first process works too: it answers between its own pieces. So the others ask for the next piece when they begin
 * one, and seldom wait. */
enum { TAG_ASK = 1, TAG_PIECE = 2 };
#define NOTHING_LEFT UINT64_MAX

/* Of the first process: answers all that have asked; `to_the_end`: until every other one knows that nothing is left. */
static void answer(bool to_the_end) {
  const struct timespec nap = {0, 2000000};
  crew *c = &the_crew;
  while (c->work.told + 1 < c->ranks.count) {
    int there = 0, leaves = 0;
    MPI_Status asker;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_ASK, MPI_COMM_WORLD, &there, &asker);
    if (!there && !to_the_end) return;
    if (!there) nanosleep(&nap, NULL);
    if (!there) continue;
    MPI_Recv(&leaves, 1, MPI_INT, asker.MPI_SOURCE, TAG_ASK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    uint64_t piece = c->work.next < c->work.count && !leaves ? c->work.next++ : NOTHING_LEFT;
    c->work.told += piece == NOTHING_LEFT;
    if (!leaves) MPI_Send(&piece, 1, MPI_UINT64_T, asker.MPI_SOURCE, TAG_PIECE, MPI_COMM_WORLD);
  }
}

static void ask(void) {
  const int leaves = 0;
  crew *c = &the_crew;
  MPI_Irecv(&c->work.piece, 1, MPI_UINT64_T, 0, TAG_PIECE, MPI_COMM_WORLD, &c->work.answer);
  MPI_Send(&leaves, 1, MPI_INT, 0, TAG_ASK, MPI_COMM_WORLD);
  c->work.asked = true;
}

static size_t next_answer(size_t count) {
  crew *c = &the_crew;
  if (!c->work.asked) ask();
  c->work.asked = false;
  if (!await(1, &c->work.answer) || c->work.piece == NOTHING_LEFT) return count;
  size_t piece = c->work.piece;
  ask();
  return piece;
}

size_t ranks_next(size_t count) {
  crew *c = &the_crew;
  if (c->ranks.rank > 0) return next_answer(count);
  c->work.count = count;
  if (c->ranks.count > 1) answer(false);
  return c->work.next < count ? c->work.next++ : count;
}

/* One that failed has asked for a piece that it will not do: what follows is for the next call of the command. */
void ranks_next_end(void) {
  const int leaves = 1;
  crew *c = &the_crew;
  if (c->ranks.count > 1 && c->ranks.rank == 0) {
    c->work.count = 0; /* none is left, also after a failure */
    answer(true);
  } else if (c->work.asked) {
    bool known = await(1, &c->work.answer) && c->work.piece == NOTHING_LEFT;
    if (!known) MPI_Send(&leaves, 1, MPI_INT, 0, TAG_ASK, MPI_COMM_WORLD);
  }
  memset(&c->work, 0, sizeof c->work);
}

void ranks_add(size_t count, size_t *numbers) {
  enum { MOST = 16 };
  uint64_t all[MOST];
  if (the_crew.ranks.count == 0 || count > MOST) return;
  for (size_t k = 0; k < count; k++) all[k] = numbers[k];
  MPI_Allreduce(MPI_IN_PLACE, all, (int)count, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  for (size_t k = 0; k < count; k++) numbers[k] = all[k];
}

/* ---- one system ---- */

static dwell_status drop_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)self, (void)frame, (void)x, (void)err;
  return DWELL_OK;
}

dwell_status ranks_help(cli *c, dwell_source *source, dwell_error *err) {
  dwell_sink sink = {.on_state = drop_state};
  return dwell_source_run(source, &c->ctx, &sink, err);
}

const char *ranks_library(void) {
  static char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(text, &length);
  text[strcspn(text, ",\n")] = '\0';
  return text;
}
