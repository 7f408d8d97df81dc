#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's checklists, followed in a scratch copy of the tree: a toy algorithm, op, kind of layer, ISA and study are added by exactly
the files that the README names, in no more than so many; then they are built, checked and run.

A checklist's changes are in <name>.txt: `@ path` begins a file (`@ path = other`: a copy of the other, its name in place of the other's);
`< words` finds the one line that has the words, a `-` line stands in its place, `+` lines follow; without `<` they are the whole file."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
# heading in the README: most files, what the README's steps call the new thing
LISTS = {
    'algorithm': ('Add an algorithm', 2, {'toy': 'nhwc'}),
    'op': ('Add an op', 8, {'toy': 'activation'}),
    'layer': ('Add a kind of layer', 2, {'toy': 'activation'}),
    'isa': ('Add an ISA', 5, {'toy': 'avx2'}),
    'study': ('Add a study', 2, {'toy_study': 'kernel_size', 'toy-study': 'kernel-size'}),
}
# Nothing is timed: as tools/dev/mutate builds.
BUILD = ['-DCMAKE_BUILD_TYPE=Checklists', '-DCONVGAUGE_ISAS_BY_NAME=OFF', '-DCMAKE_C_FLAGS=-w -O1 -DUNROLL_FOR=for -DCONVGAUGE_SLOW']
TARGETS = ['kernelcheck', 'train', 'toy-study']
PATH = re.compile(r'`([\w./-]+/[\w-]+\.(?:c|h|py))`')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def run(*words, cwd=None, expected=0):
    ran = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode != expected:
        raise AssertionError(f'{" ".join(words)}: exit code {ran.returncode}\n{ran.stdout[-4000:]}')
    return ran.stdout


def place(lines, words):
    """The index of the one line that has the words."""
    found = [i for i, line in enumerate(lines) if words in line]
    if len(found) != 1:
        raise AssertionError(f'{len(found)} lines have "{words}", not one')
    return found[0]


def follow(root, name):
    """Makes the changes of a checklist's file."""
    for part in re.split(r'^@ ', read(f'{HERE}/{name}.txt'), flags=re.M)[1:]:
        head, _, body = part.partition('\n')
        path, _, source = head.partition(' = ')
        lines, at = [], 0
        if source:
            old, new = (os.path.splitext(os.path.basename(each))[0] for each in (source, path))
            text = read(f'{root}/{source}').replace(f'_{old};', f'_{new};').replace(f'_{old} ', f'_{new} ')
            lines = text.replace(f'ISA_{old.upper()}', f'ISA_{new.upper()}').split('\n')
        elif '\n< ' in f'\n{body}':
            lines = read(f'{root}/{path}').split('\n')
        for change in body.splitlines():
            if change.startswith('< '):
                at = place(lines, change[2:]) + 1
            elif change.startswith('- '):
                lines[at - 1] = change[2:]
            else:
                lines.insert(at, change[2:])
                at += 1
        os.makedirs(os.path.dirname(f'{root}/{path}'), exist_ok=True)
        with open(f'{root}/{path}', 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines).rstrip('\n') + '\n')


