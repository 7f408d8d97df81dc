/* SPDX-License-Identifier: MIT
 * Private to plans and to the kinds of layers: what was chosen and placed per layer. plan.c chooses, schedule.c forms groups of stages,
 * phases.c decides which of them go block by block, buffers.c who writes where, place.c measures and places, pass.c and group.c run. */
#ifndef NETS_PLAN_H
#define NETS_PLAN_H

#include "../../kernels/runtime/arena.h"
#include "../../kernels/sums.h"
#include "../layers/layer.h"
#include "plan.h"

enum pass { TRAINING_PASS, INFERENCE_PASS, BACKWARD_PASS, PASSES };

/* How elements of a value or gradient are stored. Whoever measures memory or cuts it to a cache asks for bytes. */
enum storage { STORED_REAL, STORED_BF16, STORAGES };

static inline size_t storage_bytes(enum storage storage)
{
    static const size_t bytes[STORAGES] = { [STORED_REAL] = sizeof(real), [STORED_BF16] = sizeof(bf16) };
    return bytes[storage];
}

/* ---- who writes where (buffers.c) ------------------------------------------------------------------------------------------------ */

/* Indices into the buffer lists; several layers share one when they write in place or when it is free again. */
struct buffers {
    int lowest;                                                       /* net_lowest: gradients go no deeper */
    int value[NET_MAX_LAYERS];                                        /* of the layer's output; INPUT_BUFFER: the net's input itself */
    int gradient[NET_MAX_LAYERS];                                     /* of dy; NO_BUFFER below `lowest` and in inference plans */
    int values, gradients;                                            /* how many there are */
    size_t value_size[NET_MAX_LAYERS], gradient_size[NET_MAX_LAYERS]; /* bytes per image; of a local one, of all under way */
    bool value_local[NET_MAX_LAYERS], gradient_local[NET_MAX_LAYERS]; /* every worker has its own, for the blocks under way */
};
enum { INPUT_BUFFER = -1, NO_BUFFER = -2 };

/* When things are made, as entries of the courses (phases.c; by forward pass): what one phase alone writes and reads is needed for the
 * blocks under way only. An entry is -1 where the layer has no such work. */
enum { ENTRIES_MOST = 8 * NET_MAX_LAYERS + 1 };
struct sharing {
    int value[2][NET_MAX_LAYERS];                                                                             /* y */
    int loss, weights[NET_MAX_LAYERS], sums[NET_MAX_LAYERS], gradient[NET_MAX_LAYERS], skips[NET_MAX_LAYERS]; /* gradient: dx */
    int again[NET_MAX_LAYERS];                                                                                /* y, for backward */
    int lines[2][NET_MAX_LAYERS], dlines[NET_MAX_LAYERS];                                                     /* of x and dy, in bf16 */
    size_t value_bytes[NET_MAX_LAYERS], gradient_bytes[NET_MAX_LAYERS];                                       /* of y and dy, per image */
    int from[NET_MAX_LAYERS]; /* the layer whose y is read as x */
    int phase[2][ENTRIES_MOST];
    int blocks[2][ENTRIES_MOST]; /* that a worker has under way, at most */
};

/* The first layer with parameters; without any, the count. */
int net_lowest(const struct net *net);
/* Is the layer another one's second input? */
bool net_is_source(const struct net *net, int layer);

/* What writes in place of each other has one name: of values (INPUT_BUFFER: the net's input), and from layer `lowest` on of gradients. */
int buffers_value_names(const struct net *net, bool training, int *names);
int buffers_gradient_names(const struct net *net, int lowest, int *names);
/* `sharing` NULL: every stage is a group of its own. */
void buffers_assign(const struct net *net, bool training, const struct sharing *sharing, struct buffers *buffers);

/* ---- what is done together (schedule.c) -------------------------------------------------------------------------------------------- */

/* Floats of a stage whose values are stored as bf16 (storage.c): rows of a band, 0 where there are none; where in the staging what it reads
 * beside and what it makes begin, and how many floats all are. */
struct staging {
    int band;
    size_t beside, out, floats;
};

/* One layer's work in a pass, with all that running it takes. Rows are those that it makes per image block; of sums, those it reads. */
struct stage {
    enum work work;
    int layer;
    const struct layer_work *does;
    bool again; /* forward work in backward: what was not kept is made anew */
    int rows, grain;
    size_t row_bytes;
    struct window window;
    int chunks;   /* of sums: per image block */
    int ready;    /* plan->numbers[ready + m]: rows it can make once m rows of the stage before it are there */
    int chunk_at; /* of sums: plan->numbers[chunk_at + r]: the first chunk that begins at row r or past it */
    struct staging staging;
    int gate; /* layer, a ReLU, whose work is done as its rows are stored; -1: none */
};

