"""A progress line for training: how far the epoch is, and its metrics at the end.

network.fit(train, epochs=6, verbose=0, callbacks=[course.kit.training.line()])
"""

from __future__ import annotations

import time

from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


_EVERY = 1.0  # seconds between two changes of the line


def line(keep: bool = True) -> Any:
    """A callback for Keras's `fit`, instead of its progress bar (`verbose=0`).

    Each epoch leaves a line, which can be read in a saved notebook too; with `keep=False` only the
    last epoch does.
    """
    import keras

    class Line(keras.callbacks.Callback):
        """Writes over one line."""

        width = 0  # characters of the line's present text

        def on_epoch_begin(self, epoch, logs=None):
            self.number, self.steps = epoch + 1, 0
            self.begun = self.shown = time.monotonic()

        def on_train_batch_end(self, batch, logs=None):
            self.steps = batch + 1
            if time.monotonic() - self.shown >= _EVERY:
                self.shown = time.monotonic()
                whole = self.params.get("steps")
                far = f"{100 * self.steps / whole:.0f} %" if whole else self._step()
                self._write(f"{far}, {self.shown - self.begun:.0f} s")

        def on_test_batch_end(self, batch, logs=None):
            # `evaluate` alone calls this too, outside of an epoch.
            if hasattr(self, "begun") and time.monotonic() - self.shown >= _EVERY:
                self.shown = time.monotonic()
                said = _("test images, {seconds} s")
                self._write(said.format(seconds=f"{self.shown - self.begun:.0f}"))

        def on_epoch_end(self, epoch, logs=None):
            values = "  ".join(f"{name}: {value:.4f}" for name, value in (logs or {}).items())
            last = self.number == self.params.get("epochs")
            text = f"{time.monotonic() - self.begun:.0f} s  {values}"
            self._write(text, end="\n" if keep or last else "")

        def _step(self):
            return _("step {number}").format(number=self.steps)

        def _write(self, text, end=""):
            said = _("Epoch {number} of {epochs}: {text}")
            text = said.format(number=self.number, epochs=self.params.get("epochs"), text=text)
            print(f"\r{text.ljust(self.width)}", end=end, flush=True)
            self.width = 0 if end else len(text)

    return Line()