class ChecklistTest(unittest.TestCase):
    touched = {}

    @classmethod
    def setUpClass(cls):
        for tool in 'git', 'cmake', 'ninja':
            if not shutil.which(tool):
                raise unittest.SkipTest(f'no {tool} here')
        room = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, room)
        cls.root, cls.bin = f'{room}/tree', f'{room}/build/bin'
        listing = ['git', '-C', TOP, 'ls-files', '-co', '--exclude-standard', '-z', '--', ':!results']
        names = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split('\0')
        for name in names:
            if os.path.isfile(f'{TOP}/{name}'):
                os.makedirs(os.path.dirname(f'{cls.root}/{name}'), exist_ok=True)
                shutil.copy(f'{TOP}/{name}', f'{cls.root}/{name}')
        if not os.path.isdir(cls.root):
            raise unittest.SkipTest('no git here to list the tree')
        git = ['git', '-C', cls.root, '-c', 'user.name=checklists', '-c', 'user.email=checklists']
        run(*git, 'init', '-q')
        for name in ('as it is', *LISTS):
            if name in LISTS:
                follow(cls.root, name)
                status = run(*git, 'status', '--porcelain', '-uall')
                cls.touched[name] = {line[3:] for line in status.splitlines()}
            run(*git, 'add', '-A')
            run(*git, 'commit', '-q', '-m', name)
        run('cmake', '-S', cls.root, '-B', f'{room}/build', '-G', 'Ninja', *BUILD)
        run('ninja', '-C', f'{room}/build', *TARGETS)

    def program(self, name, *words, expected=0):
        return run(f'{self.bin}/{name}', *words, cwd=self.root, expected=expected)

    def test_the_files_are_those_of_the_readme(self):
        readme = read(f'{TOP}/README.md')
        for name, (heading, most, model) in LISTS.items():
            with self.subTest(checklist=name):
                found = re.search(rf'^### {heading}: (\d+) files\n(.*?)(?=^##)', readme, re.M | re.S)
                self.assertIsNotNone(found, f'README.md has no "### {heading}: N files"')
                steps = re.findall(r'^\d+\. (.*(?:\n   .*)*)', found[2], re.M)
                named = {step[1 : step.index('`', 1)] for step in steps if PATH.match(step)}
                touched = set()
                for path in self.touched[name]:
                    for new, old in model.items():
                        path = path.replace(new, old)
                    touched.add(path)
                self.assertEqual(touched, named)
                self.assertEqual(len(self.touched[name]), int(found[1]))
                self.assertLessEqual(int(found[1]), most)
                for path in PATH.findall(found[2]):
                    self.assertTrue(os.path.exists(f'{TOP}/{path}'), f'the README names {path}')

    def test_an_algorithm(self):
        said = self.program('kernelcheck', '--op', 'conv', '--algo', 'toy', '--drawn', '--cases', '10', '--no-mutants')
        self.assertRegex(said, r'conv.fwd +portable/toy +OK')
        self.assertRegex(said, r'conv.bwd_weights +portable/toy +OK')

    def test_an_op(self):
        said = self.program('kernelcheck', '--op', 'toy', '--cases', '20')
        self.assertRegex(said, r'toy.fwd +scalar/plain +OK')
        self.assertRegex(said, r'OK +2 of 2 killed')

    def test_an_op_has_its_bench(self):
        bench = shutil.which('ninja') and run('ninja', '-C', os.path.dirname(self.bin), '-t', 'targets', 'all')
        if 'bench-kernels: phony' not in bench:
            self.skipTest('no Google Benchmark here')
        run('ninja', '-C', os.path.dirname(self.bin), 'bench-kernels')
        said = self.program('bench-kernels', '--filter', 'toy', '--list')
        self.assertRegex(said, r'(?m)^toy\.fwd/toy:v12544/\w+/direct$')
        said = self.program('bench-kernels', '--problem', 'toy:v64', '--quick', '--format', 'jsonl', '--output', f'{self.root}/toy.jsonl')
        rows = [json.loads(line) for line in read(f'{self.root}/toy.jsonl').splitlines()]
        self.assertTrue(any(row.get('what') == 'toy.fwd' and row.get('ok') for row in rows), said)

    def test_a_kind_of_layer(self):
        words = ('--net', '1x28x28 conv2 toy relu max2 toy dense10', '--data', 'strokes', '--epochs', '1', '--quiet')
        self.program('train', *words, '--recipe', 'opt=sgd lr=0.01 batch=64 select=first:640 testselect=first:320')

    def test_an_isa(self):
        self.assertRegex(self.program('kernelcheck', '--op', 'v', '--isa', 'toy'), r'v +toy +OK')
        said = self.program('kernelcheck', '--isa', 'toy', '--drawn', '--cases', '4', '--no-mutants')
        self.assertRegex(said, r'conv.fwd +toy/direct +OK')
        self.assertRegex(said, r'toy.fwd +toy/direct +OK')
        isas = self.program('kernelcheck', '--isa', 'none', expected=2).split(' there are ')[1].split()
        rank = re.search(r'^RANK = \((.*)\)$', read(f'{self.root}/tools/convgauge_report/machines.py'), re.M)[1]
        self.assertEqual(isas, re.findall(r"'(\w+)'", rank))

    def test_a_study(self):
        rows = f'{self.root}/rows.jsonl'
        self.program('toy-study', '--data', 'strokes', '--quick', '--output', rows)
        made = [json.loads(line) for line in read(rows).splitlines()]
        self.assertEqual({(row['cell'], row['arm']) for row in made}, {('narrow', ''), ('wide', ''), ('narrow', 'SGD')})
        self.assertIn('toy-study/wide', self.program('train', '--list'))


if __name__ == '__main__':
    unittest.main()
