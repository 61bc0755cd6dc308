"""Anatomy against table: the first row that differs, the likely cause, one sentence that helps.

`diagnose(model, TABLE)` walks both networks from the input. A row of the table is right if some
step of the model reads the same rows and does the same thing; names, order of branches and ways of
writing do not count, because an anatomy has none. The first row without such a step is the first
finding. It is named with what came out, what should have, and the cause that the numbers suggest.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from course.anatomy import anatomy
from course.comparison import Comparison, Spent, State
from course.evidence.unmerged import told
from course.findings import (
    Cause,
    Finding,
    comes_out,
    finding,
    formula,
    name_of,
    shape_of,
    size_arithmetic,
    sources,
    what,
)

__all__ = ["MOST_FINDINGS", "Cause", "Finding", "diagnose", "finding"]

MOST_FINDINGS = 5  # there may be more behind them


def diagnose(network, table):
    """Everything that differs between a network and a published table; empty if nothing does.

    Of several tables, as a list, one has to fit; the findings are those of the table that the
    network follows farthest.

    `network` is a Keras model, its JSON config, its trace or its anatomy. The first finding is
    the first row of the table that differs; later ones are listed as far as they stand for
    themselves.
    """
    tables = list(table) if isinstance(table, list | tuple) else [table]
    found = anatomy(network, getattr(tables[0], "input_shape", None))
    wanted = [anatomy(each) for each in tables]
    for each in wanted[:-1]:
        if not _Diagnosis(each, found).findings(most=1) and not found.faults:
            return []
    if len(wanted) > 1:
        wanted.sort(key=lambda each: _Diagnosis(each, found).left_over())
    findings = _Diagnosis(wanted[0], found).findings()
    return told(found.faults[0], findings, wanted[0]) if found.faults else findings


class _Diagnosis(Comparison):
    """What differs between two networks, and why.

    Where a row has no partner, everything that may have happened there is tried: a step that was
    changed, left out, put in or fed from elsewhere, a block too few or too many. Each explanation
    is followed to the end, and the one after which the least is left to explain is reported.
    """

    MOST = MOST_FINDINGS
    LONGEST = 260  # rows of a run: ResNet-152 has 30 blocks of seven rows more than ResNet-50

    def __init__(self, wanted, found):
        super().__init__(wanted, found)
        self.list = []
        self.before = self.state  # how far it was without a look at the rows that come later
        self.blocks = any(len(s.inputs) > 1 or len(s.inputs[0].parts) > 1 for s in self.rows)

    def findings(self, most=MOST):
        """What differs, at most so many things, the first row first."""
        if not self.same_input():
            return [self._other_input()]
        with suppress(Spent):
            self._compare(most)
        if self.spent and len(self.list) < most:
            much = f"{self.MOST_LOOKS:,} comparisons do not tell where"
            much += f"{' else' * bool(self.list)} this network differs from the table."
            self.list.append(finding("", Cause.READ_NO_FURTHER, received=much))
        return self.list

    def _compare(self, most):
        at = 0
        while at < len(self.rows) and len(self.list) < most and not self.spent:
            row = self.rows[at]
            if id(row) not in self.state.settled:
                step = self.partner_of(row, self.state)
                self.before = self.state
                if step is None:
                    self.state = self.state.copy()
                    self._go_on(at + 1)
                if step is None or self.doubtful(row, step):
                    if not self._explain(at):
                        return
                    continue
                self.state.pair(row, step)
            self._sharing(row)
            at += 1
        self._same_output()

    def _other_input(self):
        wanted = [value.shape for value in self.wanted.inputs]
        found = [self.behind_preparation(v.parts[0][0]).shape for v in self.found.inputs]
        text = [" and ".join(map(shape_of, shapes)) for shapes in (wanted, found)]
        hint = ""
        if len(found) == len(wanted) == 1 and sorted(found[0]) == sorted(wanted[0]):
            hint = "The order is (height, width, channels)."
        return finding("input", Cause.INPUT_SHAPE, *text, hint=hint)

    def _same_output(self):
        wanted, found = self.wanted.outputs, self.found.outputs
        if len(wanted) != len(found):
            count = [f"{len(v)} output{'s' * (len(v) != 1)}" for v in (wanted, found)]
            self.list.append(finding("output", Cause.OUTPUT_COUNT, *count))
            return
        if self.list:
            return
        for value, other in zip(wanted, found, strict=True):
            rest = [step for step, _, _ in other.parts if id(step) not in self.state.used]
            if rest:
                self.list.append(finding(rest[0].name, Cause.EXTRA, received=rest[0].does()))
            elif value.shape != other.shape:
                hint = ""
                if other.shape[-1] == value.shape[-1]:
                    hint = "Flatten the last map, so that each class is one number."
                shapes = (shape_of(value.shape), shape_of(other.shape))
                self.list.append(finding("output", Cause.OUTPUT_SHAPE, *shapes, hint=hint))

    def _sharing(self, row):
        step = self.state.of.get(id(row))
        if step is None or step.layer is None or not step.parameters:
            return
        first = self.state.owner.setdefault(step.layer, row)
        if first is not row:
            hint = "Create one layer for each row."
            rest = {"received": first.name, "hint": hint}
            self.list.append(finding(row.name, Cause.SHARED_WEIGHTS, **rest))

    def _go_on(self, at):
        """Place the later rows that do not depend on the one without a partner."""
        for row in self.rows[at:]:
            if id(row) not in self.state.settled:
                step = self.partner_of(row, self.state)
                if step is not None:
                    self.state.pair(row, step)

    def _explain(self, at):
        """Report why a row has no partner. False if what follows cannot be compared."""
        row = self.rows[at]
        later = any(id(r) in self.state.settled for r in self.rows[at + 1 :])
        beside = any(len(value.parts) > 1 for value in self.wanted.outputs)
        if not self.ready(self.state) and not later and not beside:
            return self._ends_early(row)
        best = None
        for explanation in self._explanations(at, row):
            if best and self.spent:
                break
            self.look(10)
            most = best[0] - explanation.cost if best else float("inf")
            if most > 0:
                rest = 0 if explanation.last else self.rest(at, explanation.state.copy(), most)
                cost = explanation.cost + rest
                # Where much is left either way, a slightly smaller rest says nothing: the row's own
                # step, with something changed about it, is what a student can look at.
                margin = max(1e-9, (best[0] - 60) / 10) if best and best[1].plain else 1e-9
                if best is None or cost < best[0] - margin:
                    best = (cost, explanation)
        explanation = best[1]
        self.state = explanation.state
        self.list += explanation.findings
        return not explanation.last

    def _explanations(self, at, row):
        fits = self.partner_of(row, self.state)
        if fits is not None:
            state = self.state.copy()
            state.pair(row, fits)
            yield _Explanation(0, state, [])
        candidates = self.candidates(row, self.state)
        for step in candidates:
            yield from self._changed(row, step)
            yield from self._turned_round(row, step)
        for step in candidates:
            yield from self._activation_elsewhere(row, step)
        yield from self._missing(row)
        for step in candidates:
            yield from self._extra(row, step)
        if not candidates:
            for value in row.inputs:
                yield from self._extra_before_part(row, value)
        yield from self._elsewhere(at, row)
        yield from self._runs(at, row)
        yield from self._head_missing(at, row)
        if row.step == "add":
            yield from self._addition(row)
        else:
            yield from self._other_shortcut(row)

    def _changed(self, row, step):
        """It is this row's step, and something about it is not right."""
        state = self.state.copy()
        state.pair(row, step)
        state.sizes_off |= row.shape != step.shape
        differences = self.differences(row, step, self.state)
        if row.step == step.step:
            findings = [
                self._attributed(row, step, *difference, first=number == 0)
                for number, difference in enumerate(differences)
            ]
            twins = self._twins(row)
            if twins and row.filters != step.filters:
                received = f"{twins} other step{'s' * (twins > 1)}"
                hint = "Create a new layer for each map or group of maps."
                rest = {"received": received, "hint": hint}
                yield _Explanation(
                    0, state, [finding(row.name, Cause.SHARED_WEIGHTS, **rest)], last=True
                )
            if differences:
                yield _Explanation(self.price(differences), state, findings, plain=True)
        elif row.step == "dense" and step.step == "conv" and step.written == "Dense":
            shapes = (shape_of(row.shape), shape_of(step.shape))
            found = finding(row.name, Cause.FLATTEN_MISSING, *shapes, gives=comes_out(row, step))
            yield _Explanation(0.6, state, [found], last=True)
        else:
            pools = self.similar(row, step)
            cause = Cause.POOL_KIND if pools else Cause.OTHER_STEP
            cause = Cause.CLOSED if step.closed and pools else cause
            state.sizes_off = True
            found = finding(row.name, cause, row.does(), step.does())
            yield _Explanation(0.6 if pools else 1.5, state, [found])

    def _turned_round(self, row, step):
        """Normalisation and activation before the convolution instead of behind it."""
        behind = [s.step for s in self.readers.get(id(row), [])]
        follows = [s.step for s in self.readers.get(id(step), [])]
        norm = step.step == "batch_norm" and step.activation
        if row.step == "conv" and norm and behind == ["batch_norm"] and "conv" in follows:
            found = finding(row.name, Cause.PRE_ACTIVATION, row.does(), step.does())
            yield _Explanation(0.5, self.state.copy(), [found], last=True)

    def _activation_elsewhere(self, row, step):
        """The row's activation comes one step later, or the next row's activation comes here."""
        causes = [cause for cause, _, _ in self.differences(row, step, self.state)]
        follows = self.readers.get(id(step), [])
        if causes == [Cause.ACTIVATION_MISSING] and len(follows) == 1:
            (later,) = follows
            if later.activation == row.activation and len(later.inputs) == 1:
                state = self.state.copy()
                state.pair(row, step)
                state.stands[id(row)] = ((id(later), -1, -1),)
                state.used.add(id(later))
                gives = f"follows {row.name}"
                found = finding(name_of(later), Cause.EXTRA, received=later.does(), gives=gives)
                yield _Explanation(1.0, state, [found])
        after = self.readers.get(id(row), [])
        if causes != [Cause.ACTIVATION_EXTRA] or len(after) != 1:
            return
        (after,) = after
        if after.activation != step.activation:
            return
        state = self.state.copy()
        state.pair(row, step)
        if after.step == "add" and [s.step for s in follows] == ["add"]:
            state.loose.add(id(after))
            yield _Explanation(0.5, state, [finding(row.name, Cause.RELU_BEFORE_ADDITION)])
            return
        self.leave_out(after, state, row)
        found = self._left_out(after, row.name, follows[0] if follows else None)
        yield _Explanation(1.1, state, [found])

    def _left_out(self, row, after, step):
        """The finding that a row is missing."""
        if row.step == "add":
            return finding(row.name, Cause.SHORTCUT_MISSING, row.does())
        received = what(step) if step else "the output"
        return finding(row.name, Cause.MISSING, row.does(), after=after, received=received)

    def _missing(self, row):
        state = self.state.copy()
        self.leave_out(row, state)
        cost = 1.1
        norm = self.readers.get(id(row), [None])[0]
        if row.step == "conv" and norm is not None and norm.step == "batch_norm":
            # It may have gone together with its normalisation.
            both = state.copy()
            self.leave_out(norm, both)
            yield _Explanation(1.15, both, [self._missing_here(row)])
        yield _Explanation(cost, state, [self._missing_here(row)])

    def _missing_here(self, row):
        row = self._unnamed(row)
        value = row.inputs[0]
        after = value.joined.name if value.joined else value.parts[0][0].name
        candidates = self.candidates(row, self.state) or self.ready(self.state)
        return self._left_out(row, after, candidates[0] if candidates else None)

    def _unnamed(self, row):
        """The row that was left out of several equal ones, if the model's names tell which."""
        names = {step.name for step in self.steps}
        missing, above = row, row
        while row.name in names and len(above.inputs) == 1:
            above = above.inputs[0].parts[0][0]
            if above.step != row.step or self.compared(above, row, True):
                break
            if above.name not in names:
                missing = above
        return missing

    def _extra(self, row, step):
        """The step, and perhaps up to two that follow it, are not in the table."""
        if len(row.inputs) != 1:
            return
        key, chain = self.key(row.inputs[0]), []
        while step is not None and len(chain) < 3 and id(step) not in self.state.used:
            chain.append(step)
            for name in (key, (id(row), key)):  # for all that read it, or for this row only
                state = self.state.copy()
                state.used.update(map(id, chain))
                state.edited.add(id(row))
                state.moved[name] = ((id(step), -1, -1),)
                if name == key and len(key) == 1 and key[0][1] == -1:
                    state.stands[key[0][0]] = state.moved[name]
                state.sizes_off = True
                found = self._too_much(row, chain[0])
                yield _Explanation(1.1 + 0.2 * (len(chain) - 1), state, [found])
            follows = self.readers.get(id(step), [])
            step = follows[0] if len(follows) == 1 and len(follows[0].inputs) == 1 else None

    def _extra_before_part(self, row, value):
        """A step too much at the end of one of the branches that a row reads side by side."""
        for source, start, _ in self.key(value):
            stands = self.state.stands.get(source)
            for step in self.ready(self.state):
                if start == -1 and len(step.inputs) == 1 and self.key(step.inputs[0]) == stands:
                    state = self.state.copy()
                    state.used.add(id(step))
                    state.edited.add(id(row))
                    state.stands[source] = ((id(step), -1, -1),)
                    yield _Explanation(1.1, state, [self._too_much(row, step)])

    def _too_much(self, row, step):
        gives = f"stands where {row.name} ({row.does()}) should come"
        return finding(name_of(step), Cause.EXTRA, received=step.does(), gives=gives)

    def _elsewhere(self, at, row):
        """The row's step is there and reads something else; or only that of a later row is."""
        ready = self.ready(self.state)
        candidates = self.candidates(row, self.state)  # these read what they should
        for step in ready:
            if step not in candidates and not self.compared(row, step, sizes_off=True):
                state = self.state.copy()
                state.pair(row, step)
                yield _Explanation(1.0, state, [self._reads(row, step)])
        for later in self.rows[at + 3 :]:
            if later.step != "dense" and "global" not in later.step:
                continue
            for step in ready:
                if self.differences(later, step, self.state):
                    continue
                # Fed from a side branch. From the way to it, the rows between would be missing.
                sources = [part[0] for value in step.inputs for part in value.parts]
                rows = [r for r in self.rows if self.state.of.get(id(r)) in sources]
                if not rows or any(self.leads(r, later) for r in rows):
                    continue
                state = self.state.copy()
                for between in self.rows[at : self.rows.index(later)]:
                    if self.leads(between, later):
                        state.settle(between)
                state.pair(later, step)
                yield _Explanation(1.5, state, [self._reads(later, step)])

    def _reads(self, row, step):
        reads = [" and ".join(sources(s)) for s in (row, step)]
        return finding(row.name, Cause.WRONG_INPUT, *reads)

    def _runs(self, at, row):
        """Several rows too few or too many: whole blocks, from one narrow place to another."""
        if len(row.inputs) != 1:
            return
        here = self.translated(row, row.inputs[0], self.state)
        key = self.key(row.inputs[0])
        if here is None or (at and self.narrow_rows[at] != key):
            return
        candidates = self.candidates(row, self.state)
        received = candidates[0].does() if candidates else "the output"
        for end in range(at + 2, min(len(self.rows), at + self.LONGEST)):
            past = self.narrow_rows[end]
            if past is None:
                continue
            gone = self.rows[at:end]
            state = self.before.copy()
            for lost in gone:
                state.settle(lost)
            self.move(past, here, state)
            if any(len(lost.inputs) > 1 for lost in gone) or len(past) > 1:
                if self.partner_of(self.rows[end], state) is None:
                    continue  # not the block alone: what comes behind it is not there, either
                found = finding(row.name, Cause.BLOCK_MISSING, row.does(), received)
                yield _Explanation(1.3 + 0.1 * len(gone), state, [found])
            elif len(gone) < 5:
                findings = [self._missing_here(row)]
                findings += [
                    finding(r.name, Cause.MISSING, r.does(), after=row.name, received=received)
                    for r in gone[1:]
                ]
                yield _Explanation(0.9 * len(gone), state, findings)
        ready = candidates or self.ready(self.state)
        begin = next((number for number, step in enumerate(self.steps) if step in ready), None)
        if begin is None:
            return
        for end in range(begin + 2, min(len(self.steps), begin + self.LONGEST)):
            past = self.narrow_steps[end]
            if past is None:
                continue
            more = self.steps[begin:end]
            if not any(len(step.inputs) > 1 for step in more) and len(past) == 1:
                continue
            state = self.before.copy()
            state.used.update(map(id, more))
            state.edited.add(id(row))
            self.move(key, past, state)
            if self.partner_of(row, state) is None:
                continue
            found = finding(row.name, Cause.BLOCK_EXTRA, row.does(), received)
            if not self.blocks:
                found = self._too_much(row, more[0])
            yield _Explanation(1.3 + 0.1 * len(more), state, [found])

    def _head_missing(self, at, row):
        """All rows from here to one of several outputs."""
        ends = [part[0] for value in self.wanted.outputs for part in value.parts]
        if len(ends) < 2 or len(row.inputs) != 1:
            return
        gone = [r for r in self.rows[at:] if self.leads(row, r)]
        if len([r for r in gone if any(r is end for end in ends)]) == 1 and gone[-1] in ends:
            state = self.before.copy()
            for lost in gone:
                state.settle(lost)
            state.sizes_off = True
            yield _Explanation(1.2, state, [self._missing_here(row)])

    def _other_shortcut(self, row):
        """The way from here to an addition is missing, or another one is in its place."""
        way = self._way(row)
        if way is None:
            return
        *gone, total = way
        main = [v for v in total.inputs if gone[-1] not in v.sources]
        (main,) = main if len(main) == 1 else (None,)
        begin = self.translated(row, row.inputs[0], self.state)
        if main is None or None in (begin, self.translated(total, main, self.state)):
            return
        behind = self.translated(total, main, self.state)
        state = self.state.copy()
        for lost in gone:
            state.settle(lost)
        for step in self.steps:
            got = [self.key(value) for value in step.inputs]
            if step.step == "add" and behind in got and len(got) == 2:
                got.remove(behind)
                chain = self._chain(got[0], begin)
                if chain and all(s.step != row.step for s in chain):
                    state.used.update(map(id, chain))
                    found = finding(row.name, Cause.OTHER_STEP, row.does(), chain[0].does())
                    state.pair(total, step)
                    yield _Explanation(1.0, state, [found])
                return
        self.leave_out(total, state, main.parts[0][0])
        yield _Explanation(1.2, state, [self._left_out(total, row.name, None)])

    def _way(self, row):
        """The at most three rows, one after the other, that lead from a row to an addition."""
        way = [row]
        while len(way) < 4 and way[-1].step != "add":
            after = self.readers.get(id(way[-1]), [])
            if len(after) != 1 or len(row.inputs) != 1:
                return None
            way.append(after[0])
        return way if way[-1].step == "add" and len(way[-1].inputs) == 2 else None

    def _addition(self, row):
        wanted = [self.translated(row, value, self.state) for value in row.inputs]
        if None in wanted:
            return
        for reader in self.steps:
            if any(set(sum(wanted, ())) <= set(self.key(value)) for value in reader.inputs):
                found = finding(row.name, Cause.SHORTCUT_CONCATENATED, row.does())
                yield _Explanation(0.5, self.state.copy(), [found], last=True)
                return
        for step in self.steps:
            if step.step != "add" or id(step) in self.state.used or len(step.inputs) != len(wanted):
                continue
            got = [self.key(value) for value in step.inputs]
            wrong = [n for n, value in enumerate(wanted) if value not in got]
            other = [value for value in got if value not in wanted]
            if len(wrong) != 1 or len(other) != 1:
                continue
            state = self.state.copy()
            state.pair(row, step)
            chain = self._chain(other[0], wanted[wrong[0]])
            if chain is None:
                yield _Explanation(1.0, state, [self._reads(row, step)])
                continue
            state.used.update(map(id, chain))
            weights = next((s for s in chain if s.parameters and s.step != "batch_norm"), None)
            # What the block begins with is read by the block as well: it is the shortcut.
            source = row.inputs[wrong[0]].parts[0][0]
            if weights is not None and len(self.readers[id(source)]) > 1:
                found = finding(row.name, Cause.PROJECTION_EXTRA, received=weights.does())
            else:
                gives = f"stands between {sources(row)[wrong[0]]} and {row.name}"
                found = finding(
                    name_of(chain[0]), Cause.EXTRA, received=chain[0].does(), gives=gives
                )
            yield _Explanation(1.0, state, [found])

    def _chain(self, end, begin):
        """The unused steps, at most three, that lead from a value of the model to another."""
        chain = []
        while len(end) == 1 and len(chain) < 4:
            step = next((s for s in self.steps if id(s) == end[0][0]), None)
            if step is None or id(step) in self.state.used or len(step.inputs) != 1:
                return None
            chain.insert(0, step)
            end = self.key(step.inputs[0])
            if end == begin:
                return chain
        return None

    def _attributed(self, row, step, cause, expected, received, first):
        gives = hint = ""
        if first and row.shape != step.shape and not self.state.sizes_off:
            gives = comes_out(row, step)
        if cause is Cause.PADDING:
            hint = size_arithmetic(row, step)
        elif cause in (Cause.KERNEL, Cause.STRIDE) and row.grid != step.grid:
            hint = f"The size becomes {formula(step)}."
        elif cause in (Cause.CONNECTIONS, Cause.GROUPS):
            counts = f"{step.parameters:,} parameters where the table has {row.parameters:,}"
            hint = f"That is {counts}." if step.parameters != row.parameters else ""
        depthwise = row.step == "conv" and row.groups == row.channels > step.groups == 1
        if depthwise and cause in (Cause.FILTERS, Cause.GROUPS):
            hint += f" layers.Conv2D adds up all {row.channels} maps that it sees. "
            hint = f"{hint}layers.DepthwiseConv2D gives each map a kernel of its own.".strip()
        return finding(row.name, cause, expected, received, gives=gives, hint=hint)

    def _ends_early(self, row):
        if not self.list:
            last = next((s for s in reversed(self.steps) if id(s) in self.state.used), None)
            hint = f"Its last step is {last.name} ({last.does()})." if last else "It has no steps."
            self.list.append(finding(row.name, Cause.ENDS_EARLY, row.does(), hint=hint))
        return False

    def _twins(self, row):
        """How many further steps of the row's kind use one layer side by side; 0 if none does."""
        same = [
            s.layer
            for s in self.ready(self.state)
            if s.step == row.step and s.parameters and s.layer is not None
        ]
        return max(Counter(same).values(), default=1) - 1


@dataclass
class _Explanation:
    cost: float
    state: State
    findings: list
    last: bool = False  # what follows cannot be compared
    plain: bool = False  # the row's own step, with something changed about it
