#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/reproduce and tools/sagemaker: what is left to do, what a cloud sees."""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from test_merge import row

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get('CONVGAUGE_BIN', os.path.join(TOP, 'build', 'release', 'bin'))
ENV = {key: value for key, value in os.environ.items() if not key.startswith(('CONVGAUGE_', 'SLURM_', 'AWS_BATCH_'))}


def tool(name, *words, cwd, code=0):
    done = subprocess.run(
        [sys.executable, os.path.join(TOP, 'tools', name), *words], cwd=cwd, env=ENV, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f'{name} {words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}'
    return done


@unittest.skipUnless(os.access(os.path.join(BIN, 'scratch-cnn'), os.X_OK), 'the programs are not built')
class Reproduce(unittest.TestCase):
    some = (
        '--bin',
        BIN,
        '--only',
        'scratch-cnn',
        '--filter',
        'scratch-cnn/published/lr*',
        '--data',
        'strokes',
        '--seeds',
        '0,1',
        '--epochs',
        '20',
        '--steps',
        'claims,others',
    )

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cwd = self.folder.name

    def tearDown(self):
        self.folder.cleanup()

    def test_shards_merge_and_nothing_is_left(self):
        plan = tool('reproduce', '--dry-run', *self.some, cwd=self.cwd).stdout
        self.assertRegex(plan, r'claims +scratch-cnn +published: lr 0\.01 +2 +0')
        self.assertRegex(plan, r'4 runs, 0 have rows; about .* left')
        for shard in ('1/2', '2/2'):
            tool('reproduce', '--shard', shard, *self.some, cwd=self.cwd)
        done = tool('reproduce', '--dry-run', *self.some, cwd=self.cwd)
        self.assertIn('4 runs, 4 have rows; about 0 min left', done.stdout)
        tool('reproduce', *self.some, cwd=self.cwd)
        with open(os.path.join(self.cwd, 'results', 'scratch-cnn.jsonl'), encoding='utf-8') as file:
            self.assertEqual(len(file.readlines()), 4, 'kept, though nothing was left to run')

    def test_kept_rows_count(self):
        tool('reproduce', *self.some, '--jobs', '2', cwd=self.cwd)
        kept = os.path.join(self.cwd, 'results', 'scratch-cnn.jsonl')
        with open(kept, encoding='utf-8') as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual(sorted({each['arm'] for each in rows}), ['lr 0.01', 'lr 0.1'])
        os.remove(os.path.join(self.cwd, 'results', 'local', 'scratch-cnn.jsonl'))
        self.assertIn('4 have rows', tool('reproduce', '--dry-run', *self.some, cwd=self.cwd).stdout)

    def test_one_worker_or_two_one_row(self):
        """10,000 images in batches of 64 with batch norm and dropout: work for two, and what they could get wrong."""
        rows = []
        for threads in ('1', '2'):
            out = os.path.join(self.cwd, threads + '.jsonl')
            subprocess.run(
                [
                    os.path.join(BIN, 'compact-net'),
                    '--filter',
                    'compact-net/published/half width',
                    '--data',
                    'strokes',
                    '--seeds',
                    '5',
                    '--threads',
                    threads,
                    '--epochs',
                    '1',
                    '--output',
                    out,
                    '--quiet',
                ],
                env=ENV,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            with open(out, encoding='utf-8') as file:
                rows.append(json.loads(file.readline()))
        timed = {
            'seconds',
            'train_images_per_s',
            'infer_images_per_s',
            'peak_rss_bytes',
            'threads',
            'pinned',
            'quiet',
            'finished',
            'bytes_scratch',
            'bytes_activations',
            'env',
            'crc32',
        }  # each worker has its scratch and its blocks under way
        one, two = ({key: value for key, value in each.items() if key not in timed} for each in rows)
        self.assertEqual(one, two)

    def test_killed_it_leaves_nothing_behind_and_goes_on(self):
        words = [
            sys.executable,
            os.path.join(TOP, 'tools', 'reproduce'),
            '--bin',
            BIN,
            '--only',
            'scratch-cnn',
            '--filter',
            'scratch-cnn/published/lr 0.1',
            '--data',
            'strokes',
            '--seeds',
            '0-5',
            '--epochs',
            '150',
            '--jobs',
            '1',
            '--steps',
            'claims,others',
        ]
        local, rows = os.path.join(self.cwd, 'results', 'local', 'scratch-cnn.jsonl'), []
        killed = subprocess.Popen(words, cwd=self.cwd, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 600
        while not rows and time.monotonic() < deadline:
            time.sleep(0.05)
            if os.path.exists(local):
                rows = self.rows(local)
        kept = os.path.join(self.cwd, 'results', 'scratch-cnn.jsonl')  # a row more, for which the file would be written anew
        with open(kept, 'w', encoding='utf-8') as file:
            file.write(json.dumps({**rows[0], 'id': '0' * 64, 'seed': 77}) + '\n')
        tool('reproduce', '--dry-run', *self.some, cwd=self.cwd)
        merge = [os.path.join(BIN, 'merge'), '-o', local, local, kept]
        beside = subprocess.run(merge, capture_output=True, text=True, check=False)
        self.assertEqual(beside.returncode, 1)
        self.assertIn('a run writes there; wait for it, or write elsewhere', beside.stderr)
        os.remove(kept)
        killed.kill()
        killed.wait()
        there, last = len(rows), -1
        while last != (last := os.path.getsize(local)):  # the program hears of it
            time.sleep(1)
        before = self.rows(local)
        self.assertTrue(0 < there <= len(before) < 6, 'killed in the middle')
        subprocess.run(words, cwd=self.cwd, env=ENV, check=True, capture_output=True)
        after = self.rows(local)
        self.assertEqual(after[: len(before)], before, 'what was there is there still')
        self.assertEqual(sorted(each['seed'] for each in after), list(range(6)), 'each once')
        self.assertEqual(len(self.rows(os.path.join(self.cwd, 'results', 'scratch-cnn.jsonl'))), 6)

    @staticmethod
    def rows(path):
        with open(path, encoding='utf-8') as file:
            return [json.loads(line) for line in file if line.endswith('\n')]

    def test_estimates_come_of_arithmetic_and_rows_better_them(self):
        words = ('--bin', BIN, '--only', 'scratch-cnn', '--filter', 'scratch-cnn/mnist', '--data', 'strokes', '--epochs', '20', '--dry-run')
        minutes = float(re.search(r'cells +scratch-cnn +mnist +7 +0 +([0-9.]+)', tool('reproduce', *words, cwd=self.cwd).stdout).group(1))
        self.assertTrue(0 < minutes < 60, 'seven runs of a small net')
        self.assertEqual(os.listdir(self.cwd), [], 'a dry run writes nothing')
        program = [
            os.path.join(BIN, 'scratch-cnn'),
            '--filter',
            'scratch-cnn/mnist',
            '--data',
            'strokes',
            '--epochs',
            '1',
            '--dry-run',
            '--format',
            'json',
            '--jobs',
            '1',
            '--seeds',
            '0,1',
        ]
        slow = dict(
            row(0),
            net='1x32x32 conv2 leaky0.01 max2 conv4 leaky0.01 max2 dense50 leaky0.01 dense10',
            batch=64,
            threads=1,
            train_images_per_s=100.0,
        )
        os.makedirs(os.path.join(self.cwd, 'results', 'local'), exist_ok=True)
        with open(os.path.join(self.cwd, 'results', 'local', 'scratch-cnn.jsonl'), 'w', encoding='utf-8') as file:
            file.write(json.dumps(slow) + '\n')
        done = subprocess.run(program, cwd=self.cwd, env=ENV, capture_output=True, text=True, check=True)
        seconds = [run['seconds'] for run in json.loads(done.stdout)]
        self.assertAlmostEqual(seconds[0], (60000 + 70000 / 3) / 100, delta=1)

    def test_a_closed_pipe_is_no_error(self):
        line = f'{sys.executable} {os.path.join(TOP, "tools", "reproduce")} --dry-run {" ".join(self.some)} | true'
        done = subprocess.run(line, shell=True, cwd=self.cwd, env=ENV, capture_output=True, text=True, check=True)
        self.assertNotIn('Traceback', done.stderr)

    def test_wrong_words(self):
        self.assertIn('there are vanishing-canvas', tool('reproduce', '--only', 'nothing', cwd=self.cwd, code=2).stderr)
        self.assertIn('is not there', tool('reproduce', '--bin', '/nowhere', cwd=self.cwd, code=1).stderr)


@unittest.skipUnless(os.access(os.path.join(BIN, 'scratch-cnn'), os.X_OK), 'the programs are not built')
class Slurm(unittest.TestCase):
    """tools/slurm/reproduce.sbatch as one node runs an array of it, with a stand-in that does what sbatch does: reads the #SBATCH lines,
    copies the script away and runs the copy once a task with Slurm's variables, in the folder it was submitted from."""

    script = os.path.join(TOP, 'tools', 'slurm', 'reproduce.sbatch')

    def submit(self, cwd, array, *words):
        first, last = map(int, array.split('-'))
        with open(self.script, encoding='utf-8') as file:
            text = file.read()
        asked = dict(re.findall(r'^#SBATCH --([a-z-]+)=(.*)$', text, re.M))
        spooled = os.path.join(cwd, 'slurm_script')
        with open(spooled, 'w', encoding='utf-8') as file:
            file.write(text)
        codes = []
        for task in range(first, last + 1):
            log = asked['output'].replace('%A', '77').replace('%a', str(task))
            given = {
                'SLURM_JOB_ID': str(77 + task),
                'SLURM_ARRAY_JOB_ID': '77',
                'SLURM_ARRAY_TASK_ID': str(task),
                'SLURM_ARRAY_TASK_COUNT': str(last - first + 1),
                'SLURM_ARRAY_TASK_MIN': str(first),
                'SLURM_SUBMIT_DIR': cwd,
                'SLURM_CPUS_PER_TASK': asked['cpus-per-task'],
            }
            with open(os.path.join(cwd, log), 'w', encoding='utf-8') as out:
                codes.append(
                    subprocess.run(['bash', spooled, *words], cwd='/', env={**ENV, **given}, stdout=out, stderr=out, check=False).returncode
                )
        return codes

    def test_an_array_on_one_node(self):
        with tempfile.TemporaryDirectory() as cwd:
            os.symlink(os.path.join(TOP, 'tools'), os.path.join(cwd, 'tools'))
            some = Reproduce.some
            self.assertEqual(self.submit(cwd, '1-2', *some), [0, 0])
            logs = sorted(name for name in os.listdir(cwd) if name.startswith('slurm-77-'))  # no folder to make: sbatch opens them
            self.assertEqual(logs, [f'slurm-77-{task}.log' for task in (1, 2)])
            done = tool('reproduce', '--dry-run', *some, cwd=cwd)
            self.assertIn('4 runs, 4 have rows; about 0 min left', done.stdout)
            self.assertEqual(self.submit(cwd, '1-1', *some), [0], 'submitted again it finds all done')
            self.assertEqual(self.submit(cwd, '1-1', '--only', 'nothing'), [2], "the task's exit code is the reproduction's")


@unittest.skipUnless(os.access(os.path.join(BIN, 'train'), os.X_OK), 'the programs are not built')
class SageMaker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.ml = self.folder.name

    def tearDown(self):
        self.folder.cleanup()

    def put(self, **given):
        os.makedirs(os.path.join(self.ml, 'input', 'config'), exist_ok=True)
        with open(os.path.join(self.ml, 'input', 'config', 'hyperparameters.json'), 'w', encoding='utf-8') as file:
            json.dump(given, file)

    def channel(self, name, images=200):
        folder = os.path.join(self.ml, 'input', 'data', name)
        os.makedirs(folder)
        for part, count in (('train', images), ('t10k', 100)):
            with open(os.path.join(folder, part + '-images-idx3-ubyte'), 'wb') as file:
                file.write(struct.pack('>4I', 2051, count, 28, 28) + bytes(i * 7 % 256 for i in range(count * 784)))
            with open(os.path.join(folder, part + '-labels-idx1-ubyte'), 'wb') as file:
                file.write(struct.pack('>2I', 2049, count) + bytes(i % 10 for i in range(count)))

    def go(self, code=0):
        return tool('sagemaker', 'train', '--prefix', self.ml, '--bin', BIN, cwd=self.ml, code=code)

    def at(self, *path):
        return os.path.join(self.ml, *path)

    def test_a_channel_becomes_a_model(self):
        self.channel('training')
        self.put(program='train', net='1x28x28 conv4 relu max2 dense10', recipe='opt=adam lr=0.001 batch=20', epochs='2', quiet='true')
        self.go()
        with open(self.at('model', 'rows.jsonl'), encoding='utf-8') as file:
            self.assertEqual(json.loads(file.readline())['epochs'], 2)
        self.assertGreater(os.path.getsize(self.at('model', 'model.safetensors')), 1000)
        with open(self.at('model', 'table.md'), encoding='utf-8') as file:
            self.assertIn('| custom |', file.read())
        self.assertFalse(os.path.exists(self.at('output', 'failure')))

    def test_the_study_that_ran_there(self):
        self.put(program='kernel-size', filter='kernel-size/dense', data='strokes', epochs='1', seeds='0', quick='1')
        self.go()
        with open(self.at('model', 'rows.jsonl'), encoding='utf-8') as file:
            self.assertEqual(json.loads(file.readline())['cell'], 'dense')

    def test_failures_are_told(self):
        cases = [
            ({'program': 'train', 'net': '1x28x28 conv4'}, 'exit code 2'),
            ({'program': 'rm'}, 'there are vanishing-canvas'),
            ({'channel': 'absent'}, 'channel absent'),
            ({'epochs': 3}, 'values are strings'),
        ]
        for given, words in cases:
            self.put(**given)
            self.go(code=1)
            with open(self.at('output', 'failure'), encoding='utf-8') as file:
                self.assertIn(words, file.read())
        self.channel('one')
        self.channel('two')
        self.put()
        self.assertIn('say which', self.go(code=1).stderr)


if __name__ == '__main__':
    unittest.main()
