/* SPDX-License-Identifier: MIT
 * The proof machinery, a small library without a framework: kernelcheck, the Criterion skins and the benches link it.
 *
 * A *row* is a variant of the registry (or a mutant); a *line* is one direction of a row and the unit of the report; a *problem* is a
 * string; a *trial* is one direction of one row on one problem with one kind of input. What a trial does depends on (op, problem, seed)
 * alone, so any failure comes back by the command that is printed with it. The registry is walked by variant_at(): a new variant is
 * tested the day it is registered. A new op brings one cases_<op>.c; check_cases[] is made from the list in kernels/ops.h.
 *
 * The walk is by problem, then by row, so that inputs and oracles are made once for all rows. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../kernels/kernels.h"
#include "../../kernels/runtime/rng.h"
#include "guard.h"

/* ---- what is asked for ------------------------------------------------------------------------------------------------------- */

struct check_options {
    int op;                     /* enum op, or -1: all */
    const char *direction;      /* "fwd" …; NULL: all */
    unsigned isas;              /* which ISAs to check; all of them can run here */
    const char *algo, *problem; /* NULL: all; the fixed list and then `cases` random ones */
    int cases;                  /* random problems per op */
    uint64_t seed;
    bool drawn_only;    /* leave the fixed list out */
    bool mutants;       /* check the checker by wrong kernels, too */
    const char *filter; /* a glob on op.direction/isa/algo, a bare word: any part of it; NULL: all */
    /* Told before every problem of an op, with check_walk's context; NULL: nobody wants to know. */
    void (*progress)(void *context, enum op op, int done, int total);
};

/* Does the glob match the name? */
bool check_matches(const char *filter, const char *name);
/* Does it match any direction of the variant? */
bool check_matches_row(const struct check_options *o, enum op op, const struct variant *v);

/* ---- what comes out ---------------------------------------------------------------------------------------------------------- */

enum { CHECK_DIRECTIONS = 5, CHECK_ROWS = 64, CHECK_TEXT = 128, CHECK_THREADS = 8 };

struct check_line {
    long trials, failures;
    double worst; /* error in units of its bound; 0 where all was compared bit by bit */
    char worst_problem[CHECK_TEXT];
    char failure[256]; /* the first one: where, got, want, how many */
    char failed_problem[CHECK_TEXT];
};

struct check_row {
    const struct variant *variant;
    const char *mutant;                                      /* NULL: of the registry */
    long exact, over_isa, over_spans, through, lines, gates; /* trials that tested each promise: a promise never tested is a failure */
    bool rests;                                              /* has had its problems: the next are for rows that had none */
    struct check_line line[CHECK_DIRECTIONS];
};

/* ---- what an op brings ------------------------------------------------------------------------------------------------------- */

struct check;

struct mutant {
    const char *name;
    const struct variant *variant;
};

struct op_cases {
    enum op op;
    const char *directions[CHECK_DIRECTIONS + 1];             /* "fwd", "bwd_data" …, then NULL */
    const char *const *problems;                              /* the important ones, then NULL */
    void (*draw)(struct rng *r, char *text);                  /* a random problem, CHECK_TEXT bytes */
    const char *(*run)(struct check *c, const char *problem); /* all kinds of input on all rows; NULL, or what is wrong with the string */
    const struct mutant *(*mutants)(int *count);              /* wrong rows, each to be killed; first comes a right one, which must live */
};

extern const struct op_cases *const check_cases[OP_COUNT];

/* The state of a walk over one op. Case files read it and draw from `rng`, which starts anew for every problem. */
struct check {
    const struct op_cases *cases;
    const char *direction; /* the only one wanted, or NULL */
    const char *filter;    /* of op.direction/isa/algo, or NULL */
    uint64_t seed;
    struct rng rng;
    char problem[CHECK_TEXT];
    int threads; /* 1 … CHECK_THREADS, drawn for every problem; 1 for two of three */
    struct check_row row[CHECK_ROWS];
    int rows;
    struct guards guards;
    struct check_row *current; /* of the trial that runs */
    struct check_line *line;
    bool failed; /* the trial that runs has failed: later findings are left out */
    struct {
        void *data;
        size_t bytes;
    } room[24];
};

/* Plain memory for oracles, grown on demand and kept: slot i of room[]. Exits when there is none. */
void *check_room(struct check *c, int i, size_t bytes);

