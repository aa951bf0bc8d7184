/*
 * The ceiling: embedding bags in C with AVX2 and prefetch, sums in index order from the first row, so the same bits as lagbag's.
 *
 *   lookup DATA [huge]
 *
 * DATA (little-endian): int32 tables, int32 sets; for each table int32 numRows, dim, seed; for each set int32 batches; for each of them
 * int32 batchSize, indexCount, then int32 offsets[tables * batchSize + 1], int32 indices[indexCount]. Rows are made from the seeds, as
 * bench/random.ts makes them. "huge": rows on huge pages (madvise); else without them, as V8's memories are.
 *
 * Then it answers lines on stdin, one line each on stdout:
 *   run SET SECONDS AHEAD       passes over all batches of a set for so long       ->  ran PASSES NANOSECONDS
 *   values SET BATCH FILE       one batch; its values as floats to a file          ->  wrote COUNT
 * AHEAD: rows between the one that is summed and the one that is prefetched.
 */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LINE_FLOATS 16
#define HUGE_BYTES (2u << 20)

typedef struct { int32_t numRows, dim, seed; float *rows; size_t column; } Table;
typedef struct { int32_t batchSize, indexCount, *offsets, *indices; } Batch;
typedef struct { int32_t count; Batch *batches; } Set;

static int32_t tableCount, setCount;
static Table *tables;
static Set *sets;
static size_t columns;
static float *out;

static void fail(const char *what) {
  printf("error %s\n", what);
  fflush(stdout);
  exit(1);
}

