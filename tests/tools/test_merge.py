#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""merge and verify: what is merged, in which order, what is named and left out, and that a changed row is found."""

import fcntl
import json
import lzma
import os
import resource
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get('CONVGAUGE_BIN', os.path.join(TOP, 'build', 'release', 'bin'))
sys.path.insert(0, os.path.join(TOP, 'tools'))
sys.path.insert(0, os.path.join(TOP, 'tests', 'faults'))
from convgauge_report import rows as rows_of  # noqa: E402
from programs import NET, RECIPE, made_data  # noqa: E402


def row(seed, accuracy=99.0, **more):
    return {
        'id': f'{seed:064x}',
        'kind': 'accuracy',
        'study': 's',
        'cell': 'c',
        'arm': '',
        'seed': seed,
        'net': '1x4x4 dense2',
        'test_acc': accuracy,
        'weights_sha256': f'w{seed}{accuracy}',
        'test_acc_per_epoch': [50.0, accuracy],
        'env': {'cpu': 'x', 'fma_peak_gflops': 103.659169},
        **more,
    }


def line(value):
    return value if isinstance(value, (str, bytes)) else rows_of.dumps(value)


@unittest.skipUnless(os.access(os.path.join(BIN, 'merge'), os.X_OK), 'the programs are not built')
class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cwd = self.folder.name

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.cwd, name)

    def write(self, name, rows):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'wb') as file:
            for each in rows:
                text = line(each)
                file.write(text if isinstance(text, bytes) else text.encode())

    def read(self, name):
        return [dict(each) for each in rows_of.read(self.path(name))]

    def run_it(self, program, *words, code=0, stdin=None):
        done = subprocess.run([os.path.join(BIN, program), *words], cwd=self.cwd, capture_output=True, text=True, check=False, input=stdin)
        self.assertEqual(done.returncode, code, f'{program} {words}: {done.stdout}\n{done.stderr}')
        return done

    def merge(self, *words, code=0, stdin=None):
        return self.run_it('merge', *words, code=code, stdin=stdin)

    def verify(self, *words, code=0):
        return self.run_it('verify', *words, code=code).stdout


