/* SPDX-License-Identifier: MIT
 * Private to training: the start of a run that loads a checkpoint. */
#ifndef NETS_RESUME_H
#define NETS_RESUME_H

#include "train.h"

/* The run as it is asked for; all borrowed. */
struct resume {
    const struct train_options *options; /* whose `load` is set */
    const struct recipe *recipe;
    const struct dataset *data;
    struct plan *plan; /* its weights, and optimizer state where the run goes on, are filled */
    int steps, steps_per_epoch;
};

/* Weights from options->load, and into *from its position where that run's continuation is what is asked for; else *from stays. What its
 * user should know goes to options->warn. 0; -EINVAL where it is another run's or stands where this one never comes; or checkpoint_load's
 * errors. */
int resume_load(const struct resume *r, struct position *from, struct why *why);

#endif