/* Does this row still want trials in this direction? (Filtered out, or a mutant already dead: no.) */
bool check_wants(const struct check *c, int row, int direction);

/* One trial: work(context) under the trap, then the guards. True when it passed. */
bool check_try(struct check *c, int row, int direction, void (*work)(void *), void *context);

/* The row of the portable table with the algorithm of `v`, which promises the same bits over ISAs; NULL (and a failure) when there is
 * none. */
const struct variant *check_twin(struct check *c, const struct variant *v);

/* Records the trial's first finding. */
void check_fail(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs work(context, 0) … work(context, threads - 1) at the same time, 0 on the calling thread. False when the system gave fewer threads;
 * what was left out is then not done. */
bool check_parallel(int threads, void (*work)(void *context, int index), void *context);

/* The part of a span that one of several threads takes, as the team cuts it. */
struct span check_piece(struct span all, int index, int threads);

/* ---- comparing --------------------------------------------------------------------------------------------------------------- */

/* A tensor as coordinates: "y[1][0][3][5][2]". With images > 0 the first extent counts image blocks and the last 16 lanes: dead ones
 * (images not a multiple of 16) are left out of comparisons. */
struct tensor_view {
    const char *name;
    int images, rank, extent[5];
};

size_t view_count(const struct tensor_view *t);

/* |got - want| <= bound * 2^-24 * size + tiny, elements [begin, end). A NaN is wanted by a NaN, an infinity by the same one. size NULL:
 * equal; an infinite size excuses its element. */
struct tolerance {
    double bound, tiny;
    bool loose; /* where want is not finite, got may be anything that is not finite either */
};
void check_close(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, const double *want,
                 const double *size, struct tolerance tolerance);

/* The same bits; any NaN equals any NaN. `against` ends the message: "whole span", "portable". */
void check_bits(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, const float *want,
                const char *against);
void check_bytes(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const uint8_t *got, const uint8_t *want,
                 const char *against);

/* Nothing written in [begin, end). */
void check_unwritten(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got);

/* One number: |got - want| <= allowed. */
void check_number(struct check *c, const char *what, double got, double want, double allowed);

/* Dead lanes of [begin, end): finite (activations) or zero (gradients). */
enum dead { DEAD_FINITE, DEAD_ZERO };
void check_dead(struct check *c, const struct tensor_view *t, size_t begin, size_t end, const float *got, enum dead dead);

/* ---- inputs ------------------------------------------------------------------------------------------------------------------ */

enum input_kind {
    INPUT_INTEGERS, /* small enough that every sum is exact */
    INPUT_FLOATS,   /* uniform in [-1, 1), all mantissa bits in use */
    INPUT_SPECIALS  /* floats with NaN, +-inf, -0 and denormals among them */
};

void fill_integers(struct rng *r, float *to, size_t count, int largest);
void fill_floats(struct rng *r, float *to, size_t count);
/* Overwrites a few random elements with special values. */
void sprinkle_specials(struct rng *r, float *to, size_t count);
/* Dead lanes of a tensor in lanes: loud finite values (activations) or zeros (gradients). */
void fill_dead(const struct tensor_view *t, float *to, enum dead dead);
enum edge draw_edge(struct rng *r);
int draw_between(struct rng *r, int low, int high); /* inclusive */
int draw_images(struct rng *r);                     /* 1 … 49, often near a multiple of 16 */
int draw_vectors(struct rng *r);                    /* of 16 floats: 1 … 700, mostly few */
void widen(const float *from, double *to, size_t count, bool absolute);

/* ---- the walk ---------------------------------------------------------------------------------------------------------------- */

/* Called with every finished op. */
typedef void check_report_fn(const struct check *c, void *context);

struct check_total {
    int lines;             /* that ran; 0: the filter matched nothing */
    long trials, failures; /* failures count lines, untested promises and survivors */
    int mutants, killed;
};

/* Walks everything the options let through. Returns NULL, or what is wrong with --problem. */
const char *check_walk(const struct check_options *o, check_report_fn *report, void *context, struct check_total *total);

/* One row on one problem, for benches: NULL when right, else the finding in `text`. Seconds at most. */
const char *check_one(const struct variant *v, enum op op, const char *problem, uint64_t seed, char *text, size_t size);

#endif
