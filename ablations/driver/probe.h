/* SPDX-License-Identifier: MIT
 * What can be measured inside a run: the signal at the start, gradients and updates on the way. */
#ifndef ABLATIONS_PROBE_H
#define ABLATIONS_PROBE_H

#include "ablation.h"

/* Adds to look->extra what the first 256 training images give in the untrained net, in training mode: per layer the rms of its output
 * ("signal_rms"), and the std over images of each unit, rms over units ("signal_std"); of the logits that is "logit_std_at_init". */
void probe_signal(struct look *look);

/* Sets hooks that record every update of the run: per weight tensor the rms of its gradient and of the change that the optimizer made. When
 * the run is over they are in look->extra as "gradient_rms" and "update_rms", lists over updates of lists over "step_tensors". */
void probe_steps(struct look *look, struct train_hooks *hooks);

/* Adds to look->extra "gradient_check": per trained tensor of the untrained net, in net order, the loss's slope along the gradient, taken
 * from finite differences, over the gradient's length: 1 is a right gradient, -1 its opposite. `backward` is the run's (hooks->backward,
 * with the look as its context), NULL ours; images are the first of the training set, a batch of at most 16. */
void probe_gradient(struct look *look, void (*backward)(void *, struct plan *, int, int, bool, struct pass_key));

#endif