struct group {
    int first, count;    /* stages */
    int cut, cuts;       /* plan->numbers[cut …]: rows of the first stage where a block may be cut into units */
    int band, bundle;    /* rows of the first stage made at a time; or so many whole blocks */
    bool alone;          /* too little to share: the caller does it */
    enum plan_part part; /* what it is watched as */
};

enum { STAGES_MOST = 4 * NET_MAX_LAYERS, GROUP_MOST = 32 };

struct schedule {
    int stages, groups;
    struct stage stage[STAGES_MOST];
    struct group group[STAGES_MOST];
};

/* 0 or -ENOMEM. */
int schedules_build(struct plan *plan, bool fuse, struct why *why);
/* Is the layer's output made anew for backward rather than kept? (recompute.c) */
bool made_again(const struct plan *plan, int layer);
/* Decides which layers read through which. */
void read_through(struct plan *plan);
/* Multiply-adds per image. */
double stage_macs(const struct plan *plan, const struct stage *s);
/* Bytes per image block of all that the stages make. */
size_t stages_bytes(const struct stage *stage, int count);
/* Does no chunk of the stage's sums reach over several blocks? */
bool chunks_within_blocks(const struct plan *plan, const struct stage *s);
/* The share of the workers' time that is not spent waiting for the one with most units, of so many per block. */
double units_balance(const struct plan *plan, int units);

/* ---- what goes block by block (phases.c) ------------------------------------------------------------------------------------------ */

/* A group of a pass, or the loss. */
struct entry {
    enum pass pass;
    int group; /* LOSS_ENTRY: the loss */
};
enum { LOSS_ENTRY = -1 };

/* A run of entries that one fork-join carries out: one by itself, the rows of all blocks cut into units; or several, image block by image
 * block, each through all of them. */
struct phase {
    int first, count; /* entries */
    int lot;          /* image blocks that a worker takes through them at a time; 0: an entry by itself */
};

/* All entries in order: of a training step, whose first `forward` ones end with the loss; of inference. */
struct course {
    int entries, phases, forward;
    struct entry entry[ENTRIES_MOST];
    struct phase phase[ENTRIES_MOST];
};

void courses_build(struct plan *plan);
/* Can a worker take image blocks through the stage one after another? */
bool stage_by_block(const struct plan *plan, const struct stage *s);
/* By layer, which entry makes what. */
void courses_share(const struct plan *plan, struct sharing *sharing);

/* ---- the plan ---------------------------------------------------------------------------------------------------------------------- */

enum family { PARAMETERS, GRADIENTS, OPTIMIZER, ACTIVATIONS, SCRATCH, FAMILIES };

/* Sums over images run over waves of so many blocks, added in order; within a wave over chunks, added by a tree. */
enum { WAVE_BLOCKS = PLAN_WAVE / LANES };

struct planned {
    union { /* the op's problem; n is the pass's */
        struct conv conv;
        struct pool pool;
        struct dense dense;
        struct batchnorm batchnorm;
        struct add add;
    };
    const struct conv_variant *variant[CONV_DIRECTIONS]; /* conv only */
    const struct conv_bf16_variant *tiles;               /* conv and dense: it is in bf16; NULL: in float32 */
    int from;                                            /* the layer whose y is read as x: the one below, or through some further down */
    bool unmade;                                         /* its output is never made: the layer above reads through it */
    struct through affine;                               /* batch norm: what reading through it means */
    enum storage stored, gradient_stored;                /* of y and dy */
    struct bf16_map map, gradient_map;                   /* of their lines, for one image block, where they are bf16 */
    bool gates, gates_back; /* a ReLU: who makes what it reads, of values or of gradients, stores it as if it had passed through already */
    size_t chunk_dy, chunk_x; /* floats of a chunk of them, where they are bf16 and summed as floats */
    int tensor, tensors;      /* first in plan->tensors, and how many */
    int ordinal;              /* among layers of its kind */
    int wave;                 /* conv: blocks per wave */
    int own_blocks;           /* of what the layer keeps for backward beside values: every worker has its own, of so many; 0: that of all */
    int lines_own, dlines_own; /* of lines and dlines likewise */
    size_t partial;            /* where its chunks' sums begin in the plan's partials: beside those of the same group */
    const real *x, *skip;      /* what is read; skip: add's source */
    real *y;
    real *dy, *dx;         /* dx NULL: nobody below needs it */
    real *packed[2];       /* conv, by direction; NULL where never read */
    bf16 *lines, *dlines;  /* conv in bf16: of x, and in training of dy */
    uint8_t *argmax;       /* max-pool, training */
    uint16_t *mask;        /* dropout, training */
    real *mean, *variance; /* batch norm: of the batch, for backward */
    real *coefficients;    /* batch norm: per-channel factors, three arrays of whole vectors */
};

