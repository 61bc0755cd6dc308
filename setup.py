"""What pyproject.toml cannot say: the wheel tells type checkers what `convnet_course` holds."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithTypes(build_py):
    """Copies the packages, and writes a stub `convnet_course/x.pyi` for each `course/x.py`."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        for package, module, _ in self.find_all_modules():
            parts = [*package.split("."), module]
            if parts[0] == "course":
                stub = Path(self.build_lib, "convnet_course", *parts[1:]).with_suffix(".pyi")
                stub.parent.mkdir(parents=True, exist_ok=True)
                stub.write_text(f"from {'.'.join(parts).removesuffix('.__init__')} import *\n")


setup(cmdclass={"build_py": WithTypes})
