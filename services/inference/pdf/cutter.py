"""Cuts marks out of one content stream so that everything else draws as before.

The stream is walked once. A mark is a marked-content sequence from BDC to EMC, or a single Do. Operators that paint are cut;
those that set the graphics state are cut only if nothing that follows can depend on them:

* a block q … Q within a mark is cut as a whole;
* a marked-content sequence is cut as a whole if it sets no state that outlives it, or if nothing is painted before the state
  is restored (or the stream ends);
* a block q … Q around a mark is cut as a whole if it paints nothing else.

Otherwise the state-setting operators of the mark stay, and a painted path that also becomes the clip is ended with `n`
instead. Text after a mark on the same line would move, because showing text advances the line: such a mark is left unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from services.inference.pdf import operators as op
from services.inference.pdf.edits import Edit
from services.inference.pdf.lexer import Operation, operations
from services.inference.pdf.marks import Cut, Mark, Recogniser
from services.inference.pdf.texts import TEXT_DEPENDS, UNBALANCED


@dataclass(slots=True)
class _Scope:
    """A block q … Q, or the whole stream."""

    start: int
    first_edit: int
    depth: int
    """Marked-content sequences open at its start."""
    cut: bool = False
    paints: bool = False
    state_left: list[_Extent] = field(default_factory=list)
    """Marks that ended here, left state-setting operators behind, and have had nothing painted after them."""


@dataclass(slots=True)
class _Extent:
    """A mark that has ended: its edits (a slice of the list of edits) and its bytes."""

    mark: Mark
    first_edit: int
    last_edit: int
    start: int
    end: int


@dataclass(slots=True)
class _Open:
    """The mark that the walk is currently in."""

    mark: Mark
    start: int
    first_edit: int
    depth: int
    """Marked-content sequences open around it."""
    scopes: int
    lowest: int
    """Lowest number of scopes open while in it."""
    in_text: bool
    sets_state: bool = False
    advances: bool = False
    """Whether it has shown text and not positioned text since."""


def cut(data: bytes, recogniser: Recogniser) -> Cut:
    """Find and cut the marks of a content stream (all streams of a page joined, or one form)."""
    return _Walk(data, recogniser).run()


class _Walk:
    def __init__(self, data: bytes, recogniser: Recogniser) -> None:
        self._data = data
        self._recogniser = recogniser
        self._edits: list[Edit] = []
        self._removed: list[Mark] = []
        self._kept: list[tuple[Mark, str]] = []
        self._scopes = [_Scope(start=0, first_edit=0, depth=0)]
        self._depth = 0
        self._open: _Open | None = None
        self._in_text = False
        self._path_start = -1
        self._clips = False
        self._any_state_left = False
        #: Marks that advanced the current line of text, which has not been repositioned since.
        self._advanced: list[_Extent] = []

    def run(self) -> Cut:
        for operation in operations(self._data):
            self._step(operation)
            self._track(operation)
        if self._open is not None:
            del self._edits[self._open.first_edit :]
            self._kept.append((self._open.mark, UNBALANCED))
            self._paints(self._scopes[-1])
        while len(self._scopes) > 1:  # a stream that lacks Q
            scope = self._scopes.pop()
            self._collapse_marks(scope)
            self._leave(scope)
        self._collapse_marks(self._scopes[0])
        return Cut(self._edits, self._removed, self._kept)

    def _step(self, operation: Operation) -> None:
        name = operation.operator
        if name == op.SAVE:
            self._scopes.append(_Scope(operation.start, len(self._edits), self._depth))
        elif name == op.RESTORE:
            self._restore(operation)
        elif name in op.BEGIN:
            self._begin_marked(operation)
        elif name == op.END_MARKED:
            self._end_marked(operation)
        elif self._open is not None:
            self._inside(operation, self._open)
        else:
            self._outside(operation)

    def _track(self, operation: Operation) -> None:
        """Track the state that only the next operations need."""
        name = operation.operator
        if name in op.PATH:
            self._path_start = operation.start if self._path_start < 0 else self._path_start
        elif name in op.CLIP:
            self._clips = True
        elif name in op.PAINT_PATH or name == op.END_PATH:
            self._path_start, self._clips = -1, False
        elif name == op.BEGIN_TEXT:
            self._in_text = True
        elif name == op.END_TEXT:
            self._in_text = False
        if name in op.PLACE_TEXT or name == op.RESTORE:
            self._advanced.clear()

    # Drawing operators

    def _outside(self, operation: Operation) -> None:
        """An operation outside the marked content of any mark."""
        name = operation.operator
        mark = self._recogniser.painted_mark(operation.start) if name in op.PAINTS else None
        if mark is not None:
            self._paint_of(operation, mark)
            return
        if name in op.SHOW and name not in op.PLACE_TEXT:
            self._undo_advances()
        if name == op.DRAW_XOBJECT:
            mark = self._recogniser.drawn_mark(operation.operands(self._data))
            if mark is not None:
                self._edits.append(Edit(operation.start, operation.end))
                self._removed.append(mark)
                self._scopes[-1].cut = True
                return
        if name not in op.INERT:
            self._paints(self._scopes[-1])

    def _paint_of(self, operation: Operation, mark: Mark) -> None:
        """An operation that paints a mark by itself."""
        first = len(self._edits)
        self._cut_paint(operation)
        self._removed.append(mark)
        self._scopes[-1].cut = True
        if operation.operator in op.SHOW:
            self._advanced.append(_Extent(mark, first, len(self._edits), operation.start, operation.end))

    def _inside(self, operation: Operation, current: _Open) -> None:
        """An operation of a mark: painting is cut, setting state stays for now."""
        name = operation.operator
        current.sets_state |= self._cut_paint(operation)
        if name in op.SHOW:
            current.advances = True
        elif name in op.PLACE_TEXT:
            current.advances = False

    def _cut_paint(self, operation: Operation) -> bool:
        """Cut an operation if it paints; True if it sets state, which stays."""
        name, start, end = operation.operator, operation.start, operation.end
        if name in op.PAINT_PATH or name == op.END_PATH:
            if self._clips:
                self._edits.append(Edit(operation.operator_start, end, op.END_PATH))
                return True
            self._edits.append(Edit(self._path_start if self._path_start >= 0 else start, end))
            return False
        if name == op.SHOW_ON_NEXT_LINE:
            self._edits.append(Edit(start, end, op.NEXT_LINE))
            return True
        if name == op.SHOW_ON_NEXT_LINE_SPACED:
            spacing = operation.operands(self._data)[:2]
            state = "{!r} Tw {!r} Tc T*".format(*spacing) if len(spacing) == 2 else "T*"
            self._edits.append(Edit(start, end, state.encode()))
            return True
        if name in op.SHOW or name in op.DRAW or name in op.POINTS:
            self._edits.append(Edit(start, end))
            return False
        return name not in op.PATH and name not in op.CLIP and name not in (op.BEGIN_TEXT, op.END_TEXT)

    def _paints(self, scope: _Scope) -> None:
        """Something is painted in the scope; it may depend on state that earlier marks left."""
        scope.paints = True
        if self._any_state_left:
            for around in self._scopes:
                around.state_left.clear()
            self._any_state_left = False

    # Structure

    def _restore(self, operation: Operation) -> None:
        if len(self._scopes) == 1:
            return  # a stray Q, which readers ignore
        scope = self._scopes.pop()
        whole = [Edit(scope.start, operation.end)]
        if self._open is not None:
            if len(self._scopes) >= self._open.scopes:  # the block began within the mark
                self._edits[scope.first_edit :] = whole
                return
            self._open.lowest = min(self._open.lowest, len(self._scopes))
        self._collapse_marks(scope)
        if scope.cut and not scope.paints and scope.depth == self._depth and self._open is None:
            self._edits[scope.first_edit :] = whole
        self._leave(scope)

    def _leave(self, scope: _Scope) -> None:
        parent = self._scopes[-1]
        parent.cut = parent.cut or scope.cut
        if scope.paints:
            self._paints(parent)

    def _begin_marked(self, operation: Operation) -> None:
        if self._open is None:
            mark = None
            if operation.operator == op.BEGIN_MARKED_WITH_PROPERTIES:
                mark = self._recogniser.marked_content(operation.operands(self._data))
            if mark is None:
                self._paints(self._scopes[-1])  # tagged content that stays, even if it is empty
            else:
                scopes = len(self._scopes)
                self._open = _Open(mark, operation.start, len(self._edits), self._depth, scopes, scopes, in_text=self._in_text)
        if self._open is not None:
            self._edits.append(Edit(operation.start, operation.end))
        self._depth += 1

    def _end_marked(self, operation: Operation) -> None:
        if self._depth == 0:
            return  # a stray EMC
        self._depth -= 1
        current = self._open
        if current is None:
            return
        self._edits.append(Edit(operation.start, operation.end))
        if self._depth > current.depth:
            return
        self._open = None
        self._removed.append(current.mark)
        scope = self._scopes[-1]
        scope.cut = True
        # A mark that opens or closes a block or a text object leaves those operators permanently.
        balanced = current.in_text == self._in_text and current.scopes == current.lowest == len(self._scopes)
        if balanced and not current.sets_state:
            self._edits[current.first_edit :] = [Edit(current.start, operation.end)]
        extent = _Extent(current.mark, current.first_edit, len(self._edits), current.start, operation.end)
        if balanced and current.sets_state:
            scope.state_left.append(extent)
            self._any_state_left = True
        if self._in_text and current.advances:
            self._advanced.append(extent)

    def _collapse_marks(self, scope: _Scope) -> None:
        """Cut as a whole the marks whose remaining state ends with the scope without being used."""
        for extent in reversed(scope.state_left):
            self._edits[extent.first_edit : extent.last_edit] = [Edit(extent.start, extent.end)]
        scope.state_left.clear()

    def _undo_advances(self) -> None:
        """Restore the marks whose text determines the position of the text that comes now."""
        for extent in reversed(self._advanced):
            del self._edits[extent.first_edit : extent.last_edit]
            self._removed.remove(extent.mark)
            self._kept.append((extent.mark, TEXT_DEPENDS))
        self._advanced.clear()
