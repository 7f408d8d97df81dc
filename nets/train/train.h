/* SPDX-License-Identifier: MIT
 * One training run: net + recipe + data + seed -> metrics. Also evaluation and checkpoints. */
#ifndef NETS_TRAIN_H
#define NETS_TRAIN_H

#include <signal.h>
#include "../plan/plan.h"
#include "recipe.h"

enum { MAX_EPOCHS = 1000 };

struct metrics {                               /* per cent; losses are means over images */
    int epochs;                                /* finished */
    double test_acc, best_test_acc, test_loss; /* last epoch; best over epochs (never the headline) */
    double train_acc, train_loss;              /* inference mode on the training images, after the last epoch; NaN unless asked for */
    double train_acc_running;                  /* last epoch, as seen while training (dropout on) */
    float test_acc_per_epoch[MAX_EPOCHS], test_loss_per_epoch[MAX_EPOCHS];
    float train_acc_running_per_epoch[MAX_EPOCHS], train_loss_per_epoch[MAX_EPOCHS];
    double seconds;                                /* training steps with batch assembly, not loading or evaluation */
    double train_images_per_s, infer_images_per_s; /* 0: nothing of it was timed */
    struct plan_bytes bytes;
    int diverged_at;         /* the update, counted from 1, whose loss was the first not to be finite, or after which the test loss
                              * was; then accuracies and losses above are NaN, the curves as they were seen. 0: none */
    int tiles;               /* in bf16: the ISA of the tiles; else -1 */
    bool fused;              /* as planned: hooks may ask for every layer by itself */
    char weights_sha256[65]; /* over the trained tensors in net order, little-endian float32 */
};

/* Where a study looks at a run or puts a step of its own in place of ours; NULL members are left out. */
struct train_hooks {
    void (*started)(void *context, struct plan *plan); /* weights are initialised or loaded; nothing is trained yet */
    /* In place of plan_backward: gradients must be there when it returns. */
    void (*backward)(void *context, struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key);
    void (*finished)(void *context, struct plan *plan); /* trained and measured; the plan is closed afterwards */
    void *context;
};

struct train_options {
    unsigned isas;
    const char *algo;
    bool no_fuse, no_blocks, no_recompute; /* as in struct plan_options */
    struct team *team;
    uint64_t seed;
    bool evaluate_train; /* fill train_acc (an extra inference pass at the end) */
    const char *load;    /* safetensors to start from (weights; with optimizer state and position: resume), or NULL */
    bool weights_only;   /* take the weights of `load` alone and start from update 0, whatever recipe made them */
    const char *save;    /* checkpoint written after every epoch by atomic rename, or NULL */
    int save_every;      /* after every so many epochs and the last in place of every one; 0: every one */
    bool go_on_diverged; /* train to the end all the same; else a run stops at the update that diverged, and saves nothing */
    const volatile sig_atomic_t *interrupted; /* not 0: finish the step, save, return -EINTR; NULL: never */
    struct train_hooks hooks;
    /* Called after every update and after every epoch's evaluation: epoch from 0, updates done in it. May be NULL. */
    void (*progress)(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *so_far);
    void (*warn)(void *context, const char *text); /* what is no error and should be known, in one line. May be NULL */
    void *context;
};

/* 0, or -EINVAL with the way out: does the net take what the data and the recipe give, and end in as many outputs as there are classes? Can
 * the data give what the recipe selects and transforms? */
int train_check(const struct net *net, const struct recipe *recipe, const struct dataset *data, struct why *why);

/* 0; -EINVAL (net does not fit the data, bad selection …), -ENOMEM, -EINTR, or the checkpoint's errno, with the reason. */
int train_run(const struct net *net, const struct recipe *recipe, const struct dataset *data, const struct train_options *options,
              struct metrics *metrics, struct why *why);

/* Images index[0 … n-1] in inference mode, `batch` at a time (at most the plan's), and each one's class into predicted[n], or NULL. */
struct evaluation {
    double accuracy, loss; /* per cent; mean. NaN of no images */
};
struct evaluation train_evaluate(struct plan *plan, struct batcher *batcher, const struct images *images, const int *index, int n,
                                 int batch, uint8_t *predicted);

/* safetensors: opens from Python without our code. Tensors as plan_tensor names them, float32, native order ([K][R][S][C]); metadata
 * carries net, recipe, position and checksums; optimizer state as "optimizer.0.<name>" and "optimizer.1.<name>". Written beside, fsynced,
 * renamed. */
struct tally {
    long seen, right;
    double loss;
}; /* sums over images */
struct position {
    uint64_t seed;
    int epoch, step;      /* finished epochs; updates in all */
    struct tally running; /* of the epoch under way */
    long images;
    double seconds, best_test_acc; /* trained on, spent and reached so far */
    char data_sha256[65];          /* the data set's: resuming on another is refused */
    struct metrics *metrics;       /* whose curves travel along as tensors "history.test_acc" and so on; NULL: none */
};
int checkpoint_save(const char *path, const struct plan *plan, const char *recipe, const struct position *at, struct why *why);
/* Fills weights (all must be there with the right shapes: the message names the first that is not). `at` NULL: weights alone; else
 * optimizer state, position and the curves of at->metrics too, or epoch -1 when the file tells nothing of a run; half of it is an error.
 * 0, with a remark in `why` where the file has no checksums, else an empty one; or a negative errno with no weight changed (but after an
 * I/O error halfway). */
int checkpoint_load(const char *path, struct plan *plan, struct position *at, struct why *why);
/* The net string and the recipe that a checkpoint was made from, into text; -EINVAL where the file does not tell. */
int checkpoint_net(const char *path, char *text, size_t size, struct why *why);
int checkpoint_recipe(const char *path, char *text, size_t size, struct why *why);
/* Is it whole, as --save or safetensors wrote it? 0 with how many tensors it has, and whether it has checksums, which hold then. */
int checkpoint_check(const char *path, int *tensors, bool *sealed, struct why *why);

#endif
