#!/usr/bin/env bash
# Installs the grader into /opt/course, where the user who runs student code can read it, and tries
# the grader. If anything is wrong, the build of the image fails.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
  echo "course: the grader cannot be set up. $*" >&2
  exit 1
}

if ! python3.11 -c "import ensurepip" 2> /dev/null; then
  (apt-get -qq update && apt-get -qq install -y --no-install-recommends \
    python3.11 python3.11-venv) > /dev/null ||
    fail "Python 3.11 cannot be installed with apt-get. Choose the base image Ubuntu 22.04."
fi
python3.11 -m venv /opt/course
/opt/course/bin/pip install --quiet --no-cache-dir --constraint constraints.txt \
  "./{{ wheel }}[{{ extras }}]" ||
  fail "Its packages cannot be installed; the lines above name the one. constraints.txt holds the" \
    "versions that graded where this file was made. If one of them cannot be had for Python 3.11," \
    "make the file again in an environment with Python 3.11."

python=(env -i PATH=/opt/course/bin:/usr/bin:/bin HOME=/root LANG=C.UTF-8 /opt/course/bin/python -I)
{% if solved %}
chmod o= {{ pack }}  # student code must not read it
verdict=$("${python[@]}" -m course.cli judge --throw-away-container --pack {{ pack }}{% if solution %} --student "{{ solution }}"{% endif %} solved) ||
  fail "The solution cannot be judged; the lines above say why."
"${python[@]}" -c '
import json, sys
verdict = json.load(sys.stdin)
exercises = [each for each in verdict["exercises"] if not each["by_hand"]]
lost = [each["name"] + ": " + each["card"] for each in exercises if each["state"] != "right"]
sys.exit("\n".join(verdict["reasons"] + lost) or not exercises)
' <<< "$verdict" || fail "The solution does not get all points; the lines above say why."
{% else %}
"${python[@]}" -c '
from course.grading.sandbox import outside
with outside.Box(outside.THROW_AWAY) as box:
    assert box.address
' || fail "Student code does not run; the lines above say why."
{% endif %}
echo "course: the grader is set up."