class Merge(Files):
    def test_each_id_once_in_order(self):
        self.write('a.jsonl', [row(2), row(0), '{"id": "torn'])
        self.write('b.jsonl', [row(1), row(2)])
        done = self.merge('-o', 'all.jsonl', 'a.jsonl', 'b.jsonl')
        self.assertEqual([each['seed'] for each in self.read('all.jsonl')], [0, 1, 2])
        self.assertIn('a.jsonl:3: a torn line (a killed run?); left out', done.stderr)
        self.assertEqual(self.merge('a.jsonl', 'b.jsonl').stdout.count('\n'), 3, 'to stdout')

    def test_rows_of_the_output_are_not_lost(self):
        self.write('a.jsonl', [row(0)])
        self.write('all.jsonl', [row(0), row(1)])
        done = self.merge('-o', 'all.jsonl', 'a.jsonl', code=1)
        self.assertIn('all.jsonl: 1 of its rows are in no file given; name it, too, or remove it', done.stderr)
        self.assertEqual(self.read('all.jsonl'), [row(0), row(1)])
        self.merge('-o', 'all.jsonl', 'a.jsonl', 'all.jsonl')
        self.merge('--compact', '-o', 'kept/s.jsonl', 'all.jsonl')
        self.assertIn('1 of its rows', self.merge('--compact', '-o', 'kept/s.jsonl', 'a.jsonl', code=1).stderr)
        self.merge('-o', 'all.jsonl', 'a.jsonl', 'kept/s.jsonl')
        self.assertEqual(self.read('all.jsonl'), [row(0), row(1)])

    def test_lines_are_kept_as_they_stand(self):
        """The order of fields, digits, and the checksum, or none where a row is from before there was one."""
        odd = '{"net":"n","id":"b","x":1.50, "y" : "\\u00e9é","seed":1e0}\n'
        self.write('a.jsonl', [row(3), json.dumps(row(4)) + '\n', odd])
        self.merge('-o', 'all.jsonl', 'a.jsonl')
        with open(self.path('a.jsonl'), 'rb') as before, open(self.path('all.jsonl'), 'rb') as after:
            self.assertEqual(sorted(before.readlines()), sorted(after.readlines()))
        time_before = os.stat(self.path('all.jsonl')).st_mtime_ns
        self.merge('-o', 'all.jsonl', 'all.jsonl', 'a.jsonl')
        self.assertEqual(os.stat(self.path('all.jsonl')).st_mtime_ns, time_before, 'what is the same is left alone')

    def test_compact_and_back_loses_nothing(self):
        rows = [row(0), row(1, 98.5)]
        self.write('a.jsonl', rows)
        self.merge('--compact', '-o', 'kept/s.jsonl', 'a.jsonl')
        with open(self.path('kept/s.jsonl'), encoding='utf-8') as file:
            compact = [json.loads(each) for each in file]
        for each in compact:
            self.assertTrue(isinstance(each['env'], str) and 'test_acc_per_epoch' not in each and 'crc32' not in each)
        self.merge('-o', 'back.jsonl', 'kept/s.jsonl')
        self.assertEqual(self.read('back.jsonl'), rows)
        self.assertEqual(self.verify('back.jsonl'), 'back.jsonl: 2 rows, all checksums right\n')
        self.write('c.jsonl', [row(2)])
        self.merge('--compact', '-o', 'kept/s.jsonl', 'kept/s.jsonl', 'c.jsonl')
        self.merge('-o', 'back.jsonl', 'kept/s.jsonl')
        self.assertEqual(self.read('back.jsonl'), rows + [row(2)])
        self.assertEqual(self.read('kept/s.jsonl'), rows + [row(2)], "the report's reader makes them whole, too")
        self.assertEqual(sorted(os.listdir(self.path('kept'))), ['environments.json', 's.curves.jsonl.xz', 's.jsonl'])

    def test_committed_rows_stay_as_they_are(self):
        """Byte by byte, through the whole form and back."""
        study = 'scratch-cnn'
        names = [study + '.jsonl', study + '.curves.jsonl.xz', 'environments.json']
        os.makedirs(self.path('results'))
        before = {}
        for name in names:
            with open(os.path.join(TOP, 'results', name), 'rb') as file:
                before[name] = file.read()
            with open(self.path('results/' + name), 'wb') as file:
                file.write(before[name])
        self.merge('-o', 'whole.jsonl', f'results/{study}.jsonl')
        self.merge('--compact', '-o', f'results/{study}.jsonl', f'results/{study}.jsonl', 'whole.jsonl')
        for name in names:
            with open(self.path('results/' + name), 'rb') as file:
                after = file.read()
            if name.endswith('.xz'):  # another liblzma may pack the same otherwise
                self.assertEqual(lzma.decompress(after), lzma.decompress(before[name]))
            else:
                self.assertEqual(after, before[name], name)

    def test_conflicts_are_named_and_nothing_is_written(self):
        self.write('a.jsonl', [row(0)])
        self.write('b.jsonl', [row(0, 12.0)])
        done = self.merge('-o', 'all.jsonl', 'a.jsonl', 'b.jsonl', code=1)
        self.assertIn('conflict: 0000000000000000 s/c/ seed 0: weights_sha256, test_acc in a.jsonl and b.jsonl', done.stderr)
        self.assertEqual(sorted(os.listdir(self.cwd)), ['a.jsonl', 'b.jsonl'])

    def test_timing_of_other_hosts_is_no_conflict(self):
        self.write('a.jsonl', [row(0, kind='timing', images=1)])
        self.write('b.jsonl', [row(0, 12.0, kind='timing', images=2)])
        self.merge('-o', 'all.jsonl', 'a.jsonl', 'b.jsonl')
        self.assertEqual([each['images'] for each in self.read('all.jsonl')], [2])

    def test_missing_are_named(self):
        self.write('a.jsonl', [row(0)])
        asked = [{key: row(seed)[key] for key in ('id', 'study', 'cell', 'arm', 'seed')} for seed in (0, 1)]
        text = json.dumps(asked[:1]) + '\n' + json.dumps(asked[1:])
        for words in (('--expect', 'list.json'), ('--expect', '-')):
            self.write('list.json', [text])
            done = self.merge('-o', 'all.jsonl', *words, 'a.jsonl', code=1, stdin=text)
            self.assertEqual(done.stderr, 'merge: missing: s/c/ seed 1\nmerge: 1 rows, 1 of 2 missing\n')
            self.assertEqual(len(self.read('all.jsonl')), 1, 'what is there is merged all the same')
        for wrong in ('{}', '[{}]', '[', 'x'):
            self.assertIn('--expect -: ', self.merge('--expect', '-', 'a.jsonl', code=1, stdin=wrong).stderr)

    def test_files_that_are_none(self):
        os.mkfifo(self.path('fifo'))
        os.mkdir(self.path('folder'))
        self.write('not.xz', ['{"id":"a","net":"n"}\n'])
        for name, words in (
            ('nowhere.jsonl', 'No such file'),
            ('fifo', 'not a regular file'),
            ('folder', 'a folder'),
            ('not.xz', 'not xz data'),
        ):
            done = self.merge('-o', 'all.jsonl', name, code=1)
            self.assertRegex(done.stderr, f'^merge: {name}: {words}.*; give files of rows\n$')
            self.assertFalse(os.path.exists(self.path('all.jsonl')))
        self.assertIn('give files', self.merge(code=2).stderr)
        self.assertIn('--help', self.merge('--nonsense', 'a', code=2).stderr)

    def test_xz_of_several_streams_and_a_bomb(self):
        with open(self.path('a.jsonl.xz'), 'wb') as file:
            for seed in range(3):
                file.write(lzma.compress(line(row(seed)).encode()))
        self.merge('-o', 'all.jsonl', 'a.jsonl.xz')
        self.assertEqual(len(self.read('all.jsonl')), 3)
        with open(self.path('bomb.jsonl.xz'), 'wb') as file:
            file.write(lzma.compress(b' ' * (64 << 20)))
        self.assertIn('unpacks to more than 2,000 times its size', self.merge('bomb.jsonl.xz', code=1).stderr)

    def test_what_the_programs_leave_out_is_left_out(self):
        """Line by line: both readers of rows, C's and the report's, take the same and say why not of the rest."""
        good = line(row(1))
        spoiled = good.replace('"seed":1,', '"seed":2,')
        odd = [
            (b'\xff\xfe\n', 'torn line or no JSON|not UTF-8|no JSON object'),
            (b'{"id":"\xff","net":"n"}\n', 'torn line or no JSON|not UTF-8'),
            ('[1]\n', 'no row|no JSON object'),
            ('7\n', 'no row|no JSON object'),
            ('null\n', 'no row|no JSON object'),
            ('{"id":5,"net":"n"}\n', 'no row'),
            ('{"id":null,"net":"n"}\n', 'no row'),
            ('{"id":["a"],"net":"n"}\n', 'no row'),
            ('{"net":"n"}\n', 'no row'),
            ('{"id":"a","net":"n","x":NaN}\n', 'NaN is no JSON|a value is missing'),
            ('{"id":"a","net":"n","x":-Infinity}\n', 'Infinity is no JSON|a value is missing'),
            ('{"id":"a","net":"n","x":1e999}\n', 'beyond range'),
            ('{"id":"a","net":"n","x":123456789012345678901234}\n', 'beyond range'),
            ('{"id":"a","net":"n","x":' + '9' * 5000 + '}\n', 'beyond range|torn line or no JSON'),
            ('{"id":"a","net":"n","id":"b"}\n', 'twice'),
            ('{"id":"a","net":"n","x":' + '[' * 100000 + ']' * 100000 + '}\n', 'too deeply'),
            ('{"id":"a","net":"n"} {"id":"b"}\n', 'follows its end|torn line or no JSON'),
            ("{'id':'a','net':'n'}\n", 'is missing|torn line or no JSON'),
            (spoiled, 'its checksum is wrong: changed since it was written'),
            (good.replace('"crc32"', '"crc23"'), 'its checksum is wrong'),
            (good.replace('"net"', '"crc32":"00000000","net"'), 'twice|its checksum is wrong'),
            ('{"id":"a","net":"n"', 'a torn line'),
        ]
        for number, (text, words) in enumerate(odd):
            with self.subTest(number=number, text=text[:60]):
                self.write('odd.jsonl', [row(0), text])
                done = self.merge('-o', 'all.jsonl', 'odd.jsonl')
                self.assertRegex(done.stderr, rf'^merge: odd.jsonl:2: .*({words}).*; left out\nmerge: 1 rows\n$')
                self.assertRaisesRegex(rows_of.Bad, f'odd.jsonl:2: .*({words})', list, rows_of.read(self.path('odd.jsonl')))
        fine = ['\n', '{"id":"a","net":"n","x":1.7e308,"seed":-1}\n', '{"id":"b","net":"n"} \r\n', '{"id":"c","net":"n"}']
        self.write('fine.jsonl', fine)
        self.assertEqual(self.merge('-o', 'fewer.jsonl', 'fine.jsonl').stderr, 'merge: 3 rows\n')
        self.assertEqual(len(self.read('fine.jsonl')), 3)

    def test_beside_a_run_nothing_is_touched(self):
        self.write('a.jsonl', [row(0)])
        self.write('all.jsonl', [row(1)])
        with open(self.path('all.jsonl'), 'rb') as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = self.merge('-o', 'all.jsonl', 'all.jsonl', 'a.jsonl', code=1)
        self.assertIn('all.jsonl: a run writes there; wait for it, or write elsewhere', done.stderr)
        self.assertEqual(len(self.read('all.jsonl')), 1)

    def test_a_row_that_comes_before_the_lock_is_merged(self):
        """The lock is taken before anything is read: while merge waits in its first input, no run can take the output."""
        self.write('all.jsonl', [row(1)])
        reader = subprocess.Popen(
            [os.path.join(BIN, 'merge'), '-o', 'all.jsonl', '--expect', '-', 'all.jsonl'], cwd=self.cwd, stdin=subprocess.PIPE
        )
        with open(self.path('all.jsonl'), 'rb') as other:
            for _ in range(200):
                try:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    fcntl.flock(other, fcntl.LOCK_UN)
                    time.sleep(0.01)
                except BlockingIOError:
                    break
            else:
                self.fail('merge holds no lock')
        reader.communicate(b'')
        self.assertEqual(reader.returncode, 0)

    def test_an_output_that_is_a_link(self):
        self.write('a.jsonl', [row(0)])
        self.write('far/all.jsonl', [row(1)])
        os.symlink('far/all.jsonl', self.path('all.jsonl'))
        self.merge('-o', 'all.jsonl', 'all.jsonl', 'a.jsonl')
        self.assertTrue(os.path.islink(self.path('all.jsonl')))
        self.assertEqual(len(self.read('far/all.jsonl')), 2)
        self.assertEqual(os.listdir(self.path('far')), ['all.jsonl'])

    def test_planted_links_catch_nothing(self):
        self.write('a.jsonl', [row(0)])
        self.write('victim', ['mine'])
        for name in ('all.jsonl.part', 'all.curves.jsonl.xz.part', 'environments.json.part', 'all.jsonl.0123456789abcdef.part'):
            os.symlink('victim', self.path(name))
        self.merge('-o', 'all.jsonl', 'a.jsonl')
        self.merge('--compact', '-o', 'all.jsonl', 'a.jsonl')
        with open(self.path('victim'), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'mine')

    def test_a_killed_merge_leaves_nothing_that_stops_the_next(self):
        """environments.json is made, empty, for its lock."""
        self.write('a.jsonl', [row(0)])
        self.write('environments.json', [])
        self.assertEqual(self.read('a.jsonl'), [row(0)])
        self.merge('--compact', '-o', 'all.jsonl', 'a.jsonl')
        self.assertEqual(self.read('all.jsonl'), [row(0)])

    def test_a_thousand_files(self):
        """More than a process may have open: each row comes from its own."""
        for number in range(1000):
            self.write(f'in/{number}.jsonl', [row(number), row(1000 + number * 37 % 1000)])
        words = [os.path.join(BIN, 'merge'), '-o', 'all.jsonl', *(f'in/{number}.jsonl' for number in range(1000))]
        subprocess.run(['bash', '-c', 'ulimit -n 64 && exec "$@"', 'bash', *words], cwd=self.cwd, capture_output=True, check=True)
        self.assertEqual([each['seed'] for each in self.read('all.jsonl')], list(range(2000)))


