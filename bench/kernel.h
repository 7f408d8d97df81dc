/* SPDX-License-Identifier: MIT
 * What bench-kernels knows about ops: how a problem string becomes tensors, how much work a direction is, and how a variant is called as
 * the nets call it: cut over the team's workers, sums over images by chunks and merged. Variants come from the registry alone; packing of
 * weights, which a training step does once, is timed apart. */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include "../kernels/kernels.h"
#include "../kernels/runtime/team.h"
#include "bench.h"

/* The tensors of a problem, shared by all who run it. What an op has under another name: batch norm's gamma and beta are W, add's
 * second input is W, dz is DX, an optimizer's state is X and Y. */
enum role { T_X, T_W, T_B, T_Y, T_DY, T_DX, T_DW, T_DB, T_AUX, TENSORS };

enum { PROBLEM_TEXT = 128, DIRECTIONS = 3 };

struct problem {
    enum op op;
    char text[PROBLEM_TEXT];
    union {
#define OP_PROBLEM(NAME, name) struct name name;
        OPS(OP_PROBLEM)
#undef OP_PROBLEM
    };
    int images;            /* whose dead lanes are zero in gradients; 0: it makes no difference */
    int vectors;           /* of the ops that know nothing else of their tensors */
    size_t count[TENSORS]; /* floats; 0: has none */
    float *tensor[TENSORS];
    size_t byte_count;
    uint8_t *bytes; /* `argmax`, `mask`, labels and `predicted` */
};

struct work {
    double flops, exact_flops, bytes;
}; /* nominal; of taps inside the image; read and written once */

/* A variant that is ready to run one direction of a problem. */
struct kernel {
    struct problem *problem;
    const struct variant *variant;
    int direction;
    struct team *team;                   /* borrowed */
    float *packed, *partials, **scratch; /* scratch per worker */
    size_t packed_bytes, partial_bytes, scratch_bytes;
};

struct op_bench {
    const char *directions[DIRECTIONS + 1];
    const char *const *problems;                               /* measured by default, then NULL */
    enum role result[DIRECTIONS];                              /* by direction, for comparisons */
    const char *(*parse)(const char *text, struct problem *p); /* NULL, or what is wrong; sets counts */
    struct work (*work)(const struct problem *p, int direction);
    bool (*supports)(const struct variant *v, const struct problem *p); /* NULL: everything */
    void (*measure)(struct kernel *k);                                  /* sets the three sizes; NULL: none */
    void (*pack)(struct kernel *k); /* what the first call needs: packed weights, a forward pass; NULL: nothing */
    void (*run)(struct kernel *k);
};

extern const struct op_bench *const op_benches[OP_COUNT];

/* The tensors of a problem that is a convolution of that shape, in whatever format. */
void problem_conv(struct problem *p, const struct conv *c);
/* Reads a string of whatever op it fits. NULL, or what is wrong with it. */
const char *problem_parse(const char *text, struct problem *p);
/* Memory and random numbers in it, zeros in the dead lanes of gradients. 0 or -ENOMEM. */
int problem_open(struct problem *p);
void problem_close(struct problem *p);

/* 0 or -ENOMEM. Weights are packed. */
int kernel_open(struct kernel *k, struct problem *p, const struct variant *v, int direction, struct team *team);
void kernel_close(struct kernel *k);
void kernel_run(void *kernel); /* as bench_case.run */

/* The end of a sum over images: `count` elements of the kernel's partials, `stride` apart, by the fixed tree (kernels/sums.h) to `to`. */
void kernel_merge(const struct kernel *k, int chunks, size_t stride, float *to, size_t count);

#endif
