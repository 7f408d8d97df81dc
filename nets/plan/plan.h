/* SPDX-License-Identifier: MIT
 * A plan is a net made ready to run: algorithms chosen, work grouped, memory measured and placed. After net_plan nothing allocates. One
 * thread calls; the plan's team shares the work. Pointers that the plan gives out stay valid until plan_close. */
#ifndef NETS_PLAN_PLAN_H
#define NETS_PLAN_PLAN_H

#include <stdio.h>
#include "../../kernels/runtime/team.h"
#include "../net.h"

/* What a plan is for. Zeroed but for batch and isas it is an inference plan on one worker. */
struct plan_options {
    int batch;                /* images per step, N */
    bool training;            /* false: no gradients, no optimizer state, activations may share memory */
    unsigned isas;            /* which ISAs may be used (cpu_detect() & what the user allows) */
    enum precision precision; /* bf16: on tiles of the best ISA that has them; the same bits on each */
    const char *algo;         /* convolution algorithm by name; NULL or "auto": the table */
    int optimizer_slots;      /* 0 (plain SGD), 1 (momentum), 2 (Adam) arrays of optimizer state */
    struct team *team;        /* borrowed; NULL: one worker */
    int workers;              /* plan for more than the team has, to see how a step would be cut there; 0: the team's. The same bits */
    bool no_fuse;             /* every layer by itself; the same bits, slower */
    bool no_recompute;        /* all that backward reads is kept; the same bits */
    bool no_blocks;           /* the whole batch through one group of layers after another, none block by block; the same bits */
};

/* Sums over images (gradients) run over waves of so many images, added in order. Micro-batches of a multiple of it that accumulate (see
 * plan_backward) therefore give the same bits as the whole batch, in nets without batch norm and dropout. */
enum { PLAN_WAVE = 1024 };

struct plan; /* opaque; one allocation per family: parameters, gradients, optimizer, activations, scratch */

/* 0; -EINVAL (no variant supports a layer: names it), -ENOMEM. The plan copies the net. Close with plan_close. */
int net_plan(const struct net *net, const struct plan_options *options, struct plan **plan, struct why *why);
/* Frees all of it; NULL is fine. */
void plan_close(struct plan *plan);

const struct net *plan_net(const struct plan *plan); /* as it was given; shapes filled in */
void plan_print(const struct plan *plan, FILE *out); /* layers, variants, who lives where */
/* In bf16: the instruction set of the tiles; else -1. */
int plan_tiles(const struct plan *plan);
/* Bytes that the plan holds, by family: measured before they are allocated, and all there is. */
struct plan_bytes {
    size_t parameters, gradients, optimizer, activations, scratch;
};
struct plan_bytes plan_bytes(const struct plan *plan);

/* One parameter tensor or running statistic, in net order. Names are stable: "0.conv.weight", "0.conv.bias", "2.bn.gamma", "2.bn.beta",
 * "2.bn.running_mean", "2.bn.running_variance" (layer index in the net string, from 0). */
struct tensor {
    char name[48];
    int rank, extent[4];    /* conv weight [K][R][S][C], dense weight [K][C], vectors [C] */
    size_t count;           /* product of extents */
    bool trained;           /* false: running statistics */
    real *value, *gradient; /* in the plan's arenas; gradient NULL for statistics and inference plans */
};
/* How many there are. */
int plan_tensors(const struct plan *plan);
/* Whoever gets one may write its value, so the convolutions' packed copies are made anew at the next forward pass; who keeps it and writes
 * after a pass calls plan_changed. */
struct tensor plan_tensor(const struct plan *plan, int i);
void plan_changed(const struct plan *plan);

/* Optimizer state array `slot` (0 …) of tensor i, shaped like its value; NULL for statistics, and past the plan's optimizer_slots. */
real *plan_optimizer_slot(const struct plan *plan, int slot, int i);

/* Draws the initial weights, see nets/net.h; running statistics, gamma and beta start at 0 and 1, optimizer state at 0. */
void plan_init(struct plan *plan, struct init init, uint64_t seed);

/* Where to put a batch and read results. x[B][H][W][C][16], labels[B][16]; value and best as loss.h says; logits[B][K][16]. */
real *plan_input(struct plan *plan);
uint8_t *plan_labels(struct plan *plan);
const real *plan_logits(const struct plan *plan);
const real *plan_losses(const struct plan *plan);
const uint8_t *plan_predicted(const struct plan *plan);
/* Output of layer i after a pass, of training plans made with no_fuse, for tests and pictures: [B][P][Q][K][16]. Where the next layer
 * writes in place (relu, dropout …) it is that layer's. Other plans keep no more than they need: the last layer's alone is sure to be
 * whole. */
const real *plan_output(const struct plan *plan, int layer);

/* n images are in the input (1 … batch, and what net_check_batch() takes; dead lanes are zeroed by whoever fills it). Forward in training
 * mode (dropout on, batch statistics, running ones tracked) or inference mode. Losses and best are made as well. `key` seeds dropout:
 * (seed, step). */
struct pass_key {
    uint64_t seed;
    uint32_t step, part;
}; /* part: of a batch fed as micro-batches, from 0 */
void plan_forward(struct plan *plan, int n, bool training, struct pass_key key);
/* A forward pass in training mode, and the gradients of its mean loss into every tensor's gradient. `scale_n`: images that the mean is
 * over (n, or the whole batch's when it is fed as micro-batches); `accumulate`: add to the gradients instead of overwriting them. */
void plan_gradients(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key);
/* The second half by itself, of plans made with no_fuse and n up to PLAN_WAVE, after a forward pass in training mode with the same n and
 * key. */
void plan_backward(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key);
/* The same layer by layer, for whoever looks at or meddles with what is between: begin, then each layer from
 * the last down to plan_lowest. plan_output_gradient is what a layer starts from, [B][P][Q][K][16]; NULL where none is kept. */
void plan_backward_begin(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key);
void plan_backward_layer(struct plan *plan, int layer);
int plan_lowest(const struct plan *plan);
real *plan_output_gradient(const struct plan *plan, int layer);
/* One optimizer step over all trained tensors. */
void plan_step(struct plan *plan, const struct optimizer *o);

/* For profiles: `watch` is called as each part of a pass ends, with the layer it belongs to (-1: none); NULL: nobody watches. Results are
 * the same. A convolution's or dense layer's gradients of weights and of data are apart; batch norm's are one. */
enum plan_part { PART_PACK, PART_FORWARD, PART_LOSS, PART_BACKWARD_WEIGHTS, PART_BACKWARD_DATA, PART_STEP, PLAN_PARTS };
typedef void plan_watch_fn(void *context, int layer, enum plan_part part);
void plan_watch(struct plan *plan, plan_watch_fn *watch, void *context);
/* What is done together is watched as the layer that it begins with. Of training, by that layer: the words of all of it, as "conv8same
 * relu" and, where backward takes others along, "conv8same relu, back: conv8same drop0.2"; multiply-adds per image, in all directions. No
 * words: nothing begins there. */
struct plan_line {
    char words[512];
    double macs;
};
struct plan_line plan_line(const struct plan *plan, int layer);

#endif
