"""A .toml file whose values remember their line, and the checks of keys and types that every declaration needs."""

import re

try:
    import tomllib
except ImportError:  # Python before 3.11
    import tomli as tomllib

from .errors import DeclarationError, one_of

KIND = {str: "a string", int: "an integer", list: "an array", dict: "a table", bool: "true or false"}


class Table:
    """One table of a file. Keys are checked as they are read; finish() refuses the keys nobody read."""

    def __init__(self, file, path, values):
        self.file, self.path, self.values = file, path, values
        self.read = set()

    def fail(self, key, message):
        path = self.path + ((key,) if key else ())
        raise DeclarationError(self.file.shown, self.file.line(path), dotted(path), message)

    def has(self, key):
        return key in self.values

    def get(self, key, kind, default=None):
        """The value of a key, which must have this type; a key without a default must be there."""
        self.read.add(key)
        if key not in self.values:
            if default is None:
                self.fail(None, f"the key `{key}` is missing ({KIND[kind]})")
            return default
        value = self.values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"must be {KIND[kind]}, not {value!r}")
        return value

    def strings(self, key, length=None):
        values = self.get(key, list)
        if not values or not all(isinstance(value, str) for value in values):
            self.fail(key, "must be an array of strings")
        if length and len(values) != length:
            self.fail(key, f"must have {length} entries, not {len(values)}")
        return values

    def table(self, key):
        """A sub-table; an absent one is an empty one."""
        return Table(self.file, self.path + (key,), self.get(key, dict, {}))

    def tables(self, key):
        """[(name, Table)] for [key.NAME] in the order of the file."""
        table = self.table(key)
        result = []
        for name in table.values:
            if not isinstance(table.values[name], dict):
                table.fail(name, f"must be a table [{dotted(table.path)}.{name}]")
            result.append((name, table.table(name)))
        return result

    def array(self, key):
        """[Table] for [[key]]; an absent one is an empty one."""
        values = self.get(key, list, [])
        if not all(isinstance(value, dict) for value in values):
            self.fail(key, f"must be written as [[{key}]]")
        return [Table(self.file, self.path + (f"{key}[{i}]",), value) for i, value in enumerate(values)]

    def finish(self):
        for key in self.values:
            if key not in self.read:
                self.fail(key, f"unknown key; valid is {one_of(sorted(self.read))}")


def dotted(path):
    return ".".join(path)


class TomlFile:
    def __init__(self, root, path):
        """root: folder of the declarations; path: below it, always with /."""
        self.path = path.as_posix() if hasattr(path, "as_posix") else path
        self.shown = f"{root.name}/{self.path}"  # in messages
        try:
            text = (root / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise DeclarationError(self.shown, 0, None, "the file is missing") from None
        except UnicodeDecodeError as error:
            raise DeclarationError(self.shown, 0, None, f"not UTF-8 text: {error}") from None
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+)", str(error))
            raise DeclarationError(self.shown, int(at[1]) if at else text.count("\n"), None, str(error)) from None
        self.lines = key_lines(text)
        self.top = Table(self, (), values)

    def line(self, path):
        """The line of a key, or of the nearest table around it that the file spells out; 0 for the file itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def key_lines(text):
    """{path: line}: where each table and key starts. tomllib has accepted the text already."""
    lines, table, arrays, depth = {}, (), {}, 0
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r'"(\\.|[^"\\])*"|\'[^\']*\'|#.*', "", line)  # brackets in strings and comments do not count
        header = re.match(r"\s*(\[\[?)\s*([\w.-]+)\s*\]", line) if depth == 0 else None
        if header:
            table = tuple(header[2].split("."))
            if header[1] == "[[":
                index = arrays[table] = arrays.get(table, -1) + 1
                table = table[:-1] + (f"{table[-1]}[{index}]",)
            lines.setdefault(table, number)
            continue
        key = re.match(r"\s*([\w-]+)\s*=", line) if depth == 0 else None
        if key:
            lines.setdefault(table + (key[1],), number)
        depth += sum(code.count(c) for c in "[{") - sum(code.count(c) for c in "]}")
    return lines
