#!/usr/bin/env python3
"""What models/*.yaml says wrongly of accesses stops the build with the file, the operation and what to write instead: each row changes
tests/models/shelf.yaml and is given to tools/modelgen/typed.py."""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHELF = ROOT / "tests" / "models" / "shelf.yaml"
# what stands there, what is put there, what is said of it
ROWS = [
    ("service: shelf\n", "service: shelf\nresource: {}\n", ["models/shelf.yaml", "`resource` is none of"]),
    ("action: shelf:ListShelves,", "action: ListShelves,", ["models/shelf.yaml: ListShelves", "`ListShelves` is no action: write SERVICE:Name"]),
    ("{action: shelf:ListShelves, ", "{actoin: shelf:ListShelves, ", ["ListShelves", "an access has an `action`"]),
    ("resource: new book\n", "resource: new bok\n", ["MakeBook", "`new bok` is neither under `resources:` (book, moved-book, card) nor a member"]),
    ("resource: Target}", "resource: Taget}", ["MoveBook", "`Taget` is neither under `resources:`"]),
    ("resource: card}", "resource: card, when: UserName}", ["ReadOwnCard", "its first access is needed always"]),
    ("when: Tags, like: first", "when: Tgs, like: first", ["MakeBook", "its input has no member `Tgs`; it has BookName, Path, Tags"]),
    ("when: Tags, like: first", "when: Tags, like: second", ["MakeBook", "`like: first` takes the resource and the keys of the first access"]),
    ("when: absent(book)", "when: absent(card)", ["ReadBook", "`absent(card)`: the first access's resource is book"]),
    ("shelf:Count: Count", "shelf:Count: Pages", ["MakeBook", "Pages is a list, not a value; name a member in it"]),
    ("shelf:Count: Count", "shelf:Count: Number", ["MakeBook", "shelf:Count: its input has nothing of Number; say where the value comes from"]),
    ("shelf:Count: Count", "shelf:Count: Notes", ["MakeBook", "Notes is a map; write `Notes[KEY]`"]),
    ("shelf:Count: Count", "shelf:Count: Count[]", ["MakeBook", "Count has the type integer; write `Count[]` for a list"]),
    ("shelf:Count: Count", "shelf:Count:", ["MakeBook", "shelf:Count has no source: give it one under `keys:`"]),
    ("shelf:Count: Count", "shelf:Count/*: Count", ["MakeBook", "write `LIST[].NAME=VALUE` for a key that ends in `*`"]),
    ("shelf:Count: Count", "shelf:Count/*: Tags[].Key=Worth", ["MakeBook", "Tag has the members Key, Value"]),
    ("\"Locked or 'false'\"", "\"Locked or false\"", ["MakeBook", "after ` or ` stands one constant between single quotes"]),
    ("\"'book/{BookName} in {region}'\"", "\"'book/{Nmae}'\"", ["MakeBook", "its input has no member `Nmae`", "`{Nmae|DEFAULT}`"]),
    ("\"'book/{BookName} in {region}'\"", "\"'book/{Path}'\"", ["MakeBook", "Path may be absent; write `{Path|DEFAULT}`"]),
    ("{arn: checked_arn(BookArn)}", "{arn: checked_arn(Book)}", ["MoveBook", "its input has none of the members in checked_arn(Book)"]),
    ("default: caller, otherwise: \"ValidationError: Must specify userName\"", "default: caller", ["resources: card", "`otherwise: 'CODE: message'`"]),
    ("  ListShelves: [{action: shelf:ListShelves, resource: \"arn:aws:shelf:{region}:{account}:shelf{Prefix|/}\"}]", "  ListShelves: []",
     ["ListShelves", "an operation without an access says `{no_permission: WHY}`"]),
    ("resource: book, keys: [aws:TagKeys]", "keys: [aws:TagKeys]", ["TagBook", "an access has a `resource`"]),
]


def said_of(text):
    with tempfile.TemporaryDirectory() as folder:
        listing = pathlib.Path(folder) / "shelf.yaml"
        listing.write_text(text)
        done = subprocess.run([sys.executable, ROOT / "tools/modelgen/typed.py", listing, folder, "--model", ROOT / "tests/models/shelf.service-2.json"],
                              text=True, capture_output=True, check=False)
        return done.returncode, done.stderr


def main():
    text, wrong = SHELF.read_text(), []
    if said_of(text)[0] != 0:
        wrong.append(f"{SHELF} itself does not pass")
    for old, new, expected in ROWS:
        if text.count(old) != 1:
            wrong.append(f"{old!r} stands {text.count(old)} times in {SHELF}")
            continue
        status, said = said_of(text.replace(old, new))
        if status == 0 or "Traceback" in said or not all(part in said for part in expected):
            wrong.append(f"{new!r}: {said.strip() or 'accepted'}\n    expected: {expected}")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"{len(ROWS)} wrong files, {len(wrong)} not refused as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
