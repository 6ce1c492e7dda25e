# SPDX-License-Identifier: BSD-2-Clause
"""The blocks of a table: a head line, and indented `field: text` lines under it."""

import re


class TableError(Exception):
    """A mistake in a table, with the place where it stands."""

    def __init__(self, place, text):
        super().__init__(f"{place}: {text}")


class Value:
    """The text of one field and the place where it stands."""

    def __init__(self, text, place):
        self.text = text
        self.place = place

    def fail(self, text):
        raise TableError(self.place, text)

    def word(self, allowed):
        """The text, which must be one of the words allowed."""
        return check_word(self.text, allowed, self.place)

    def words(self, allowed):
        """The text as a list of words, each one of those allowed; `-` is the empty list."""
        if self.text == "-":
            return []
        return [check_word(word, allowed, self.place) for word in self.text.split()]


class Definitions:
    """Texts that a table uses often: `define @word text`, and `@word` as the whole of a field."""

    def __init__(self):
        self.texts = {}
        self.places = {}
        self.unused = set()

    def add(self, line, place):
        match = re.fullmatch(r"define (@[a-z0-9-]+) (\S.*)", line)
        if not match:
            raise TableError(place, "expected 'define @word text'")
        if match[1] in self.texts:
            raise TableError(place, f"{match[1]} is defined twice, first at "
                                    f"{self.places[match[1]]}")
        self.texts[match[1]] = match[2]
        self.places[match[1]] = place
        self.unused.add(match[1])

    def replace(self, value):
        if value.text.startswith("@"):
            word = check_word(value.text, tuple(self.texts), value.place)
            self.unused.discard(word)
            value.text = self.texts[word]

    def check_use(self):
        for word in sorted(self.unused):
            raise TableError(self.places[word], f"{word} is defined and not used")


class Block:
    """One entry of a table: the words of its head, and its fields in their order."""

    def __init__(self, head, place):
        self.head = head
        self.place = place
        self.fields = {}

    def fail(self, text):
        raise TableError(self.place, text)

    def one(self, name):
        return self.fields[name][0]

    def all(self, name):
        return self.fields.get(name, [])

    def text(self, name):
        return self.one(name).text if name in self.fields else ""


def check_word(word, allowed, place):
    if word not in allowed:
        raise TableError(place, f"unknown word '{word}' (allowed: {', '.join(allowed)})")
    return word


def read_blocks(path, kind, required, optional, repeated):
    """The blocks of the table at path. Each begins with the word `kind`; the other arguments name
    the fields a block must have, may have, and may have several times."""
    blocks = []
    definitions = Definitions()
    value = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip()
            place = f"{path}:{number}"
            if not line or line.startswith("#"):
                value = None
            elif line.startswith("define "):
                definitions.add(line, place)
                value = None
            elif not line.startswith(" "):
                words = line.split()
                check_word(words[0], (kind, "define"), place)
                blocks.append(Block(words[1:], place))
                value = None
            elif value and line.startswith("    "):
                value.text += " " + line.strip()
            else:
                value = read_field(blocks, line, place, required + optional, repeated)
    finish(blocks, definitions, kind, required)
    return blocks


def finish(blocks, definitions, kind, required):
    """Puts defined texts in; no field may be missing, no definition unused."""
    for block in blocks:
        for values in block.fields.values():
            for value in values:
                definitions.replace(value)
        for name in required:
            if name not in block.fields:
                block.fail(f"'{' '.join([kind] + block.head)}' has no '{name}'")
    definitions.check_use()


def read_field(blocks, line, place, allowed, repeated):
    """Adds the field of this line to the last block."""
    match = re.fullmatch(r"  ([a-z]+):\s*(\S.*)", line)
    if not match:
        raise TableError(place, "expected '  field: text', or a head line without blanks before it")
    if not blocks:
        raise TableError(place, "a field before the first head line")
    name = check_word(match[1], allowed, place)
    values = blocks[-1].fields.setdefault(name, [])
    if values and name not in repeated:
        raise TableError(place, f"field '{name}' given twice")
    values.append(Value(match[2], place))
    return values[-1]


def check_unique(items, what):
    """No two items (each with name and place) have the same name."""
    seen = {}
    for item in items:
        if item.name in seen:
            raise TableError(item.place,
                             f"{what} {item.name} is given twice, first at {seen[item.name]}")
        seen[item.name] = item.place
