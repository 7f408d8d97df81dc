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

#endif
