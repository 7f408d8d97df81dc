# SPDX-License-Identifier: MIT
"""Headless Chromium over its debugging pipe (file descriptors 3 and 4, messages of JSON that end in a zero byte): any width, light or dark,
what a script finds in the page, screenshots, PDF. Only what the standard library has."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')


class Browser:
    """with Browser() as browser: browser.open(path, 390, 'dark'); browser.run('document.title')"""

    def __enter__(self):
        self.stack, self.sent, self.seen = contextlib.ExitStack(), 0, []
        home = self.stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()

        def descriptors():  # in the child: 3 and 4, whatever numbers the pipes had
            a, b = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [
                CHROMIUM,
                '--headless',
                '--no-sandbox',
                '--disable-gpu',
                '--hide-scrollbars',
                '--remote-debugging-pipe',
                f'--user-data-dir={home}',
                'about:blank',
            ],
            preexec_fn=descriptors,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, 'HOME': home},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.input, self.output, self.unread = os.fdopen(ours_out, 'wb', 0), ours_in, b''
        self.session = None
        page = next(t for t in self.call('Target.getTargets')['targetInfos'] if t['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
        self.call('Page.enable')
        self.call('Runtime.enable')
        return self

    def __exit__(self, *_):
        self.session = None
        with contextlib.suppress(OSError, EOFError):
            self.call('Browser.close')
        self.input.close()
        os.close(self.output)
        self.process.wait()
        self.stack.close()

    def message(self):
        while b'\0' not in self.unread:
            more = os.read(self.output, 1 << 20)
            if not more:
                raise EOFError('Chromium is gone')
            self.unread += more
        text, _, self.unread = self.unread.partition(b'\0')
        return json.loads(text)

    def call(self, method, **params):
        self.sent += 1
        said = {'id': self.sent, 'method': method, 'params': params}
        if self.session:
            said['sessionId'] = self.session
        self.input.write(json.dumps(said).encode() + b'\0')
        while True:
            got = self.message()
            if got.get('id') == self.sent:
                if 'error' in got:
                    raise RuntimeError(f'{method}: {got["error"]["message"]}')
                return got['result']
            self.seen.append(got)

    def wait(self, event):
        while not any(got.get('method') == event for got in self.seen):
            self.seen.append(self.message())

    def open(self, path, width, scheme, height=900):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call('Emulation.setEmulatedMedia', media='', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.seen.clear()
        self.call('Page.navigate', url='file://' + os.path.abspath(path))
        self.wait('Page.loadEventFired')

    def run(self, script):
        got = self.call('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in got:
            raise RuntimeError(got['exceptionDetails'].get('exception', {}).get('description', 'an error in the script'))
        return got['result'].get('value')

    def shot(self, path, top=0, height=None):
        size = self.call('Page.getLayoutMetrics')['cssContentSize']
        height = min(height or size['height'], size['height'] - top)
        clip = {'x': 0, 'y': top, 'width': size['width'], 'height': height, 'scale': 1}
        data = self.call('Page.captureScreenshot', format='png', clip=clip, captureBeyondViewport=True)['data']
        with open(path, 'wb') as file:
            file.write(base64.b64decode(data))

    def pdf(self):
        """As it is printed on A4."""
        return base64.b64decode(self.call('Page.printToPDF', paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)['data'])

    def failures(self):
        """What scripts threw or complained of since the page was opened."""
        thrown = [got['params']['exceptionDetails']['text'] for got in self.seen if got.get('method') == 'Runtime.exceptionThrown']
        said = [got['params'] for got in self.seen if got.get('method') == 'Runtime.consoleAPICalled']
        return thrown + [str(told['args']) for told in said if told['type'] in ('error', 'warning')]
