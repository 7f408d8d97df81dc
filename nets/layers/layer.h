/* SPDX-License-Identifier: MIT
 * A kind of layer is a row: how its word reads and prints, what shape follows, what planning has to know, and its functions forward and
 * backward. Nothing outside a kind's own file knows it by name: net.c, the plan and its passes walk rows. A new kind is its file beside
 * this one, a line in LAYER_LIST (net.h) and its fields in struct layer there. */
#ifndef NETS_LAYERS_LAYER_H
#define NETS_LAYERS_LAYER_H

#include "../../kernels/sums.h"
#include "../net.h"

struct plan;
struct plan_options;
struct planned;
struct team;
struct job;

/* ---- words --------------------------------------------------------------------------------------------------------------------- */

/* A word that begins a layer in a net string; several may mean one kind. */
struct word {
    const char *name;                                                  /* NULL ends a list */
    bool (*read)(const char *after_name, struct layer *l, int detail); /* l is zeroed but for its kind; false: cannot be read */
    int detail;                                                        /* which pool, which activation */
    const char *usage;                                                 /* for the message when it cannot be read */
    const char *means;                                                 /* one line for help */
};

/* ---- tensors ------------------------------------------------------------------------------------------------------------------- */

/* A parameter or statistic as a kind declares it. Trained ones come first, the weight before the bias. */
struct tensor_row {
    const char *name;    /* "weight"; NULL ends a list */
    bool trained, drawn; /* drawn: starts from random numbers, as struct init says; else from `start` */
    float start;
    int rank, extent[4];
};
enum { LAYER_TENSORS = 4 };

/* ---- work ---------------------------------------------------------------------------------------------------------------------- */

/* Of a layer: a batch norm's mean and variance; rows of y; and backward the sums over images (for the gradients of weights; batch
 * norm's), rows of dx, and what comes to a layer's dy from the adds whose source it is. In bf16 rows of x and dy are made lines first
 * (tiles.h). */
enum work { WORK_STATISTICS, WORK_LINES, WORK_FORWARD, WORK_DLINES, WORK_WEIGHTS, WORK_SUMS, WORK_DATA, WORK_SKIPS, WORKS };

/* Makes rows [begin, end), counted from the first of the job's images; or of sums the chunks, counted from the pass's first. */
typedef void rows_fn(const struct job *job, struct span span, int worker);
/* Work that cuts itself into units; `team` NULL: the caller alone. */
typedef void whole_fn(struct plan *plan, struct team *team, int layer);

/* Where a layer's chunks are, and where their sum goes. */
typedef struct chunk_sums merge_fn(const struct plan *plan, int layer);

struct layer_work {
    rows_fn *rows;                          /* NULL: cuts itself, and shares no group */
    rows_fn *blocks;                        /* the same for image blocks [0, n) of a job, where it has no rows; NULL: it cannot */
    whole_fn *whole;                        /* the work as a group of its own, where that is not done row by row; may be NULL */
    whole_fn *after;                        /* once all chunks of a group are summed: what they come to; NULL where nothing is left to do */
    merge_fn *merge;                        /* the same where they are but added up, which several layers share a fork-join for */
    int (*chunks)(const struct planned *l); /* of sums over the planned images; NULL: makes rows */
    struct span (*chunk)(const struct planned *l, int i); /* rows of x or dy that chunk i sums */
    int (*grain)(const struct planned *l);                /* rows that are made together; NULL: 1 */
};

/* The window of input rows that a row of y reads; step from one row's to the next's, top: rows of padding above. */
struct window {
    int extent, step, top;
};

/* What backward asks of the contents of a buffer. */
enum need { NEED_NOTHING, NEED_SIGN, NEED_VALUE };

/* What a layer reads and makes. */
enum operand { OPERAND_X, OPERAND_Y, OPERAND_DY, OPERAND_DX };

/* ---- the row ------------------------------------------------------------------------------------------------------------------- */