static void *allocate(size_t bytes, int huge) {
  size_t whole = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES + HUGE_BYTES;
  char *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("the system refused memory");
  memory = (char *)(((uintptr_t)memory + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES);
  madvise(memory, whole - HUGE_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return memory;
}

static void fill(Table *table, int huge) {
  size_t count = (size_t)table->numRows * table->dim;
  table->rows = allocate(count * sizeof(float), huge);
  for (size_t n = 0; n < count; n++) {
    uint32_t mixed = ((uint32_t)n ^ (uint32_t)table->seed) * 0x9e3779b1u;
    mixed = (mixed ^ (mixed >> 15)) * 0x85ebca6bu;
    table->rows[n] = (float)((int32_t)mixed >> 8) / 8388608.0f;
  }
}

static inline void touch(const float *row, size_t dim) {
  for (size_t d = 0; d < dim; d += LINE_FLOATS) _mm_prefetch((const char *)(row + d), _MM_HINT_T0);
}

/* VECTORS accumulators of 8 floats stay in registers for the whole bag. */
#define SUM_BAGS(NAME, VECTORS)                                                                                                     \
  static void NAME(const Table *table, const Batch *batch, const int32_t *offsets, size_t ahead) {                                  \
    const float *rows = table->rows;                                                                                                \
    const int32_t *indices = batch->indices;                                                                                        \
    const size_t last = (size_t)offsets[batch->batchSize];                                                                          \
    float *to = out + table->column;                                                                                                \
    for (int32_t sample = 0; sample < batch->batchSize; sample++, to += columns) {                                                  \
      size_t p = (size_t)offsets[sample], end = (size_t)offsets[sample + 1];                                                        \
      __m256 sums[VECTORS];                                                                                                         \
      if (p == end) {                                                                                                               \
        memset(to, 0, VECTORS * 32);                                                                                                \
        continue;                                                                                                                   \
      }                                                                                                                             \
      if (p + ahead < last) touch(rows + (size_t)indices[p + ahead] * (VECTORS * 8), VECTORS * 8);                                  \
      const float *row = rows + (size_t)indices[p] * (VECTORS * 8);                                                                 \
      for (int v = 0; v < VECTORS; v++) sums[v] = _mm256_loadu_ps(row + v * 8);                                                     \
      for (p++; p < end; p++) {                                                                                                     \
        if (p + ahead < last) touch(rows + (size_t)indices[p + ahead] * (VECTORS * 8), VECTORS * 8);                                \
        row = rows + (size_t)indices[p] * (VECTORS * 8);                                                                            \
        for (int v = 0; v < VECTORS; v++) sums[v] = _mm256_add_ps(sums[v], _mm256_loadu_ps(row + v * 8));                           \
      }                                                                                                                             \
      for (int v = 0; v < VECTORS; v++) _mm256_storeu_ps(to + v * 8, sums[v]);                                                      \
    }                                                                                                                               \
  }

SUM_BAGS(sum16, 2)
SUM_BAGS(sum32, 4)
SUM_BAGS(sum64, 8)
SUM_BAGS(sum128, 16)

/* Any other dim: sums lie in the output. */
static void sumAny(const Table *table, const Batch *batch, const int32_t *offsets, size_t ahead) {
  const size_t dim = (size_t)table->dim, last = (size_t)offsets[batch->batchSize];
  float *to = out + table->column;
  for (int32_t sample = 0; sample < batch->batchSize; sample++, to += columns) {
    size_t p = (size_t)offsets[sample], end = (size_t)offsets[sample + 1];
    if (p == end) memset(to, 0, dim * sizeof(float));
    for (int first = 1; p < end; p++, first = 0) {
      if (p + ahead < last) touch(table->rows + (size_t)batch->indices[p + ahead] * dim, dim);
      const float *row = table->rows + (size_t)batch->indices[p] * dim;
      if (first) memcpy(to, row, dim * sizeof(float));
      else
        for (size_t d = 0; d < dim; d++) to[d] += row[d];
    }
  }
}

static void lookup(const Batch *batch, size_t ahead) {
  /* One sample has no rows ahead within a table: the first rows of all tables are fetched before. */
  for (int32_t t = 0; batch->batchSize == 1 && ahead > 0 && t < tableCount; t++) {
    const int32_t first = batch->offsets[t];
    if (first < batch->offsets[t + 1]) touch(tables[t].rows + (size_t)batch->indices[first] * tables[t].dim, tables[t].dim);
  }
  for (int32_t t = 0; t < tableCount; t++) {
    const int32_t *offsets = batch->offsets + (size_t)t * batch->batchSize;
    switch (tables[t].dim) {
      case 16: sum16(&tables[t], batch, offsets, ahead); break;
      case 32: sum32(&tables[t], batch, offsets, ahead); break;
      case 64: sum64(&tables[t], batch, offsets, ahead); break;
      case 128: sum128(&tables[t], batch, offsets, ahead); break;
      default: sumAny(&tables[t], batch, offsets, ahead);
    }
  }
}

static void need(void *to, size_t bytes, FILE *file) {
  if (bytes > 0 && fread(to, bytes, 1, file) != 1) fail("the data file is cut short");
}

static int32_t *ints(size_t count, FILE *file) {
  int32_t *values = malloc(count * sizeof(int32_t) + 1);
  if (values == NULL) fail("out of memory");
  need(values, count * sizeof(int32_t), file);
  return values;
}

static void load(const char *path, int huge) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("cannot open the data file");
  need(&tableCount, 4, file);
  need(&setCount, 4, file);
  tables = calloc((size_t)tableCount, sizeof(Table));
  sets = calloc((size_t)setCount, sizeof(Set));
  if (tables == NULL || sets == NULL) fail("out of memory");
  for (int32_t t = 0; t < tableCount; t++) {
    need(&tables[t], 12, file);
    tables[t].column = columns;
    columns += (size_t)tables[t].dim;
  }
  size_t samples = 0;
  for (int32_t s = 0; s < setCount; s++) {
    need(&sets[s].count, 4, file);
    sets[s].batches = calloc((size_t)sets[s].count, sizeof(Batch));
    for (int32_t b = 0; b < sets[s].count; b++) {
      Batch *batch = &sets[s].batches[b];
      need(batch, 8, file);
      batch->offsets = ints((size_t)tableCount * batch->batchSize + 1, file);
      batch->indices = ints((size_t)batch->indexCount, file);
      if ((size_t)batch->batchSize > samples) samples = (size_t)batch->batchSize;
    }
  }
  fclose(file);
  for (int32_t t = 0; t < tableCount; t++) fill(&tables[t], huge);
  out = allocate(samples * columns * sizeof(float), 0);
  memset(out, 0, samples * columns * sizeof(float));
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 2) fail("expected the path of a data file");
  load(argv[1], argc > 2 && strcmp(argv[2], "huge") == 0);
  puts("ready");
  fflush(stdout);
  char line[4096], path[4000];
  while (fgets(line, sizeof line, stdin) != NULL) {
    int set, batch, ahead;
    double seconds;
    if (sscanf(line, "run %d %lf %d", &set, &seconds, &ahead) == 3 && set >= 0 && set < setCount && ahead >= 0) {
      long passes = 0;
      int64_t start = now(), took;
      do {
        for (int32_t b = 0; b < sets[set].count; b++) lookup(&sets[set].batches[b], (size_t)ahead);
        passes++;
        took = now() - start;
      } while ((double)took < seconds * 1e9);
      printf("ran %ld %lld\n", passes, (long long)took);
    } else if (sscanf(line, "values %d %d %3999[^\n]", &set, &batch, path) == 3 && set >= 0 && set < setCount && batch >= 0 &&
               batch < sets[set].count) {
      lookup(&sets[set].batches[batch], 16);
      size_t count = (size_t)sets[set].batches[batch].batchSize * columns;
      FILE *file = fopen(path, "wb");
      if (file == NULL || fwrite(out, sizeof(float), count, file) != count || fclose(file) != 0) fail("cannot write values");
      printf("wrote %zu\n", count);
    } else {
      fail("no such command");
    }
    fflush(stdout);
  }
  return 0;
}