struct placed {
    struct tensor tensor;
    size_t offset; /* in elements among the trained ones or among the statistics */
    bool drawn;
    float start; /* how it starts, as in struct tensor_row */
};

enum { MAX_TENSORS = 4 * NET_MAX_LAYERS };

struct plan {
    struct net given, net; /* as it was given; as it is carried out */
    int batch, workers, optimizer_slots;
    int at_once;             /* images that a course takes at a time, of a batch: activations have room for so many */
    bool recompute;          /* what is cheap to make anew is not kept for backward */
    bool training, by_block; /* by_block: in phases of several entries, where that is possible */
    struct team *team;
    const struct kernels *kernels;
    const struct conv_bf16_variant *tiles; /* in bf16; NULL: in float32 */
    struct schedule schedule[PASSES];
    struct course course[2];                 /* TRAINING_PASS: the whole step */
    int *numbers, number_count, number_room; /* what stages and groups index */
    struct buffers buffers;
    struct planned layers[NET_MAX_LAYERS];
    int tensors;
    struct placed tensor[MAX_TENSORS];
    size_t trained, statistics; /* elements, each tensor rounded up to 16 */

    bool placing; /* the walk takes memory; before, it measures */
    size_t measured[FAMILIES];
    struct arena arenas[FAMILIES];
    real *parameters, *statistic, *gradients, *slots[2];
    real *input, *losses, *logits; /* logits NULL: the last layer's output is it */
    uint8_t *labels, *predicted;
    real *values[NET_MAX_LAYERS], *value_gradients[NET_MAX_LAYERS];
    real *partials;                 /* sums of chunks, [chunk][stride] */
    real *sums;                     /* batch norm's, four arrays of `channels` */
    size_t partial_count, channels; /* elements; the widest batch norm, rounded up to 16 */
    size_t worker_bytes, staging_bytes;
    real **worker_scratch; /* [workers], of worker_bytes, and the staging behind them */

    bool *stale; /* [2] by direction: packed weights are older than the weights */
    plan_watch_fn *watch;
    void *watch_context;
    struct {
        int n, first; /* images under way, and their first image block in the batch */
        bool training, accumulate;
        struct pass_key key;
    } pass; /* under way, or the last one */
};

