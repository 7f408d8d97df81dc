/* SPDX-License-Identifier: MIT
 * A net is an array of layers, and a string a person can type:
 *
 *   1x28x28 conv8same relu bn max2 drop0.2 conv16 relu gap dense10
 *
 * First the input as CxHxW, then layers separated by spaces. Numbers after a name are its main argument, options follow as letters:
 *   conv8[r5][s3][step2][same|pad1|pad1,0,1,0][b0]   8 output channels, kernel 3x3 unless r (and s) say otherwise, stride 1, padding 0,
 *                                                    bias unless b0; "same" = (kernel-1)/2 on every side, odd kernels only; four-sided
 *                                                    padding is top,bottom,left,right
 *   max2[s3][step1][pad…]   avg2[…][count1]          window 2x2, step = window unless given; count1: the average counts padding
 *   gap                                              global average pool
 *   dense10[b0]                                      flattens what is below (height, width, channel) without being told
 *   bn[eps1e-5][mom0.1]                              batch norm; the defaults are PyTorch's (momentum is the new batch's share)
 *   relu   leaky0.01   tanh   drop0.2
 *   add3                                             adds the output of the layer three places before (its top-left crop when larger);
 *                                                    the net's input counts as the place before the first layer
 * Options may come in any order. The last layer's outputs are the logits; softmax and cross-entropy are added automatically. net_print
 * writes the canonical form, which a row carries. */
#ifndef NETS_NET_H
#define NETS_NET_H

#include <stdio.h>
#include "../kernels/kernels.h"
#include "../kernels/runtime/why.h"

/* The kinds of layers, each a file and a row in nets/layers. Their numbers key the streams that weights start from: append, never
 * renumber. */
#define LAYER_LIST(X) \
    X(CONV, conv) X(POOL, pool) X(DENSE, dense) X(BATCHNORM, batchnorm) X(ACTIVATION, activation) X(DROPOUT, dropout) X(ADD, add)
#define LAYER_KIND(NAME, name) LAYER_##NAME,
enum layer_kind { LAYER_LIST(LAYER_KIND) LAYER_KINDS };
#undef LAYER_KIND

/* Of one image: channels, height, width. In memory the order is [H][W][C][16], see kernels/base.h. */
struct shape {
    int c, h, w;
};

/* One layer: its kind, that kind's numbers, and the shapes it stands between. A value without pointers: copy it freely. */
struct layer {
    enum layer_kind kind;
    union {                 /* by kind */
        struct conv conv;   /* n = 0 until planned; extents are filled from the shapes below */
        struct pool pool;   /* likewise */
        struct dense dense; /* c: the flattened input, H x W x C */
        struct {
            float eps;      /* added to the variance */
            float momentum; /* the share of the new batch in the running statistics, as PyTorch has it; 0 … 1 */
        } batchnorm;
        struct activation activation;
        struct {
            float rate; /* of what is set to zero in training; what stays is divided by 1 - rate */
        } dropout;
        struct {
            int back;
        } add; /* adds the output of layer (this - back), back >= 2; layer -1 is the input */
    };
    bool global;          /* pool: "gap" */
    bool same;            /* conv: padding is "same", however it was written; not of 1x1 */
    struct shape in, out; /* filled by net_parse / net_check */
};

enum { NET_MAX_LAYERS = 128 };

/* Some ten kilobytes by value and without pointers: static, or on a stack that has room. */
struct net {
    struct shape in;                     /* of an image */
    int count;                           /* layers in use */
    struct layer layers[NET_MAX_LAYERS]; /* in the order they run */
};

/* Reads a net string into *net, shapes filled in. 0; or -EINVAL with the token, the layer, the shapes and the way out in `why`, and *net
 * undefined. Nothing to free. */
int net_parse(const char *text, struct net *net, struct why *why);
/* Fills every layer's `in` and `out` after layers were edited by hand; net_parse calls it. 0, or -EINVAL as above. */
int net_check(struct net *net, struct why *why);
/* The canonical string: net_parse reads it back to the same net, and a row carries it. Writes at most `size` bytes, the final 0 included;
 * returns `text`. */
const char *net_print(const struct net *net, char *text, size_t size);
/* One layer as its word, "conv8same"; likewise. */
const char *layer_print(const struct layer *layer, char *text, size_t size);

/* The layer whose output is the layer's second input, -1 being the net's input; without one (all kinds but add) the layer itself. */
int net_source(const struct net *net, int layer);
/* The shape of that second input. */
struct shape net_source_shape(const struct net *net, int layer);
/* Does an image's output depend on the other images of its batch in training (batch norm)? */
bool net_mixes_images(const struct net *net);
/* Can a batch of `images` train it? 0; or -EINVAL with the layer and the way out in `why`: batch norm has no variance of a single value per
 * channel (PyTorch refuses it, too). */
int net_check_batch(const struct net *net, int images, struct why *why);

/* What can be said of a layer before anything runs. */
struct layer_facts {
    struct shape out;         /* of one image */
    long parameters;          /* trained numbers: weights and biases, gamma and beta */
    double macs;              /* multiply-adds of forward per image, nominal: taps in the padding count */
    int field, jump;          /* receptive field and jump, in input pixels (height; nets here are square) */
    size_t bytes_activations; /* of the output, per image, float32 */
};
/* layer: 0 … count-1 of a net that net_parse or net_check accepted. */
struct layer_facts net_layer_facts(const struct net *net, int layer);
/* The sum of all layers' parameters. */
long net_parameters(const struct net *net);
/* What torchsummary estimates of a batch, in MiB: its images, every layer's output kept twice, parameters; four bytes each. */
struct estimated {
    double input, passes, parameters, total;
};
struct estimated net_estimated(const struct net *net, int batch);
/* Writes a torchsummary-like table to `out`: layer, output, parameters, receptive field, MACs, bytes, and totals (also those estimates). */
void net_summary(const struct net *net, int batch, FILE *out);

/* What values between layers and their gradients are: docs/kernels/bf16.md defines a step in bf16. Weights are float32 either way. */
enum precision { PRECISION_FLOAT32, PRECISION_BF16 };

/* How weights start. Weights: scaled by the layer's fan-in (C R S of a convolution, C of a dense layer) and fan-out (K R S, K); biases: as
 * the framework does ("default") or zero. Streams are keyed by (seed, layer kind, ordinal among layers of that kind), so an arm that
 * inserts batch norm or dropout starts from the same convolutions. Sources: He et al., "Delving Deep into Rectifiers" (2015); Glorot and
 * Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010). */
enum init_kind {
    INIT_DEFAULT,        /* kaiming uniform, a = sqrt 5: weights and biases U(+-1/sqrt(fan_in)) */
    INIT_HE_UNIFORM,     /* U(+-sqrt(6 / fan_in)); biases zero, as in all that follow */
    INIT_HE_NORMAL,      /* N(0, 2 / fan_in) */
    INIT_XAVIER_UNIFORM, /* U(+-sqrt(6 / (fan_in + fan_out))) */
    INIT_XAVIER_NORMAL   /* N(0, 2 / (fan_in + fan_out)) */
};
struct init {
    enum init_kind kind;
    bool zero_bias; /* with INIT_DEFAULT: zero all the same */
};

#endif
