"""What the documentation promises about names: every link leads somewhere, every HPCK_ variable that the code reads is
documented, and every documented one is read. Usage: check_docs.py SOURCE_DIR"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
problems = []

pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
for page in pages:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not (page.parent / target).exists():
            problems.append(f"{page.relative_to(root)}: the link to {target} leads nowhere")

sources = [p for room in ("host", "autotune", "bench") for p in (root / room).rglob("*.[ch]")]
read = set()
for source in sources:
    read |= set(re.findall(r'"(HPCK_[A-Z_]+)"', source.read_text()))
documented = set(re.findall(r"`(HPCK_[A-Z_]+)`", (root / "docs/environment.md").read_text()))
statuses = set(re.findall(r"\b(HPCK_[A-Z_]+) = \d+", (root / "include/hpck/hpck.h").read_text()))
for name in sorted(read - documented - statuses):
    problems.append(f"docs/environment.md: {name}, which the code reads, is missing")
for name in sorted(documented - read):
    problems.append(f"docs/environment.md: {name} is documented but nothing reads it")

print("\n".join(problems) or f"{len(pages)} pages, {len(documented)} variables: consistent")
sys.exit(bool(problems))