class Many(Files):
    """100,000 rows, and what they cost: the limits are those of a million merged in ten seconds and 500 MB, and of a start in one second.
    Seconds are CPU seconds beside those that Python takes to read the same lines on this machine."""

    COUNT, MEGABYTES = 100000, 50

    @classmethod
    def setUpClass(cls):
        text = line(row(0xABCDEF, weights_sha256='w' * 64, test_acc_per_epoch=[97.125] * 40, recipe='opt=adam lr=0.01 batch=64'))
        body, cls.lines = text.rpartition(',"crc32"')[0], []
        for i in range(cls.COUNT):
            one = body.replace(f'{0xABCDEF:064x}', f'{i * 7919 % cls.COUNT:064x}').replace('w' * 64, f'{i:064x}')
            cls.lines.append(f'{one},"crc32":"{zlib.crc32(one.encode()):08x}"}}\n')
        begin = time.process_time()
        for each in cls.lines:
            json.loads(each)
        cls.yardstick = time.process_time() - begin

    def seconds(self, program, *words):
        """Of CPU, within the limit of memory."""
        limited = ['bash', '-c', f'ulimit -d {self.MEGABYTES * 1000} && exec "$@"', 'bash', os.path.join(BIN, program), *words]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(limited, cwd=self.cwd, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(done.returncode, 0, done.stderr)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def test_merged(self):
        parts = [f'in/{part}.jsonl' for part in range(100)]
        for part, path in enumerate(parts):
            self.write(path, self.lines[part::100])
        self.assertLess(self.seconds('merge', '--output', 'all.jsonl', *parts), 2 * self.yardstick)
        with open(self.path('all.jsonl'), encoding='utf-8') as file:
            self.assertEqual(sum(1 for _ in file), self.COUNT)

    def test_a_start(self):
        made_data(self.path('d'), 100, 40)
        self.write('all.jsonl', self.lines)
        words = ['--net', NET, '--recipe', RECIPE, '--data-dir', 'd', '--seeds', '0', '--dry-run', '--output', 'all.jsonl']
        self.assertLess(self.seconds('train', *words), 2 * self.yardstick)


class Verify(Files):
    def test_good_files(self):
        self.write('new.jsonl', [row(0), row(1)])
        self.write('old.jsonl', [row(0), json.dumps(row(1)) + '\n'])
        with open(self.path('packed.jsonl.xz'), 'wb') as file:
            file.write(lzma.compress(line({'kind': 'kernel', 'us': 1.5}).encode()))
        self.assertEqual(
            self.verify('new.jsonl', 'old.jsonl', 'packed.jsonl.xz').splitlines(),
            [
                'new.jsonl: 2 rows, all checksums right',
                'old.jsonl: 2 rows, 1 of them older and without checksums',
                'packed.jsonl.xz: 1 rows, all checksums right',
            ],
        )

    def test_broken_files(self):
        good = line(row(0))
        self.write('a.jsonl', [row(1), good.replace('99.0', '99.1'), row(2), '{"id":"to'])
        self.write('good.jsonl', [row(1)])
        self.assertEqual(
            self.verify('a.jsonl', 'good.jsonl', 'nowhere', code=1).splitlines(),
            [
                'a.jsonl: broken: line 2: its checksum is wrong: changed since it was written; and 1 lines more',
                'good.jsonl: 1 rows, all checksums right',
                'nowhere: No such file or directory',
            ],
        )

    def test_every_changed_byte(self):
        whole = line(row(0)).encode()
        rows_of.row_of(whole, 'id')
        for at in range(len(whole) - 1):
            for to in (whole[at] ^ 1, whole[at] ^ 0x20):
                with self.subTest(at=at, to=to), self.assertRaises(rows_of.NoRow):
                    rows_of.row_of(whole[:at] + bytes([to]) + whole[at + 1 :], 'id')

    def test_committed_rows(self):
        results = os.path.join(TOP, 'results')
        studies = [os.path.join(results, name) for name in sorted(os.listdir(results)) if name.endswith('.jsonl')]
        self.assertEqual(len(self.verify(*studies).splitlines()), len(studies))

    def test_checksums_are_zlibs(self):
        body = '{"id":"a","net":"n"'
        self.assertEqual(rows_of.dumps({'id': 'a', 'net': 'n'}), f'{body},"crc32":"{zlib.crc32(body.encode()):08x}"}}\n')

    def test_the_wrappers_run_it(self):
        for name in ('merge', 'verify'):
            if os.path.exists(os.path.join(TOP, 'build', 'release', 'bin', name)):
                done = subprocess.run([os.path.join(TOP, 'tools', name), '--help'], capture_output=True, text=True, check=True)
                self.assertIn('FILE', done.stdout)


if __name__ == '__main__':
    unittest.main()
