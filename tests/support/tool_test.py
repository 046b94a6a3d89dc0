"""What the tests of the command-line tools share: a folder per test, and one run of a program with its exit code."""
import os
import subprocess
import tempfile
import unittest


class ToolTest(unittest.TestCase):
    """A subclass names the program it tests in `tool`; `environment` is what all its runs see."""
    tool = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = dict(os.environ)

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def run_tool(self, *arguments, stdin=None, **variables):
        return subprocess.run([self.tool, *arguments], input=stdin, text=True, capture_output=True, timeout=300,
                              env={**self.environment, **variables})

    def expect(self, code, *arguments, message="", **keywords):
        done = self.run_tool(*arguments, **keywords)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(message, done.stderr)
        return done
