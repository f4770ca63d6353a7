#!/usr/bin/env bash
# Tests the protocol's numbered rules (R1 to R112, S1 to S48) and prints one line per rule. Exits with 0 only if every rule has a test and
# all of them passed. Arguments are passed on to dotnet test, as in: tests/conformance.sh --no-build
set -uo pipefail
cd "$(dirname "$0")/.."

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
dotnet test tests/Nova.Tests --filter 'FullyQualifiedName~Protocol.Conformance' \
  --logger 'trx;LogFileName=conformance.trx' --results-directory "$results" "$@" >"$results/output" 2>&1
if [ ! -s "$results/conformance.trx" ]; then
  cat "$results/output" >&2
  exit 2
fi

python3 - "$results/conformance.trx" <<'PYTHON'
import re
import sys
import xml.etree.ElementTree as xml

LETTERED = {'R94': 'abcd', 'R95': 'abcd'}        # Only with a letter.
MORE = {'R108': ['R108b', 'R108c', 'R108d', 'R108e']}
WORST = {'passed': 0, 'skipped': 1, 'failed': 2}

rules = []
for rule in [f'R{n}' for n in range(1, 113)] + [f'S{n}' for n in range(1, 49)]:
    rules += [rule + letter for letter in LETTERED[rule]] if rule in LETTERED else [rule, *MORE.get(rule, [])]

def seconds(duration):
    hours, minutes, rest = (duration or '0:0:0').split(':')
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)

tests, others, failures = {}, {'passed': 0, 'skipped': 0, 'failed': 0}, []
space = '{http://microsoft.com/schemas/VisualStudio/TeamTest/2010}'
for result in xml.parse(sys.argv[1]).iter(f'{space}UnitTestResult'):
    outcome = {'Passed': 'passed', 'NotExecuted': 'skipped'}.get(result.get('outcome'), 'failed')
    name = result.get('testName')
    found = re.match(r'(?:[\w+]+\.)*?((?:R\d+[a-z]?|S\d+))_(\w+)', name)
    if found:
        tests.setdefault(found[1], []).append((outcome, found[2], seconds(result.get('duration'))))
    else:
        others[outcome] += 1
    if outcome == 'failed':
        text = result.findtext(f'.//{space}Message') or ''
        failures.append(f'{name}\n    ' + text.strip().replace('\n', '\n    '))

def order(rule):
    kind, number, letter = re.match(r'(\w)(\d+)(\w?)', rule).groups()
    return kind, int(number), letter

count = {'passed': 0, 'failed': 0, 'skipped': 0, 'missing': 0}
for rule in sorted({*rules, *tests}, key=order):
    of_rule = tests.get(rule, [])
    outcome = max((test[0] for test in of_rule), key=WORST.get, default='missing')
    count[outcome] += 1
    # A rule may have several tests, and a test several rows: the worst one's name, the time of all.
    named = next((test[1] for test in of_rule if test[0] == outcome), None)
    more = f' and {len(of_rule) - 1} more' if len(of_rule) > 1 else ''
    told = f'{named}{more} ({sum(test[2] for test in of_rule):.1f} s)' if named else ''
    print(f'{rule:<6} {outcome:<9}{told}'.rstrip())

for failure in failures:
    print(f'\n{failure}')
print(f'\nChecks that the tests can fail: {others["passed"]} passed, {others["failed"]} failed')
skipped = f'{count["skipped"]} skipped, ' if count['skipped'] else ''
print(f'{count["passed"]} passed, {count["failed"]} failed, {skipped}{count["missing"]} missing')
sys.exit(0 if count['failed'] + count['skipped'] + count['missing'] + others['failed'] == 0 else 1)
PYTHON
