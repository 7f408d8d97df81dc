#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/fetch-data against a loopback HTTP server and folders: small files with their own hashes stand in for the real ones.

usage: tests/tools/test_fetch.py [-v]"""

import contextlib
import gzip
import hashlib
import http.server
import importlib.machinery
import importlib.util
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import unittest.mock

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'fetch-data')
sys.dont_write_bytecode = True


def load_tool():
    sys.path.insert(0, os.path.dirname(TOOL))  # as when it is run
    loader = importlib.machinery.SourceFileLoader('fetch_data', TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('fetch_data', loader))
    loader.exec_module(module)
    return module


fetch_data = load_tool()
IMAGES, LABELS = bytes(range(256)) * 400, b'labels' * 50
BATCHES = {f'part_{i}.bin': bytes([i, 7]) * 5000 for i in range(3)}


def sums(files):
    return {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}


def tar_of(files):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w:gz') as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f'some-folder/{name}')
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


class Mirror:
    """Serves self.answers {path: (body, announced length)} from a thread; notes what was asked in self.asked."""

    def __enter__(self):
        self.answers, self.asked, mirror = {}, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                if self.path not in mirror.answers:
                    return self.send_error(404)
                body, announced = mirror.answers[self.path]
                self.send_response(200)
                self.send_header('Content-Length', str(announced))
                self.end_headers()
                return self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.01})
        self.thread.start()
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        return self

    def serve(self, path, body, announced=None):
        self.answers[path] = (body, len(body) if announced is None else announced)

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class FetchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.to, self.offline = os.path.join(folder.name, 'data'), os.path.join(folder.name, 'offline')
        os.makedirs(self.offline)
        self.mirror = self.enterContext(Mirror())
        self.enterContext(unittest.mock.patch.dict(os.environ, {'no_proxy': '*'}))
        os.environ.pop('CONVGAUGE_FETCH_FROM', None)
        self.sets = {
            'digits': fetch_data.Set(
                [f'{self.mirror.url}/first/', f'{self.mirror.url}/second/'], '{}.gz', sums({'images': IMAGES, 'labels': LABELS})
            ),
            'photos': fetch_data.Set([f'{self.mirror.url}/'], 'photos.tar.gz', sums(BATCHES), archive=True),
        }

    def serve_digits(self, mirror='first'):
        self.mirror.serve(f'/{mirror}/images.gz', gzip.compress(IMAGES))
        self.mirror.serve(f'/{mirror}/labels.gz', gzip.compress(LABELS))

    def run_tool(self, *arguments):
        """Its exit code and what it said on stderr."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                code = fetch_data.main(['--to', self.to, *arguments], self.sets)
            except SystemExit as stop:
                code = stop.code
        return code, said.getvalue()

    def put(self, name, data):
        path = os.path.join(self.offline, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)

    def stored(self):
        """{path under the target: bytes} of every file there, left-overs included."""
        found = {}
        for folder, _, names in os.walk(self.to):
            for name in names:
                with open(os.path.join(folder, name), 'rb') as file:
                    found[os.path.relpath(os.path.join(folder, name), self.to)] = file.read()
        return found

    def assert_digits(self):
        found = self.stored()
        self.assertEqual(sorted(found), ['digits/images.gz', 'digits/labels.gz'])
        self.assertEqual(gzip.decompress(found['digits/images.gz']), IMAGES)
        self.assertEqual(gzip.decompress(found['digits/labels.gz']), LABELS)

    def assert_refused(self, arguments, *words):
        code, said = self.run_tool('--quiet', *arguments)
        self.assertEqual(code, 4, said)
        self.assertEqual(said.count('\n'), 1, said)
        for word in words:
            self.assertIn(word, said)
        return said

    def test_good(self):
        self.serve_digits()
        self.assertEqual(self.run_tool('digits')[0], 0)
        self.assert_digits()

    def test_again_asks_nothing(self):
        self.serve_digits()
        self.run_tool('digits')
        self.mirror.asked.clear()
        code, said = self.run_tool('digits')
        self.assertEqual((code, self.mirror.asked), (0, []))
        self.assertIn('complete', said)

    def test_second_mirror(self):
        self.serve_digits('second')
        self.assertEqual(self.run_tool('digits')[0], 0)
        self.assert_digits()
        self.assertEqual(self.mirror.asked[:2], ['/first/images.gz', '/second/images.gz'])

    def test_truncated(self):
        packed = gzip.compress(IMAGES)
        self.serve_digits()
        self.mirror.serve('/first/images.gz', packed[: len(packed) // 2], announced=len(packed))
        self.assert_refused(['digits'], 'images', 'truncated', f'announced {len(packed):,}', 'HTTP 404', '--from DIR')
        self.assertEqual(self.stored(), {})

    def test_truncated_unannounced(self):
        packed = gzip.compress(IMAGES)
        self.serve_digits()
        self.mirror.serve('/first/images.gz', packed[: len(packed) // 2])
        self.assert_refused(['digits'], 'images', 'truncated or damaged')
        self.assertEqual(self.stored(), {})

    def test_truncated_then_second_mirror(self):
        self.serve_digits('second')
        self.mirror.serve('/first/images.gz', gzip.compress(IMAGES)[:100], announced=5000)
        self.assertEqual(self.run_tool('digits')[0], 0)
        self.assert_digits()

    def test_wrong_hash(self):
        self.serve_digits()
        self.mirror.serve('/first/labels.gz', gzip.compress(LABELS[:-1] + b'X'))
        self.assert_refused(['digits'], 'labels', 'wrong content', 'sha256')
        self.assertEqual(sorted(self.stored()), ['digits/images.gz'])

    def test_too_long(self):
        self.serve_digits()
        self.mirror.serve('/first/images.gz', gzip.compress(IMAGES + b'X'))
        self.assert_refused(['digits'], f'more than the {len(IMAGES):,} bytes')
        self.mirror.serve('/first/images.gz', bytes(3 * len(IMAGES) + (1 << 20)))
        self.assert_refused(['digits'], 'not what was asked for')

    def test_nobody_there(self):
        self.sets['digits'].mirrors = ['http://127.0.0.1:9/']
        self.assert_refused(['digits'], 'no mirror has it', 'refused', '--from DIR')

    def test_wrong_file_is_replaced(self):
        self.serve_digits()
        os.makedirs(os.path.join(self.to, 'digits'))
        with open(os.path.join(self.to, 'digits', 'images'), 'wb') as file:
            file.write(b'no images')
        code, said = self.run_tool('digits')
        self.assertEqual(code, 0)
        self.assertIn('getting it anew', said)
        self.assert_digits()

    def test_one_set_fails_the_other_comes(self):
        self.mirror.serve('/photos.tar.gz', tar_of(BATCHES))
        self.assertEqual(self.run_tool('digits', 'photos')[0], 4)
        self.assertEqual(self.stored(), {f'photos/{name}': data for name, data in BATCHES.items()})

    def test_archive_cut_or_wrong(self):
        packed = tar_of(BATCHES)
        self.mirror.serve('/photos.tar.gz', packed[: len(packed) // 2], announced=len(packed))
        self.assert_refused(['photos'], 'photos.tar.gz', 'truncated')
        self.mirror.serve('/photos.tar.gz', tar_of({**BATCHES, 'part_1.bin': b'x' * 10000}))
        self.assert_refused(['photos'], 'wrong content')
        self.mirror.serve('/photos.tar.gz', tar_of({'part_0.bin': BATCHES['part_0.bin']}))
        self.assert_refused(['photos'], 'has no part_1.bin')
        self.assertEqual(sorted(self.stored()), ['photos/part_0.bin'])

    def test_folder(self):
        self.put('digits/images.gz', gzip.compress(IMAGES))
        self.put('labels.gz', gzip.compress(LABELS))
        self.assertEqual(self.run_tool('--from', self.offline, 'digits')[0], 0)
        self.assert_digits()
        self.assertEqual(self.mirror.asked, [])

    def test_folder_by_environment_plain_and_xz(self):
        self.put('images', IMAGES)
        self.put('labels.xz', lzma.compress(LABELS))
        os.environ['CONVGAUGE_FETCH_FROM'] = self.offline
        self.assertEqual(self.run_tool('digits')[0], 0)
        self.assertEqual(self.stored(), {'digits/images': IMAGES, 'digits/labels': LABELS})
        self.assertEqual(self.mirror.asked, [])

    def test_folder_archive_and_parts(self):
        self.put('photos.tar.gz', tar_of(BATCHES))
        self.assertEqual(self.run_tool('--from', self.offline, 'photos')[0], 0)
        self.assertEqual(self.stored(), {f'photos/{name}': data for name, data in BATCHES.items()})
        os.unlink(os.path.join(self.offline, 'photos.tar.gz'))
        os.unlink(os.path.join(self.to, 'photos', 'part_2.bin'))
        self.put('photos/part_2.bin.xz', lzma.compress(BATCHES['part_2.bin']))
        self.assertEqual(self.run_tool('--from', self.offline, 'photos')[0], 0)
        self.assertEqual(self.stored(), {f'photos/{name}': data for name, data in BATCHES.items()})

    def test_folder_without_or_with_wrong_files(self):
        self.serve_digits()
        self.assert_refused(['--from', self.offline, 'digits'], 'no such file in', self.offline)
        self.put('images.xz', lzma.compress(IMAGES)[:-30])
        self.assert_refused(['--from', self.offline, 'digits'], 'images.xz', 'truncated or damaged')
        self.put('images.gz', gzip.compress(LABELS))
        self.assert_refused(['--from', self.offline, 'digits'], 'images.gz', 'truncated')
        self.assert_refused(['--from', self.offline + '/absent', 'digits'], 'is not a folder', '--from')
        self.assertEqual((self.stored(), self.mirror.asked), ({}, []))

    def test_target_cannot_be_written(self):
        self.put('images', IMAGES)
        with open(self.to, 'wb'):
            pass
        code, said = self.run_tool('--quiet', '--from', self.offline, 'digits')
        self.assertEqual((code, said.count('\n')), (1, 1))
        self.assertIn('cannot write', said)
        self.assertIn('--to DIR', said)

    def test_usage(self):
        for arguments in (['no-such-set'], ['--no-such-flag'], ['--timeout', 'soon']):
            done = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr.count('\n'), done.stdout), (2, 1, ''), done.stderr)
        done = subprocess.run([sys.executable, TOOL, '--help'], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn('CONVGAUGE_FETCH_FROM', done.stdout)


if __name__ == '__main__':
    unittest.main()
