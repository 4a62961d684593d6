# shellcheck shell=bash
# A repository of two commits: `work` does the second one's work ten times as long. Its size grew too.
git init -q -b main .
git config user.email a@example.org
git config user.name a
cat > toll.yaml <<'YAML'
baseline: HEAD~1
build: cp source work && chmod +x work

gates:
  work:
    command: ./work
    cpu: +50%
    tokens: {match: 'tokens ([0-9]+)', max_increase: 10%}
  binary:
    size: {files: work, max_increase: 10%}
YAML
printf '#!/bin/sh\ni=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done\necho tokens 100\n' > source
printf 'work\n' > .gitignore
git add -A
git commit -qm one
printf '#!/bin/sh\ni=0; while [ $i -lt 24000 ]; do i=$((i + 1)); done\n# much longer than it was before\necho tokens 105\n' > source
git commit -qam two
