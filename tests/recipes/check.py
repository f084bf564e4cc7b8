"""Takes every recipe out of the manual and lets linters of others look at it, and at the action: actionlint and zizmor
at workflows of GitHub, shellcheck at all that a shell runs, a YAML parser at the rest. Any finding fails.

Usage: check.py FOLDER-OF-NODE-MODULES, with the Python that has PyYAML and zizmor beside it.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# A linter that finds nothing in this finds nothing in anything.
BAD = """
on: pull_request_target
jobs:
  bad:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""


def recipes():
    """Language, place and text of each fenced block of the manual."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        for block in FENCE.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            yield block[1], f"{page.relative_to(ROOT)}:{line}", block[2]


def actionlint(modules, files):
    program = modules / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
    found = []
    for file in files:
        answer = subprocess.run(["node", program, file], capture_output=True, text=True)
        # Of a file that it does not see, it says that all is well.
        if answer.returncode != 0 or "Checking 1 workflow" not in answer.stdout:
            found.append(f"actionlint: {answer.stdout}{answer.stderr}")
    return found


def zizmor(files):
    program = pathlib.Path(sys.executable).with_name("zizmor")
    command = [program, "--offline", "--pedantic", "--no-config", "--no-ignores", "--strict-collection"]
    answer = subprocess.run([*command, "--format=plain", *files], capture_output=True, text=True)
    return [] if answer.returncode == 0 else [f"zizmor: {answer.stdout}{answer.stderr}"]


def shellcheck(shell, place, script):
    # As GitHub and GitLab run it: what fails ends it.
    script = f"set -e\n{script}"
    if not shutil.which("shellcheck"):
        command, name = [shell, "-n"], f"{shell} -n"
    else:
        command, name = ["shellcheck", f"--shell={shell}", "--enable=quote-safe-variables", "-"], "shellcheck"
    answer = subprocess.run(command, input=script, capture_output=True, text=True)
    return [] if answer.returncode == 0 else [f"{name}: {place}: {answer.stdout}{answer.stderr}"]


def scripts_of(workflow):
    """What runs in a workflow of GitHub, as its runner runs it."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                yield step.get("name", "?"), step["run"]


def main(modules):
    if not shutil.which("shellcheck"):
        print("skipped: no shellcheck here; what a shell runs is only parsed", file=sys.stderr)
    findings, workflows, others = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / ".github" / "workflows"
        folder.mkdir(parents=True)
        for language, place, text in recipes():
            if language == "sh":
                findings += shellcheck("sh", place, text) if "$" in text else []
            if language not in ("yaml", "yml"):
                continue
            parsed = yaml.safe_load(text)
            if "jobs" not in parsed:
                others += 1
                for name, job in parsed.items():
                    findings += shellcheck("sh", f"{place} {name}", "\n".join(job.get("script", [])))
                continue
            file = folder / (re.sub(r"\W", "-", place) + ".yml")
            file.write_text(text)
            workflows.append(file)
            for name, script in scripts_of(parsed):
                if "${{" in script:
                    findings.append(f"{place} {name}: a shell is given what somebody else may have written")
                findings += shellcheck("bash", f"{place} {name}", script)
        action = ROOT / "packaging" / "action" / "action.yml"
        for step in yaml.safe_load(action.read_text())["runs"]["steps"]:
            if "${{" in step["run"]:
                findings.append(f"{action.name} {step['name']}: a shell is given what somebody else may have written")
            findings += shellcheck("bash", f"{action.name} {step['name']}", step["run"])
        findings += zizmor([action])
        if not workflows or not others:
            findings.append("the manual has no recipes")
        findings += actionlint(modules, workflows) + zizmor(workflows)
        bad = folder / "bad.yml"
        bad.write_text(BAD)
        if not actionlint(modules, [bad]) or not zizmor([bad]) or not shellcheck("sh", "", "if"):
            findings.append("a linter finds nothing in what is bad")
    print("\n".join(findings) or f"nothing found in {len(workflows)} workflows and {others} other pipelines")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