/* Elements rounded up to whole vectors. */
static inline size_t round16(size_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Where the sums of a layer's chunks begin. */
static inline real *partials_of(const struct plan *plan, const struct planned *layer) { return plan->partials + layer->partial; }

/* Elements of one chunk's sums for a layer's weight and bias, as they lie in the gradients: each rounded up to 16. */
size_t plan_stride(const struct plan *plan, int layer);
/* Elements of all chunks' sums that a layer has at once. */
size_t plan_partials(const struct plan *plan, int layer);
/* Value or gradient of tensor `which` (0 weight or gamma, 1 bias or beta, 2 and 3 running mean and variance) of a layer; NULL: has none. */
real *plan_value_of(const struct plan *plan, int layer, int which);
real *plan_gradient_of(const struct plan *plan, int layer, int which);

/* Measures and takes all memory (place.c). 0 or -ENOMEM. */
int plan_place(struct plan *plan, struct why *why);
/* Where the x, y and second input of the images under way begin. */
void plan_place_values(struct plan *plan, int layer);
/* For a kind's place(): bytes of the family; NULL while the walk measures. */
void *plan_take(struct plan *plan, enum family family, size_t bytes);

/* ---- passes (pass.c drives, group.c carries out, the kinds' files hold the work) ------------------------------------------------- */

/* Carries out group g of a pass, over all images under way. */
void group_run(struct plan *plan, enum pass pass, int g);
/* Carries out entries [begin, end) of the phase; `loss` makes that of image blocks [begin, end). */
typedef void loss_blocks_fn(void *context, int begin, int end);
struct phase_run {
    struct plan *plan;
    const struct course *course;
    int begin, end, lot;
    loss_blocks_fn *loss;
    void *context;
};
void phase_run(struct phase_run *run);

/* A part of the pass has ended. */
static inline void watched(const struct plan *plan, int layer, enum plan_part part)
{
    if (plan->watch) plan->watch(plan->watch_context, layer, part);
}

/* Of 2^16: see dropout.h. */
static inline uint32_t dropout_threshold(float rate) { return (uint32_t)((double)rate * 65536 + 0.5); }

/* What a worker needs to know about its piece of a layer. */
struct job {
    const struct plan *plan;
    const struct planned *layer; /* the plan's, or a piece of it: its n is the images of that, its pointers begin there */
    const struct layer *what;
    int index;                /* of the layer */
    int first;                /* image block that the piece begins with */
    real *to;                 /* sums: where they go */
    int block, chunks, parts; /* sums: first image block of the wave; its chunks; the parts of the filters, a unit each */
    size_t stride;            /* sums: elements from chunk to chunk */
    bool add;                 /* sums: to what is there already */
};

static inline struct job job_of(const struct plan *plan, int layer)
{
    return (struct job){ .plan = plan, .layer = &plan->layers[layer], .what = &plan->net.layers[layer], .index = layer };
}

/* Sets n in the layer's problem. */
static inline void planned_images(struct planned *planned, enum layer_kind kind, int n)
{
    if (layer_row(kind)->images) layer_row(kind)->images(planned, n);
}

/* ---- sums over images (sums.c) ------------------------------------------------------------------------------------------------------- */

/* The chunks of a job by the tree, into or onto job->to. */
void sums_merge(struct plan *plan, struct team *team, struct job *job);
/* All chunks of the weights of these layers, in one fork-join. */
void sums_merge_several(struct plan *plan, struct team *team, const int *layers, int count);
/* The padding behind a weight's and a bias's sums: scratch is not zero there, gradients must be. */
void sums_clear_padding(const struct job *job, real *sums);
/* Where the bias's sums are when the weight's are at `weight`; NULL without bias. */
real *sums_bias(const struct job *job, real *weight);
/* Images of the wave of so many blocks that begins at a block. */
int wave_images(const struct plan *plan, int block, int blocks);

/* ---- ReLUs without work of their own (gates.c) --------------------------------------------------------------------------------------- */

/* Which ones, once it is known what is stored as bf16 and what is read through. */
void gates_choose(struct plan *plan);
/* The ReLU that goes with the layer's work; -1: none. */
int gate_of(const struct plan *plan, enum work work, int layer);
/* Is there one that the layer's kernel takes care of? In bf16 storing does. */
bool kernel_gates(const struct job *job, enum work work);

/* ---- how values are stored (storage.c) ----------------------------------------------------------------------------------------------- */

/* By layer, once it is known which are in bf16. */
void storage_choose(struct plan *plan);
/* Bytes of an image block of the layer's output (-1: the net's input) and of its gradient. */
size_t storage_value(const struct plan *plan, int layer);
size_t storage_gradient(const struct plan *plan, int layer);
struct staging storage_staging(const struct plan *plan, const struct stage *s);
/* Of a stage with staging: its rows of the job (of sums its chunks), widened, computed and rounded band by band. */
void storage_rows(const struct job *job, const struct stage *s, struct span rows, int worker);

/* For a kind's own work: is the operand stored as bf16, where its lines are, and of so many blocks their map. */
bool storage_is_bf16(const struct job *job, enum operand which);
const bf16 *storage_lines(const struct job *job, enum operand which);
struct bf16_map storage_map(const struct job *job, enum operand which, int blocks);
/* Does the layer's work read and make lines itself? Then how they lie, for its kernel, written to `room`; else NULL. Once rows are made,
 * their frame follows. */
struct lines_room {
    struct bf16_operands operands;
    struct bf16_gate gate;
};
const struct bf16_operands *storage_operands(const struct job *job, enum work work, struct lines_room *room);
void storage_frame(const struct job *job, enum work work, struct span rows);
/* Its rows as floats: where it is, or widened to `area`; the pointer is one from which rows are counted as from the job's. */
const real *storage_floats(const struct job *job, enum operand which, struct span rows, real *area);
/* The worker's staging. */
real *storage_area(const struct job *job, int worker);

/* ---- bf16 (rounding.c) --------------------------------------------------------------------------------------------------------------- */

/* Is the layer's output a number of bf16? All are but the logits. */
bool output_rounded(const struct plan *plan, int layer);
/* Rounds what a stage has made, rows counted from the first of the job's images, as far as it has to be. */
void round_rows(const struct job *job, enum work work, struct span rows);
/* All of what it has made. */
void round_whole(struct plan *plan, struct team *team, enum work work, int layer);

/* ---- places -------------------------------------------------------------------------------------------------------------------------- */

/* Image blocks come first in every tensor: where block `block` of one with shape s begins. */
static inline size_t shape_values(struct shape s) { return (size_t)s.c * (size_t)s.h * (size_t)s.w; }
static inline size_t block_at(int block, struct shape s) { return (size_t)block * shape_values(s) * LANES; }

/* The vectors of 16 that rows of that shape hold. */
static inline struct span row_vectors(struct span rows, struct shape s)
{
    return (struct span){ rows.begin * s.w * s.c, rows.end * s.w * s.c };
}

/* Rows of it that hold h rows per image block. */
static inline int pass_rows(const struct plan *plan, int h) { return image_blocks(plan->pass.n) * h; }

#endif