struct layer_row {
    const char *name; /* in the names of its tensors: "2.bn.gamma" */
    const struct word *words;

    /* Of a net, before it is planned. */
    void (*print)(const struct layer *l, char *text, size_t size); /* appends the canonical word */
    const char *(*shape)(struct layer *l);          /* completes the layer and l->out (which begins as l->in); NULL, or what is wrong */
    const char *way_out;                            /* "; change …", appended to what is wrong; NULL: the message says it itself */
    int (*source)(const struct layer *l);           /* of a second input: so many places back; NULL: the kind has none */
    struct window (*window)(const struct layer *l); /* NULL: 1, 1, 0 */
    double (*macs)(const struct layer *l);          /* multiply-adds per image, nominal; NULL: 0 */
    void (*tensors)(const struct layer *l, struct tensor_row list[LAYER_TENSORS + 1]); /* list is zeroed; NULL: it has none */

    /* What buffers.c has to know. */
    bool elementwise;         /* y[i] depends on x[i] alone: in place at inference, dx over dy */
    bool passes_at_inference; /* and is then the identity */
    bool in_place;            /* in training, too, over an output of which backward needs no more than `over` */
    enum need over;
    bool reads_input;                                 /* backward reads x */
    enum need (*needs_output)(const struct layer *l); /* backward needs y; NULL: it does not */
    bool whole_output;                                /* y has a place in the whole batch's buffer, although backward does not read it */
    int operations;                                   /* of an element of y, where that is cheap to make anew; 0: it is not */
    bool scales;                                      /* y is x * scale + shift, per channel: can be read through */
    bool (*reads_through)(const struct planned *l);   /* can it read its input through such? NULL: it cannot */
    bool mixes_images;                                /* an image's y depends on the other images of the batch */
    bool (*only_maxima)(const struct layer *l);       /* y is a maximum of x over windows */
    bool (*keeps_order)(const struct layer *l);       /* is monotone, elementwise, without memory: may change places with only_maxima */
    bool (*keeps_bf16)(const struct layer *l, enum work work); /* FORWARD and DATA: of bf16's numbers it makes such. NULL: it does not */
    bool (*gates)(const struct planned *l); /* its rows, forward and back, may be stored as if through a ReLU (plan/gates.c). NULL: no */
    bool (*stores)(const struct planned *l, enum operand which); /* may be stored as bf16 (plan/storage.c). NULL: none may */
    bool (*takes_lines)(const struct job *job);                  /* its kernels read and make such, too. NULL: they do not */

    /* Planning. */
    const char *(*problem)(const struct net *net, int layer, int n, struct planned *l);         /* the kernel's; NULL, or what is wrong */
    void (*images)(struct planned *l, int n);                                                   /* sets n in it; NULL: it has no n */
    int (*choose)(struct plan *plan, int layer, const struct plan_options *o, struct why *why); /* variants; NULL: the ISA's one */
    const char *(*algorithm)(const struct plan *plan, int layer, char text[96]);
    void (*place)(struct plan *plan, int layer);                /* memory of its own; NULL: none */
    size_t (*worker_bytes)(const struct plan *plan, int layer); /* scratch of each worker; NULL: none */
    size_t (*partials)(const struct plan *plan, int layer);     /* elements of all chunks' sums at once; NULL: none */

    /* Running. */
    void (*pack)(const struct plan *plan, int layer, enum conv_direction direction); /* where packed[direction] is there */
    void (*before_inference)(struct plan *plan, int layer);                          /* NULL: nothing to do */
    struct layer_work work[WORKS];
};

const struct layer_row *layer_row(enum layer_kind kind);

static inline struct window layer_window(const struct layer *l)
{
    const struct layer_row *row = layer_row(l->kind);
    return row->window ? row->window(l) : (struct window){ 1, 1, 0 };
}

#define LAYER_ROW(NAME, name) extern const struct layer_row layer_##name;
LAYER_LIST(LAYER_ROW)
#undef LAYER_ROW

#endif
