"""A log in memory, to be signed at any size."""

from headrace.audit.signing import PrivateKey
from headrace.audit.tree import Tree
from headrace.audit.verify import HEIGHT, Checkpoint, Edge, leaf_hash


class Log:
    """So many entries, one of them another than it was."""

    def __init__(self, count: int, changed: int | None = None, name: str = "log.example") -> None:
        self.name = name
        self.leaves = [leaf_hash(f"{number}{'!' if number == changed else ''}".encode()) for number in range(count)]
        self.nodes: dict[tuple[int, int], bytes] = {}
        edge = Edge()
        for leaf in self.leaves:
            for level, index, node in edge.append(leaf):
                if level % HEIGHT == 0:
                    self.nodes[level // HEIGHT, index] = node

    def tree(self, size: int) -> Tree:
        def tiles(level: int, number: int) -> list[bytes]:
            of = self.leaves if level == 0 else [self.nodes[key] for key in sorted(self.nodes) if key[0] == level]
            return of[number * 256 : (number + 1) * 256]

        return Tree(size, tiles)

    def note(self, size: int, key: PrivateKey) -> str:
        return key.sign(str(Checkpoint(self.name, size, self.tree(size).root())))
