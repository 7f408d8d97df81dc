/* SPDX-License-Identifier: MIT
 * One training run: net + recipe + data + seed -> metrics. Also evaluation and checkpoints. */
#ifndef NETS_TRAIN_H
#define NETS_TRAIN_H

#include <signal.h>
#include "recipe.h"

enum { MAX_EPOCHS = 1000 };

struct metrics {                        /* per cent; losses are means over images */
    int epochs;                         /* finished */
    double test_acc, best_test_acc, test_loss;          /* last epoch; best over epochs (never the headline) */
    double train_acc, train_loss;       /* inference mode on the training images, after the last epoch */
    double train_acc_running;           /* last epoch, as seen while training (dropout on) */
    float test_acc_per_epoch[MAX_EPOCHS], test_loss_per_epoch[MAX_EPOCHS];
    float train_acc_running_per_epoch[MAX_EPOCHS], train_loss_per_epoch[MAX_EPOCHS];
    double seconds;                     /* training steps with batch assembly, not loading or evaluation */
    double train_images_per_s, infer_images_per_s;
    struct plan_bytes bytes;
    char weights_sha256[65];            /* over the trained tensors in net order, little-endian float32 */
};

struct train_options {
    unsigned isas; const char *algo; struct team *team;
    uint64_t seed;
    bool evaluate_train;                /* fill train_acc (an extra inference pass at the end) */
    const char *load;                   /* safetensors to start from (weights; with optimizer state and position: resume), or NULL */
    const char *save;                   /* checkpoint written after every epoch by atomic rename, or NULL */
    int stop_after_epochs;              /* stop early as if interrupted after this many, for resuming later; 0: no */
    const volatile sig_atomic_t *interrupted;           /* not 0: finish the step, save, return -EINTR; NULL: never */
    void (*progress)(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *so_far);  /* may be NULL */
    void *context;
};

/* 0; -EINVAL (net does not fit the data, bad selection …), -ENOMEM, -EINTR, or the checkpoint's errno, with the reason. */
int train(const struct net *net, const struct recipe *recipe, const struct dataset *data, const struct train_options *options,
          struct metrics *metrics, struct why *why);

/* Accuracy (per cent) and mean loss of images index[0 … n-1] in inference mode, and optionally each image's predicted class. */
void evaluate(struct plan *plan, struct batcher *batcher, const struct images *images, const int *index, int n, int batch,
              double *accuracy, double *loss, uint8_t *predicted);

/* safetensors: opens from Python without our code. Tensors as plan_tensor names them, float32, native order ([K][R][S][C]); metadata carries net,
 * recipe and position; optimizer state as "optimizer.0.<name>" and "optimizer.1.<name>". Written to a temporary beside, fsynced, renamed. */
struct position { uint64_t seed; int epoch; int step; };
int checkpoint_save(const char *path, const struct plan *plan, const char *recipe, const struct position *at, struct why *why);
/* Fills weights (all must be there with the right shapes: the message names the first that is not); `at` (may be NULL) gets the position, epoch -1 when absent. */
int checkpoint_load(const char *path, struct plan *plan, struct position *at, struct why *why);
/* The net string a checkpoint was made from, into text. */
int checkpoint_net(const char *path, char *text, size_t size, struct why *why);

#endif
