#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench-all with programs that only pretend, and bench-tables on made-up rows: what is done is not done again, what has no time
is named, and a line that was missed is called missed."""

import json
import os
import subprocess
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'bench', 'tools')

PRETENDER = """#!/bin/sh
case "$*" in
    *--list*) [ ! -e "$0.kernels" ] || echo conv.fwd/n64c16h9k16r3pad0/avx2/direct ;;
    *--help*) echo --no-fuse ;;
    *)  echo "$*" >>"$0.log"
        while [ "$1" != --output ]; do shift; done
        [ ! -e "$0.fails" ] || exit 1
        echo '{}' >"$2" ;;
esac
"""


def kernel(algo, us, isa='avx2', what='conv.fwd', problem='n64c16h9k16r3pad0', **more):
    return {
        'kind': 'kernel',
        'what': what,
        'problem': problem,
        'variant': f'{isa}/{algo}',
        'isa': isa,
        'algo': algo,
        'threads': 1,
        'ok': True,
        'us': us,
        'auto': False,
        'percent_of_roof': 50.0,
        'bound_by': 'FMA',
        'env': {'cpu': 'made up'},
        **more,
    }


def net(variant, rate, **more):
    return {
        'kind': 'net',
        'net': 'kernel-size/3x3',
        'what': 'train',
        'batch': 32,
        'threads': 1,
        'variant': variant,
        'ok': True,
        'algo': variant.split('/')[1],
        'images_per_s': rate,
        'peak_gflops': 29.0,
        'kib_total': 320.0,
        'env': {},
        **more,
    }


class BenchAllTest(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory()
        self.addCleanup(self.room.cleanup)
        self.root = self.room.name
        for name in ('kernels', 'nets', 'runtime'):
            path = os.path.join(self.root, 'bench-' + name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(PRETENDER)
            os.chmod(path, 0o755)
        self.touch('bench-kernels.kernels')

    def touch(self, name):
        with open(os.path.join(self.root, name), 'w', encoding='utf-8'):
            pass

    def logged(self, name):
        path = os.path.join(self.root, f'bench-{name}.log')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return file.read().splitlines()

    def run_all(self, *more):
        out, work = (os.path.join(self.root, name) for name in ('out', 'work'))
        ran = subprocess.run(
            [os.path.join(TOOLS, 'bench-all'), '--bin', self.root, '--no-peers', '--folder', out, '--work', work, *more],
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    def test_goes_on_where_it_was(self):
        code, out, _ = self.run_all('--only', 'runtime,kernels', '--dry-run')
        self.assertEqual((code, self.logged('kernels')), (0, []))
        self.assertIn('| kernels | 1 | 0 |', out)
        self.run_all('--only', 'runtime,kernels')
        self.assertEqual((len(self.logged('runtime')), len(self.logged('kernels'))), (1, 1))
        os.remove(os.path.join(self.root, 'work', 'runtime.jsonl'))
        self.run_all('--only', 'runtime,kernels')
        self.assertEqual((len(self.logged('runtime')), len(self.logged('kernels'))), (2, 1))

    def test_bf16_is_measured_on_tiles_and_apart(self):
        with open(os.path.join(self.root, 'bench-kernels'), 'w', encoding='utf-8') as file:
            amx = 'echo conv_bf16.fwd/bf16:n64c16h9k16r3pad0/amx/tiles'
            file.write(PRETENDER.replace('*--list*) ', f'*--list*) {amx}; '))
        self.run_all('--only', 'kernels,kernels-bf16,nets-bf16')
        floats, tiles = self.logged('kernels')
        self.assertIn('--isa avx2', floats)
        self.assertIn('--isa amx', tiles)
        self.assertTrue(all('--precision bf16 --isa amx' in line for line in self.logged('nets')))
        with open(os.path.join(self.root, 'work', 'kernels-bf16-000.problems'), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'bf16:n64c16h9k16r3pad0\n')

    def test_shapes_that_nobody_chose(self):
        self.run_all('--only', 'drawn')
        self.assertEqual(len(self.logged('kernels')), 6)
        self.assertIn('--isa avx2 --quiet --picked --peers onednn --filter conv', self.logged('kernels')[0])
        with open(os.path.join(self.root, 'work', 'drawn-050.problems'), encoding='utf-8') as file:
            self.assertEqual(len(file.read().split()), 10)

    def test_names_what_has_no_time(self):
        _, _, err = self.run_all('--only', 'nets', '--minutes', '0.001')
        self.assertRegex(err, r'no time for 30 commands, from nets-mnist-architectures-exp1-128 on; the same command adds them')

    def test_a_failing_program(self):
        self.touch('bench-runtime.fails')
        code, _, err = self.run_all('--only', 'runtime')
        self.assertEqual(code, 1)
        self.assertIn('without rows: runtime', err)

    def test_usage(self):
        code, _, err = self.run_all('--only', 'nothing')
        self.assertEqual((code, err), (2, 'bench-all: --only nothing: there is no such part; --dry-run shows them\n'))


class TablesTest(unittest.TestCase):
    def tables(self, files, *more):
        with tempfile.TemporaryDirectory() as root:
            for name, rows in files.items():
                with open(os.path.join(root, name), 'w', encoding='utf-8') as file:
                    file.writelines(json.dumps(row) + '\n' for row in rows)
            ran = subprocess.run([os.path.join(TOOLS, 'bench-tables'), *more, root], capture_output=True, text=True, check=False)
            return ran.returncode, ran.stdout, ran.stderr

    def test_lines_of_the_targets(self):
        rows = [
            kernel('direct', 20.0),
            kernel('winograd4', 10.0, auto=True),
            kernel('onednn', 15.0, 'peer'),
            kernel('autovec', 40.0, 'peer'),
            kernel('direct', 10.0, what='conv.bwd_data', auto=True),
            kernel('winograd4', 7.0, what='conv.bwd_data'),
            kernel('onednn', 9.0, 'peer', what='conv.bwd_data'),
        ]
        code, out, err = self.tables({'kernels.jsonl': rows})
        self.assertEqual(code, 1)
        self.assertIn('missing: conv.fwd n64c16h24k16r3pad0 beside oneDNN', err)
        self.assertIn('| n64c16h9k16r3pad0 | fwd | winograd4 | 10.0 | 15.0 | 1.50 | 1.3 | met |', out)
        self.assertIn('| n64c16h9k16r3pad0 | bwd_data | direct | 10.0 | 9.0 | 0.90 | 1.3 | missed |', out)
        self.assertIn('oneDNN is faster: conv.bwd_data n64c16h9k16r3pad0 (0.90).', out)
        self.assertIn('1 of 2 convolutions are slower than 1.25 x the best.', out)
        self.assertIn('| conv.fwd | n64c16h9k16r3pad0 | winograd4 | 10.0 | 15.0 | 40.0 | 1.50 | 4.00 |', out)

    def test_drawn_shapes(self):
        rows = [
            kernel('direct', 10.0, auto=True),
            kernel('onednn', 40.0, 'peer'),
            kernel('direct', 10.0, what='conv.bwd_data', auto=True),
            kernel('onednn', 9.0, 'peer', what='conv.bwd_data'),
        ]
        _, out, _ = self.tables({'drawn.jsonl': rows})
        self.assertIn('| all | 2 | 1.90 | 1 |', out)
        self.assertIn('| conv.fwd | 1 | 4.00 | 0 |', out)
        self.assertIn('Target of the geometric mean 2.5: missed.', out)
        self.assertIn('oneDNN is faster: conv.bwd_data n64c16h9k16r3pad0 (0.90).', out)

    def test_nets(self):
        rows = [net('avx2/auto', 1000.0), net('peer/torch-eager', 200.0, version='PyTorch 9'), net('peer/tensorflow-graph', 250.0)]
        nets = [net('avx2/auto', 990.0), net('avx2/auto', 1900.0, threads=2, peak_gflops=58.0)]
        _, out, _ = self.tables({'peers.jsonl': rows, 'nets.jsonl': nets})
        self.assertIn('| kernel-size/3x3 | 32 | 1000 | tensorflow-graph | 250 | 4.00 | 3.5 | met | 5.00 | 661 | 1.51 |', out)
        self.assertIn('| kernel-size/3x3 | train | 32 | avx2/auto | 2 | 1900 | 1.92 | 2.00 | 0.96 |', out)

    def test_two_isas_and_bf16_beside_float32(self):
        """The best ISA of convgauge and the best float32 mode count, whatever stands first or is faster in another format."""
        rows = [
            net('avx2/auto', 600.0),
            net('avx512/auto', 1000.0),
            net('peer/torch-compile-bf16', 900.0, precision='bf16'),
            net('peer/torch-compile', 250.0, precision='float32'),
        ]
        _, out, _ = self.tables({'peers.jsonl': rows})
        self.assertIn('| kernel-size/3x3 | 32 | 1000 | torch-compile | 250 | 4.00 | 3.5 | met | 4.00 |', out)

    def test_kernels_and_nets_in_bf16_have_tables_and_means_of_their_own(self):
        case = {'what': 'conv_bf16.fwd', 'problem': 'bf16:n64c16h9k16r3pad0'}
        rows = [
            kernel('tiles', 10.0, 'amx', precision='bf16', **case),
            kernel('float32', 35.0, 'avx512', **case),
            kernel('onednn-bf16', 8.0, 'peer', precision='bf16', **case),
        ]
        nets = [net('avx512/auto', 1000.0), net('amx/bf16', 1500.0, precision='bf16', isa='amx')]
        floats = [kernel('direct', 10.0, auto=True), kernel('onednn', 30.0, 'peer')]
        _, out, _ = self.tables({'kernels-bf16.jsonl': rows, 'nets-bf16.jsonl': nets, 'kernels.jsonl': floats})
        self.assertIn('| conv_bf16.fwd | bf16:n64c16h9k16r3pad0 | amx/tiles | 10.0 | 8.0 | 35.0 | 0.80 | 3.50 |', out)
        self.assertIn('Geometric mean over 1 lines, oneDNN / ours: 0.80; oneDNN is faster on 1.', out)
        self.assertIn('| kernel-size/3x3 | 32 | amx | 1000 | 1500 | 1.50 |', out)
        self.assertIn('| all | 1 | 3.00 | 0 |', out)

    def test_disturbed_ratios_are_marked_and_left_out(self):
        rows = [
            kernel('direct', 10.0, auto=True),
            kernel('onednn', 30.0, 'peer', reference_moved=0.06),
            kernel('direct', 10.0, what='conv.bwd_data', auto=True, reference_moved=0.04),
            kernel('onednn', 20.0, 'peer', what='conv.bwd_data', reference_moved=0.04),
        ]
        _, out, _ = self.tables({'kernels.jsonl': rows})
        self.assertIn('| n64c16h9k16r3pad0 | fwd | direct | 10.0 | 30.0 | 3.00 | 1.3 | disturbed |', out)
        self.assertIn('1 of 2 lines met, 1 disturbed.', out)
        self.assertIn('| conv | 2 | 2.00 (1 disturbed left out) | 0 |', out)
        rows = [net('avx2/auto', 1000.0, us_reference=1.0), net('peer/torch-eager', 200.0, us_reference=1.06)]
        _, out, _ = self.tables({'peers.jsonl': rows})
        self.assertIn('| 200 | 5.00 | 3.5 | disturbed |', out)
        self.assertIn('Geometric mean over 1 lines, convgauge / the best baseline: - (1 disturbed left out)', out)

    def test_the_roof(self):
        code, out, _ = self.tables({'kernels.jsonl': [kernel('direct', 20.0, auto=True)]}, '--roofline')
        self.assertEqual(code, 0)
        self.assertIn('| conv.fwd | n64c16h9k16r3pad0 | direct | 20.0 | 50 | 50 | FMA | 10.0 |', out)

    def test_no_rows(self):
        code, _, err = self.tables({})
        self.assertEqual(code, 4)
        self.assertIn('holds no rows; bench/tools/bench-all makes them', err)


if __name__ == '__main__':
    unittest.main()
