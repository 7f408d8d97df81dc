# SPDX-License-Identifier: MIT
"""TensorFlow's side of bench/tools/bench-peers: Keras layers, the step as a graph. Modes: graph, graph-onednn (a process of its own, with
oneDNN's kernels switched on, which its wheel does by itself only on newer CPUs), xla (the graph, compiled). Allocators are the parent's
to preload.

usage: tensorflow_child.py NET RECIPE BATCH THREADS"""

import os
import sys

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import child
import tensorflow as tf
from net_strings import padding, read_layer

keras = tf.keras


def layer_of(x, places, name, main, o):
    """The next tensor of the functional model. Leaves out what Keras has not."""
    step, bias = int(o.get('step', 1)), o.get('b') != '0'
    left, right, top, bottom = padding(o)
    if name == 'conv':
        r = int(o.get('r', 3))
        window = (r, int(o.get('s', r)))
        same = 'same' in o or (step == 1 and (top, bottom, left, right) == (window[0] // 2,) * 2 + (window[1] // 2,) * 2)
        if not same and top + bottom + left + right:
            x = keras.layers.ZeroPadding2D(((top, bottom), (left, right)))(x)
        return keras.layers.Conv2D(int(main), window, step, 'same' if same else 'valid', use_bias=bias)(x)
    if name in ('max', 'avg'):
        r = int(main)
        if left + right + top + bottom:
            raise ValueError('no such padding in its pooling')
        kind = keras.layers.MaxPooling2D if name == 'max' else keras.layers.AveragePooling2D
        return kind((r, int(o.get('s', r))), int(o.get('step', r)))(x)
    if name == 'dense':
        return keras.layers.Dense(int(main), use_bias=bias)(keras.layers.Flatten()(x) if len(x.shape) > 2 else x)
    if name == 'add':
        skip = places[len(places) - int(main)]
        high, wide = skip.shape[1] - x.shape[1], skip.shape[2] - x.shape[2]
        return x + (keras.layers.Cropping2D(((0, high), (0, wide)))(skip) if high or wide else skip)
    simple = {
        'bn': lambda: keras.layers.BatchNormalization(epsilon=float(o.get('eps', 1e-5)), momentum=1 - float(o.get('mom', 0.1))),
        'relu': keras.layers.ReLU,
        'leaky': lambda: keras.layers.LeakyReLU(float(main)),
        'tanh': lambda: keras.layers.Activation('tanh'),
        'drop': lambda: keras.layers.Dropout(float(main)),
        'gap': keras.layers.GlobalAveragePooling2D,
    }
    return simple[name]()(x)


def model_of(text):
    first, *words = text.split()
    c, h, w = (int(extent) for extent in first.split('x'))
    places = [keras.Input((h, w, c))]
    for word in words:
        places.append(layer_of(places[-1], places, *read_layer(word)))
    out = places[-1]
    return keras.Model(places[0], keras.layers.Flatten()(out) if len(out.shape) > 2 else out), (h, w, c)


def optimizer(recipe):
    words = dict(word.split('=') for word in recipe.split() if '=' in word)
    if words.get('opt', 'sgd') == 'sgd':
        return keras.optimizers.SGD(1e-6, float(words.get('momentum', 0)))
    return (keras.optimizers.Adam if words['opt'] == 'adam' else keras.optimizers.AdamW)(1e-6)


def main():
    text, recipe, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def make(mode, what):
        keras.utils.set_random_seed(1)
        model, shape = model_of(text)
        x, labels = tf.random.uniform((batch, *shape)), tf.range(batch) % model.output_shape[-1]
        loss_of, update = keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer(recipe)
        update.build(model.trainable_variables)

        @tf.function(jit_compile=mode == 'xla')
        def train():
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(x, training=True))
            update.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
            return loss

        @tf.function(jit_compile=mode == 'xla')
        def infer():
            return model(x, training=False)

        step = train if what == 'train' else infer
        return step  # CPU kernels are done when it returns

    child.serve(make)


if __name__ == '__main__':
    main()
